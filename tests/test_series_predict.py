"""New readings of series: what is taken of them, and what is refused, in files and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import series_competition
from comps.base import Competition, DataError, Dataset, UsageError
from comps.kinds.series.features import NAIVE
from tests.test_series_kind import hourly, loaded, loads

SAID: dict[str, Any] = {"time": "date", "target": "load", "horizon": 6, "metric": "mae"}


def following(competition: Competition, rows: Any) -> Dataset:
    """Return what follows other readings."""
    assert competition.with_test is not None
    return competition.with_test(competition.data or Path("in memory"), rows)


def same(one: Dataset, other: Dataset) -> None:
    """Check that the same is forecast of the same features."""
    assert one.test_ids.tolist() == other.test_ids.tolist()
    pd.testing.assert_frame_equal(one.test, other.test, check_exact=False, rtol=1e-6)


def test_new_readings_of_another_step_are_refused() -> None:
    competition = hourly(loads(300))
    daily = loads(300).assign(date=pd.date_range("2024-01-01", periods=300))
    with pytest.raises(DataError, match=r"are 1 day apart.* of 1 hour"):
        following(competition, daily)
    months = loads(300).assign(date=pd.date_range("2001-01-31", periods=300, freq="ME"))
    with pytest.raises(DataError, match=r"are 1 month apart.* of 1 hour"):
        following(competition, months)
    assert len(following(competition, loads(290)).test) == 6


def test_steps_of_numbers_are_compared_as_numbers() -> None:
    rows = loads(300).assign(date=np.arange(300) * 0.1)
    competition = hourly(rows)
    assert len(following(competition, rows.iloc[7:]).test) == 6
    with pytest.raises(DataError, match=r"are 0\.2 apart.* of 0\.1"):
        following(competition, rows.assign(date=rows["date"] * 2))


def test_new_keys_are_counted_and_keys_of_which_none_is_known_are_refused() -> None:
    rows = loads(300, "ab").replace({"station": {"a": "001", "b": "002"}})
    competition = hourly(rows)
    new = rows.replace({"station": {"002": "003"}})
    assert "1 of 2 series was not trained on: '003'" in "".join(following(competition, new).notes)
    assert not any("trained on:" in note for note in following(competition, rows).notes)
    short = rows.replace({"station": {"001": "1", "002": "2"}})
    with pytest.raises(DataError, match=r"'1', '2'.*'001', '002'"):
        following(competition, short)


def test_readings_of_more_time_have_the_columns_of_training() -> None:
    competition = hourly(loads(320), horizon=1)
    longer = following(competition, loads(1100))
    assert list(longer.test) == list(loaded(competition).test)
    late = loads(1100).assign(load=lambda table: table["load"].where(table.index < 1090))
    assert list(following(competition, late).test) == list(loaded(competition).test)


def test_one_of_several_series_is_forecast() -> None:
    rows = loads(300, "ab")
    competition = hourly(rows)
    alone = following(competition, rows[rows["station"] == "a"])
    both = following(competition, rows)
    assert alone.test_ids.tolist() == both.test_ids.tolist()[:6]
    assert alone.test["key"].astype(str).tolist() == ["a"] * 6
    pd.testing.assert_frame_equal(
        alone.test.drop(columns="key"), both.test.iloc[:6].drop(columns="key"), rtol=1e-4
    )


@pytest.mark.parametrize("role", ["station", "date", "load"])
def test_a_column_that_is_not_there_is_named(role: str) -> None:
    rows = loads(300, "ab")
    with pytest.raises(UsageError, match=f"There is no column .* called '{role}'.*Known"):
        following(hourly(rows), rows.drop(columns=role))


def test_rows_to_forecast_are_found_by_time_in_any_order() -> None:
    rows = loads(300, "ab").assign(sun=lambda table: np.sin(table.index / 7.0))
    late = rows.groupby("station").cumcount() >= 294
    competition = hourly(rows[~late], rows[late].drop(columns="load"))
    blank = rows.assign(load=rows["load"].mask(late))
    blank.loc[[20, 21], "load"] = np.nan
    expected = following(competition, blank)
    assert len(expected.test) == 12
    for other in (blank[::-1], blank.sample(frac=1, random_state=0)):
        found = following(competition, other)
        order = np.argsort(found.test_ids)
        assert found.test_ids[order].tolist() == sorted(expected.test_ids)
        assert not found.test["sun"].isna().any()


def test_new_readings_that_do_not_vary_are_forecast() -> None:
    found = following(hourly(loads(300)), loads(300).assign(load=5.0))
    assert found.test[NAIVE].tolist() == [5.0] * 6


def test_a_file_is_forecast_as_the_table_in_it(tmp_path: Path) -> None:
    rows = loads(300, "ab").replace({"station": {"a": "001", "b": "002"}})
    rows = rows.assign(sun=lambda table: np.round(np.sin(table.index / 7.0), 3))
    late = rows.groupby("station").cumcount() >= 294
    place = tmp_path / "own"
    place.mkdir()
    rows[~late].to_csv(place / "train.csv", index=False)
    rows[late].drop(columns="load").to_csv(place / "test.csv", index=False)
    competition = series_competition(place, key="station", **SAID)
    blank = rows.assign(load=rows["load"].mask(late))
    expected = following(competition, blank)
    assert len(expected.test) == 12
    for name in ("later.csv", "test.csv"):
        blank.to_csv(tmp_path / name, index=False)
        same(following(competition, tmp_path / name), expected)
    same(following(competition, place), expected)


def test_a_file_of_another_name_is_forecast(tmp_path: Path) -> None:
    for name, count in (("loads.csv", 300), ("stations.csv", 9)):
        loads(count).to_csv(tmp_path / name, index=False)
    competition = series_competition(tmp_path, files={"train": "loads.csv"}, **SAID)
    loads(310).to_csv(tmp_path / "later.csv", index=False)
    same(following(competition, tmp_path / "later.csv"), following(competition, loads(310)))
