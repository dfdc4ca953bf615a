"""Series of the user's own: what rows know, which folds divide them, what is forecast."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comps import series_competition
from comps.base import AmbiguousError, Competition, DataError, Dataset, UsageError
from comps.kinds.series.arrays import age, carried, in_season
from comps.kinds.series.features import NAIVE, feature_table
from comps.kinds.series.grid import Grid, find_grid
from comps.kinds.series.origins import fold_count, forecasts, training_rows
from comps.kinds.series.panel import Covariate, Panel, Rows
from comps.kinds.series.seasons import Season, best_lag, naive, rank, season_ago
from comps.kinds.series.times import read_times
from pipelines import check_data, predict, run
from pipelines.api.inferring import infer, init
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.commands import comps

HOUR = 3_600_000_000
HOURS = Grid("time", HOUR, 1_704_067_200_000_000)


def loads(n: int, keys: str = "", seed: int = 0) -> pd.DataFrame:
    """Return hours of a wave of a day that drifts, of one series or one for each letter."""
    rng = np.random.default_rng(seed)
    parts = []
    for key in keys or "-":
        hours = np.arange(n)
        drift = np.cumsum(rng.normal(scale=0.3, size=n))
        load = 20 + 4 * np.sin(hours * 2 * np.pi / 24) + drift + rng.normal(scale=0.2, size=n)
        rows = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=n, freq="h")})
        parts.append(rows.assign(**({"station": key} if keys else {}), load=load))
    return pd.concat(parts, ignore_index=True)


def hourly(rows: pd.DataFrame, test: pd.DataFrame | None = None, **changes: Any) -> Competition:
    """Return a competition of such rows."""
    said: dict[str, Any] = {"time": "date", "target": "load", "horizon": 6, "metric": "mae"}
    said |= {"key": "station"} if "station" in rows else {}
    return series_competition(rows, test, **(said | changes))


def loaded(competition: Competition) -> Dataset:
    return competition.load(Path("in memory"))


def panel_of(values: Any, **covariates: Covariate) -> Panel:
    """Return series on hours; a column each."""
    array = np.asarray(values, dtype=np.float64)
    keys = tuple(f"k{number}" for number in range(array.shape[1]))
    return Panel(HOURS, array, array, keys, covariates)


def noisy(steps: int, series: int, seed: int, holes: float = 0.2) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(steps, series)).cumsum(axis=0)
    values[rng.uniform(size=values.shape) < holes] = np.nan
    values[0] = 0.0
    return values


def seen(
    panel: Panel, rows: Rows, ranked: list[Season], trained: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """Return the features of rows that differ in their steps."""
    return feature_table(panel, rows, ranked, trained, stepped=True, keyed=len(panel.keys) > 1)


def ended(ends: int, series: int) -> np.ndarray[Any, Any]:
    return np.full(series, ends)


RANKED = [Season("day", 24), Season("", 1)]


# No row knows what comes after its origin


@given(
    seed=st.integers(0, 10_000),
    origin=st.integers(30, 110),
    step=st.integers(1, 30),
    series=st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_row_stays_as_it_is_whatever_comes_after_its_origin(
    seed: int, origin: int, step: int, series: int
) -> None:
    values, weather = noisy(150, series, seed), noisy(150, series, seed + 1)
    rows = Rows(np.arange(series), np.full(series, origin), np.full(series, step))
    later = np.random.default_rng(seed + 2).normal(size=(149 - origin, series)) * 100
    changed, other = values.copy(), weather.copy()
    changed[origin + 1 :], other[origin + 1 :] = later, later
    first, second = (
        seen(panel_of(target, weather=Covariate(beside, known=False)), rows, RANKED, rows.times)
        for target, beside in ((values, weather), (changed, other))
    )
    pd.testing.assert_frame_equal(first, second)


def test_what_is_known_ahead_is_read_at_the_forecast_and_the_rest_at_the_origin() -> None:
    count = np.arange(100.0)[:, None]
    levels = Covariate(count % 2, known=True, levels=("no", "yes"))
    panel = panel_of(
        noisy(100, 1, 0),
        ahead=Covariate(count, known=True),
        until=Covariate(count, known=False),
        holiday=levels,
    )
    rows = Rows(np.array([0, 0]), np.array([60, 60]), np.array([1, 4]))
    found = seen(panel, rows, RANKED, rows.times)
    assert found["ahead"].tolist() == [61, 64]
    assert found["ahead, change"].tolist() == [24, 24]
    assert found["until, last"].tolist() == [60, 60]
    assert found["holiday"].tolist() == ["yes", "no"]
    assert "until" not in found


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_a_series_among_others_has_the_features_that_it_has_alone(seed: int) -> None:
    values = noisy(120, 3, seed)
    together, alone = panel_of(values), panel_of(values[:, 1:2])
    rows = forecasts(np.array([0, 0]), np.array([70, 90]), 6)
    first = seen(alone, rows, RANKED, rows.times)
    second = seen(together, Rows(rows.series + 1, rows.origins, rows.steps), RANKED, rows.times)
    assert set(second["key"]) == {"k1"}
    pd.testing.assert_frame_equal(first, second.drop(columns="key"), rtol=1e-4, atol=1e-6)


# Lags and the seasonal naive forecast, against loops


def slow_naive(values: np.ndarray[Any, Any], origin: int, step: int, season: int) -> float:
    place = origin + step - season
    while place >= 0:
        if place <= origin and not np.isnan(values[place]):
            return float(values[place])
        place -= season
    return np.nan


@given(
    seed=st.integers(0, 10_000),
    season=st.integers(1, 30),
    origin=st.integers(0, 60),
    step=st.integers(1, 40),
    holes=st.floats(0, 0.9),
)
@settings(max_examples=100, deadline=None)
def test_the_naive_forecast_is_the_latest_of_its_season_that_is_known(
    seed: int, season: int, origin: int, step: int, holes: float
) -> None:
    values = noisy(101, 2, seed, holes)
    rows = Rows(np.array([1]), np.array([origin]), np.array([step]))
    assert naive(values, rows, season) == pytest.approx(
        slow_naive(values[:, 1], origin, step, season), nan_ok=True
    )


@given(seed=st.integers(0, 10_000), season=st.integers(1, 20), holes=st.floats(0, 0.95))
@settings(max_examples=50, deadline=None)
def test_values_are_carried_forward_as_a_loop_carries_them(
    seed: int, season: int, holes: float
) -> None:
    values = noisy(40, 2, seed, holes)
    expected, ages = np.full_like(values, np.nan), np.full_like(values, np.nan)
    seasonal = values.copy()
    for step in range(len(values)):
        for series in range(2):
            known = [n for n in range(step + 1) if not np.isnan(values[n, series])]
            if known:
                expected[step, series] = values[known[-1], series]
                ages[step, series] = step - known[-1]
            if step >= season and np.isnan(seasonal[step, series]):
                seasonal[step, series] = seasonal[step - season, series]
    np.testing.assert_array_equal(carried(values), expected)
    np.testing.assert_array_equal(age(values), ages)
    np.testing.assert_array_equal(in_season(values, season), seasonal)


def test_lags_means_and_extremes_are_those_of_the_last_steps() -> None:
    values = noisy(100, 1, 3, holes=0)
    rows = forecasts(np.array([0]), np.array([80]), 2)
    found = seen(panel_of(values), rows, RANKED, np.arange(100)).iloc[1]
    past = values[:81, 0]
    base = past[82 - 24]
    expected = {
        NAIVE: base,
        "last": past[-1] - base,
        "last - 3": past[-1] - past[-4],
        "age": 0,
        "step": 2,
        "mean of 2 x 24": (past[82 - 24] + past[82 - 48]) / 2 - base,
        "around 24 ago": past[[57, 58, 59]].mean() - base,
        "change by 24, 6": (past[-6:] - past[-30:-24]).mean(),
        "last - mean 12": past[-1] - past[-12:].mean(),
        "level change 6": past[-6:].mean() - past[-30:-24].mean(),
        "trend 12": past[-12:].mean() - past[-24:-12].mean(),
        "deviation 24": past[-24:].std(ddof=1),
        "from min 24": past[-1] - past[-24:].min(),
        "from max 24": past[-24:].max() - past[-1],
        "level": past.mean(),
        "hour": (80 + 2) % 24,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_season_that_errs_least_is_chosen_and_the_next_one_fills_in() -> None:
    hours = np.arange(24 * 7 * 6)
    weekly = np.where(hours // 24 % 7 >= 5, 10.0, 0.0) + 8 * np.sin(hours * 2 * np.pi / 24)
    panel = panel_of(weekly[:, None])
    rows, *_ = training_rows(panel, ended(len(hours) - 1, 1), 24)
    found = rank(panel, rows, [Season("", 1), Season("day", 24), Season("week", 168)])
    assert [season.name for season in found] == ["week", "day", ""]
    assert found[0].error == pytest.approx(0, abs=1e-9)
    first = seen(panel, rows, found, rows.times)
    early = rows.times < 168
    ago = season_ago(rows, 24)
    known = early & (ago >= 0)
    np.testing.assert_allclose(first[NAIVE][known], weekly[ago[known]])
    assert not first[NAIVE].isna().any()


def test_where_no_calendar_tells_the_season_is_found() -> None:
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(400) * 2 * np.pi / 17)
    assert best_lag((wave + rng.normal(scale=0.1, size=400))[:, None], 100) == 17
    assert best_lag(rng.normal(size=400).cumsum()[:, None], 100) == 1
    rows = pd.DataFrame({"n": np.arange(400), "load": wave})
    found = loaded(series_competition(rows, time="n", target="load", horizon=5, metric="mae"))
    np.testing.assert_allclose(found.test[NAIVE], wave[383:388])


def test_the_metrics_scale_is_that_of_the_forecast() -> None:
    rows = loads(300)
    plain, logs = hourly(rows, metric="rmse"), hourly(rows, metric="rmsle")
    first, second = (one.offset(loaded(one).test) for one in (plain, logs) if one.offset)
    np.testing.assert_allclose(np.expm1(second), first)
    np.testing.assert_allclose(loaded(logs).target, loaded(plain).target)


# Folds


@given(
    seed=st.integers(0, 10_000),
    horizon=st.integers(1, 24),
    keys=st.sampled_from(["", "ab", "abc"]),
    holes=st.floats(0, 0.5),
)
@settings(max_examples=15, deadline=None)
def test_no_target_that_is_trained_on_comes_after_a_folds_first_origin(
    seed: int, horizon: int, keys: str, holes: float
) -> None:
    rows = loads(400, keys, seed)
    rows.loc[np.random.default_rng(seed).uniform(size=len(rows)) < holes, "load"] = np.nan
    competition = hourly(rows, horizon=horizon)
    dataset = loaded(competition)
    spec = FoldSpec(competition.scheme, competition.n_folds)
    folds = make_folds(spec, FoldInput.of(competition, dataset))
    steps = dataset.train["step"] if horizon > 1 else np.ones(len(dataset.train))
    origins = np.asarray(dataset.times)
    targets = origins + np.asarray(steps)
    for trained, tested in folds.pairs[0]:
        assert len(trained) >= 20
        # Every forecast is made of what was known at its origin, models included.
        assert targets[trained].max() <= origins[tested].min()


def test_each_time_is_forecast_once_where_rows_are_many() -> None:
    values = noisy(12_000, 1, 0, holes=0.1)
    rows, between, note = training_rows(panel_of(values), ended(11_999, 1), 24)
    assert between == 24 and not note
    assert len(np.unique(rows.times)) == len(rows)
    assert rows.times.max() == np.flatnonzero(~np.isnan(values[:, 0])).max()
    assert not np.isnan(values[rows.times, 0]).any()


def test_where_rows_are_few_there_are_origins_between() -> None:
    rows, between, _ = training_rows(panel_of(noisy(500, 1, 0)), ended(499, 1), 24)
    assert between == 1
    assert set(rows.steps) == set(range(1, 25))
    assert len(rows) > 5_000


@given(horizon=st.integers(1, 40), span=st.integers(30, 400))
@settings(max_examples=60, deadline=None)
def test_there_are_as_many_folds_as_the_past_allows(horizon: int, span: int) -> None:
    origins = np.repeat(np.arange(span - horizon), horizon)
    try:
        count = fold_count(origins, horizon, span)
    except DataError as error:
        assert str(error).startswith("A history of")
        assert span <= 4 * horizon + 3 * -(-20 // horizon) + 3
        return
    blocks = np.array_split(np.sort(origins), count + 1)
    assert (origins <= blocks[1][0] - horizon).sum() >= 20


# Grids of times


@pytest.mark.parametrize(
    ("freq", "name"),
    [
        ("h", "1 hour"),
        ("15min", "15 minutes"),
        ("D", "1 day"),
        ("W", "1 week"),
        ("MS", "1 month"),
        ("ME", "1 month"),
        ("QS", "1 quarter"),
        ("YS", "1 year"),
    ],
)
def test_times_come_back_from_their_places(freq: str, name: str) -> None:
    times = pd.date_range("2015-01-31", periods=60, freq=freq).to_numpy().astype("M8[us]")
    grid, _ = find_grid(times, np.zeros(60, dtype=np.int64), "date")
    assert grid.name == name
    places = grid.places(times)
    assert np.diff(places).tolist() == [1] * 59
    np.testing.assert_array_equal(grid.times(places), times)


@given(
    seed=st.integers(0, 1000),
    minutes=st.sampled_from([5, 30, 60, 1440]),
    late=st.floats(0, 0.05),
)
@settings(max_examples=30, deadline=None)
def test_times_that_are_a_little_late_are_on_the_grid(seed: int, minutes: int, late: float) -> None:
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(300, 200, replace=False))
    jitter = rng.uniform(0, late, 200) * minutes * 60e6
    times = np.datetime64("2024-01-01", "us") + (places * minutes * 60_000_000 + jitter).astype(
        "m8[us]"
    )
    grid, _ = find_grid(times, np.zeros(200, dtype=np.int64), "date")
    assert grid.size == minutes * 60_000_000
    assert (grid.places(times) - grid.places(times)[0]).tolist() == (places - places[0]).tolist()


def test_the_last_reading_within_a_step_counts_and_never_one_of_later() -> None:
    regular = loads(200)
    more = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-01-05 06:30", "2024-01-05 06:50"]),
            "load": [777.0, 888.0],
        }
    )
    found = loaded(hourly(pd.concat([regular, more])))
    plain = loaded(hourly(regular))
    # 06:50 belongs to the step that ends at 07:00, whose own reading is later still.
    np.testing.assert_array_equal(found.target, plain.target)
    assert "2 of 202 times do not lie on steps of 1 hour" in "".join(found.notes)
    without = regular[regular["date"] != "2024-01-05 07:00"]
    filled = loaded(hourly(pd.concat([without, more])))
    seven = [row for row, own in enumerate(filled.train_ids) if "2024-01-05 07:00:00" in own]
    assert set(filled.target[seven]) == {888.0}


def test_gaps_are_counted_and_are_not_trained_on() -> None:
    rows = loads(300)
    rows.loc[100:119, "load"] = np.nan
    dropped = rows.drop(index=range(100, 120))
    one, other = loaded(hourly(rows)), loaded(hourly(dropped))
    assert "20 of 300 steps have no value" in "".join(one.notes)
    np.testing.assert_array_equal(one.target, other.target)
    pd.testing.assert_frame_equal(one.train, other.train)
    assert not np.isnan(one.target).any()
    assert one.train["age"].max() == 20
    assert not one.train[NAIVE].isna().any()


def test_a_series_that_is_too_short_to_learn_from_is_named() -> None:
    rows = loads(300, "abc")
    rows = rows[(rows["station"] != "b") | (rows["date"] < "2024-01-01 02:00")]
    found = loaded(hourly(rows))
    assert "1 of 3 series have too short a past" in "".join(found.notes)
    assert "models of the others: 'b'." in "".join(found.notes)
    assert set(found.train["key"]) == {"a", "c"}
    assert sum(str(own).startswith("b ") for own in found.test_ids) == 6
    assert not any("too short" in note for note in loaded(hourly(loads(300, "ab"))).notes)


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["31.01.2024", "01.02.2024"], "2024-01-31"),
        (["2024-01-31 06:00", "2024-02-01 06:00"], "2024-01-31T06:00"),
        ([20240131, 20240201], "2024-01-31"),
        (pd.period_range("2024-01", periods=2, freq="M"), "2024-01-01"),
    ],
)
def test_times_are_read_in_the_usual_ways(cells: Any, first: str) -> None:
    assert read_times(pd.Series(cells), "", "when")[0] == np.datetime64(first)


def test_times_of_two_meanings_are_asked_for() -> None:
    cells = pd.Series(["01/02/2024", "02/02/2024"])
    with pytest.raises(AmbiguousError, match="--column") as raised:
        read_times(cells, "", "when")
    assert raised.value.answers == ("when=date:%d/%m/%Y", "when=date:%m/%d/%Y")
    assert read_times(cells, "%m/%d/%Y", "when")[0] == np.datetime64("2024-01-02")


# Many series


def test_the_order_of_rows_and_keys_does_not_matter() -> None:
    rows = loads(200, "abc")
    shuffled = rows.sample(frac=1, random_state=0)
    one, other = loaded(hourly(rows)), loaded(hourly(shuffled))
    pd.testing.assert_frame_equal(one.train, other.train)
    pd.testing.assert_frame_equal(one.test, other.test)
    np.testing.assert_array_equal(one.test_ids, other.test_ids)


def test_keys_are_any_labels() -> None:
    rows = loads(100, "ab")
    for labels in ([7, 12], ["Köln / 1", "a,b"], [True, False]):
        named = rows.assign(station=np.repeat(labels, 100))
        assert loaded(hourly(named)).test_ids[0].startswith(min(map(str, labels)))


def test_each_series_is_forecast_from_its_own_end() -> None:
    rows = loads(200, "ab")
    short = rows.drop(index=range(390, 400))
    ids = loaded(hourly(short)).test_ids
    assert ids[0] == "a 2024-01-09 08:00:00"
    assert ids[6] == "b 2024-01-08 22:00:00"


# The test part


def test_the_test_rows_are_forecast_in_their_own_order() -> None:
    rows = loads(220, "ab")
    late = rows["date"] >= "2024-01-09 08:00"
    train, test = rows[~late], rows[late].drop(columns="load").sample(frac=1, random_state=1)
    competition = hourly(train, test, horizon=20)
    dataset = loaded(competition)
    expected = [f"{key} {when}" for key, when in zip(test["station"], test["date"], strict=True)]
    assert dataset.test_ids.tolist() == expected
    assert dataset.test["step"].max() == 20
    own = loaded(hourly(train, horizon=20))
    order = {id_: place for place, id_ in enumerate(own.test_ids)}
    np.testing.assert_array_equal(
        dataset.test[NAIVE], own.test[NAIVE].iloc[[order[id_] for id_ in dataset.test_ids]]
    )


def test_the_horizon_is_as_long_as_the_test_part_needs() -> None:
    rows = loads(230)
    test = rows.iloc[210:].drop(columns="load")
    competition = hourly(rows.iloc[:200], test, horizon=6)
    assert "the horizon is 30, not 6" in "".join(loaded(competition).notes)
    assert competition.gap == 30
    assert loaded(competition).train["step"].max() == 30
    assert loaded(competition).test["step"].tolist() == list(range(11, 31))


def test_columns_of_the_test_rows_are_known_ahead_unless_it_is_said_otherwise() -> None:
    rows = loads(226).assign(wind=np.arange(226.0), pressure=np.arange(226.0) % 9)
    train, test = rows.iloc[:220], rows.iloc[220:].drop(columns=["load", "pressure"])
    found = loaded(hourly(train, test))
    assert found.test["wind"].tolist() == list(range(220, 226))
    assert found.test["pressure, last"].tolist() == [219 % 9] * 6
    none = loaded(hourly(train, test, known=[]))
    assert none.test["wind, last"].tolist() == [219] * 6
    with pytest.raises(DataError, match="no test row gives its values"):
        hourly(train, test, known=["pressure"])


# What is looked at before training


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_wave_is_not_taken_for_a_leak(seed: int) -> None:
    rng, hours = np.random.default_rng(seed), np.arange(500)
    dates = pd.date_range("2024-03-01", periods=500, freq="h")
    parts = []
    for station in ("north", "south"):
        drift = rng.normal(0, 0.4, 500).cumsum() * 0.3
        wave = 30 + 5 * np.sin(hours * 2 * np.pi / 24) + drift
        parts.append(pd.DataFrame({"date": dates, "station": station, "load": wave}))
    assert not check_data(hourly(pd.concat(parts), horizon=24)).findings


# What is refused


def refused(rows: pd.DataFrame, message: str, error: type = DataError, **changes: Any) -> None:
    with pytest.raises(error, match=message):
        hourly(rows, **changes)


def test_errors_say_what_is_wrong() -> None:
    rows = loads(200)
    refused(rows, "column of the training rows called 'when'.*date", UsageError, time="when")
    refused(rows, "does not judge values", UsageError, metric="accuracy")
    refused(rows, "whole number from 1 on", UsageError, horizon=0)
    refused(rows, "cannot be two of", UsageError, key="load")
    refused(rows, r"target takes the name of one column; \['load'\]", UsageError, target=["load"])
    refused(rows, r"known takes a list of names, such as \['wind'\]", UsageError, known="wind")
    refused(rows, "n_folds must be a whole number", UsageError, n_folds="5")
    refused(rows, "Of 30 folds, the first .* on 6 rows, .* Choose fewer .*such as 5", n_folds=30)
    refused(
        rows, "history of 200 steps is too short for a horizon of 90 steps.*about 363", horizon=90
    )
    refused(rows.head(8), "8 values of 'load'; at least 10")
    refused(rows.assign(load="high"), "needs numbers.*row 1: 'high'")
    loud = rows.assign(load=rows["load"].astype(str).where(rows.index != 7, "loud"))
    refused(loud, r"1 cell .* no number: row 8: 'loud'.* read\. An empty cell is a gap\.$")
    refused(rows.assign(load=1.0), "1 in every row")
    refused(rows.assign(date=rows["date"].where(rows.index != 3)), "row 4: nothing")
    refused(rows.assign(load=-rows["load"]), "log1p, which 200 values", metric="rmsle")
    twice = pd.concat([rows, rows.head(2)])
    refused(twice, r"4 rows .* share their time.*row 1.*--key")
    keyed = loads(100, "ab")
    refused(pd.concat([keyed, keyed.head(1)]), "share time and key.*'a' at 2024-01-01")
    refused(keyed.drop(columns="station"), "--key")
    refused(keyed.assign(station=keyed["station"].where(keyed.index != 5)), "Every row needs its")


def test_test_rows_come_after_the_past_of_their_key() -> None:
    rows = loads(206, "ab")
    test = rows[rows["date"] >= "2024-01-09 08:00"].drop(columns="load")
    with pytest.raises(DataError, match=r"12 rows of the test rows do not come after .* key"):
        hourly(rows, test)
    train = rows[(rows["date"] < "2024-01-09 08:00") & (rows["station"] == "a")]
    with pytest.raises(DataError, match="1 key without any past in the training rows: 'b'"):
        hourly(train, test)


# Files, and the command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    loads(300, "ab").to_csv(tmp_path / "loads.csv", index=False)
    return tmp_path / "loads.csv"


def test_what_files_say_is_shown_with_reasons(files: Path) -> None:
    found = infer(files, time="date", target="load", horizon=6, key="station", metric="mae")
    told = {row["what"]: row["value"] for row in found.rows}
    assert told["step"] == "1 hour"
    assert told["series"] == "2 series"
    assert told["test part"] == "12 rows"
    assert told["folds"] == "5, expanding"
    assert "day" in told["forecast to beat"] or "value" in told["forecast to beat"]
    assert all(row["reason"] for row in found.rows)
    own = loaded(hourly(pd.read_csv(files)))
    dataset = found.competition.load(files)
    pd.testing.assert_frame_equal(dataset.train, own.train)
    assert dataset.fingerprint != own.fingerprint


def test_a_sample_submission_names_ids_and_order(tmp_path: Path) -> None:
    rows = loads(206).rename(columns={"date": "when"})
    rows.iloc[:200].to_csv(tmp_path / "train.csv", index=False)
    test = rows.iloc[200:].drop(columns="load").assign(row_id=[f"r{n}" for n in range(6)])
    test.to_csv(tmp_path / "test.csv", index=False)
    sample = pd.DataFrame({"row_id": [f"r{n}" for n in range(5, -1, -1)], "load": 0})
    sample.to_csv(tmp_path / "sample_submission.csv", index=False)
    found = infer(tmp_path, time="when", horizon=6, metric="rmse")
    assert {row["what"]: row["reason"] for row in found.rows}["target"] == "the test rows lack it"
    result = run(
        found.competition,
        data=tmp_path,
        runs=tmp_path / "runs",
        models="ridge",
        engine="inline",
        checks=False,
    )
    submission = result.submission
    assert list(submission) == ["row_id", "load"]
    assert submission["row_id"].tolist() == sample["row_id"].tolist()
    truth = rows["load"].iloc[200:].to_numpy()[::-1]
    assert np.abs(submission["load"] - truth).mean() < 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"time": None}, "--time NAME"),
        ({"scheme": "kfold"}, "divided by time"),
        ({"group": "station"}, "--group is not for series"),
        ({"horizon": None}, "--key is not for tables.*say that these are series: --horizon"),
        ({"horizon": 0}, "a whole number from 1 on"),
        ({"metric": None}, "may be: mae"),
        ({"target": None}, "Which column is to be forecast"),
    ],
)
def test_choices_that_are_none_of_series_are_refused(
    files: Path, choices: dict[str, Any], message: str
) -> None:
    said: Any = {"time": "date", "target": "load", "horizon": 6, "key": "station", "metric": "mae"}
    with pytest.raises(UsageError, match=message):
        infer(files, **(said | choices))


@pytest.mark.parametrize("form", ["plain", "keys", "test table", "ids and sample", "numbers"])
def test_the_file_that_init_writes_is_the_competition_that_was_inferred(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path / "own"))
    rows = loads(260, "" if form == "plain" else "ab")
    said: dict[str, Any] = {"time": "date", "target": "load", "horizon": 6, "metric": "mae"}
    if form != "plain":
        said["key"] = "station"
    if form == "numbers":
        rows["date"] = rows.groupby("station").cumcount()
        said |= {"folds": 3}
    rows = rows.assign(wind=np.arange(len(rows)) % 7, sky=["clear", "grey"] * (len(rows) // 2))
    place = tmp_path / "data"
    place.mkdir()
    train, test = rows, None
    if form in ("test table", "ids and sample"):
        late = rows["date"] > rows["date"].iloc[249]
        train, test = rows[~late], rows[late].drop(columns=["load", "sky"])
    if test is not None and form == "ids and sample":
        train = train.assign(row=range(len(train)))
        test = test.assign(row=range(900, 900 + len(test)), wind=test["wind"] + 0.5)
        test[["row"]].assign(load=0.0).to_csv(place / "sample_submission.csv", index=False)
    train.to_csv(place / "train.csv", index=False)
    if test is not None:
        test.to_csv(place / "test.csv", index=False)
    written = init("loads", place, **said)
    assert written.refusal == ""
    found = infer(place, "loads", **said)
    own, expected = runpy.run_path(str(written.file))["COMPETITION"], found.competition
    for name in ("task", "metric", "target_columns", "id_column", "scheme", "n_folds", "models"):
        assert getattr(own, name) == getattr(expected, name)
    assert (own.gap, own.n_folds) == (10 if test is not None else 6, 3 if form == "numbers" else 5)
    one, other = expected.load(place), own.load(own.data)
    assert one.fingerprint == other.fingerprint
    pd.testing.assert_frame_equal(one.train, other.train)
    pd.testing.assert_frame_equal(one.test, other.test)
    assert not {"row", "row, last"} & set(one.train)
    text = written.file.read_text()
    assert ('known=["wind"]' in text) is (test is not None)


def test_horizons_may_be_of_numpy() -> None:
    one, other = (loaded(hourly(loads(200), horizon=horizon)) for horizon in (6, np.int64(6)))
    assert one.fingerprint == other.fingerprint


@pytest.mark.slow
def test_a_file_of_series_is_run_and_takes_models_of_the_users(tmp_path: Path) -> None:
    loads(260, "ab").to_csv(tmp_path / "loads.csv", index=False)
    options = ["--time", "date", "--target", "load", "--horizon", "6", "--key", "station"]
    options += ["--metric", "mae"]
    done = comps("init", "own", "--data", "loads.csv", *options, cwd=tmp_path)
    assert "Next: comps run own" in done.out
    file = tmp_path / "competitions" / "own" / "competition.py"
    marked = re.compile(r"^( *)# (from|models=|    |\],)", re.MULTILINE)
    text, count = marked.subn(r"\1\2", file.read_text())
    assert count == 7
    file.write_text(text.replace("min_samples_leaf=2", "min_samples_leaf=9, n_estimators=20"))
    models = "seasonal-naive,ridge,extra-trees-regressor"
    done = comps("cv", "own", "--models", models, "--json", cwd=tmp_path)
    scores = {row["model"]: row["score"] for row in done.event("leaderboard")["rows"]}
    first = ("cv", "loads.csv", *options, "--models", "ridge", "--json")
    (row,) = comps(*first, cwd=tmp_path).event("leaderboard")["rows"][:1]
    assert scores["ridge"] == row["score"] < scores["seasonal-naive"]
    assert set(scores) == set(models.split(","))


# Nothing is learned outside the fold


@pytest.mark.parametrize("numbered", [False, True])
def test_the_season_is_chosen_before_the_first_fold(numbered: bool) -> None:
    rng = np.random.default_rng(0)
    hours = np.arange(24 * 60)
    early = 5 * np.sin(hours * 2 * np.pi / 24) + rng.normal(scale=0.2, size=len(hours))
    late = rng.normal(size=len(hours)).cumsum() * 3
    dates = pd.date_range("2024-01-01", periods=len(hours), freq="h")
    rows = pd.DataFrame({"date": hours if numbered else dates, "load": early})
    competition = hourly(rows)
    dataset = loaded(competition)
    spec = FoldSpec(competition.scheme, competition.n_folds)
    folds = make_folds(spec, FoldInput.of(competition, dataset))
    begin = int(min(np.asarray(dataset.times)[held].min() for _, held in folds.pairs[0]))
    changed = rows.assign(load=np.where(hours > begin, late, early))
    trained = folds.pairs[0][0][0]
    before, after = (loaded(hourly(table)).train.iloc[trained] for table in (rows, changed))
    pd.testing.assert_frame_equal(before, after)


def test_a_season_of_which_too_little_is_known_comes_last_and_has_features() -> None:
    days = pd.date_range("2020-01-01", periods=900)
    sold = 50 + 9 * np.sin(np.arange(900) * 2 * np.pi / 364) + np.arange(900) % 7
    rows = pd.DataFrame({"date": days, "load": sold})
    found = loaded(hourly(rows))
    assert "364 ago" in found.train
    np.testing.assert_allclose(found.test[NAIVE], sold[-7:-1])


def test_rows_that_are_too_many_are_counted() -> None:
    values = noisy(30_000, 40, 0, holes=0)
    rows, _, (note,) = training_rows(panel_of(values), ended(29_999, 40), 24)
    assert len(rows) <= 400_000
    assert re.match(r"33,\d{3} of 49,\d{3} origins are not learned from", note)
    assert f"each series keeps the latest 416, which are {len(rows):,} rows." in note
    assert rows.times.max() == 29_999


def test_models_of_the_users_learn_the_difference_unless_they_say() -> None:
    from sklearn.linear_model import LinearRegression

    competition = hourly(loads(200), models=[LinearRegression(), "ridge"])
    assert competition.models[0].name == "seasonal-naive"
    assert all(model.params["residual"] for model in competition.models)


@pytest.mark.slow
def test_a_run_from_the_command_line_beats_the_baseline(tmp_path: Path) -> None:
    rows = loads(500, "ab")
    late = rows.groupby("station").cumcount() >= 494
    rows[~late].to_csv(tmp_path / "loads.csv", index=False)
    options = "--time date --target load --horizon 6 --key station --metric mae --models"
    done = comps(
        "run",
        "loads.csv",
        *options.split(),
        "seasonal-naive,ridge,lightgbm",
        "--json",
        "--output",
        "forecast.csv",
        cwd=tmp_path,
    )
    assert done.event("inferred")
    found = pd.read_csv(tmp_path / "forecast.csv")
    truth = rows[late]
    ids = truth["station"] + " " + truth["date"].astype(str)
    assert found["id"].tolist() == ids.tolist()
    scores = {row["model"]: row["score"] for row in done.event("leaderboard")["rows"]}
    assert scores["lightgbm"] < scores["seasonal-naive"]
    assert scores["ridge"] < scores["seasonal-naive"]
    day = rows.groupby("station")["load"].shift(24)[late]
    assert (
        np.abs(found["load"] - truth["load"].to_numpy()).mean() < np.abs(day - truth["load"]).mean()
    )


@pytest.mark.slow
def test_new_readings_are_forecast_as_the_models_know_seasons(tmp_path: Path) -> None:
    rows = loads(400, "ab", seed=4)
    competition = hourly(rows)
    result = run(competition, models="ridge", engine="inline", runs=tmp_path, nested=False)
    assert result.submission is not None
    again = predict(competition, rows, runs=tmp_path)
    pd.testing.assert_frame_equal(again, result.submission, rtol=1e-6)
    # A day later, without a wave of a day: the seasons stay those of training.
    later = loads(424, "ab", seed=4)
    flat = later.assign(load=np.where(later.index % 424 < 380, 20.0, later["load"]))
    found = predict(competition, flat, runs=tmp_path)
    assert found["id"].iloc[0].startswith("a 2024-01-18")
    assert len(found) == len(result.submission)
    few = later[later["date"] >= later["date"].max() - pd.Timedelta(hours=60)]
    with pytest.raises(DataError, match="less far back.*as much of the past as the training rows"):
        predict(competition, few, runs=tmp_path)


@pytest.mark.slow
def test_steps_to_forecast_are_the_last_rows_without_a_target(tmp_path: Path) -> None:
    rows = loads(400).assign(sun=lambda table: np.sin(table.index / 7.0))
    train, test = rows[:394], rows[394:].drop(columns="load")
    competition = hourly(train, test)
    result = run(competition, models="ridge", engine="inline", runs=tmp_path, nested=False)
    assert result.submission is not None
    blank = rows.assign(load=rows["load"].where(rows.index < 394))
    again = predict(competition, blank, runs=tmp_path)
    np.testing.assert_allclose(again["load"], result.submission["load"], rtol=1e-6)
    with pytest.raises(UsageError, match="know 'sun' ahead.*next 6 steps"):
        predict(competition, train, runs=tmp_path)
    with pytest.raises(UsageError, match="column of the target called 'load'"):
        predict(competition, test, runs=tmp_path)


# Tables that are unusual


@pytest.mark.parametrize("keys", ["", "ab"])
def test_a_test_table_may_ask_for_one_step_alone(keys: str) -> None:
    rows = loads(210, keys)
    late = rows["date"] >= pd.Timestamp("2024-01-01") + pd.Timedelta(hours=200)
    ahead = rows[rows["date"] == pd.Timestamp("2024-01-01") + pd.Timedelta(hours=206)]
    found = loaded(hourly(rows[~late], ahead.drop(columns="load"), horizon=7))
    assert found.test["step"].tolist() == [7] * max(len(keys), 1)
    assert set(found.train["step"]) == set(range(1, 8))
    one = loaded(hourly(rows[~late], horizon=1))
    assert "step" not in one.train


def test_a_series_without_any_value_is_refused_or_left_out() -> None:
    rows = loads(206, "abc")
    rows.loc[rows["station"] == "b", "load"] = np.nan
    late = rows["date"] >= "2024-01-09 08:00"
    train, test = rows[~late], rows[late].drop(columns="load")
    for given_test in (None, test):
        with pytest.raises(DataError, match=r"has no value of 'load' .*'b'.* leave these rows out"):
            hourly(train, given_test)
    found = loaded(hourly(train, test[test["station"] != "b"]))
    assert "1 series has no value of 'load'" in "".join(found.notes)
    without = loaded(hourly(train[train["station"] != "b"], test[test["station"] != "b"]))
    pd.testing.assert_frame_equal(found.train, without.train)
    pd.testing.assert_frame_equal(found.test, without.test)


def sampled(folder: Path, sample: pd.DataFrame, keys: str = "") -> Competition:
    """Return a competition of a training table and a sample submission, without test rows."""
    loads(200, keys).to_csv(folder / "train.csv", index=False)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    said = {"key": "station"} if keys else {}
    return infer(folder, time="date", target="load", horizon=6, metric="mae", **said).competition


def test_a_sample_submission_says_what_is_forecast_where_no_test_table_does(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-09 10:00", periods=3, freq="h").strftime("%Y-%m-%d %H:%M")
    sample = pd.DataFrame({"when": times[::-1], "load": 0.0})
    found = sampled(tmp_path, sample).load(tmp_path)
    assert found.test_ids.tolist() == sample["when"].tolist()
    assert found.sample_submission is not None
    assert list(found.sample_submission) == ["when", "load"] and not found.made_sample
    assert found.test["step"].tolist() == [5, 4, 3]
    assert "sample submission" in "".join(found.notes)


def test_ids_of_a_sample_submission_are_keys_and_times(tmp_path: Path) -> None:
    ids = [f"{key} 2024-01-09 {hour:02}:00:00" for hour in (9, 8) for key in "ba"]
    competition = sampled(tmp_path, pd.DataFrame({"id": ids, "load": 0.0}), "ab")
    found = competition.load(tmp_path)
    assert found.test_ids.tolist() == ids
    assert found.test["key"].astype(str).tolist() == list("baba")
    assert found.test["step"].tolist() == [2, 2, 1, 1]
    assert competition.with_test is not None
    assert competition.with_test(tmp_path, tmp_path).test_ids.tolist() == ids
    later = competition.with_test(tmp_path, loads(210, "ab"))
    assert later.test_ids[0] == "a 2024-01-09 18:00:00"


@pytest.mark.parametrize("keys", ["", "ab"])
def test_a_sample_submission_of_other_ids_asks_for_a_test_table(keys: str, tmp_path: Path) -> None:
    sample = pd.DataFrame({"row": ["r1", "r2"], "load": 0.0})
    with pytest.raises(DataError, match=r"'r1'.*test table"):
        sampled(tmp_path, sample, keys)


def test_a_note_and_few_rows_where_series_are_many() -> None:
    values = noisy(600, 3_000, 0, holes=0)
    rows, _, notes = training_rows(panel_of(values), ended(599, 3_000), 30)
    assert len(rows) <= 400_000
    assert len(np.unique(rows.origins)) >= 7
    assert f"{len(rows):,} rows" in "".join(notes)
    assert fold_count(rows.origins, 30, 600) == 5
    again, *_ = training_rows(panel_of(values), ended(599, 3_000), 30)
    np.testing.assert_array_equal(rows.series, again.series)
    assert not any("too short" in note for note in notes)


def test_series_that_ended_long_ago_keep_their_latest_origins() -> None:
    values = noisy(30_000, 40, 0, holes=0)
    values[5_000:, 3] = np.nan
    rows, _, notes = training_rows(panel_of(values), ended(29_999, 40), 24)
    own = rows.take(rows.series == 3)
    assert own.times.max() == 4_999
    assert len(np.unique(own.origins)) >= 200
    assert not any("too short" in note for note in notes)


@pytest.mark.parametrize(
    ("freq", "name", "first"),
    [
        ("250ms", "250 milliseconds", "2024-01-01 00:00:50.000"),
        ("40us", "40 microseconds", "2024-01-01 00:00:00.008000"),
    ],
)
def test_ids_of_parts_of_a_second_are_unique(freq: str, name: str, first: str) -> None:
    rows = loads(200).assign(date=pd.date_range("2024-01-01", periods=200, freq=freq))
    found = loaded(hourly(rows))
    assert len(set(found.test_ids)) == 6
    assert found.test_ids[0] == first
    times = rows["date"].to_numpy().astype("M8[us]")
    assert find_grid(times, np.zeros(200, dtype=np.int64), "date")[0].name == name


def test_test_rows_that_share_a_step_need_ids() -> None:
    rows = loads(200, "ab")
    test = pd.DataFrame(
        {
            "station": ["a", "a", "b"],
            "date": pd.to_datetime(["2024-01-09 08:30", "2024-01-09 08:50", "2024-01-09 08:50"]),
        }
    )
    with pytest.raises(DataError, match=r"share a step.*1 hour.*'a 2024-01-09 09:00:00'.*--id"):
        hourly(rows, test)
    found = loaded(hourly(rows, test.assign(row=[3, 2, 1]), id="row"))
    assert found.test_ids.tolist() == [3, 2, 1]


def test_numbers_of_different_types_are_the_same_times_and_keys() -> None:
    rows = loads(206, "ab").replace({"station": {"a": 1, "b": 2}}).infer_objects()
    rows["date"] = rows.groupby("station").cumcount()
    train, test = rows[rows["date"] < 200], rows[rows["date"] >= 200].drop(columns="load")
    expected = loaded(hourly(train, test, n_folds=3))
    for part in (test.astype({"date": float}), test.astype({"station": float})):
        found = loaded(hourly(train, part, n_folds=3))
        assert found.test_ids.tolist() == expected.test_ids.tolist()
        pd.testing.assert_frame_equal(found.test, expected.test)
    assert expected.test_ids[0] == "1 200"


@pytest.mark.parametrize("form", ["dtype", "text", "objects"])
def test_times_with_a_zone_are_said_to_be_utc(form: str) -> None:
    rows = loads(200)
    zoned = rows["date"].dt.tz_localize("Etc/GMT-2")
    if form == "text":
        zoned = zoned.map(lambda time: time.isoformat())
    if form == "objects":
        zoned = zoned.astype(object)
    found = loaded(hourly(rows.assign(date=zoned)))
    assert "Times of 'date' have a zone: they are counted and shown in UTC." in found.notes
    assert found.test_ids[0] == "2024-01-09 06:00:00"
    assert not any("zone" in note for note in loaded(hourly(rows)).notes)


def test_infinite_times_are_named() -> None:
    rows = loads(200).assign(date=np.arange(200.0))
    rows.loc[5, "date"] = np.inf
    with pytest.raises(DataError, match="1 cell .* is no time: row 6: 'inf'"):
        hourly(rows)


@pytest.mark.parametrize("levels", [False, True])
def test_columns_that_are_called_like_features_are_kept_beside_them(levels: bool) -> None:
    rows = loads(206, "ab")
    names = ["level", "age", "step", "last", "deviation", "key", "hour", NAIVE]
    for number, name in enumerate(names):
        values = (np.arange(412) + number) % 7
        rows[name] = np.array(list("abcdefg"))[values] if levels else values.astype(float)
    late = rows["date"] >= "2024-01-09 08:00"
    train, test = rows[~late], rows[late].drop(columns="load")
    found = loaded(hourly(train, test)).test
    plain = loaded(hourly(train[["date", "station", "load"]], test[["date", "station"]])).test
    pd.testing.assert_frame_equal(found[list(plain)], plain)
    for name in names:
        assert found[f"{name} (column)"].astype(object).tolist() == test[name].tolist()
