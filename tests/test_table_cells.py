"""What cells of files become, by the kind of their column: nothing is changed without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import table_competition
from comps.base import DataError, Dataset
from comps.kinds.table import dates
from comps.kinds.table.features import TableFeatures
from pipelines import infer

N = 200


def load(folder: Path, train: list[Any], test: list[Any], **choices: Any) -> Dataset:
    """Return the rows of a competition with a column `c`, as a user's archive has them."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    rows = pd.DataFrame({"id": range(N), "x": rng.normal(size=N).round(3), "c": train})
    rows.assign(y=rng.normal(size=N)).to_csv(folder / "train.csv", index=False)
    tested = pd.DataFrame({"id": range(N, N + len(test)), "x": 0.5, "c": test})
    tested.to_csv(folder / "test.csv", index=False)
    found = infer(folder, metric="rmse", **choices)
    return found.competition.load(found.path)


def notes(dataset: Dataset) -> str:
    """Return the notes of rows as one text."""
    return "\n".join(dataset.notes)


def test_a_few_cells_that_are_no_numbers_are_missing_and_named(tmp_path: Path) -> None:
    cells = [str(n + 0.5) for n in range(N)]
    cells[3], cells[7] = "many", "NA"
    dataset = load(tmp_path, cells, cells[:20])
    assert np.isnan(dataset.train["c"].iloc[[3, 7]]).all()
    assert dataset.train["c"].iloc[4] == 4.5
    assert "c: 1 cell of train.csv is no number: taken as missing. line 5: 'many'" in notes(dataset)
    assert "NA" not in notes(dataset)


@pytest.mark.parametrize("test", [["1,450"] * 20, ["12 km"] * 20, ["1,5"] * 20, ["big"] * 20])
def test_a_column_that_reads_well_in_one_part_alone_is_refused(
    tmp_path: Path, test: list[str]
) -> None:
    with pytest.raises(DataError, match=r"test.csv.*line 2"):
        load(tmp_path, list(range(1000, 1000 + 3 * N, 3)), test)


def test_one_way_of_writing_in_both_parts_is_converted_with_a_note(tmp_path: Path) -> None:
    cells = [f"{n}.5 km" for n in range(N)]
    dataset = load(tmp_path, cells, cells[:20])
    assert dataset.train["c"].tolist() == [n + 0.5 for n in range(N)]
    assert "'km'" in notes(dataset)


def test_levels_with_numbers_before_them_stay_levels(tmp_path: Path) -> None:
    cells = ["1. low", "2. high"] * (N // 2)
    dataset = load(tmp_path, cells, cells[:20])
    assert list(dataset.train["c"].cat.categories) == ["1. low", "2. high"]


def test_codes_with_leading_zeros_stay_levels(tmp_path: Path) -> None:
    cells = [f"{n % 90:04d}" for n in range(N)]
    dataset = load(tmp_path, cells, cells[:20])
    assert dataset.train["c"].iloc[7] == "0007"


def test_levels_of_several_words_stay_levels_where_that_is_said(tmp_path: Path) -> None:
    cells = [f"a flat of type {n % 60}" for n in range(N)]
    dataset = load(tmp_path, cells, cells[:20], columns=["c=category"])
    frame = pd.DataFrame({"x": np.arange(N) / 2, "c": cells, "y": np.arange(N)})
    own = table_competition(
        frame, frame.head(20).drop(columns="y"), target="y", metric="rmse",
        columns={"category": ["c"]},
    )  # fmt: skip
    for rows in (dataset.train, own.load(tmp_path).train):
        features = TableFeatures(scaled=False)
        assert features.fit_transform(rows, np.zeros(N)).shape == (N, 2) and features.n_levels == 1
    assert load(tmp_path, cells, cells[:20]).train["c"].dtype == "string"


def test_a_known_level_in_another_spelling_is_that_level(tmp_path: Path) -> None:
    cells = ["Good", "Bad", "Fair"] * (N // 3) + ["Good"] * (N % 3)
    dataset = load(tmp_path, cells, ["good", " BAD ", "Fair", "new"] * 5)
    assert dataset.test["c"].iloc[:4].tolist() == ["Good", "Bad", "Fair", "new"]
    assert "c: 10 cells of test.csv write known levels otherwise" in notes(dataset)
    assert "'good' for 'Good'" in notes(dataset) and "'BAD' for 'Bad'" in notes(dataset)
    mixed = ["a", "A"] * (N // 2)
    assert load(tmp_path, mixed, ["a", "A"] * 10).test["c"].iloc[:2].tolist() == ["a", "A"]


def test_truth_values_in_any_case_and_strange_ones(tmp_path: Path) -> None:
    cells = ["Yes", "no"] * (N // 2)
    dataset = load(tmp_path, cells, ["YES", "No", "", "perhaps"] + ["yes"] * 16)
    assert dataset.test["c"].iloc[:2].tolist() == [1.0, 0.0]
    assert dataset.test["c"].iloc[2:4].isna().all()
    assert "c: 1 cell of test.csv is neither true nor false" in notes(dataset)
    with pytest.raises(DataError, match="20 cells of test.csv are neither true nor false"):
        load(tmp_path, cells, ["ja"] * 20)


def test_dates_that_cannot_be_read_are_named_or_refused(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=N).strftime("%d.%m.%Y").tolist()
    dataset = load(tmp_path, days, ["soon", *days[:19]])
    assert pd.isna(dataset.test["c"].iloc[0])
    assert "c: 1 cell of test.csv is no date" in notes(dataset)
    with pytest.raises(DataError, match="20 cells of test.csv are no dates.*line 2: '2020-01-01'"):
        load(tmp_path, days, ["2020-01-01"] * 20)


def test_a_date_far_from_all_others_is_refused_where_it_orders_rows(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=N).astype(str).tolist()
    days[50] = "3013-01-05"
    dataset = load(tmp_path, days, days[:20], columns=["c=date"])
    assert "1 cell of train.csv is a date far from all others: line 52: '3013-01-05'" in notes(
        dataset
    )
    with pytest.raises(DataError, match="far from all others.*line 52: '3013-01-05'"):
        load(tmp_path, days, days[:20], time="c")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2020-01-31", "2020-02-01"], ["ISO8601"]),
        (["2020-01-31T10:00:00Z"], ["ISO8601"]),
        (["31.01.2020 10:30"], ["%d.%m.%Y %H:%M"]),
        (["01/31/2020"], ["%m/%d/%Y"]),
        (["Jan 31, 2020"], ["%b %d, %Y"]),
        (["12", "13"], []),
        (["a-b", "c-d"], []),
        (["2020-01-31", "soon"], []),
    ],
)
def test_ways_to_write_dates(cells: list[str], expected: list[str]) -> None:
    assert dates.formats_of(pd.Series(cells)) == expected


def test_infinities_and_placeholders_are_named(tmp_path: Path) -> None:
    values: list[Any] = np.random.default_rng(1).normal(50, 5, N).round(2).tolist()
    values[3] = "inf"
    for row in range(10, 30):
        values[row] = -9999
    dataset = load(tmp_path, values, values[40:60])
    assert np.isfinite(dataset.train["c"].dropna()).all()
    assert "infinite" in notes(dataset) and "-9999" in notes(dataset)
