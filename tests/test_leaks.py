"""What is learned in a fold does not depend on the rows that it holds out, at any seam.

Each seam has a check that changes held-out rows, wildly, and names what is then predicted
otherwise; and a leak planted there, by which the check is seen to find one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from comps import table_competition
from comps.base import (
    Competition,
    Dataset,
    Family,
    Images,
    Metric,
    Model,
    Task,
    Windows,
    decided,
    take,
)
from comps.catalog import find_competition
from comps.kinds.series import loader
from comps.kinds.series.arrays import at
from comps.kinds.series.panel import Panel, Rows
from comps.kinds.series.seasons import Season
from comps.kinds.table.encoded import EncodedFeatures, TargetStatistics
from comps.metrics import F1, ROC_AUC
from comps.temperature.competition import TEMPERATURE
from ensembles import Sample, best_blend, blending, cuts
from pipelines.fitting import preparation
from pipelines.fitting.training import train_folds
from pipelines.fitting.views import View
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results import inner, oof
from pipelines.results.fold_result import FoldResult
from pipelines.results.stopping import stopping_stage
from pipelines.store import Experiment
from pipelines.trainers.backends import placed
from pipelines.tuning import outer as tuning_outer
from pipelines.tuning.optuna_search import OptunaSearch
from pipelines.tuning.study import made_of
from tests.support import LIGHTGBM, MEAN, METRIC, RIDGE, tiny_experiment
from tests.test_outer import in_memory, shaken
from tests.test_series_kind import hourly, loads
from tests.test_temperature import station, written
from tests.test_tuning import TUNED_LIGHTGBM, searched, with_changed_outer_prices
from tests.tracing import is_installed, some_rows, with_less_to_do

Floats = NDArray[np.float64]
N_ROWS, N_TEST = 240, 40


# The check: held-out rows are changed, and the same fold is trained again


@dataclass(frozen=True)
class Case:
    """Rows, and three folds of them.

    Attributes:
        competition: with the models.
        dataset: the rows; its test rows are the probe.
        folds: of the rows.
    """

    competition: Competition
    dataset: Dataset
    folds: Folds

    def trained(self, model: Model, dataset: Dataset | None = None) -> FoldResult:
        """Return the first fold of a model, of these rows or others in the same folds."""
        rows = self.dataset if dataset is None else dataset
        least = placed(with_less_to_do(model.for_rows(self.dataset)), "jax")
        return train_folds(self.competition, rows, least, self.folds, 0, [(0,)])[0]

    @property
    def held(self) -> NDArray[np.int64]:
        """Numbers of the rows that the first fold holds out."""
        return self.folds.pairs[0][0][1]


def depends_on_held_rows(case: Case, model: Model) -> bool:
    """Whether what a fold predicts of the test rows changes with the rows that it holds out."""
    before, after = case.trained(model), case.trained(model, with_other_held_rows(case))
    # Held-out scores may end a fit earlier or later; the stages that both have must be equal.
    shared = min(len(before.steps), len(after.steps))
    return not np.array_equal(before.test[:shared], after.test[:shared])


def with_other_held_rows(case: Case) -> Dataset:
    """Return the data set with other features and targets of the rows that are held out."""
    held, dataset = case.held, case.dataset
    rng = np.random.default_rng(5)
    target = dataset.target.copy()
    if case.competition.task is Task.REGRESSION:
        target[held] = target[held][::-1] * rng.uniform(3, 9, (len(held), *target.shape[1:]))
    else:
        target[held] = (target[held] + 1) % case.competition.n_classes(dataset)
    return replace(dataset, train=_with_others(dataset.train, held), target=target)


def _with_others(rows: Any, held: NDArray[np.int64]) -> Any:
    if isinstance(rows, Images):
        pixels = rows.pixels.copy()
        pixels[rows.index[held]] = 255 - pixels[rows.index[held]][::-1] // 2
        return Images(pixels, rows.index)
    changed = rows.copy()
    for name in rows:
        cells = rows[name].iloc[held]
        if pd.api.types.is_bool_dtype(cells):
            other: Any = ~cells
        elif pd.api.types.is_numeric_dtype(cells):
            other = (cells[::-1] * -1000 + 77).to_numpy()
        elif pd.api.types.is_datetime64_any_dtype(cells):
            other = cells + pd.Timedelta(days=9000)
        else:
            # Words and levels of which no other row knows anything, and one that all know.
            other = [f"zebra quagga {rows[name].iloc[0]} {number}" for number in range(len(held))]
        changed.iloc[held, changed.columns.get_loc(name)] = other
    return changed


# Tables, texts and images


def rentals(n: int, seed: int = 0) -> pd.DataFrame:
    """Return rows of every kind of column, with holes, and a rent that some of them tell."""
    rng = np.random.default_rng(seed)
    size, street = rng.lognormal(4, 0.5, n), rng.choice(12, n)
    rows = pd.DataFrame(
        {
            "size": pd.Series(size).mask(rng.random(n) < 0.1),
            "age": rng.uniform(0, 90, n),
            "lift": rng.random(n) < 0.4,
            "built": pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "D"),
            "street": [f"street {number}" for number in street],
            "note": [" ".join(rng.choice(["big", "old", "near", "park", "bath"], 6)) for _ in size],
        }
    )
    rent = 9 * size + 60 * street - rows["age"] + rng.normal(0, 30, n)
    return rows.assign(rent=rent, dear=np.where(rent > rent.median(), "yes", "no"))


@cache
def rents() -> Case:
    """Return rows whose rent is predicted, by the models of any table."""
    return _of_rentals("rent", "rmse", "table")


@cache
def dear() -> Case:
    """Return the same rows, of which is predicted whether they are dear, with models of texts."""
    return _of_rentals("dear", "log_loss", "table-and-text")


def _of_rentals(target: str, metric: str, zoo: str) -> Case:
    train, test = rentals(N_ROWS), rentals(N_TEST, seed=1)
    train = train.drop(columns={"rent", "dear"} - {target})
    said: dict[str, Any] = {"target": target, "metric": metric, "zoo": zoo, "name": target}
    test = test.drop(columns=["rent", "dear"])
    competition = table_competition(train, test, columns={"text": ["note"]}, **said)
    return case_of(competition, competition.load(Path("in memory")))


@cache
def sample_of(name: str) -> Case:
    """Return some rows of the bundled sample of a competition."""
    competition = find_competition(name)
    dataset = some_rows(competition.load(competition.sample), N_ROWS)
    if isinstance(dataset.train, Images):
        # Features of images are computed for all that lie in one array.
        pixels = np.concatenate([dataset.train.gathered(), dataset.test.gathered()])
        first, rest = np.split(np.arange(len(pixels)), [len(dataset.train)])
        dataset = replace(dataset, train=Images(pixels, first), test=Images(pixels, rest))
    return case_of(competition, dataset)


def case_of(competition: Competition, dataset: Dataset) -> Case:
    """Return rows with three folds."""
    told = FoldInput(dataset.target, competition.task, dataset.groups)
    return Case(competition, dataset, make_folds(FoldSpec(competition.scheme, 3), told))


CASES: dict[str, Callable[[], Case]] = {
    "rents": rents,
    "dear": dear,
    **{
        name: partial(sample_of, name)
        for name in ("house-prices", "digits", "sentiment", "dogs-vs-cats")
    },
}
# One of each way to learn features; the others are slow.
USUAL = {("rents", "ridge"), ("dear", "lightgbm-encoded"), ("dear", "text-naive-bayes")}
USUAL |= {("sentiment", "logistic")}
# What is read from files that may not be there.
_FILES = {"application", "file", "folder"}


def models_of(names: Iterable[str]) -> list[Any]:
    """Return each model of some cases as a parameter of a test."""
    found = []
    for name in names:
        for model in CASES[name]().competition.models:
            if _FILES & set(model.params):
                continue
            marks = [pytest.mark.skipif(not is_installed(model), reason=f"no {model.extra}")]
            if (name, model.name) not in USUAL:
                network = model.family is Family.NETWORK
                marks.append(pytest.mark.long if network else pytest.mark.slow)
            found.append(pytest.param(name, model, id=f"{name}-{model.name}", marks=marks))
    return found


@pytest.mark.parametrize(("name", "model"), models_of(CASES))
def test_no_model_depends_on_a_row_that_its_fold_holds_out(name: str, model: Model) -> None:
    assert not depends_on_held_rows(CASES[name](), model)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        pytest.param("rents", "ridge", id="medians-deviations-and-levels"),
        pytest.param("rents", "lightgbm-encoded", id="target-statistics-and-counts"),
        pytest.param("dear", "text-logistic", id="vocabulary-beside-columns"),
        pytest.param("sentiment", "logistic", id="vocabulary"),
        pytest.param("digits", "svc", id="directions-of-images", marks=pytest.mark.slow),
    ],
)
def test_what_is_learned_before_the_split_is_found(
    name: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]()
    monkeypatch.setattr(preparation.Preparation, "_view", learned_before_the_split)
    assert depends_on_held_rows(case, case.competition.model(model))


def learned_before_the_split(
    self: preparation.Preparation, features: Any, train: Any, valid: Any, target: Any
) -> View:
    """Stand in for `Preparation._view` with features that are fitted on all rows."""
    del target
    rows = self.dataset.train
    features.fit_transform(rows, self.goal)
    return View(*(features.transform(take(rows, part)) for part in (train, valid)), features)


@pytest.mark.parametrize("name", ["rents", "dear"])
def test_a_target_that_reaches_the_fit_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, plain = CASES[name](), preparation.Preparation.data

    def with_held_rows(self: preparation.Preparation, held: Any, view: View, **said: Any) -> Any:
        data, valid = plain(self, held, view, **said), self.held_rows(held)
        train = np.concatenate([data.train, data.valid])
        return replace(data, train=train, target=np.concatenate([data.target, self.goal[valid]]))

    model = case.competition.model("ridge" if name == "rents" else "logistic")
    assert not depends_on_held_rows(case, model)
    monkeypatch.setattr(preparation.Preparation, "data", with_held_rows)
    assert depends_on_held_rows(case, model)


# A model that can memorise levels of noise


def noise_by_level(n: int = 600, levels: int = 200) -> Case:
    """Return rows of a level that says nothing, three of each, and a target of two classes."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"level": [f"level {number % levels}" for number in range(n)]})
    rows["answer"] = rng.permutation(np.arange(n) % 2)
    competition = table_competition(
        rows, rows[:5].drop(columns="answer"), target="answer", metric="roc_auc", name="noise"
    )
    return case_of(competition, competition.load(Path("in memory")))


def score_out_of_fold(case: Case, model: Model) -> float:
    """Return the mean AUC of a model's folds, at its last stage."""
    found = train_folds(
        case.competition, case.dataset, with_less_to_do(model), case.folds, 0, case.folds.single
    )
    return float(np.mean([result.curve[-1] for result in found]))


def gain_of_encoding_itself(features: EncodedFeatures, case: Case) -> float:
    """Return how well the statistics of training rows tell the targets of the same rows, as AUC."""
    levels, target = case.dataset.train.astype({"level": object}), case.dataset.target
    found = features.fit_transform(levels, target)
    return max(ROC_AUC.score(target, column) for column in found.T.astype(np.float64))


def test_levels_of_noise_are_not_learned_by_target_encoding() -> None:
    case = noise_by_level()
    model = case.competition.model("lightgbm-encoded")
    assert abs(score_out_of_fold(case, model) - 0.5) < 0.1
    # Nor does a training row find its own target in its own columns.
    assert gain_of_encoding_itself(EncodedFeatures(2), case) < 0.6


def test_target_encoding_before_the_split_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = noise_by_level()
    model = case.competition.model("lightgbm-encoded")
    monkeypatch.setattr(preparation.Preparation, "_view", learned_before_the_split)
    assert score_out_of_fold(case, model) > 0.7


def test_target_encoding_of_a_rows_own_target_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def own_target(self: TargetStatistics, levels: pd.DataFrame, target: Floats) -> Any:
        plain(self, levels, target)
        return self.transform(levels), self

    plain = TargetStatistics.fit_transform
    monkeypatch.setattr(TargetStatistics, "fit_transform", own_target)
    assert gain_of_encoding_itself(EncodedFeatures(2), noise_by_level()) > 0.8


# Series: nothing after the origin of a forecast


def forecasts_with_another_future(model: str) -> tuple[Floats, Floats]:
    """Return forecasts from origins up to one in the second fold, and those of another future."""
    rows = loads(400)
    found = []
    for future in (False, True):
        table = rows.copy()
        if future:
            later = np.random.default_rng(9).normal(scale=500, size=len(rows) - ORIGIN - 1)
            table.loc[ORIGIN + 1 :, "load"] = later
        competition = hourly(table)
        dataset = competition.load(Path("in memory"))
        spec = FoldSpec(competition.scheme, competition.n_folds)
        folds = make_folds(spec, FoldInput.of(competition, dataset))
        least = placed(with_less_to_do(competition.model(model).for_rows(dataset)), "jax")
        results = train_folds(competition, dataset, least, folds, 0, [(0,), (1,)])
        origins = np.asarray(dataset.times)
        valid = [folds.pairs[0][fold][1] for fold in (0, 1)]
        assert origins[valid[0]].max() < ORIGIN < origins[valid[1]].max()
        assert origins[valid[1]].min() < ORIGIN
        known = [origins[rows_of] <= ORIGIN for rows_of in valid]
        stages = [result.valid[:1, own] for result, own in zip(results, known, strict=True)]
        found.append(np.concatenate(stages, axis=1))
    return found[0], found[1]


# Step of the last value that is not changed; the assertions above say where it lies.
ORIGIN = 165
SERIES = [
    pytest.param(
        model.name,
        marks=[]
        if model.name in ("seasonal-naive", "ridge", "lightgbm")
        else [pytest.mark.long if model.family is Family.NETWORK else pytest.mark.slow],
    )
    for model in hourly(loads(400)).models
    if is_installed(model)
]


@pytest.mark.parametrize("model", SERIES)
def test_no_forecast_depends_on_what_comes_after_its_origin(model: str) -> None:
    before, after = forecasts_with_another_future(model)
    assert before.shape[1] > 60
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["common-sense", "ridge", "lightgbm"])
def test_no_temperature_depends_on_what_is_measured_later(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("station") / "station.csv"
    dataset = TEMPERATURE.load(written(station(), path))
    rows: Windows = dataset.train
    spec = FoldSpec(TEMPERATURE.scheme, 3)
    told = FoldInput(dataset.target, TEMPERATURE.task, None, dataset.times, gap=TEMPERATURE.gap)
    folds = make_folds(spec, told)
    valid = folds.pairs[0][1][1]
    origin = int(np.median(rows.ends[valid]))
    series, target = rows.series.copy(), dataset.target.copy()
    series[origin + 1 :] = np.random.default_rng(9).normal(
        scale=500, size=series[origin + 1 :].shape
    )
    target[valid.min() :] *= -30
    later = replace(dataset, train=replace(rows, series=series), target=target)
    least = with_less_to_do(TEMPERATURE.model(name))
    before, after = (
        train_folds(TEMPERATURE, one, least, folds, 0, [(0,), (1,)]) for one in (dataset, later)
    )
    known = rows.ends[valid] <= origin
    np.testing.assert_array_equal(before[0].valid[0], after[0].valid[0])
    np.testing.assert_array_equal(before[1].valid[0, known], after[1].valid[0, known])
    assert (before[1].valid[0, ~known] != after[1].valid[0, ~known]).any()


def future_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    def centred(panel: Panel, rows: Rows, **others: Any) -> pd.DataFrame:
        near = np.clip(rows.origins[:, None] + np.arange(-3, 4), 0, len(panel.values) - 1)
        window = at(panel.values, near, rows.series[:, None])
        return plain(panel, rows, **others).assign(window=window.mean(axis=1).astype(np.float32))

    plain = loader.feature_table
    monkeypatch.setattr(loader, "feature_table", centred)


def season_of_all_times(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_all(panel: Panel, rows: Rows, seasons: list[Season]) -> list[Season]:
        late = int(np.nanstd(panel.values) > 50)
        return sorted(plain(panel, rows, seasons), key=lambda season: season.steps * (-1) ** late)

    plain = loader.rank
    monkeypatch.setattr(loader, "rank", by_all)


def scale_of_all_times(monkeypatch: pytest.MonkeyPatch) -> None:
    def scaled(panel: Panel, rows: Rows, **others: Any) -> pd.DataFrame:
        found = plain(panel, rows, **others)
        numbers = found.select_dtypes("number").columns
        found[numbers] = found[numbers] / np.float32(np.nanstd(panel.values))
        return found

    plain = loader.feature_table
    monkeypatch.setattr(loader, "feature_table", scaled)


@pytest.mark.parametrize("plant", [future_in_a_window, season_of_all_times, scale_of_all_times])
def test_a_future_that_reaches_a_forecast_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    before, after = forecasts_with_another_future("ridge")
    assert not np.array_equal(before, after)


# What is chosen by scores: stopping points, members and weights, cut points, tuned parameters


def changed_by_its_own_targets(
    tiny_data: Path, plant: Callable[[], None] | None = None
) -> set[str]:
    """Return what is predicted otherwise of a fold when its own targets are others.

    Args:
        tiny_data: the tiny competition.
        plant: makes a leak first.
    """
    experiment = tiny_experiment(tiny_data, n_folds=5)
    rows = experiment.folds.pairs[0][2][1]
    if plant is not None:
        plant()
    found: list[dict[str, Floats]] = []
    for one in (experiment, shaken(experiment, 2)):
        target, members = (
            one.competition.scaled_target(one.dataset),
            in_memory(one, (MEAN, RIDGE, LIGHTGBM)),
        )
        boosted = next(member for member in members if member.model == "lightgbm")
        assert boosted.nested is not None
        chosen, tried = best_blend(
            members, target, one.folds, METRIC, ["equal", "convex", "best"], baseline="mean"
        )
        parts = {"stopping point": boosted.nested.outer, "choice of a blend": chosen.honest}
        parts |= {blend.method: blend.honest for blend in tried[:3]}
        found.append({name: values[rows] for name, values in parts.items()})
    one, other = found
    # Sums of members that lie otherwise in memory may differ in the last bit.
    return {name for name in one if not np.allclose(one[name], other[name], rtol=1e-12, atol=0)}


@pytest.mark.slow
def test_no_choice_depends_on_the_targets_of_the_fold_that_is_scored(tiny_data: Path) -> None:
    assert changed_by_its_own_targets(tiny_data) == set()


@pytest.mark.slow
def test_a_stopping_point_of_the_scored_fold_is_found(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_its_own_curve(
        metric: Metric, patience: Any, folds: Folds, repeats: Any, pairs: Any
    ) -> inner.Inner:
        found = plain(metric, patience, folds, repeats, pairs)
        for held, result in repeats[0].items():
            if held:
                best, _ = stopping_stage(metric, [result.curve])
                found.outer[folds.rows(0, held)[1]] = result.valid[best]
        return found

    plain = oof.nested_inner

    def plant() -> None:
        monkeypatch.setattr(oof, "nested_inner", of_its_own_curve)

    assert "stopping point" in changed_by_its_own_targets(tiny_data, plant)


@pytest.mark.slow
def test_weights_that_are_fitted_on_the_scored_fold_are_found(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_the_outer_fold(members: Any, target: Any, folds: Folds, *others: Any) -> Any:
        whole = Sample(np.stack([member.valid for member in members], axis=1), target)
        parts = folds.fold_of_row()
        found = plain(members, target, folds, *others)
        every = np.arange(len(parts))
        return [replace(one, sample=whole, inside=every, fold_of_row=parts) for one in found]

    plain = blending.outer_folds

    def plant() -> None:
        monkeypatch.setattr(blending, "outer_folds", with_the_outer_fold)

    assert {"convex", "choice of a blend"} <= changed_by_its_own_targets(tiny_data, plant)


def labels_by_their_own_targets() -> bool:
    """Whether labels of a fold change with its targets, whose cut points the others make."""
    rng = np.random.default_rng(0)
    folds, target = np.arange(200) % 4, (rng.random(200) < 0.3).astype(np.float64)
    odds = np.clip(0.15 * target + rng.uniform(0, 0.4, 200), 0, 1)
    rows = folds == 2
    changed = np.where(rows, 1 - target, target)
    before, after = (cuts.decided_by_others(F1, one, odds, folds) for one in (target, changed))
    return not np.array_equal(before[rows], after[rows])


def test_cut_points_of_a_fold_follow_from_the_other_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not labels_by_their_own_targets()

    def of_all_rows(metric: Metric, target: Any, predictions: Floats, parts: Any) -> Floats:
        found = cuts.fit_cuts(metric, target, predictions, parts)
        return decided(found, predictions, several=False)

    monkeypatch.setattr(cuts, "decided_by_others", of_all_rows)
    assert labels_by_their_own_targets()


def searched_with_other_outer_prices(tiny_data: Path, folder: Path) -> tuple[Any, Any]:
    """Return what a search tried and scored, and the same with other prices in its outer part."""
    _, part = tuning_outer.hold_out(tiny_experiment(tiny_data), 0.25)
    changed = with_changed_outer_prices(tiny_data, folder / "changed", part.ids)
    found = []
    for number, data in enumerate((tiny_data, changed)):
        inner_part, _ = tuning_outer.hold_out(tiny_experiment(data), 0.25)
        url = f"sqlite:///{folder / f'{number}.db'}"
        search = OptunaSearch(
            TUNED_LIGHTGBM, METRIC, made_of(inner_part, TUNED_LIGHTGBM, 0.25), url, "tiny"
        )
        results = searched(inner_part, TUNED_LIGHTGBM, search, folder / "work", 3)
        found.append([(result.trial.params, result.score) for result in results])
    return found[0], found[1]


@pytest.mark.slow
def test_a_search_on_the_rows_that_check_it_is_found(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = searched_with_other_outer_prices(tiny_data, tmp_path / "held out")
    assert one == other
    plain = tuning_outer.hold_out

    def nothing_held_out(whole: Experiment, share: float) -> Any:
        return whole, plain(whole, share)[1]

    monkeypatch.setattr(tuning_outer, "hold_out", nothing_held_out)
    one, other = searched_with_other_outer_prices(tiny_data, tmp_path / "planted")
    assert one != other
