"""Weights of rows: what they do in training, in scores, and where a library takes none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from comps.base import (
    Competition,
    DataError,
    Family,
    Metric,
    Model,
    Task,
)
from comps.baselines import class_share
from comps.kinds.memory import InMemory
from pipelines.fitting.training import train_folds
from pipelines.results.sealed import seal
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, FoldData, load_trainer, takes_weights
from tests.several import BOTH, LABELS, PRICES
from tests.support import (
    CATBOOST,
    FOREST,
    LIGHTGBM,
    MEAN,
    RIDGE,
    XGBOOST,
    Recorder,
    StagedTrainer,
    load_tiny,
    python,
    staged,
    validate,
    with_dataset,
)
from tests.test_training import as_parameter

Floats = NDArray[np.float64]

# Counted as often as it weighs.
TIMES = np.random.default_rng(8).integers(1, 5, 80)


def fold(weight: Floats | None) -> FoldData:
    """Return a fold of 80 rows with a value."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(120, 3))
    target = rows[:80, 0] + rows[:80, 1] ** 2 + 0.3 * rng.normal(size=80)
    return FoldData(rows[:80], target, rows[80:100], rows[100:], 7, weight)


def repeated() -> FoldData:
    """Return the fold with each row as often as it weighs."""
    rows, plain = np.repeat(np.arange(80), TIMES), fold(None)
    return replace(plain, train=plain.train[rows], target=plain.target[rows])


def predicted(model: Model, data: FoldData) -> Floats:
    """Return what a model predicts for the validation rows at its last stage."""
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    context = Context(Task.REGRESSION, 0, threads=1)
    *_, last = trainer.stages(replace(model, features=None), [data], context)
    return np.asarray(last.valid[0])


# In training


def estimator_model(build: Callable[[], Any]) -> Model:
    """Return the estimator that a function builds, as a model."""
    return Model("own", Family.LINEAR, "sklearn", build=build)


def pipeline() -> Any:
    """Return a pipeline in a pipeline."""
    squares = FunctionTransformer(np.square)
    return make_pipeline(squares, make_pipeline(FunctionTransformer(), Ridge(alpha=2.0)))


def transformed() -> Any:
    """Return a pipeline that learns another target."""
    return TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(), LinearRegression()), func=np.cbrt, inverse_func=_cubed
    )


def _cubed(values: Floats) -> Floats:
    return values**3


def voting() -> Any:
    """Return the mean of two estimators."""
    return VotingRegressor([("one", Ridge(alpha=2.0)), ("other", LinearRegression())])


def as_often(model: Model) -> Model:
    """Return a model whose leaves count weights where others count rows."""
    params = {"rounds": 12, "stride": 12, "learning_rate": 0.3}
    own = {
        # Every value has a bin of its own, and every leaf is large enough.
        "lightgbm": {"min_data_in_leaf": 1, "min_data_in_bin": 1, "num_leaves": 4},
        "xgboost": {"max_depth": 2},
    }[model.trainer]
    return replace(model, params={**params, **own})


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(RIDGE, id="ridge"),
        pytest.param(MEAN, id="mean"),
        pytest.param(estimator_model(pipeline), id="pipeline"),
        pytest.param(estimator_model(transformed), id="transformed"),
        pytest.param(estimator_model(voting), id="voting"),
        pytest.param(as_often(LIGHTGBM), id="lightgbm"),
        pytest.param(as_often(XGBOOST), id="xgboost"),
    ],
)
def test_a_weighted_row_is_as_good_as_repeated_rows(model: Model) -> None:
    weighted = predicted(model, fold(TIMES.astype(np.float64)))
    np.testing.assert_allclose(weighted, predicted(model, repeated()), rtol=1e-4, atol=1e-5)
    assert not np.allclose(weighted, predicted(model, fold(None)), rtol=1e-3)


def build_whole_batch(shapes: Any) -> Any:
    """Return a small network whose first weights are always the same."""
    import keras

    rows = keras.Input(shapes["rows"], name="rows")
    hidden = keras.layers.Dense(
        4, "tanh", kernel_initializer=keras.initializers.RandomNormal(seed=1)
    )(rows)
    outputs = keras.layers.Dense(1, kernel_initializer="zeros")(hidden)
    model = keras.Model({"rows": rows}, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def assert_weighted_networks_are_repeated_rows(trainer: str) -> None:
    """Compare a network of weighted rows with one of repeated rows, all rows in a batch."""
    params = {"epochs": 5, "batch_size": 1000, "copies": 1}
    model = Model("net", Family.NETWORK, trainer, params, build=build_whole_batch)
    # As many rows of each value have each weight: both targets are standardised alike.
    times, target = np.repeat([1, 2, 3, 6], 20), np.tile([1.0, -1.0], 40)
    plain = replace(fold(None), target=target)
    rows = np.repeat(np.arange(80), times)
    many = replace(plain, train=plain.train[rows], target=target[rows])
    expected = predicted(model, many)
    # Weights of any size are the same.
    for factor in (1.0, 1000.0):
        found = predicted(model, replace(plain, weight=factor * times))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert not np.allclose(expected, predicted(model, plain), rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_weighted_row_of_a_network_is_as_good_as_repeated_rows(backend: str) -> None:
    python(
        "from tests.test_row_weights import assert_weighted_networks_are_repeated_rows\n"
        f"assert_weighted_networks_are_repeated_rows('keras-{backend}')",
        KERAS_BACKEND=backend,
    )


@pytest.mark.parametrize("model", [as_parameter(CATBOOST), as_parameter(FOREST)])
def test_other_libraries_look_at_weights_too(model: Model) -> None:
    heavy = np.where(fold(None).target > 1, 9.0, 1.0)
    ones, weighted = (predicted(model, fold(weight)) for weight in (np.ones(80), heavy))
    np.testing.assert_allclose(ones, predicted(model, fold(None)), rtol=1e-5)
    assert weighted.mean() > ones.mean() + 0.05


def test_a_trainer_gets_the_weights_of_its_training_rows(
    experiment: Experiment, staged_trainer: type[StagedTrainer]
) -> None:
    weights = np.arange(1.0, 121.0)
    weighted = with_dataset(experiment, weights=weights)
    folds = weighted.folds
    train_folds(weighted.competition, weighted.dataset, staged([[0.1]]), folds, 0, folds.single)
    for seen, (train, _) in zip(staged_trainer.seen, folds.pairs[0], strict=True):
        np.testing.assert_array_equal(seen.weight, weights[train])


# Where there is no place for them


def neighbours() -> Any:
    """Return an estimator that takes no weights."""
    return KNeighborsRegressor(3)


def stacked_neighbours() -> Any:
    """Return a stack, one member of which takes no weights."""
    return StackingRegressor([("ridge", Ridge()), ("near", KNeighborsRegressor(3))])


def searched_neighbours() -> Any:
    """Return a search for the number of neighbours."""
    return GridSearchCV(make_pipeline(KNeighborsRegressor()), {"kneighborsregressor__p": [1, 2]})


def neighbours_of_each() -> Any:
    """Return a wrapper that takes weights, of an estimator that takes none."""
    return MultiOutputRegressor(KNeighborsRegressor(3))


def ridge_of_each() -> Any:
    """Return a wrapper that passes weights on."""
    return MultiOutputRegressor(Ridge())


def pipelines_of_each() -> Any:
    """Return a wrapper of pipelines, to whose last step it passes no weights on."""
    return MultiOutputRegressor(make_pipeline(Ridge()))


def transformed_of_each() -> Any:
    """Return a wrapper of what passes weights on, and does not name them."""
    return MultiOutputRegressor(TransformedTargetRegressor(Ridge()))


@pytest.mark.parametrize("build", [neighbours_of_each, pipelines_of_each, transformed_of_each])
def test_a_wrapper_of_several_targets_takes_weights_as_what_it_wraps(
    build: Callable[[], Any],
) -> None:
    model = estimator_model(build)
    assert not takes_weights(model)
    assert takes_weights(estimator_model(ridge_of_each))
    own = fold(TIMES.astype(np.float64))
    (stage,) = load_trainer("sklearn").stages(
        model,
        [replace(own, target=np.stack([own.target, -own.target], axis=1))],
        Context(Task.REGRESSION, 0, 1, n_targets=2),
    )
    assert stage.valid[0].shape == (len(own.valid), 2)


@pytest.mark.parametrize("build", [neighbours, stacked_neighbours, searched_neighbours])
def test_an_estimator_without_weights_is_trained_without(build: Callable[[], Any]) -> None:
    model = estimator_model(build)
    assert not takes_weights(model)
    weighted = predicted(model, fold(TIMES.astype(np.float64)))
    np.testing.assert_array_equal(weighted, predicted(model, fold(None)))


@pytest.mark.parametrize("build", [pipeline, transformed, voting])
def test_estimators_that_pass_weights_on_take_them(build: Callable[[], Any]) -> None:
    assert takes_weights(estimator_model(build))


def test_the_user_is_told_once_which_models_take_no_weights(
    experiment: Experiment, tmp_path: Path
) -> None:
    near = replace(RIDGE, name="near", params={}, build=neighbours)
    for weights, notes in (
        (None, []),
        (
            np.ones(120),
            ["Trained without the weights of rows, which their estimators do not take: near."],
        ),
    ):
        reporter, store = Recorder(), RunStore(tmp_path / str(weights is None))
        given = with_dataset(experiment, weights=weights)
        validate(given, [RIDGE, near], store, reporter=reporter)
        assert reporter.notes == notes


# In scores


def weighted_error(target: Floats, prediction: Floats, sample_weight: Floats) -> float:
    """Return the weighted mean of the absolute errors."""
    return float(np.average(np.abs(target - prediction), weights=sample_weight))


def error_of_queries(target: Floats, prediction: Floats, query: NDArray[Any]) -> float:
    """Return the mean error of each query, averaged."""
    each = [np.abs(target - prediction)[query == own].mean() for own in np.unique(query)]
    return float(np.mean(each))


WEIGHTED = Metric("weighted", "weighted", weighted_error, False, weighted=True)
QUERIES = Metric("queries", "queries", error_of_queries, False, by_query=True)
BESIDE = {
    "weights": np.random.default_rng(4).uniform(0.1, 3.0, 120),
    "queries": np.random.default_rng(5).integers(0, 9, 120),
}


@pytest.mark.parametrize(
    ("metric", "name", "keyword"),
    [(WEIGHTED, "weights", "sample_weight"), (QUERIES, "queries", "query")],
    ids=["weights", "queries"],
)
def test_every_score_counts_weights_and_queries(
    experiment: Experiment, store: RunStore, metric: Metric, name: str, keyword: str
) -> None:
    rows = with_dataset(experiment, **BESIDE, fingerprint="beside")
    competition = replace(rows.competition, metric=metric, load=InMemory(rows.dataset))
    given = replace(rows, competition=competition)
    target, beside = given.dataset.target, BESIDE[name]
    oof = validate(given, [RIDGE], store).oofs["ridge"]

    def expected(rows: Any) -> float:
        parts = {keyword: beside[rows]}
        return float(metric.function(target[rows], oof.valid[rows], **parts))

    valid = [rows for _, rows in given.folds.pairs[0]]
    assert oof.score == pytest.approx(expected(slice(None)))
    np.testing.assert_allclose(oof.fold_scores, [[expected(rows) for rows in valid]], rtol=1e-6)
    plain = metric.function(target, oof.valid, **{keyword: np.arange(120) % 2 + 1})
    assert oof.score != pytest.approx(plain, rel=1e-4)


def test_rows_held_out_keep_their_weights_queries_and_folds(tiny_data: Path) -> None:
    given = {**BESIDE, "folds": BESIDE["queries"] % 4}
    whole = replace(load_tiny(tiny_data), **given)
    left, part = seal(PRICES, whole, 0.25)
    places = {name: place for place, name in enumerate(whole.train_ids.tolist())}
    for rows, ids in ((left, left.train_ids), (part, part.ids)):
        own = [places[name] for name in ids.tolist()]
        for name, values in given.items():
            np.testing.assert_array_equal(getattr(rows, name), values[own])
    truth = part.truth(PRICES.metric)
    np.testing.assert_array_equal(truth.weight, part.weights)
    np.testing.assert_array_equal(truth.query, part.queries)
    np.testing.assert_array_equal(truth.values, part.target)


@pytest.mark.parametrize("competition", BOTH, ids=lambda competition: competition.name)
def test_several_targets_can_be_sealed(competition: Competition, tiny_data: Path) -> None:
    left, part = seal(competition, competition.load(tiny_data), 0.25)
    assert part.target.shape == (len(part.ids), 2)
    assert left.target.shape == (len(left.train_ids), 2)
    assert 25 <= len(part.ids) <= 35
    predictions = np.arange(2.0 * len(left.test_ids)).reshape(-1, 2)
    np.testing.assert_array_equal(part.predictions(predictions), predictions[-len(part.ids) :])
    if competition is LABELS:
        shares = competition.load(tiny_data).target.mean(axis=0)
        np.testing.assert_allclose(part.target.mean(axis=0), shares, atol=0.05)


# The baseline


def test_the_share_of_a_class_is_weighted() -> None:
    target = np.array([0.0, 1.0, 1.0, 0.0])
    rows = np.zeros((4, 1))
    data = FoldData(rows, target, rows[:1], rows[:1], 7, np.array([1.0, 2.0, 4.0, 1.0]))
    model = Model("class-share", Family.BASELINE, "sklearn", build=class_share)
    (stage,) = load_trainer("sklearn").stages(model, [data], Context(Task.BINARY, 2, 1))
    assert stage.valid[0].tolist() == [0.75]


# What is refused


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_counts_for_nothing_is_refused(tiny_data: Path, bad: float) -> None:
    weights = np.ones(120)
    weights[[3, 7]] = bad
    with pytest.raises(DataError, match=rf"2 weights are not above 0: ids 1003 \({bad:g}\), 1007"):
        replace(load_tiny(tiny_data), weights=weights)


@pytest.mark.parametrize("name", ["groups", "times", "weights", "queries", "folds"])
def test_a_value_for_each_row_is_needed(tiny_data: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"119 {name} came with 120 training rows"):
        replace(load_tiny(tiny_data), **{name: np.ones(119)})
