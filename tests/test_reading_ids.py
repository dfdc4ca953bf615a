"""Ids to the character, and dates that are far from all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import DataError
from comps.reading.dates import isolated, refuse_isolated
from comps.reading.delimited import read_table
from comps.reading.ids import check_same_ids, checked_ids

IDS = st.one_of(
    st.integers(-(2**70), 2**70).map(str), st.from_regex(r"[0a]?[0-9]{1,3}(\.0)?", fullmatch=True)
)


@given(st.lists(IDS, min_size=1, max_size=8))
def test_ids_pass_exactly_if_they_are_unique_and_keep_every_character(ids: list[str]) -> None:
    series = pd.Series(ids)
    if len(set(ids)) < len(ids):
        with pytest.raises(DataError, match=r"test\.csv has \d+ duplicate ids?: "):
            checked_ids(series, "test.csv")
    else:
        checked = checked_ids(series, "test.csv")
        assert [str(value) for value in checked] == ids
        assert checked.dtype.kind in "iU"


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, unique=True))
def test_whole_numbers_of_64_bits_are_numbers(ids: list[int]) -> None:
    for series in (pd.Series(ids), pd.Series(list(map(str, ids)))):
        checked = checked_ids(series, "a")
        assert checked.dtype == np.int64 and checked.tolist() == ids


@given(st.lists(IDS, min_size=1, max_size=8, unique=True))
def test_ids_come_to_the_character_out_of_a_file(ids: list[str]) -> None:
    content = "\n".join(["id,x", *(f"{key},1" for key in ids)]).encode()
    frame = read_table(content, "test.csv", text=["id"]).frame
    assert [str(value) for value in checked_ids(frame["id"], "test.csv")] == ids


def test_the_first_ids_that_are_there_twice_are_named() -> None:
    with pytest.raises(DataError, match=r"train\.csv has 2 duplicate ids: 7, 3\."):
        checked_ids(pd.Series([7, 3, 7, 3, 3, 1]), "train.csv")


def test_rows_without_an_id_are_counted() -> None:
    with pytest.raises(DataError, match=r"train\.csv has 2 rows without an id"):
        checked_ids(pd.Series(["1", None, "2", None]), "train.csv")


@given(
    st.lists(st.integers(0, 30), min_size=1, unique=True),
    st.lists(st.integers(0, 30), min_size=1, unique=True),
)
def test_a_sample_passes_exactly_if_it_has_the_test_ids(sample: list[int], test: list[int]) -> None:
    if set(sample) == set(test):
        check_same_ids(sample, test)
        return
    with pytest.raises(DataError, match=rf"sample_submission\.csv \({len(sample)}\)") as caught:
        check_same_ids(sample, test)
    lacking = [key for key in test if key not in sample]
    more = [key for key in sample if key not in test]
    for ids, here in ((lacking, "test.csv"), (more, "sample_submission.csv")):
        are = "is" if len(ids) == 1 else "are"
        assert (f"{len(ids)} of {here} {are} not in" in str(caught.value)) == bool(ids)


def test_ids_that_are_the_same_as_numbers_are_told_to_be_written_alike() -> None:
    with pytest.raises(DataError, match="As numbers many are the same: write the ids in both"):
        check_same_ids(["1466.0", "1467.0"], ["1466", "1467"])


# Dates

DAYS = np.arange("2015-01-01", "2016-06-01", dtype="datetime64[D]")


@pytest.mark.parametrize("typo", ["2031-02-03", "3013-02-03", "1015-02-03", "9999-12-31"])
@pytest.mark.parametrize("unit", ["D", "s", "us"])
def test_a_year_that_is_a_slip_is_found(typo: str, unit: str) -> None:
    times = np.insert(DAYS.astype(f"datetime64[{unit}]"), 7, np.datetime64(typo, unit))
    assert isolated(times).tolist() == [7]
    texts = pd.Series(times.astype("datetime64[D]").astype(str))
    with pytest.raises(DataError, match=f"1 date in 'day' of a.csv is far .* line 9: '{typo}'"):
        refuse_isolated(times, texts, "'day' of a.csv")
    with pytest.raises(DataError, match="line 70"):
        refuse_isolated(times, texts, "'day' of a.csv", np.arange(len(times)) * 10)


def test_a_slip_of_a_year_is_found_among_days_without_gaps() -> None:
    days = np.arange("2009-01-01", "2016-01-01", dtype="datetime64[D]")
    assert isolated(np.append(days, np.datetime64("2017-01-05"))).tolist() == [len(days)]


@given(st.integers(20, 300), st.integers(0, 2**32))
def test_dates_by_chance_are_not_isolated(n: int, seed: int) -> None:
    days = np.random.default_rng(seed).integers(0, 5000, n)
    assert isolated(np.datetime64("2000-01-01") + days).tolist() == []


def test_few_dates_and_missing_ones_are_not_isolated() -> None:
    few = np.array(["2020-01-01", "2020-01-02", "2031-01-01"], dtype="datetime64[D]")
    assert isolated(few).tolist() == []
    times = np.append(DAYS, np.datetime64("NaT"))
    refuse_isolated(times, pd.Series(times.astype(str)), "day")


def test_many_dates_after_a_long_gap_are_not_isolated() -> None:
    later = DAYS[:100] + np.timedelta64(40 * 365, "D")
    assert isolated(np.append(DAYS, later)).tolist() == []
