"""Several targets and labels: each is learned as it would be alone, and no fold's rows leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression, MultiTaskLasso, Ridge
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.neighbors import KNeighborsClassifier

from comps.base import Competition, Family, Model, Task, UsageError
from pipelines.basics.seeds import derive_seed
from pipelines.fitting.training import train_folds
from pipelines.results.fold_result import FoldResult
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, FoldData, Stage, load_trainer
from tests.several import BOTH, LABELS, LOGISTIC, PRICES, load_labels
from tests.support import (
    CATBOOST,
    FOREST,
    LIGHTGBM,
    MEAN,
    RIDGE,
    XGBOOST,
    kfold,
    no_engine,
    python,
    validate,
)
from tests.test_training import as_parameter, assert_same_predictions, digests

UNUSED_THREADS = pytest.mark.filterwarnings("ignore:'n_jobs' has no effect")
EVERY_MODEL = pytest.mark.parametrize(
    ("competition", "model"),
    [
        pytest.param(competition, *parameter.values, marks=parameter.marks, id=parameter.id)
        for competition in BOTH
        for parameter in (as_parameter(model) for model in competition.models)
    ],
)
pytestmark = UNUSED_THREADS


def experiment(competition: Competition, data: Path, **changes: Any) -> Experiment:
    """Return a competition on three folds, with some attributes of its rows replaced."""
    dataset = replace(competition.load(data), **changes)
    return Experiment(competition, dataset, data, kfold(len(dataset.target)))


def of_one_target(data: Path, target: int) -> Experiment:
    """Return the competition of one of the two prices."""
    whole = PRICES.load(data)
    dataset = replace(whole, target=whole.target[:, target], fingerprint=f"one-{target}")
    alone = replace(PRICES, load=lambda path: dataset, target_columns=("price",))
    return Experiment(alone, dataset, data, kfold(len(dataset.target)))


# The same as one target after the other


# Nothing is drawn, and there is one stage.
SURE = replace(
    LIGHTGBM, params={"rounds": 12, "stride": 12, "num_leaves": 4, "min_data_in_leaf": 3}
)


@pytest.mark.parametrize("model", [RIDGE, SURE, MEAN], ids=lambda model: model.name)
def test_two_targets_are_learned_as_each_would_be_alone(
    tiny_data: Path, tmp_path: Path, model: Model
) -> None:
    both = experiment(PRICES, tiny_data)
    found = validate(both, [model], RunStore(tmp_path / "both")).oofs[model.name]
    assert found.valid.shape == (120, 2)
    assert found.test.shape == (30, 2)
    scores = []
    for target in range(2):
        one = of_one_target(tiny_data, target)
        alone = validate(one, [model], RunStore(tmp_path / f"{target}")).oofs[model.name]
        np.testing.assert_array_equal(found.valid[:, target], alone.valid)
        np.testing.assert_array_equal(found.test[:, target], alone.test)
        scores.append(alone.score)
    assert found.score == pytest.approx(np.mean(scores))
    stored = validate(both, [model], RunStore(tmp_path / "both"), engine=no_engine)
    np.testing.assert_array_equal(stored.oofs[model.name].valid, found.valid)


def two_columns(labels: bool) -> FoldData:
    """Return a fold of 90 rows with two values or labels."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(150, 3))
    target = np.stack([rows[:90, 0] + rows[:90, 1] ** 2, -rows[:90, 2]], axis=1)
    target += 0.1 * rng.normal(size=(90, 2))
    target = (target > [0.5, 0.2]).astype(float) if labels else target
    return FoldData(rows[:90], target, rows[90:120], rows[120:], seed=7)


def stages_of(
    model: Model, fold: FoldData, task: Task, n_targets: int | None = None
) -> list[Stage]:
    """Train a model on the rows of a fold as they are, as one of so many targets."""
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    n_classes = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTILABEL: 2}[task]
    context = Context(task, n_classes, threads=1, n_targets=n_targets or fold.target[0].size)
    return list(trainer.stages(replace(model, features=None), [fold], context))


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(
    "model", [as_parameter(model) for model in (FOREST, LIGHTGBM, XGBOOST, CATBOOST)]
)
def test_each_target_has_a_seed_of_its_own_and_all_stages(model: Model, labels: bool) -> None:
    if labels and model is FOREST:
        model = replace(model, build=ExtraTreesClassifier)
    fold = two_columns(labels)
    both = stages_of(model, fold, Task.MULTILABEL if labels else Task.REGRESSION)
    assert [stage.step for stage in both] == ([1] if model.trainer == "sklearn" else [4, 8, 12])
    for target in range(2):
        seed = derive_seed(fold.seed, "target", target)
        own = replace(fold, target=fold.target[:, target], seed=seed)
        alone = stages_of(model, own, Task.BINARY if labels else Task.REGRESSION, n_targets=2)
        for one, other in zip(both, alone, strict=True):
            np.testing.assert_array_equal(one.valid[0][:, target], other.valid[0])
            np.testing.assert_array_equal(one.test[0][:, target], other.test[0])


def build_line(shapes: Any, *, outputs: int) -> Any:
    """Return a linear network."""
    import keras

    rows = keras.Input(shapes["rows"], name="rows")
    model = keras.Model(
        {"rows": rows}, keras.layers.Dense(outputs, kernel_initializer="zeros")(rows)
    )
    # The loss is the mean over the outputs.
    model.compile(keras.optimizers.SGD(0.02 * outputs), "mse")
    return model


def assert_two_outputs_are_two_networks(trainer: str) -> None:
    """Compare a linear network of two outputs with two of one output."""
    params = {"epochs": 4, "batch_size": 16, "copies": 1}
    model = Model("line", Family.NETWORK, trainer, {**params, "outputs": 2}, build=build_line)
    # Of very different size: each is standardised by itself.
    size = np.array([1.0, 1e4])
    fold = two_columns(labels=False)
    fold = replace(fold, target=fold.target * size)
    both = stages_of(model, fold, Task.REGRESSION)[-1].valid[0]
    one = replace(model, params={**params, "outputs": 1})
    alone = [
        stages_of(one, replace(fold, target=own), Task.REGRESSION)[-1].valid[0]
        for own in fold.target.T
    ]
    np.testing.assert_allclose(both / size, np.stack(alone, axis=1) / size, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_two_outputs_of_a_linear_network_learn_what_two_networks_learn(backend: str) -> None:
    python(
        "from tests.test_per_target import assert_two_outputs_are_two_networks\n"
        f"assert_two_outputs_are_two_networks('keras-{backend}')",
        KERAS_BACKEND=backend,
    )


# Labels


@pytest.mark.parametrize(
    "model",
    [as_parameter(model) for model in LABELS.models if model.trainer != "keras-jax"],
)
def test_a_label_that_no_training_row_has_is_predicted_as_it_is(model: Model) -> None:
    fold = two_columns(labels=True)
    third = np.stack([fold.target[:, 0], np.zeros(90), np.ones(90), fold.target[:, 1]], axis=1)
    found = stages_of(model, replace(fold, target=third), Task.MULTILABEL)
    for stage in found:
        assert stage.valid[0].shape == (30, 4)
        assert (stage.valid[0][:, 1] == 0).all()
        assert (stage.test[0][:, 2] == 1).all()
    # The places of the others count, not how many of them are learned.
    own = replace(fold, target=fold.target[:, 1], seed=derive_seed(fold.seed, "target", 3))
    alone = stages_of(model, own, Task.BINARY, n_targets=4)
    np.testing.assert_array_equal(found[-1].valid[0][:, 3], alone[-1].valid[0])


def test_labels_that_are_all_the_same_are_refused(tiny_data: Path) -> None:
    target = load_labels(tiny_data).target
    folds = kfold(len(target))
    target[:] = 0.0
    target[folds.pairs[0][1][1][0]] = 1.0
    given = experiment(LABELS, tiny_data, target=target)
    with pytest.raises(UsageError, match="rows outside fold 2 have the same labels"):
        train_folds(LABELS, given.dataset, LOGISTIC, given.folds, 0, [(1,)])


def test_a_rare_label_does_not_hide_the_score_of_the_others(tiny_data: Path) -> None:
    from comps.metrics import ROC_AUC

    target = load_labels(tiny_data).target
    target[:, 1] = 0.0
    target[:2, 1] = 1.0
    given = experiment(replace(LABELS, metric=ROC_AUC), tiny_data, target=target)
    results = train_folds(
        given.competition, given.dataset, LOGISTIC, given.folds, 0, given.folds.single
    )
    for result, (_, valid) in zip(results, given.folds.pairs[0], strict=True):
        scores = [ROC_AUC.score(target[valid, k], result.valid[0][:, k]) for k in range(2)]
        assert result.curve[0] == pytest.approx(np.nanmean(scores))
        assert np.isfinite(result.curve[0])


def test_class_shares_of_labels_are_the_share_of_each(tiny_data: Path) -> None:
    given = experiment(LABELS, tiny_data)
    (result,) = train_folds(LABELS, given.dataset, LABELS.baseline, given.folds, 0, [(0,)])
    train, _ = given.folds.pairs[0][0]
    shares = given.dataset.target[train].mean(axis=0)
    np.testing.assert_allclose(result.valid[0], np.tile(shares, (40, 1)), rtol=1e-6)


# Estimators of scikit-learn that learn several targets alone


def build_chain() -> Any:
    """Return a chain of classifiers, which draws its order."""
    return ClassifierChain(LogisticRegression(), order="random")


def build_neighbours() -> Any:
    """Return a classifier of each label."""
    return MultiOutputClassifier(KNeighborsClassifier())


def build_regressors() -> Any:
    """Return a chain of regressors."""
    return RegressorChain(Ridge())


@pytest.mark.parametrize(
    ("build", "task"),
    [
        (build_chain, Task.MULTILABEL),
        (build_neighbours, Task.MULTILABEL),
        (build_regressors, Task.REGRESSION),
        (MultiTaskLasso, Task.REGRESSION),
    ],
)
def test_an_estimator_of_several_targets_is_fitted_to_all_at_once(build: Any, task: Task) -> None:
    fold = two_columns(labels=task is Task.MULTILABEL)
    model = Model("chain", Family.LINEAR, "sklearn", build=build)
    (stage,) = stages_of(model, fold, task)
    own = build()
    if "random_state" in own.get_params():
        own.set_params(random_state=fold.seed)
    own.fit(fold.train, fold.target)
    if task is Task.REGRESSION:
        expected = own.predict(fold.valid)
    elif build is build_neighbours:
        expected = np.stack([part[:, 1] for part in own.predict_proba(fold.valid)], axis=1)
    else:
        expected = own.predict_proba(fold.valid)
    np.testing.assert_array_equal(stage.valid[0], expected)


def test_a_label_that_is_the_same_in_a_fold_does_not_end_a_wrapper() -> None:
    fold = two_columns(labels=True)
    target = np.stack([fold.target[:, 0], np.zeros(90), np.ones(90)], axis=1)
    model = Model("each", Family.LINEAR, "sklearn", build=build_neighbours)
    (stage,) = stages_of(model, replace(fold, target=target), Task.MULTILABEL, n_targets=3)
    assert stage.valid[0].shape == (30, 3)
    assert (stage.valid[0][:, 1] == 0).all() and (stage.valid[0][:, 2] == 1).all()


# Nothing leaks


def first_fold(given: Experiment, model: Model) -> FoldResult:
    """Train on the first fold alone."""
    return train_folds(given.competition, given.dataset, model, given.folds, 0, [(0,)])[0]


@EVERY_MODEL
def test_targets_and_weights_of_a_validation_fold_do_not_change_its_predictions(
    tiny_data: Path, competition: Competition, model: Model
) -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, 120)
    before = experiment(competition, tiny_data, weights=weights)
    train, valid = before.folds.pairs[0][0]
    target, heavier = before.dataset.target.copy(), weights.copy()
    target[valid] = 1 - target[valid]
    heavier[valid] *= 50
    after = experiment(competition, tiny_data, weights=heavier, target=target)
    one, other = first_fold(before, model), first_fold(after, model)
    assert one.valid.shape[1:] == (40, 2)
    assert_same_predictions(one, other)
    assert (one.curve != other.curve).all()
    # Without this, a model that looks at nothing would pass: those of training rows do count.
    changed = weights.copy()
    changed[train] *= np.where(target[train, 0] > np.median(target[train, 0]), 9, 1)
    weighted = first_fold(experiment(competition, tiny_data, weights=changed), model)
    assert digests([weighted]) != digests([one])
    target[train] = before.dataset.target[train][::-1]
    turned = first_fold(experiment(competition, tiny_data, weights=weights, target=target), model)
    assert digests([turned]) != digests([one])
