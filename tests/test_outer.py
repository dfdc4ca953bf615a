"""Honest scores of blends: nothing of the scored fold decides how it is predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from comps.base import Task
from comps.metrics import ROC_AUC
from ensembles import Sample, best_blend, blend
from ensembles.outer import comparable, estimate_of, kept_members, outer_folds
from ensembles.paired import paired_gain
from pipelines.fitting.training import train_folds
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold, assemble
from pipelines.store import Experiment, RunStore
from tests.support import (
    FOREST,
    LIGHTGBM,
    MEAN,
    METRIC,
    RIDGE,
    TinyFeatures,
    rmse,
    tiny_experiment,
    validate,
    with_dataset,
)
from tests.test_blend import member

# Out of patience early on: nothing of the scored rows may end a fit.
IMPATIENT = replace(LIGHTGBM, name="impatient", patience=4)
MODELS = (MEAN, RIDGE, FOREST, LIGHTGBM, IMPATIENT)
FOLD = np.arange(60) % 5
METHODS = ["equal", "top", "best", "convex", "ridge"]


def in_memory(experiment: Experiment, models: tuple[object, ...] = MODELS) -> list[OutOfFold]:
    """Train models on an experiment whose data set is in no file, with pairs of folds."""
    folds, competition, dataset = experiment.folds, experiment.competition, experiment.dataset
    members = []
    for model in MODELS:
        if model not in models:
            continue
        held = [*folds.single, *folds.neighbours, *([()] if folds.growing else [])]
        results = {
            result.held: result
            for result in train_folds(competition, dataset, model, folds, 0, held)
        }
        pairs = {part: results.pop(part) for part in folds.neighbours}
        members.append(assemble(competition, dataset, model, "", folds, [results], pairs))
    return members


def shaken(experiment: Experiment, fold: int) -> Experiment:
    """Return the experiment with other targets in one fold, and in those after it in time."""
    target = experiment.dataset.target.copy()
    first = experiment.folds.pairs[0][fold][1].min() if experiment.folds.growing else None
    rows = experiment.folds.pairs[0][fold][1] if first is None else np.arange(first, len(target))
    target[rows] = target[rows][::-1] * np.linspace(0.3, 4, len(rows))
    return with_dataset(experiment, target=target, fingerprint="shaken")


@pytest.fixture
def in_time(tiny_data: Path) -> Experiment:
    """The tiny competition, its rows in the order of time, in blocks."""
    experiment = tiny_experiment(tiny_data)
    times = np.arange(len(experiment.dataset.target))
    rows = FoldInput(experiment.dataset.target, Task.REGRESSION, times=times)
    folds = make_folds(FoldSpec("expanding", 4), rows)
    return replace(with_dataset(experiment, times=times), folds=folds)


@pytest.fixture
def shuffled(tiny_data: Path) -> Experiment:
    """The tiny competition on five folds."""
    return tiny_experiment(tiny_data, n_folds=5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shuffled", "in_time"])
def test_a_fold_is_predicted_without_its_targets(request: pytest.FixtureRequest, kind: str) -> None:
    experiment: Experiment = request.getfixturevalue(kind)
    fold = 2
    rows = experiment.folds.pairs[0][fold][1]
    honest = []
    for one in (experiment, shaken(experiment, fold)):
        target = one.competition.scaled_target(one.dataset)
        chosen, tried = best_blend(
            in_memory(one), target, one.folds, METRIC, METHODS, baseline="mean"
        )
        honest.append(np.stack([each.honest for each in (chosen, *tried[: len(METHODS)])]))
    # Sums of members that lie otherwise in memory may differ in the last bit.
    np.testing.assert_allclose(honest[0][:, rows], honest[1][:, rows], rtol=1e-13)
    assert np.isfinite(honest[0][:, rows]).all()


def test_the_estimate_is_nested_only_if_every_member_allows_it(shuffled: Experiment) -> None:
    members = in_memory(shuffled)
    assert estimate_of(members, shuffled.folds) is Estimate.NESTED
    members[1] = replace(members[1], nested=None)
    assert estimate_of(members, shuffled.folds) is Estimate.CROSS_FITTED
    target = shuffled.competition.scaled_target(shuffled.dataset)
    found = blend("equal", members, target, shuffled.folds, METRIC)
    assert found.estimate is Estimate.CROSS_FITTED


def test_blocks_in_time_are_scored_but_for_the_first(in_time: Experiment) -> None:
    members = in_memory(in_time)
    target = in_time.competition.scaled_target(in_time.dataset)
    found = blend("convex", members, target, in_time.folds, METRIC)
    fold_of_row = in_time.folds.fold_of_row()
    assert found.estimate is Estimate.TIME_ORDERED
    np.testing.assert_array_equal(np.isfinite(found.honest), fold_of_row > 0)
    scored = fold_of_row > 0
    assert found.honest_score == rmse(target[scored], found.honest[scored])


def test_of_two_growing_folds_the_second_alone_is_scored(tiny_data: Path) -> None:
    experiment = tiny_experiment(tiny_data)
    target = experiment.competition.scaled_target(experiment.dataset)
    rows = FoldInput(target, Task.REGRESSION, times=np.arange(len(target)))
    experiment = replace(experiment, folds=make_folds(FoldSpec("expanding", 2), rows))
    members = in_memory(experiment, (RIDGE, LIGHTGBM))
    found = blend("convex", members, target, experiment.folds, METRIC)
    scored = experiment.folds.fold_of_row() == 1
    np.testing.assert_array_equal(np.isfinite(found.honest), scored)
    assert found.honest_score == rmse(target[scored], found.honest[scored])


def test_test_rows_of_growing_folds_are_predicted_by_a_model_of_all_rows(
    in_time: Experiment,
) -> None:
    dataset = in_time.dataset
    target = in_time.competition.scaled_target(dataset)
    oof = {member.model: member for member in in_memory(in_time, (RIDGE,))}["ridge"]
    features = TinyFeatures().fit(dataset.train)
    fitted = Ridge(1.0).fit(features.transform(dataset.train), target)
    np.testing.assert_allclose(oof.test, fitted.predict(features.transform(dataset.test)), 1e-5)


def test_growing_folds_are_cross_validated_with_a_model_of_all_rows(
    in_time: Experiment, store: RunStore, tiny_data: Path
) -> None:
    # The files have no times: the harness takes the folds as they are.
    experiment = replace(tiny_experiment(tiny_data), folds=in_time.folds)
    outcome = validate(experiment, [RIDGE, LIGHTGBM], store, nested=True)
    assert outcome.fitted == 2 * (in_time.folds.n_folds + 1)
    for model in (RIDGE, LIGHTGBM):
        oof = outcome.oofs[model.name]
        whole = store.read_fold(model.name, experiment.key(model), 0, ())
        np.testing.assert_array_equal(oof.test, whole.test[whole.stage(oof.step)])
        assert oof.nested is None and oof.stored is not None
        assert oof.stored.estimate is Estimate.TIME_ORDERED


def naive_honest(
    members: list[OutOfFold], target: NDArray[np.float64], fold_of_row: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Weigh two members by a grid on the neighbours of each fold, nested."""
    found = np.empty(len(target))
    grid = np.linspace(0, 1, 4001)
    for fold in range(5):
        inner = np.isin(fold_of_row, [(fold - 1) % 5, (fold + 1) % 5])
        one, other = (m.nested.inner[fold][inner] for m in members)  # type: ignore[union-attr,index]
        losses = [np.mean((w * one + (1 - w) * other - target[inner]) ** 2) for w in grid]
        weight = grid[int(np.argmin(losses))]
        rows = fold_of_row == fold
        first, second = (m.nested.outer[rows] for m in members)  # type: ignore[union-attr]
        found[rows] = weight * first + (1 - weight) * second
    return found


def test_nested_weights_are_those_of_a_naive_loop(shuffled: Experiment) -> None:
    members = in_memory(shuffled, (FOREST, LIGHTGBM))
    target = shuffled.competition.scaled_target(shuffled.dataset)
    found = blend("convex", members, target, shuffled.folds, METRIC)
    wanted = naive_honest(members, target, shuffled.folds.fold_of_row())
    np.testing.assert_allclose(found.honest, wanted, atol=2e-4)
    assert found.honest_score == pytest.approx(rmse(target, wanted), abs=1e-4)


def test_members_below_the_baseline_are_dropped_by_the_inner_folds() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=60)
    predictions = np.stack([np.zeros(60), target + 0.1, target + 5.0], axis=1)
    assert kept_members(METRIC, Sample(predictions, target), FOLD, 0) == (1,)
    assert kept_members(METRIC, Sample(predictions[:, [0, 2]], target), FOLD, 0) == (0,)
    assert kept_members(METRIC, Sample(predictions, target), FOLD, None) == (0, 1, 2)
    higher = replace(METRIC, greater_is_better=True)
    assert kept_members(higher, Sample(predictions, target), FOLD, 0) == (2,)


def test_a_member_that_is_bad_in_one_fold_is_blended_there_and_not_elsewhere(
    shuffled: Experiment,
) -> None:
    """It beats the baseline on the inner folds of fold 0, and on no others."""
    n, folds = len(shuffled.dataset.target), shuffled.folds
    fold_of_row = folds.fold_of_row()
    rng = np.random.default_rng(0)
    target = rng.normal(size=n)
    base = member("base", np.zeros(n), folds=folds)
    good = member("good", target + rng.normal(0, 0.1, n), folds=folds)
    odd = member("odd", np.where(fold_of_row == 0, target + 30.0, target), folds=folds)
    outer = outer_folds([base, good, odd], target, folds, Estimate.CROSS_FITTED)
    kept = [kept_members(METRIC, one.sample, one.fold_of_row, 0) for one in outer]
    assert kept == [(1, 2), (1,), (1,), (1,), (1,)]
    found = blend("equal", [base, good, odd], target, folds, METRIC, baseline="base")
    assert found.members == ("good",)
    rows = fold_of_row == 0
    np.testing.assert_allclose(found.honest[rows], (good.valid[rows] + odd.valid[rows]) / 2)
    np.testing.assert_allclose(found.honest[~rows], good.valid[~rows])


def _mean_within(target: NDArray[np.float64], honest: NDArray[np.float64], folds: object) -> float:
    return float(np.mean([ROC_AUC.score(target[folds == k], honest[folds == k]) for k in range(5)]))


@pytest.mark.parametrize("method", ["equal", "convex"])
def test_auc_is_the_mean_within_folds_and_pooled_beside(method: str) -> None:
    rng = np.random.default_rng(1)
    target = rng.integers(0, 2, 200).astype(np.float64)
    folds = make_folds(FoldSpec("stratified", 5), FoldInput(target, Task.BINARY))
    fold_of_row = folds.fold_of_row()
    # Models of different folds are on different levels: pooled, their order is lost.
    level = fold_of_row / 10
    members = [
        member(
            name, np.clip(0.2 * target + rng.uniform(0, 0.3, 200) + level, 0.01, 0.99), folds=folds
        )
        for name in ("one", "two")
    ]
    found = blend(method, members, target, folds, ROC_AUC)
    assert found.honest_score == pytest.approx(_mean_within(target, found.honest, fold_of_row))
    assert found.pooled_score == ROC_AUC.score(target, found.honest)
    assert found.honest_score > found.pooled_score + 0.02


@pytest.mark.parametrize("scorer", [rmse])
def test_other_metrics_have_one_score(
    shuffled: Experiment, scorer: Callable[[object, object], float]
) -> None:
    target = shuffled.competition.scaled_target(shuffled.dataset)
    found = blend("equal", in_memory(shuffled), target, shuffled.folds, METRIC)
    assert found.honest_score == found.pooled_score == scorer(target, found.honest)


def test_a_level_of_each_fold_gains_and_costs_nothing() -> None:
    rng = np.random.default_rng(2)
    folds = np.arange(100) % 5
    predictions, target = rng.normal(size=100), rng.integers(0, 2, 100).astype(float)
    one = comparable(ROC_AUC, predictions, folds)
    other = comparable(ROC_AUC, predictions + 10 * folds, folds)
    np.testing.assert_array_equal(one, other)
    gain = paired_gain(ROC_AUC, target, one, other)
    assert (gain.gain, gain.error) == (0.0, 0.0)
    # A constant in each fold tells nothing, whatever the constants are.
    assert ROC_AUC.score(target, comparable(ROC_AUC, folds / 5, folds)) == 0.5
    assert comparable(METRIC, predictions, folds) is predictions
