"""Temperature: files as stations write them, no look into the future, folds with a gap."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comps.base import DataError, Dataset, Model, UsageError, Windows
from comps.temperature.competition import TEMPERATURE
from comps.temperature.features import linear_features, network_features, tree_features
from comps.temperature.hours import hourly, with_wind
from comps.temperature.lags import last_known
from comps.temperature.loader import HORIZON, WINDOW, answers, load
from comps.temperature.readings import TARGET, TIME
from pipelines.fitting.residual import Residual
from pipelines.fitting.training import train_folds
from pipelines.folds import ALL_ROWS, FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.fold_result import FoldResult
from pipelines.trainers import Stage
from pipelines.trainers.backends import placed
from submissions import build_submission, check_submission, score_submission

HOURS = 2400


def station(hours: int = HOURS, minutes: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return a table with a day's and a year's wave, pressure, wind and its direction."""
    rng = np.random.default_rng(seed)
    n = hours * 60 // minutes
    time = pd.date_range("2009-01-01 01:00", periods=n, freq=f"{minutes}min")
    day = np.sin(np.arange(n) * minutes / 60 * 2 * np.pi / 24)
    slow = np.cumsum(rng.normal(0, 0.1 * np.sqrt(minutes / 60), n))
    return pd.DataFrame(
        {
            TIME: time,
            "p (mbar)": 1000 + slow,
            TARGET: 10 + 5 * day + slow + rng.normal(0, 0.5, n),
            "Tdew (degC)": 5 + slow,
            "wv (m/s)": rng.uniform(0, 9, n),
            "wd (deg)": rng.uniform(0, 360, n),
        }
    )


def written(table: pd.DataFrame, path: Path, jena: bool = False) -> Path:
    """Write a table, with times as Jena's file has them or as ISO."""
    form = "%d.%m.%Y %H:%M:%S" if jena else "%Y-%m-%d %H:%M:%S"
    table.assign(**{TIME: table[TIME].dt.strftime(form)}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A station without gaps."""
    return load(written(station(), tmp_path_factory.mktemp("station") / "station.csv"))


def folds_of(dataset: Dataset, n_folds: int = 3) -> Folds:
    """Return the competition's folds of a data set."""
    rows = FoldInput(dataset.target, TEMPERATURE.task, None, dataset.times, gap=TEMPERATURE.gap)
    return make_folds(FoldSpec(TEMPERATURE.scheme, n_folds), rows)


# The file


def test_a_row_is_a_day_ahead_of_its_window(dataset: Dataset) -> None:
    table = station()
    known = table.set_index(table[TIME].dt.strftime("%Y-%m-%d %H:%M:%S"))[TARGET]
    np.testing.assert_allclose(dataset.target, known[list(dataset.train_ids)], atol=1e-4)
    for part, ids in ((dataset.train, dataset.train_ids), (dataset.test, dataset.test_ids)):
        ends = pd.DatetimeIndex(part.times[part.ends])
        assert (pd.to_datetime(ids) - ends == pd.Timedelta(HORIZON, "h")).all()
        assert part.gathered().shape == (len(part), WINDOW, 6)


def test_the_last_quarter_of_the_time_is_the_test_part(dataset: Dataset) -> None:
    assert len(dataset.test) == HOURS // 4
    assert len(dataset.train) == HOURS * 3 // 4 - WINDOW - HORIZON + 1
    assert max(dataset.train_ids) < min(dataset.test_ids)


@pytest.mark.parametrize("how", ["csv", "zip", "folder", "zip in folder"])
def test_every_way_a_file_may_come(tmp_path: Path, how: str) -> None:
    file = written(station(), tmp_path / "jena_climate_2009_2016.csv", jena=True)
    expected, path = load(file).fingerprint, file
    if how.startswith("zip"):
        path = tmp_path / "jena_climate_2009_2016.csv.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(file, file.name)
            archive.writestr("__MACOSX/._jena_climate_2009_2016.csv", b"")
        file.unlink()
    found = load(tmp_path if how.endswith("folder") else path)
    assert found.fingerprint == expected


def test_ten_minutes_in_jenas_format(tmp_path: Path) -> None:
    table = station(minutes=10)
    found = load(written(table, tmp_path / "jena.csv", jena=True))
    assert found.train_ids[0] == (table[TIME].iloc[0] + pd.Timedelta(143, "h")).strftime(
        "%d.%m.%Y %H:%M:%S"
    )
    # Each hour is the reading of that very minute, never a later one.
    at = table.set_index(TIME)[TARGET]
    np.testing.assert_allclose(found.target, at[found.times], atol=1e-4)


def test_minus_9999_is_a_missing_value(tmp_path: Path) -> None:
    table = station()
    table.loc[300, ["wv (m/s)", "p (mbar)"]] = -9999.0
    series = load(written(table, tmp_path / "a.csv")).train.series
    assert np.isnan(series).any(axis=1).nonzero()[0].tolist() == [300]
    # Pressure, speed, and both parts of the wind, which has no strength then.
    assert np.isnan(series[300]).sum() == 4


def test_gaps_stay_gaps_and_every_known_test_hour_has_a_forecast(tmp_path: Path) -> None:
    table = station().drop(index=[*range(500, 700), *range(2000, 2130)])
    table.loc[2200, TARGET] = np.nan
    path = written(table, tmp_path / "gaps.csv")
    found = load(path)
    assert np.isnan(found.train.series[500:700]).all()
    assert len(found.test) == HOURS // 4 - 130 - 1
    assert any("330 of 2400 hours" in note for note in found.notes)
    assert np.isfinite(last_known(found.test)).all()
    # A window of nothing teaches nothing.
    empty = np.isnan(found.train.gathered()[:, :, 0]).all(axis=1)
    assert not empty.any()
    submission = build_submission(TEMPERATURE, found, last_known(found.test))
    check_submission(TEMPERATURE, found, submission)
    known = table.set_index(table[TIME].dt.strftime("%Y-%m-%d %H:%M:%S"))[TARGET]
    expected = np.abs(known[found.test_ids].to_numpy() - last_known(found.test)).mean()
    assert score_submission(TEMPERATURE, submission, answers(path)) == pytest.approx(
        expected, abs=1e-4
    )


def test_rows_in_disorder_and_there_twice_are_put_right(tmp_path: Path) -> None:
    table = station()
    expected = load(written(table, tmp_path / "a.csv"))
    again = pd.concat([table[1000:], table[:1000], table[50:60]])
    found = load(written(again, tmp_path / "b.csv"))
    np.testing.assert_array_equal(found.target, expected.target)
    assert any("10 duplicate rows" in note for note in found.notes)
    assert any("sorted" in note for note in found.notes)


def _without_temperature(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=TARGET)


def _without_time(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=TIME)


def _bad_time(table: pd.DataFrame) -> pd.DataFrame:
    texts = table[TIME].dt.strftime("%Y-%m-%d %H:%M:%S")
    texts[7] = "yesterday"
    return table.assign(**{TIME: texts})


def _twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table[5:6].assign(**{TARGET: 99.0})])


def _short(table: pd.DataFrame) -> pd.DataFrame:
    return table[:500]


def _no_number(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{TARGET: "warm"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_temperature, r"no column that starts with 'T \(degC\)'"),
        (_without_time, "lacks the column 'Date Time'"),
        (_bad_time, "1 times .* cannot be read.*line 9: 'yesterday'"),
        (_twice, "1 times with more than one row, and the rows differ: 2009-01-01 06:00:00"),
        (_short, "covers 500 hours; at least"),
        (_no_number, "no number in the column"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, spoil: Any, message: str) -> None:
    spoil(station()).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def with_commas(table: pd.DataFrame, every: int) -> pd.DataFrame:
    texts = table[TARGET].astype(str)
    rows = table.index % every == 0
    return table.assign(**{TARGET: texts.where(~rows, texts.str.replace(".", ","))})


def test_decimal_commas_are_read_where_all_cells_have_them(tmp_path: Path) -> None:
    expected = load(written(station(), tmp_path / "a.csv"))
    found = load(written(with_commas(station(), 1), tmp_path / "b.csv"))
    np.testing.assert_array_equal(found.target, expected.target)
    assert any("numbers have a decimal comma" in note for note in found.notes)


def test_decimal_commas_in_some_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"T \(degC\) in a\.csv are written in several ways: 1200"):
        load(written(with_commas(station(), 2), tmp_path / "a.csv"))


@pytest.mark.parametrize("year", [1009, 2031, 3013])
def test_a_slip_in_a_year_is_refused_with_its_line(year: int, tmp_path: Path) -> None:
    table = station()
    texts = table[TIME].dt.strftime("%Y-%m-%d %H:%M:%S")
    texts[400] = f"{year}{texts[400][4:]}"
    table.assign(**{TIME: texts}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=rf"1 date in 'Date Time' of a\.csv .* line 402: '{year}"):
        load(tmp_path / "a.csv")


def test_readings_that_are_lost_in_time_are_refused(tmp_path: Path) -> None:
    table = station()
    table[TIME] = table[TIME].iloc[0] + (table[TIME] - table[TIME].iloc[0]) * 50
    with pytest.raises(DataError, match="fewer than one row in 24 hours"):
        load(written(table, tmp_path / "a.csv"))


def test_cells_without_a_reading_are_counted(tmp_path: Path) -> None:
    table = station().astype({"wv (m/s)": object})
    table.loc[[3, 5, 9], "wv (m/s)"] = -9999.0
    table.loc[[11, 12], "wv (m/s)"] = "n/a"
    table["station"] = "Jena"
    notes = load(written(table, tmp_path / "a.csv")).notes
    assert any(
        "wv (m/s): 3 cells are -999 or below" in n or "3 cells hold -9999" in n for n in notes
    )
    assert any("wv (m/s): 2 cells of a.csv say 'n/a'" in note for note in notes)
    assert "The column 'station' holds no number: left out." in notes


def test_two_files_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="One CSV file of weather was expected.*a.csv, b.csv"):
        load(tmp_path)


def test_the_hour_never_knows_of_later_minutes() -> None:
    times = pd.to_datetime(["2013-01-01 06:50", "2013-01-01 07:00", "2013-01-01 07:10"])
    found = hourly(pd.DataFrame({"T": [1.0, np.nan, 3.0]}, index=times))
    assert found["T"].to_dict() == {
        pd.Timestamp("2013-01-01 07:00"): 1.0,
        pd.Timestamp("2013-01-01 08:00"): 3.0,
    }


def test_wind_is_a_vector() -> None:
    table = pd.DataFrame({"wv (m/s)": [2.0, 2.0, 0.0], "wd (deg)": [359.0, 1.0, np.nan]})
    found = with_wind(table)
    assert list(found) == ["wv (m/s)", "wind from east", "wind from north"]
    np.testing.assert_allclose(found["wind from north"], [2.0, 2.0, 0.0], atol=1e-3)


# No look into the future


VIEWS = [tree_features, linear_features, network_features]


def seen(view: Any) -> np.ndarray:
    """Return what a model sees of each row."""
    return view.gathered() if isinstance(view, Windows) else np.asarray(view)


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 1600), value=st.floats(-50, 50), column=st.integers(0, 5))
def test_nothing_after_the_end_of_a_window_changes_it(
    dataset: Dataset, view: Any, row: int, value: float, column: int
) -> None:
    train = dataset.train
    fitted = view().fit(train[np.arange(300)])
    row = max(row, 300)
    later = train.series.copy()
    later[train.ends[row] + 1 :, column] = value
    later[train.ends[row] + 5 :] = np.nan
    rows = np.arange(row + 1)
    before = seen(fitted.transform(train[rows][row - 3 :]))
    after = seen(fitted.transform(replace(train, series=later)[rows][row - 3 :]))
    # The networks' view marks what is missing anywhere: compare the columns of both.
    np.testing.assert_array_equal(before[..., :6], after[..., :6])
    if view is not network_features:
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(
        last_known(train[rows]), last_known(replace(train, series=later)[rows])
    )


@pytest.mark.parametrize("view", VIEWS)
def test_views_learn_from_training_windows_alone(dataset: Dataset, view: Any) -> None:
    train = dataset.train
    early, late = np.arange(300), np.arange(290, 300)
    changed = train.series.copy()
    changed[train.ends[early[-1]] + 1 :] = 77.0
    other = replace(train, series=changed)
    one = view().fit(train[early]).transform(train[late])
    two = view().fit(other[early]).transform(other[late])
    np.testing.assert_array_equal(seen(one), seen(two))


def test_networks_see_no_hole_and_are_told_of_it(tmp_path: Path) -> None:
    table = station().drop(index=range(500, 530))
    train = load(written(table, tmp_path / "gaps.csv")).train
    found = network_features().fit(train).transform(train)
    assert np.isfinite(found.series).all()
    assert found.series[510, found.names.index(f"no {TARGET}")] == 1.0
    np.testing.assert_array_equal(found.series[510, :6], found.series[499, :6])


# Folds and training


def test_no_training_window_touches_a_validation_target(dataset: Dataset) -> None:
    train, times = dataset.train, dataset.times
    assert times is not None
    for fit, valid in folds_of(dataset, 4).pairs[0]:
        first_target = times[valid].min()
        first_known = train.times[train.ends[valid] - WINDOW + 1].min()
        assert train.times[train.ends[fit]].max() < first_target
        # Nor does a window that is predicted hold a target that was trained on.
        assert times[fit].max() < first_known


def small(name: str) -> Model:
    """Return a model of the zoo with less to do."""
    changes = {"rounds": 20, "epochs": 1, "copies": 1, "stride": 10, "rows": 200, "units": [4]}
    model = TEMPERATURE.model(name)
    if name == "dense":
        changes["units"] = 4
    # One process has one backend.
    return placed(model.with_params({k: v for k, v in changes.items() if k in model.params}), "jax")


def trained(dataset: Dataset, model: Model) -> list[FoldResult]:
    """Train a model on three folds."""
    folds = folds_of(dataset)
    return train_folds(TEMPERATURE, dataset, model, folds, 0, folds.single)


# The recurrent networks are one builder, and take most of a minute each to compile.
_BUILT_ALIKE = {"lstm-dropout", "gru-stacked", "lstm-bidirectional", "gru-residual"}
# The network "dense" stands for the others where these are left out.
_SLOW = {"lstm", "conv1d", "mlp"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(model.name, marks=[pytest.mark.slow] if model.name in _SLOW else [])
        for model in TEMPERATURE.models
        if model.name not in _BUILT_ALIKE
    ],
)
def test_altered_validation_targets_change_no_prediction(dataset: Dataset, name: str) -> None:
    before = trained(dataset, small(name))
    _, valid = folds_of(dataset).pairs[0][1]
    target = dataset.target.copy()
    target[valid] = -target[valid][::-1]
    after = trained(replace(dataset, target=target), small(name))
    np.testing.assert_array_equal(before[1].valid, after[1].valid)
    np.testing.assert_array_equal(before[0].valid, after[0].valid)
    assert np.isfinite(before[2].test).all()


def test_a_model_of_all_rows_forecasts_the_test_part(dataset: Dataset) -> None:
    model = TEMPERATURE.model("ridge")
    (last,) = train_folds(TEMPERATURE, dataset, model, folds_of(dataset), 0, [ALL_ROWS])
    view = linear_features()
    rows = view.fit_transform(dataset.train)
    expected = model.build(alpha=model.params["alpha"]).fit(  # type: ignore[misc]
        rows, dataset.target - last_known(dataset.train)
    )
    forecast = expected.predict(view.transform(dataset.test)) + last_known(dataset.test)
    np.testing.assert_allclose(last.test[-1], forecast, rtol=1e-5)


def test_folds_that_grow_are_known_by_their_rows(dataset: Dataset) -> None:
    assert folds_of(dataset).growing
    rows = FoldInput(dataset.target, TEMPERATURE.task)
    assert not make_folds(FoldSpec("kfold", 3), rows).growing


def test_the_baseline_is_the_value_of_the_day_before(dataset: Dataset) -> None:
    for result, (_, valid) in zip(
        trained(dataset, TEMPERATURE.baseline), folds_of(dataset).pairs[0], strict=True
    ):
        ends = dataset.train.ends[valid]
        np.testing.assert_array_equal(result.valid[0], dataset.train.series[ends, 0])


def test_a_residual_is_taken_off_and_put_back(dataset: Dataset) -> None:
    residual, model = Residual.split(TEMPERATURE, dataset, TEMPERATURE.model("ridge"))
    assert "residual" not in model.params
    left = residual.target(dataset.target)
    rows = np.arange(5, 9)
    stage = residual.stage(Stage(1, [left[rows]], [np.zeros(len(dataset.test))]), [rows])
    np.testing.assert_allclose(stage.valid[0], dataset.target[rows])
    np.testing.assert_array_equal(stage.test[0], last_known(dataset.test))


def test_a_residual_needs_a_forecast_to_correct(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="has no forecast to take it from"):
        Residual.split(replace(TEMPERATURE, offset=None), dataset, TEMPERATURE.model("ridge"))


def test_windows_refuse_ends_outside_the_series() -> None:
    series = np.zeros((10, 1), dtype=np.float32)
    with pytest.raises(ValueError, match="must end at steps 3 to 9"):
        Windows(series, np.arange(10), np.array([2]), 4, ("T",))


def test_gathering_on_the_device_is_gathering(dataset: Dataset) -> None:
    from pipelines.trainers.networks._rows import form_of

    view = network_features().fit(dataset.train).transform(dataset.train[np.arange(7)])
    form = form_of(view)
    shared = {name: part[0] for name, part in form.shared([view]).items()}
    found = form.gather(view)(shared, form.arrays(view))["window"]
    np.testing.assert_array_equal(np.asarray(found), view.gathered())
