"""Training a fold: nothing leaks, the same seed gives the same bytes, stages are what they say."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from comps.base import IDENTITY, Dataset, Family, Model, Task, UsageError
from comps.house_prices.competition import HOUSE_PRICES
from pipelines.basics.seeds import derive_seed
from pipelines.fitting.training import train_folds
from pipelines.fitting.views import ViewCache
from pipelines.folds import ALL_ROWS, FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.fold_result import FoldResult
from pipelines.store import Experiment
from pipelines.trainers import Context, FoldData, Stage, load_trainer
from tests.support import (
    CATBOOST,
    FOREST,
    LIGHTGBM,
    METRIC,
    NETWORK,
    RIDGE,
    TINY,
    XGBOOST,
    StagedTrainer,
    TinyFeatures,
    TownMeans,
    build_ridge_in_place,
    digest,
    python,
    staged,
    tiny_experiment,
    with_dataset,
    write_tiny,
)

N_ROWS, N_TEST = 300, 60
QUICK = {
    "rounds": 20,
    "stride": 10,
    "epochs": 2,
    "copies": 1,
    "units": [8],
    "n_estimators": 10,
}


def quick(model: Model) -> Model:
    """Return the model with fewer rounds, epochs, trees and units."""
    changes: dict[str, Any] = {name: value for name, value in QUICK.items() if name in model.params}
    if model.trainer == "keras-jax":
        changes["stride"] = 1
    elif "rounds" in model.params:
        model = replace(model, params={**model.params, "stride": 10})
    return model.with_params(changes)


def installed(model: Model) -> bool:
    """Whether the library of a model is there."""
    return model.extra is None or importlib.util.find_spec(model.extra) is not None


def as_parameter(model: Model) -> Any:
    """Return the model as a parameter of a test, skipped where its library is missing."""
    missing = pytest.mark.skipif(not installed(model), reason=f"{model.extra} is not installed")
    slow = [pytest.mark.slow] if model.trainer == "keras-jax" else []
    return pytest.param(model, id=model.name, marks=[missing, *slow])


EVERY_MODEL = pytest.mark.parametrize(
    "model", [as_parameter(quick(model)) for model in HOUSE_PRICES.models]
)


@cache
def houses() -> tuple[Dataset, Folds]:
    """Return some rows of the bundled sample, and three folds of them."""
    whole = HOUSE_PRICES.load(HOUSE_PRICES.sample)
    dataset = replace(
        whole,
        train=whole.train.iloc[:N_ROWS],
        target=whole.target[:N_ROWS],
        train_ids=whole.train_ids[:N_ROWS],
        groups=None,
        test=whole.test.iloc[:N_TEST],
        test_ids=whole.test_ids[:N_TEST],
    )
    return dataset, make_folds(FoldSpec("kfold", 3), FoldInput(dataset.target, Task.REGRESSION))


def first_fold(model: Model, dataset: Dataset) -> FoldResult:
    """Train on the houses and return the first fold's result."""
    return train_folds(HOUSE_PRICES, dataset, model, houses()[1], 0, [(0,)])[0]


@cache
def _first_fold_as_it_is(name: str) -> FoldResult:
    return first_fold(quick(HOUSE_PRICES.model(name)), houses()[0])


def assert_same_predictions(
    one: FoldResult, other: FoldResult, valid: slice = slice(None), test: slice = slice(None)
) -> None:
    """Compare the predictions of some rows at the stages that both have, bit by bit."""
    shared = min(len(one.steps), len(other.steps))
    assert shared > 0
    np.testing.assert_array_equal(one.steps[:shared], other.steps[:shared])
    np.testing.assert_array_equal(one.valid[:shared, valid], other.valid[:shared, valid])
    np.testing.assert_array_equal(one.test[:shared, test], other.test[:shared, test])


# Nothing leaks


@EVERY_MODEL
def test_the_targets_of_a_validation_fold_do_not_change_its_predictions(model: Model) -> None:
    dataset, folds = houses()
    _, valid = folds.pairs[0][0]
    target = dataset.target.copy()
    target[valid] = 3 * np.random.default_rng(0).permutation(target[valid])
    altered = first_fold(model, replace(dataset, target=target))
    before = _first_fold_as_it_is(model.name)
    assert_same_predictions(before, altered)
    # The harness has seen the other targets: it scored with them.
    assert (before.curve[: len(altered.curve)] != altered.curve[: len(before.curve)]).all()


@EVERY_MODEL
def test_rows_to_predict_do_not_change_the_predictions_of_each_other(model: Model) -> None:
    dataset, folds = houses()
    train, valid = folds.pairs[0][0]
    kept = len(valid) // 2
    rows, test_rows = np.arange(N_ROWS), np.arange(N_TEST)
    rows[valid[kept:]] = train[: len(valid) - kept]
    test_rows[N_TEST // 2 :] = 0
    altered = replace(
        dataset,
        train=dataset.train.iloc[rows].set_axis(dataset.train.index),
        test=dataset.test.iloc[test_rows].set_axis(dataset.test.index),
    )
    before, after = _first_fold_as_it_is(model.name), first_fold(model, altered)
    assert_same_predictions(before, after, slice(kept), slice(N_TEST // 2))


@EVERY_MODEL
def test_the_targets_of_training_rows_do_change_the_predictions(model: Model) -> None:
    # Without this, the two tests above would pass for a model that looks at nothing.
    dataset, folds = houses()
    train, _ = folds.pairs[0][0]
    target = dataset.target.copy()
    target[train] *= 2
    before, after = (
        _first_fold_as_it_is(model.name),
        first_fold(model, replace(dataset, target=target)),
    )
    assert not np.array_equal(before.valid[0], after.valid[0])
    assert not np.array_equal(before.test[0], after.test[0])


# The same seed gives the same bytes

ONE_OF_EACH_TRAINER = (RIDGE, FOREST, LIGHTGBM, XGBOOST, CATBOOST, NETWORK)
EACH_TRAINER = pytest.mark.parametrize("model", [as_parameter(m) for m in ONE_OF_EACH_TRAINER])
EACH_RANDOM_ONE = pytest.mark.parametrize(
    "model", [as_parameter(m) for m in ONE_OF_EACH_TRAINER if m is not RIDGE]
)


def train_tiny(
    experiment: Experiment,
    model: Model,
    *,
    repeat: int = 0,
    seed: int = 0,
    threads: int = 1,
    views: ViewCache | None = None,
) -> list[FoldResult]:
    """Train a model on all folds of the tiny competition."""
    folds = experiment.folds
    return train_folds(
        experiment.competition,
        experiment.dataset,
        model,
        folds,
        repeat,
        folds.single,
        seed=seed,
        threads=threads,
        views=views,
    )


def digests(results: Sequence[FoldResult]) -> list[str]:
    """Return a text for each fold that is equal for equal predictions."""
    return [digest(result.steps, result.curve, result.valid, result.test) for result in results]


def digests_of_all_trainers(data: str, seed: int) -> dict[str, list[str]]:
    """Return the digests of a model of each trainer whose library is installed."""
    experiment = tiny_experiment(Path(data))
    return {
        model.name: digests(train_tiny(experiment, model, seed=seed))
        for model in ONE_OF_EACH_TRAINER
        if installed(model)
    }


@pytest.mark.slow
def test_another_process_trains_the_same_bytes(tiny_data: Path) -> None:
    code = (
        "import json; from tests.test_training import digests_of_all_trainers\n"
        f"print(json.dumps(digests_of_all_trainers({str(tiny_data)!r}, seed=5)))"
    )
    # Each process compiles the networks itself.
    one, other = (
        json.loads(python(code, PYTHONHASHSEED=seed, JAX_ENABLE_COMPILATION_CACHE="false"))
        for seed in ("0", "1")
    )
    assert one == other
    assert set(one) >= {"ridge", "forest", "lightgbm", "xgboost", "network"}


@EACH_TRAINER
def test_the_same_process_trains_the_same_bytes_twice(experiment: Experiment, model: Model) -> None:
    assert digests(train_tiny(experiment, model)) == digests(train_tiny(experiment, model))


@EACH_RANDOM_ONE
def test_another_seed_trains_other_bytes(experiment: Experiment, model: Model) -> None:
    one, other = train_tiny(experiment, model, seed=0), train_tiny(experiment, model, seed=1)
    for fold, changed in zip(digests(one), digests(other), strict=True):
        assert fold != changed


@pytest.mark.parametrize(
    "model",
    [
        as_parameter(quick(model))
        for model in HOUSE_PRICES.models
        if model.family is Family.BOOSTING
    ],
)
def test_the_number_of_threads_does_not_change_the_bytes(model: Model) -> None:
    dataset, folds = houses()
    one, more = (
        train_folds(HOUSE_PRICES, dataset, model, folds, 0, [(0,)], threads=threads)
        for threads in (1, 3)
    )
    assert digests(one) == digests(more)


@pytest.mark.parametrize("scheme", ["kfold", "expanding"])
@pytest.mark.parametrize("model", [as_parameter(m) for m in (LIGHTGBM, NETWORK)])
def test_a_fit_is_the_same_whatever_is_trained_beside_it(
    experiment: Experiment, scheme: str, model: Model
) -> None:
    dataset = experiment.dataset
    rows = FoldInput(dataset.target, Task.REGRESSION, times=np.arange(len(dataset.target)))
    folds = make_folds(FoldSpec(scheme, 4), rows)
    held = [*folds.single, *folds.neighbours[:2], ALL_ROWS]
    together = train_folds(TINY, dataset, model, folds, 0, held)
    assert [result.held for result in together] == held
    for result in together:
        (alone,) = train_folds(TINY, dataset, model, folds, 0, [result.held])
        assert digests([alone]) == digests([result])


def test_each_model_repeat_and_fold_gets_a_seed_of_its_own(
    tiny_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    experiment = tiny_experiment(tiny_data, n_repeats=2)
    for name in ("one", "other"):
        for repeat in range(2):
            train_tiny(experiment, replace(staged([[0.1]] * 3), name=name), repeat=repeat)
    seeds = [fold.seed for fold in staged_trainer.seen]
    assert len(set(seeds)) == len(seeds) == 2 * 2 * 3


# What a trainer is given


def test_a_trainer_gets_the_rows_of_its_fold_and_no_target_of_the_others(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    train_tiny(experiment, staged([[0.1]] * 3))
    rows, target = experiment.dataset.train, np.log1p(experiment.dataset.target)
    pairs = experiment.folds.pairs[0]
    for fold, (train, valid) in zip(staged_trainer.seen, pairs, strict=True):
        np.testing.assert_array_equal(fold.target, target[train])
        assert fold.train.equals(rows.iloc[train])
        assert fold.valid.equals(rows.iloc[valid])
        assert fold.test.equals(experiment.dataset.test)


def test_features_are_fitted_on_the_training_rows_of_each_fold(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    train_tiny(experiment, replace(staged([[0.1]] * 3), features=TinyFeatures))
    rows = experiment.dataset.train
    pairs = experiment.folds.pairs[0]
    for fold, (train, valid) in zip(staged_trainer.seen, pairs, strict=True):
        fitted = TinyFeatures().fit(rows.iloc[train])
        np.testing.assert_array_equal(fold.train, fitted.transform(rows.iloc[train]))
        np.testing.assert_array_equal(fold.valid, fitted.transform(rows.iloc[valid]))
        np.testing.assert_array_equal(fold.test, fitted.transform(experiment.dataset.test))


class Repeated(TinyFeatures):
    """Each column several times."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def transform(self, rows: Any) -> NDArray[np.float64]:
        return np.tile(super().transform(rows), self.times)


def build_repeated_ridge(alpha: float, times: int) -> Ridge:
    return Ridge(alpha=alpha * times)


def test_parameters_that_the_features_name_reach_them_and_not_the_library(
    experiment: Experiment,
) -> None:
    plain = replace(RIDGE, params={"alpha": 6.0})
    model = replace(plain, params={"alpha": 6.0, "times": 3}, features=Repeated)
    # Each of three equal columns carries a third of the weight.
    np.testing.assert_allclose(
        train_tiny(experiment, model)[0].valid,
        train_tiny(experiment, replace(plain, params={"alpha": 2.0}))[0].valid,
        rtol=1e-4,
    )
    shared = replace(model, build=build_repeated_ridge, params={"alpha": 2.0, "times": 3})
    assert digests(train_tiny(experiment, shared)) == digests(train_tiny(experiment, model))


def test_views_of_other_parameters_are_kept_apart(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    views = ViewCache()
    for times in (1, 2, 1):
        params = {**staged([[0.1]] * 3).params, "times": times}
        model = replace(staged([[0.1]] * 3), params=params, features=Repeated)
        train_tiny(experiment, model, views=views)
    widths = [fold.train.shape[1] for fold in staged_trainer.seen[::3]]
    assert widths == [6, 12, 6]


@pytest.mark.parametrize(("task", "n_classes"), [(Task.REGRESSION, 0), (Task.MULTICLASS, 4)])
def test_a_trainer_is_told_the_classes_of_the_whole_target(
    experiment: Experiment, staged_trainer: type[StagedTrainer], task: Task, n_classes: int
) -> None:
    target = np.arange(120.0) % 4
    competition = replace(TINY, task=task, metric=replace(METRIC, scale=IDENTITY))
    dataset = replace(experiment.dataset, target=target)
    fold = 1 if experiment.folds.fold_of_row()[0] == 0 else 0
    train_folds(competition, dataset, staged([[0.1]]), experiment.folds, 0, [(fold,)], threads=2)
    assert staged_trainer.contexts == [Context(task, n_classes, threads=2)]


def test_a_trainer_may_use_one_thread_unless_told_otherwise(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    competition, dataset, folds = experiment.competition, experiment.dataset, experiment.folds
    train_folds(competition, dataset, staged([[0.1]]), folds, 0, [(0,)])
    assert [context.threads for context in staged_trainer.contexts] == [1]


# Views that models share


@EACH_TRAINER
def test_shared_views_do_not_change_a_byte(experiment: Experiment, model: Model) -> None:
    views = ViewCache()
    for other in (RIDGE, replace(RIDGE, name="by-town", features=TownMeans)):
        train_tiny(experiment, other, views=views)
    with_views = train_tiny(experiment, model, views=views)
    assert digests(with_views) == digests(train_tiny(experiment, model))


def test_views_of_folds_and_repeats_are_kept_apart(tiny_data: Path) -> None:
    experiment, views = tiny_experiment(tiny_data, n_repeats=2), ViewCache()
    for repeat in (0, 1, 0):
        found = digests(train_tiny(experiment, RIDGE, repeat=repeat, views=views))
        assert found == digests(train_tiny(experiment, RIDGE, repeat=repeat))


@pytest.mark.parametrize("size", [0, 5_000])
def test_views_that_do_not_fit_are_made_again(experiment: Experiment, size: int) -> None:
    views = ViewCache(max_bytes=size)
    for _ in range(2):
        found = digests(train_tiny(experiment, RIDGE, views=views))
        assert found == digests(train_tiny(experiment, RIDGE))


class Kept(ViewCache):
    """Counts the views that it is asked to keep."""

    asked = 0

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        self.asked += 1
        return super().get(key, make)


class OneUse(TinyFeatures):
    """A transformer whose view is not worth the memory."""

    keep_view = False


def test_a_view_is_not_kept_where_the_transformer_says_so(experiment: Experiment) -> None:
    for features, asked in ((TinyFeatures, 3), (OneUse, 0)):
        views = Kept()
        model = replace(RIDGE, features=features)
        found = digests(train_tiny(experiment, model, views=views))
        assert found == digests(train_tiny(experiment, RIDGE))
        assert views.asked == asked


def test_views_of_another_scale_are_kept_apart(experiment: Experiment) -> None:
    model, views = replace(RIDGE, features=TownMeans), ViewCache()
    in_dollars = replace(
        experiment, competition=replace(TINY, metric=replace(METRIC, scale=IDENTITY))
    )
    train_tiny(experiment, model, views=views)
    found = digests(train_tiny(in_dollars, model, views=views))
    assert found == digests(train_tiny(in_dollars, model))


def test_a_model_that_works_in_place_does_not_change_the_next_one(experiment: Experiment) -> None:
    views = ViewCache()
    train_tiny(experiment, replace(RIDGE, name="in-place", build=build_ridge_in_place), views=views)
    found = digests(train_tiny(experiment, RIDGE, views=views))
    assert found == digests(train_tiny(experiment, RIDGE))


# Stages


def flat_stages(
    flat_data: Path, errors: Sequence[Sequence[float]], patience: int | None, stride: int = 1
) -> list[FoldResult]:
    """Train the staged model where each fold's curve is its errors."""
    return train_tiny(tiny_experiment(flat_data), staged(errors, stride, patience))


def test_curves_are_the_metric_on_the_validation_rows_of_each_fold(
    flat_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    errors = [[0.3, 0.1], [0.5, 0.4], [0.2, 0.6]]
    results = flat_stages(flat_data, errors, patience=None, stride=10)
    assert [result.held for result in results] == [(0,), (1,), (2,)]
    for result, curve in zip(results, errors, strict=True):
        np.testing.assert_allclose(result.curve, curve, rtol=1e-6)
        np.testing.assert_array_equal(result.steps, [10, 20])


def test_results_have_the_shapes_that_they_promise(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    for result, (_, valid) in zip(
        train_tiny(experiment, staged([[0.3, 0.2]] * 3)), experiment.folds.pairs[0], strict=True
    ):
        assert result.valid.shape == (2, len(valid))
        assert result.test.shape == (2, len(experiment.dataset.test_ids))
        dtypes = [a.dtype for a in (result.steps, result.curve, result.valid, result.test)]
        assert dtypes == [np.int64, np.float64, np.float32, np.float32]


@pytest.fixture
def many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let patience count, as it does with more rows than a test has."""
    monkeypatch.setattr("pipelines.results.stopping.MOST_ROWS_NESTED", 10)


def test_on_few_rows_no_fold_ends_by_the_rows_that_it_predicts(
    flat_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    results = flat_stages(flat_data, [[0.1, 0.2, 0.3, 0.4]] * 3, patience=1)
    assert [len(result.steps) for result in results] == [4, 4, 4]


@pytest.mark.usefixtures("many_rows")
def test_a_fold_ends_when_its_own_curve_has_not_improved_for_so_many_steps(
    flat_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    # The first fold is best at step 10, the others at step 20: its program goes on without it.
    errors = [[0.1, 0.2, 0.3, 0.4, 0.1], [0.9, 0.2, 0.3, 0.4, 0.1], [0.9, 0.2, 0.3, 0.4, 0.1]]
    results = flat_stages(flat_data, errors, patience=20, stride=10)
    assert staged_trainer.asked == [10, 20, 30, 40]
    assert [result.steps.tolist() for result in results] == [
        [10, 20, 30],
        [10, 20, 30, 40],
        [10, 20, 30, 40],
    ]


@pytest.mark.usefixtures("many_rows")
def test_a_fit_without_two_folds_goes_on_while_one_of_them_gets_better(
    tmp_path: Path, staged_trainer: type[StagedTrainer]
) -> None:
    experiment = tiny_experiment(write_tiny(tmp_path, price=100.0))
    target = experiment.dataset.target.copy()
    target[experiment.folds.pairs[0][1][1]] = np.expm1(np.log1p(100.0) + 0.5)
    experiment = with_dataset(experiment, target=target)
    # Trained on a fold of 100 dollars, the error of one fold rises and that of the other falls.
    (result,) = train_folds(
        TINY,
        experiment.dataset,
        staged([[0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8]], patience=2),
        experiment.folds,
        0,
        [(0, 1)],
    )
    np.testing.assert_allclose(result.curves[0], [0.1, 0.2, 0.3, 0.4, 0.65, 0.7], atol=1e-6)
    np.testing.assert_allclose(result.curves[1], [0.4, 0.3, 0.2, 0.1, 0.15, 0.2], atol=1e-6)
    np.testing.assert_allclose(result.curve, result.curves.mean(axis=0))


@pytest.mark.parametrize("held", [[(0,)], [(0,), (2,)], [(0,), (1,), (2,)]])
def test_seconds_add_up_to_those_of_features_training_and_scores(
    flat_data: Path,
    staged_trainer: type[StagedTrainer],
    monkeypatch: pytest.MonkeyPatch,
    held: list[tuple[int, ...]],
) -> None:
    """Features take 5 s a fit, a stage of all fits 7 s, a score 3 s; the clock starts anywhere."""
    now = {"time": 1234.0}

    def after(seconds: float, done: Any) -> Any:
        now["time"] += seconds
        return done

    class SlowFeatures(TinyFeatures):
        def fit(self, rows: Any, target: Any = None) -> TinyFeatures:
            return after(5.0, super().fit(rows, target))

    stages = staged_trainer.stages
    monkeypatch.setattr(
        staged_trainer, "stages", lambda *given: (after(7.0, stage) for stage in stages(*given))
    )
    monkeypatch.setattr("time.perf_counter", lambda: now["time"])
    experiment = tiny_experiment(flat_data)
    metric = replace(TINY.metric, function=lambda target, values: after(3.0, 0.0))
    results = train_folds(
        replace(TINY, metric=metric),
        experiment.dataset,
        replace(staged([[0.1, 0.2]]), features=SlowFeatures),
        experiment.folds,
        0,
        held,
    )
    for result in results:
        assert result.fit_seconds == pytest.approx(2 * 7.0 / len(held))
        assert result.other_seconds == pytest.approx(5.0 + 2 * 3.0)


@pytest.mark.usefixtures("many_rows")
@pytest.mark.parametrize("patience", [None, 3])
def test_training_goes_on_while_there_is_patience(
    flat_data: Path, staged_trainer: type[StagedTrainer], patience: int | None
) -> None:
    flat_stages(flat_data, [[0.1, 0.2, 0.3]] * 3, patience=patience)
    assert staged_trainer.asked == [1, 2, 3]


@pytest.mark.usefixtures("many_rows")
def test_a_stage_that_predicts_nan_scores_nan_and_is_never_the_best(
    flat_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    results = flat_stages(flat_data, [[np.nan, 0.3, 0.4, 0.5]] * 3, patience=2)
    assert np.isnan(results[0].curve[0])
    assert staged_trainer.asked == [1, 2, 3, 4]


def test_what_an_estimator_holds_and_does_not_show_draws_by_the_seed(
    experiment: Experiment,
) -> None:
    def drawn() -> Any:
        return StackingRegressor([("ridge", Ridge())], Ridge(), cv=KFold(3, shuffle=True))

    model = Model("stack", Family.LINEAR, "sklearn", {}, TinyFeatures, drawn)
    found = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        found.append(train_tiny(experiment, model)[0].valid)
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.testing.assert_array_equal(*found)


def test_a_model_of_all_rows_tells_how_far_it_is(experiment: Experiment) -> None:
    told: list[tuple[int, float]] = []
    train_folds(
        experiment.competition,
        experiment.dataset,
        LIGHTGBM,
        experiment.folds,
        0,
        [ALL_ROWS],
        on_stage=lambda step, score: told.append((step, score)),
    )
    assert [step for step, _ in told] == [4, 8, 12] and np.isnan([s for _, s in told]).all()


def test_the_caller_is_told_each_stage_and_the_mean_score(
    flat_data: Path, staged_trainer: type[StagedTrainer]
) -> None:
    told: list[tuple[int, float]] = []
    experiment = tiny_experiment(flat_data)
    train_folds(
        experiment.competition,
        experiment.dataset,
        staged([[0.1, 0.2], [0.3, 0.6]]),
        experiment.folds,
        0,
        [(0,), (2,)],
        on_stage=lambda step, score: told.append((step, round(score, 6))),
    )
    assert told == [(1, 0.2), (2, 0.4)]


# Trainers against the plain libraries


N_CLASSES = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: 3, Task.MULTILABEL: 2}


def toy(task: Task, seed: int = 3) -> FoldData:
    """Return a fold of 90 rows with a value, classes or two labels that follow from them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(150, 3))
    value = rows[:, 0] + 0.5 * rows[:, 1] ** 2 + 0.1 * rng.normal(size=150)
    n_classes = N_CLASSES[task]
    target = np.digitize(value, [0.2, 1.0][: n_classes - 1]).astype(float) if n_classes else value
    if task is Task.MULTILABEL:
        target = (value[:, None] > [0.2, 1.0]).astype(float)
    return FoldData(rows[:90], target[:90], rows[90:120], rows[120:], seed=7)


def stages(model: Model, task: Task) -> list[Stage]:
    """Train a model on the toy rows."""
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    fold = toy(task)
    context = Context(task, N_CLASSES[task], threads=1, n_targets=fold.target[0].size)
    return list(trainer.stages(model, [fold], context))


TASKS = pytest.mark.parametrize("task", list(Task))
BOOSTING = pytest.mark.parametrize(
    "model", [as_parameter(m) for m in (LIGHTGBM, XGBOOST, CATBOOST)]
)
UNUSED_THREADS = pytest.mark.filterwarnings("ignore:'n_jobs' has no effect")
LOGISTIC = Model("logistic", Family.LINEAR, "sklearn", build=LogisticRegression)
CLASSIFIERS = pytest.mark.parametrize(
    "model", [as_parameter(m) for m in (LOGISTIC, LIGHTGBM, XGBOOST, CATBOOST)]
)


@TASKS
@BOOSTING
def test_boosting_yields_a_stage_every_stride_and_at_the_end(model: Model, task: Task) -> None:
    found = stages(model.with_params({"rounds": 10, "stride": 4}), task)
    assert [stage.step for stage in found] == [4, 8, 10]


@TASKS
@BOOSTING
def test_stages_are_not_changed_by_later_ones(model: Model, task: Task) -> None:
    found = stages(model, task)
    assert not np.array_equal(found[0].valid[0], found[-1].valid[0])
    assert not np.array_equal(found[0].test[0], found[-1].test[0])


@TASKS
@BOOSTING
def test_an_early_stage_is_what_fewer_rounds_would_have_given(model: Model, task: Task) -> None:
    whole = stages(model, task)
    short = stages(model.with_params({"rounds": 4}), task)
    np.testing.assert_allclose(whole[0].valid[0], short[0].valid[0], rtol=1e-6)
    np.testing.assert_allclose(whole[0].test[0], short[0].test[0], rtol=1e-6)


Alone = Callable[[Model, FoldData, Task, int], NDArray[np.float64]]


def of_each_label(alone: Alone, model: Model, task: Task, rounds: int) -> NDArray[np.float64]:
    """Predict the validation rows with a library alone, label by label where there are several."""
    fold = toy(task)
    if task is not Task.MULTILABEL:
        return alone(model, fold, task, rounds)
    labels = [
        replace(fold, target=label, seed=derive_seed(fold.seed, "target", place))
        for place, label in enumerate(fold.target.T)
    ]
    return np.stack([alone(model, label, Task.BINARY, rounds) for label in labels], axis=1)


def lightgbm_alone(model: Model, fold: FoldData, task: Task, rounds: int) -> NDArray[np.float64]:
    """Predict the validation rows as LightGBM's own documentation would."""
    import lightgbm

    objective = {
        Task.REGRESSION: {"objective": "regression"},
        Task.BINARY: {"objective": "binary"},
        Task.MULTICLASS: {"objective": "multiclass", "num_class": 3},
    }[task]
    own = {key: value for key, value in model.params.items() if key not in ("rounds", "stride")}
    params = {**own, **objective, "seed": fold.seed, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(fold.train, fold.target), rounds)
    return np.asarray(booster.predict(fold.valid))


def xgboost_alone(model: Model, fold: FoldData, task: Task, rounds: int) -> NDArray[np.float64]:
    """Predict the validation rows as XGBoost's own documentation would."""
    import xgboost

    objective = {
        Task.REGRESSION: {"objective": "reg:squarederror"},
        Task.BINARY: {"objective": "binary:logistic"},
        Task.MULTICLASS: {"objective": "multi:softprob", "num_class": 3},
    }[task]
    own = {key: value for key, value in model.params.items() if key not in ("rounds", "stride")}
    params = {**own, **objective, "seed": fold.seed, "nthread": 1, "tree_method": "hist"}
    # As one of several labels: seven is the seed of one target.
    params["seed_per_iteration"] = fold.seed != 7
    booster = xgboost.train(params, xgboost.QuantileDMatrix(fold.train, fold.target), rounds)
    return np.asarray(booster.predict(xgboost.DMatrix(fold.valid)))


@TASKS
@pytest.mark.parametrize(
    ("model", "alone"),
    [(LIGHTGBM, lightgbm_alone), (XGBOOST, xgboost_alone)],
    ids=["lightgbm", "xgboost"],
)
def test_stages_are_what_the_library_alone_predicts(model: Model, alone: Alone, task: Task) -> None:
    for stage in stages(model, task):
        wanted = of_each_label(alone, model, task, stage.step)
        np.testing.assert_allclose(stage.valid[0], wanted, rtol=2e-6)


def test_a_round_without_a_split_adds_no_tree_and_loses_none() -> None:
    # Few rows to a leaf, and others in each round: some rounds find nothing, later ones do.
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 4))
    target = rows[:, 0] + rng.normal(size=100)
    fold = FoldData(rows[:60], target[:60], rows[60:80], rows[80:], seed=7)
    params = {"min_data_in_leaf": 20, "bagging_fraction": 0.8, "bagging_freq": 1}
    params |= {"feature_fraction": 0.5, "min_gain_to_split": 2.0, "learning_rate": 0.3}
    model = replace(LIGHTGBM, params={**params, "rounds": 200, "stride": 25})
    trainer, context = load_trainer("lightgbm"), Context(Task.REGRESSION, 0, 1)
    found = list(trainer.stages(model, [fold], context))
    (kept,) = found[-1].models
    assert 5 < kept.booster.current_iteration() < 190
    restored = trainer.restored(model, kept.files(), context)
    for stage in found:
        for one in (kept, restored):
            np.testing.assert_allclose(one.at(stage.step).predict(fold.test), stage.test[0])
    np.testing.assert_allclose(kept.booster.predict(fold.valid), found[-1].valid[0])


@pytest.mark.parametrize("boosting", ["gbdt", "goss"])
def test_boosting_that_keeps_its_trees_is_summed(boosting: str) -> None:
    model = replace(LIGHTGBM, params={"rounds": 12, "stride": 4, "boosting": boosting})
    fold, context = toy(Task.REGRESSION), Context(Task.REGRESSION, 0, 1)
    last = list(load_trainer("lightgbm").stages(model, [fold], context))[-1]
    np.testing.assert_allclose(last.models[0].predict(fold.valid), last.valid[0])


def test_sparse_rows_are_boosted_as_dense_ones_are() -> None:
    from scipy.sparse import csr_matrix

    dense = toy(Task.MULTICLASS)
    parts = {name: csr_matrix(getattr(dense, name)) for name in ("train", "valid", "test")}
    context = Context(Task.MULTICLASS, 3, 1)
    one, other = (
        list(load_trainer("lightgbm").stages(LIGHTGBM, [fold], context))[-1].valid[0]
        for fold in (dense, replace(dense, **parts))
    )
    np.testing.assert_allclose(one, other)


def counts() -> FoldData:
    """Return a fold whose targets are counts, of about thirty."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(150, 3))
    target = rng.poisson(np.exp(3.4 + 0.3 * rows[:, 0])).astype(float)
    return FoldData(rows[:90], target[:90], rows[90:120], rows[120:], seed=7)


# Of each library a link function: exponential, logistic, a square, and classes one by one.
LINKS: list[tuple[Model, dict[str, Any], Task]] = [
    (LIGHTGBM, {"objective": "poisson"}, Task.REGRESSION),
    (LIGHTGBM, {"application": "gamma"}, Task.REGRESSION),
    (LIGHTGBM, {"objective": "tweedie"}, Task.REGRESSION),
    (LIGHTGBM, {"objective": "l1"}, Task.REGRESSION),
    (LIGHTGBM, {"objective": "regression", "reg_sqrt": True}, Task.REGRESSION),
    (LIGHTGBM, {"objective": "binary", "sigmoid": 2.0}, Task.BINARY),
    (LIGHTGBM, {"objective": "cross_entropy"}, Task.BINARY),
    (LIGHTGBM, {"objective": "multiclassova"}, Task.MULTICLASS),
    (XGBOOST, {"objective": "count:poisson"}, Task.REGRESSION),
    (XGBOOST, {"objective": "reg:gamma"}, Task.REGRESSION),
    (XGBOOST, {"objective": "reg:tweedie"}, Task.REGRESSION),
    (XGBOOST, {"objective": "reg:absoluteerror"}, Task.REGRESSION),
    (XGBOOST, {"objective": "reg:logistic"}, Task.BINARY),
    (CATBOOST, {"loss_function": "Poisson"}, Task.REGRESSION),
    (CATBOOST, {"objective": "Tweedie:variance_power=1.5"}, Task.REGRESSION),
    (CATBOOST, {"loss_function": "MAE"}, Task.REGRESSION),
]


def alone(model: Model, fold: FoldData, task: Task, rounds: int) -> NDArray[np.float64]:
    """Predict the test rows as the user of a library would, without the harness."""
    own = {key: value for key, value in model.params.items() if key not in ("rounds", "stride")}
    classes = {"num_class": 3} if task is Task.MULTICLASS else {}
    if model.trainer == "lightgbm":
        import lightgbm

        fixed = {"num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
        data = lightgbm.Dataset(fold.train, fold.target)
        booster = lightgbm.train({**own, **classes, "seed": 7, **fixed}, data, rounds)
        return np.asarray(booster.predict(fold.test))
    if model.trainer == "xgboost":
        import xgboost

        params = {**own, **classes, "seed": 7, "nthread": 1, "tree_method": "hist"}
        matrix = xgboost.QuantileDMatrix(fold.train, fold.target)
        return np.asarray(xgboost.train(params, matrix, rounds).predict(xgboost.DMatrix(fold.test)))
    from catboost import CatBoostRegressor

    silent = {"allow_writing_files": False, "logging_level": "Silent", "thread_count": 1}
    estimator = CatBoostRegressor(**own, **silent, iterations=rounds, random_seed=7)
    return np.asarray(estimator.fit(fold.train, fold.target).predict(fold.test))


def test_catboost_goes_on_from_part_to_part() -> None:
    catboost = pytest.importorskip("catboost")
    fold = toy(Task.REGRESSION)
    model = replace(CATBOOST, params={**CATBOOST.params, "rounds": 450, "stride": 50})
    found = list(load_trainer("catboost").stages(model, [fold], Context(Task.REGRESSION, 0, 1)))
    assert [stage.step for stage in found] == list(range(50, 451, 50))
    params = {key: value for key, value in model.params.items() if key not in ("rounds", "stride")}
    params |= {"allow_writing_files": False, "logging_level": "Silent", "thread_count": 1}
    whole = None
    for part, rounds in enumerate((200, 200, 50)):
        trained = catboost.CatBoost({**params, "iterations": rounds, "random_seed": 7 + part})
        whole = trained.fit(fold.train, fold.target, init_model=whole)
        end = 200 * (part + 1) if part < 2 else 450
        stage = next(stage for stage in found if stage.step == end)
        np.testing.assert_allclose(stage.test[0], whole.predict(fold.test))


def test_catboost_takes_one_learning_rate_for_all_parts() -> None:
    pytest.importorskip("catboost")
    fold, context = toy(Task.REGRESSION), Context(Task.REGRESSION, 0, 1)
    params = {"rounds": 250, "stride": 50, "depth": 2}
    ends = [
        list(load_trainer("catboost").stages(replace(CATBOOST, params=own), [fold], context))[-1]
        for own in (params, {**params, "learning_rate": 0.03})
    ]
    np.testing.assert_array_equal(ends[0].valid[0], ends[1].valid[0])


@pytest.mark.parametrize(
    ("model", "changes", "task"),
    [
        pytest.param(*link, id=f"{link[0].name}-{'-'.join(map(str, link[1].values()))}")
        for link in LINKS
    ],
)
def test_an_objective_with_a_link_predicts_in_the_unit_of_the_target(
    model: Model, changes: dict[str, Any], task: Task
) -> None:
    if model.trainer == "catboost":
        pytest.importorskip("catboost")
    changed = replace(model, params={**model.params, **changes, "rounds": 10})
    fold = counts() if task is Task.REGRESSION else toy(task)
    trainer = load_trainer(model.trainer)
    found = list(trainer.stages(changed, [fold], Context(task, N_CLASSES[task], threads=1)))
    assert [stage.step for stage in found] == [4, 8, 10]
    for stage in found:
        wanted = alone(changed, fold, task, stage.step)
        np.testing.assert_allclose(stage.test[0], wanted, rtol=2e-6)
    if task is Task.REGRESSION:
        # The logarithm of a count is about 3.4.
        assert 20 < float(np.median(found[-1].valid[0])) < 300


@pytest.mark.parametrize(
    ("model", "objective", "task"),
    [
        (LIGHTGBM, "regression", Task.BINARY),
        (XGBOOST, "multi:softmax", Task.MULTICLASS),
        (XGBOOST, "binary:logitraw", Task.BINARY),
    ],
)
def test_an_objective_that_predicts_no_probabilities_of_classes_is_refused(
    model: Model, objective: str, task: Task
) -> None:
    changed = replace(model, params={**model.params, "objective": objective})
    message = rf"objective '{objective}' predicts no probabilities of [23] classes"
    with pytest.raises(UsageError, match=message):
        stages(changed, task)


@TASKS
@pytest.mark.parametrize("model", [LIGHTGBM, XGBOOST], ids=lambda model: model.name)
def test_an_objective_that_is_named_is_the_same_as_the_usual_one(model: Model, task: Task) -> None:
    usual = {
        "lightgbm": {"regression": "regression", "binary": "binary", "multiclass": "multiclass"},
        "xgboost": {
            "regression": "reg:squarederror",
            "binary": "binary:logistic",
            "multiclass": "multi:softprob",
        },
    }[model.trainer]["binary" if task is Task.MULTILABEL else task]
    named = replace(model, params={**model.params, "objective": usual})
    for one, other in zip(stages(model, task), stages(named, task), strict=True):
        np.testing.assert_array_equal(one.valid[0], other.valid[0])
        np.testing.assert_array_equal(one.test[0], other.test[0])


@CLASSIFIERS
@UNUSED_THREADS
def test_classes_are_predicted_as_probabilities(model: Model) -> None:
    binary, several = stages(model, Task.BINARY)[-1], stages(model, Task.MULTICLASS)[-1]
    for probabilities in (*binary.valid, *binary.test):
        assert probabilities.shape == (30,)
        assert ((probabilities > 0) & (probabilities < 1)).all()
    for probabilities in (*several.valid, *several.test):
        assert probabilities.shape == (30, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@CLASSIFIERS
@UNUSED_THREADS
def test_the_probability_of_a_binary_task_is_that_of_class_one(model: Model) -> None:
    fold, found = toy(Task.BINARY), stages(model, Task.BINARY)[-1].valid[0]
    clearly_one = fold.valid[:, 0] > 1
    assert clearly_one.sum() >= 3
    assert found[clearly_one].mean() > found[~clearly_one].mean()


def test_scikit_learn_is_fitted_with_the_seed_and_threads_of_the_harness() -> None:
    (stage,) = stages(replace(FOREST, features=None), Task.REGRESSION)
    from sklearn.ensemble import ExtraTreesRegressor

    fold = toy(Task.REGRESSION)
    alone = ExtraTreesRegressor(5, random_state=7).fit(fold.train, fold.target)
    assert stage.step == 1
    np.testing.assert_array_equal(stage.valid[0], alone.predict(fold.valid))
    np.testing.assert_array_equal(stage.test[0], alone.predict(fold.test))


def twice_on_threads(model: Model) -> list[NDArray[np.float64]]:
    """Train a model twice on three threads and return what it predicts for many rows."""
    rows = np.random.default_rng(0).normal(size=(20_000, 5))
    fold = FoldData(rows[:500], rows[:500, 0], rows, rows[:1], seed=7)
    context = Context(Task.REGRESSION, 0, threads=3)
    trainer = load_trainer("sklearn")
    return [next(trainer.stages(model, [fold], context)).valid[0] for _ in range(2)]


def test_a_forest_on_several_threads_predicts_the_same_bytes_twice() -> None:
    forest = replace(FOREST.with_params({"n_estimators": 20}), features=None)
    np.testing.assert_array_equal(*twice_on_threads(forest))


@pytest.mark.slow
def test_a_forest_within_another_estimator_predicts_the_same_bytes_twice() -> None:
    from sklearn.ensemble import ExtraTreesRegressor, VotingRegressor

    def build() -> Any:
        return VotingRegressor([("forest", ExtraTreesRegressor(20))])

    model = Model("voting", Family.FOREST, "sklearn", build=build)
    np.testing.assert_array_equal(*twice_on_threads(model))


def test_nested_estimators_get_the_seed_and_threads_too() -> None:
    from sklearn.ensemble import ExtraTreesRegressor, VotingRegressor

    def build() -> Any:
        return VotingRegressor([("inner", ExtraTreesRegressor(3)), ("line", Ridge())])

    model = Model("voting", Family.FOREST, "sklearn", build=build)
    (one,), (other,) = stages(model, Task.REGRESSION), stages(model, Task.REGRESSION)
    np.testing.assert_array_equal(one.valid[0], other.valid[0])


class ThreadCount(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts how many threads it was given."""

    def __init__(self, n_jobs: int | None = None) -> None:
        self.n_jobs = n_jobs

    def fit(self, rows: object, target: object) -> ThreadCount:
        self.fitted_ = True
        return self

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(rows), self.n_jobs, dtype=np.float64)


@pytest.mark.slow
def test_threads_of_nested_estimators_do_not_multiply() -> None:
    from sklearn.ensemble import VotingRegressor
    from sklearn.pipeline import make_pipeline

    def voting() -> Any:
        return VotingRegressor([("one", ThreadCount()), ("other", ThreadCount())])

    def pipeline() -> Any:
        return make_pipeline(StandardScaler(), ThreadCount())

    for build, threads in ((voting, 1.0), (pipeline, 3.0)):
        model = Model("threads", Family.LINEAR, "sklearn", build=build)
        np.testing.assert_array_equal(twice_on_threads(model), threads)


# What is refused


@pytest.mark.parametrize("name", ["rounds", "stride"])
@pytest.mark.parametrize("value", [0, -5, 1.5, "many"])
@BOOSTING
def test_impossible_rounds_are_refused(model: Model, name: str, value: object) -> None:
    with pytest.raises(
        UsageError, match=f"'{name}' must be a positive whole number, not {value!r}"
    ):
        stages(model.with_params({name: value}), Task.REGRESSION)


@pytest.mark.parametrize(
    ("model", "params", "said"),
    [
        (LIGHTGBM, {"boosting": "dart"}, "boosts by 'dart'.*Leave 'boosting' out"),
        (LIGHTGBM, {"boosting_type": "rf"}, "boosts by 'rf'"),
        (LIGHTGBM, {"n_estimators": 3000}, "'n_estimators' of .*the number of rounds is 'rounds'"),
        (LIGHTGBM, {"early_stopping_rounds": 5}, "stopped by its patience"),
        (LIGHTGBM, {"objective": "mae", "loss": "mse"}, "'loss' and 'objective' of .* are one"),
        (XGBOOST, {"booster": "dart"}, "booster 'dart', whose rounds"),
        (XGBOOST, {"n_estimators": 50}, "'n_estimators' of"),
        (CATBOOST, {"iterations": 50}, "'iterations' of"),
    ],
)
def test_what_would_be_ignored_or_scored_wrongly_is_refused(
    model: Model, params: dict[str, Any], said: str
) -> None:
    if not installed(model):
        pytest.skip("its library is not installed")
    with pytest.raises(UsageError, match=said):
        stages(replace(model, params={**model.params, **params}), Task.REGRESSION)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "copies"])
def test_impossible_epochs_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' must be a positive whole number, not 0"):
        stages(NETWORK.with_params({name: 0}), Task.REGRESSION)


@pytest.mark.parametrize("model", [RIDGE, NETWORK], ids=lambda model: model.name)
def test_a_model_without_a_builder_is_refused(model: Model) -> None:
    with pytest.raises(UsageError, match=f"Model '{model.name}' names no function that builds"):
        stages(replace(model, build=None), Task.REGRESSION)


def test_an_unknown_trainer_is_refused(experiment: Experiment) -> None:
    with pytest.raises(UsageError, match=r"no trainer 'sklern'\. Did you mean 'sklearn'"):
        train_tiny(experiment, replace(RIDGE, trainer="sklern"))


@pytest.mark.parametrize("model", [LIGHTGBM, XGBOOST, RIDGE], ids=lambda model: model.name)
def test_a_parameter_that_the_library_does_not_know_is_refused(model: Model) -> None:
    misspelt = replace(model, params={**model.params, "learnin_rate": 0.1})
    with pytest.raises(UsageError, match="learnin_rate"):
        stages(replace(misspelt, features=None), Task.REGRESSION)
