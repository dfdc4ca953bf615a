"""The networks for tables: their features, layers and losses, and what they learn."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from comps.base import Model, Task
from comps.kinds.table.network_features import NetworkFeatures, filled_width
from comps.kinds.table.network_models import network_models, network_space, training_of
from comps.metrics import find_metric
from pipelines import cross_validate
from pipelines.trainers import Context, FoldData, Stage, load_trainer
from pipelines.trainers.networks._keras_backend import import_keras
from tests.tables import own, table

NAMES = pytest.mark.parametrize("name", ["mlp", pytest.param("tabm", marks=pytest.mark.slow)])
QUICK = {"epochs": 30, "stride": 2, "batch_size": 32, "units": [24, 24]}
# One stage: which one is used follows from the targets of all folds.
LEAST = {"epochs": 2, "stride": 2, "batch_size": 64, "units": [8]}


def model(name: str, task: Task, n_classes: int = 0, n_targets: int = 1, **params: Any) -> Model:
    """Return one of the two networks, with some parameters changed."""
    metric = find_metric("rmse" if task is Task.REGRESSION else "log_loss")
    models = network_models(task, n_classes, n_targets, metric)
    return next(model for model in models if model.name == name).with_params(params)


def features(rows: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    return NetworkFeatures().fit_transform(rows, np.zeros(len(rows)))


# Features


def test_numbers_are_scaled_clipped_and_ranked() -> None:
    rows = pd.DataFrame({"a": [*np.linspace(0, 1, 99), 1e12], "b": [5.0] * 100})
    found = features(rows)
    assert np.abs(found["numbers"]).max() <= 3.0
    assert (np.diff(found["numbers"][:, 0]) >= 0).all()
    assert (np.diff(found["ranks"][:, 0]) >= 0).all()
    # Only the two rows beside the extreme are as near to each other as float32 can say.
    assert len(np.unique(found["ranks"][:, 0])) >= 98
    assert found["ranks"].min() == 0.0 and found["ranks"].max() == 1.0
    assert (found["numbers"][:, 1] == 0).all()


def test_few_values_have_ranks_as_far_apart_as_possible() -> None:
    rows = pd.DataFrame({"a": [1.0] * 90 + [2.0] * 5 + [3.0] * 5})
    np.testing.assert_allclose(np.unique(features(rows)["ranks"]), [0.0, 0.5, 1.0])


def test_a_missing_number_is_the_median_and_a_column_of_its_own() -> None:
    rows = pd.DataFrame({"a": [np.nan] * 6 + [1.0, 2.0, 4.0] * 5, "b": range(21)})
    found = features(rows)
    assert (found["numbers"][:6, 0] == 0).all()
    np.testing.assert_array_equal(found["levels"][:, 0], [1] * 6 + [0] * 15)
    assert not found["levels"][:, 1:].any()


def test_rare_and_unknown_levels_share_a_column() -> None:
    rows = pd.DataFrame({"a": ["x"] * 8 + ["y"] * 8 + ["z"]})
    made = NetworkFeatures()
    found = made.fit_transform(rows, np.zeros(17))
    assert set(found) == {"levels"}
    np.testing.assert_array_equal(found["levels"][[0, 8, 16]], np.eye(4)[:3])
    unknown = made.transform(pd.DataFrame({"a": ["never", "x"]}))
    np.testing.assert_array_equal(unknown["levels"], np.eye(4)[[2, 0]])


def test_folds_that_differ_in_a_rare_level_have_inputs_of_one_shape() -> None:
    rows = pd.DataFrame({"a": ["u", "v", "w", "x", "y"] * 8, "b": np.arange(40.0)})
    with_z = pd.concat([rows, pd.DataFrame({"a": ["z"] * 5, "b": 1.0})])
    assert features(rows)["levels"].shape[1] == features(with_z)["levels"].shape[1] == 8


def test_the_most_frequent_of_too_many_levels_get_columns() -> None:
    names = [f"level {number}" for number in range(400) for _ in range(5 + number // 200)]
    found = features(pd.DataFrame({"a": names}))["levels"]
    assert found.shape == (len(names), filled_width(201))
    np.testing.assert_array_equal(found.sum(axis=1), 1)
    # The first 200 levels have fewer rows than the others, and share the last column.
    np.testing.assert_array_equal(found[:1000, 200], 1)
    assert not found[1000:, 200].any()


def test_a_column_without_any_number_and_a_table_without_columns() -> None:
    rows = pd.DataFrame({"a": [np.nan] * 9, "b": np.arange(9.0)})
    assert np.isfinite(np.asarray(features(rows)["numbers"], dtype=float)).all()
    assert features(rows[[]])["levels"].shape == (9, 4)


# Layers, losses and the schedule


@pytest.mark.slow
def test_the_prediction_of_tabm_is_the_mean_of_members_that_differ() -> None:
    import_keras("jax")
    import keras

    made = model("tabm", Task.MULTICLASS, 3, units=[8, 8], members=5)
    shapes = {"numbers": (4,), "ranks": (4,), "levels": (8,)}
    params = {name: made.params[name] for name in made.params if name not in _plan()}
    network = made.build(shapes, 100, **params)  # type: ignore[misc]
    rng = np.random.default_rng(0)
    rows = {name: rng.uniform(size=(6, *shape)).astype("float32") for name, shape in shapes.items()}
    outputs = np.asarray(keras.Model(network.inputs, network.layers[-2].output)(rows))
    assert outputs.shape == (6, 5, 3)
    assert np.ptp(outputs, axis=1).min() > 1e-3
    each = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(network(rows), each.mean(axis=1), rtol=1e-5)
    in_training = network.layers[-1](outputs, training=True)
    np.testing.assert_array_equal(in_training, outputs)


def _plan() -> set[str]:
    return {"epochs", "stride", "batch_size", "copies"}


def test_the_mean_of_members_is_read_from_what_keras_saves() -> None:
    import_keras("jax")
    layers = importlib.import_module("comps.kinds.table.network_layers")
    saved = layers.MeanOfMembers("sigmoid").get_config()
    outputs = np.array([[[0.0], [2.0]]], dtype=np.float32)
    found = np.asarray(layers.MeanOfMembers.from_config(saved)(outputs))
    np.testing.assert_allclose(found, [[(0.5 + 1 / (1 + np.exp(-2))) / 2]], rtol=1e-6)


def test_members_share_a_matrix_and_have_factors_of_their_own() -> None:
    import_keras("jax")
    layers = importlib.import_module("comps.kinds.table.network_layers")
    layer = layers.MemberDense(3)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 2, 4)).astype("float32")
    layer.build(rows.shape)
    values = [rng.normal(size=weight.shape) for weight in layer.weights]
    layer.set_weights(values)
    kernel, inner, outer, bias = values
    for member in range(2):
        matrix = np.outer(inner[member], outer[member]) * kernel
        expected = rows[:, member] @ matrix + bias[member]
        np.testing.assert_allclose(layer(rows)[:, member], expected, rtol=1e-4, atol=1e-5)


def test_a_number_fills_its_bins_from_the_lowest() -> None:
    import_keras("jax")
    layers = importlib.import_module("comps.kinds.table.network_layers")
    layer = layers.PiecewiseLinear(4, 4)
    layer.build((None, 1))
    layer.set_weights([np.eye(4)[None]])
    found = layer(np.array([[0.0], [0.375], [1.0]], dtype="float32"))
    expected = [[0, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 1, 1]]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_those_of_keras_for_each_member(smoothing: float) -> None:
    import_keras("jax")
    import keras

    losses = importlib.import_module("comps.kinds.table.network_losses")
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(5, 2, 3)).astype("float32")

    def loss(task: Task, target: NDArray[np.generic], absolute: bool = False) -> Any:
        made = losses.loss_of(task, smoothing=smoothing, absolute=absolute)
        found = np.asarray(made(target, outputs))
        assert found.shape[:2] == (5, 2)
        return found.reshape(5, 2, -1).mean(axis=2)

    codes = np.array([0, 2, 1, 1, 0], dtype="int32")
    labels = np.eye(3, dtype="float32")[codes]
    values = rng.normal(size=(5, 3)).astype("float32")
    for member in range(2):
        own = outputs[:, member]
        given = {"from_logits": True, "label_smoothing": smoothing}
        expected = keras.losses.categorical_crossentropy(labels, own, **given)
        np.testing.assert_allclose(loss(Task.MULTICLASS, codes)[:, member], expected, rtol=1e-5)
        expected = keras.losses.binary_crossentropy(labels, own, **given)
        np.testing.assert_allclose(loss(Task.MULTILABEL, labels)[:, member], expected, rtol=1e-5)
        found = loss(Task.REGRESSION, values)[:, member]
        np.testing.assert_allclose(found, ((values - own) ** 2).mean(axis=1), rtol=1e-5)
        found = loss(Task.REGRESSION, values, absolute=True)[:, member]
        np.testing.assert_allclose(found, np.abs(values - own).mean(axis=1), rtol=1e-5)


def test_the_rate_falls_to_zero_at_the_end_of_each_cycle() -> None:
    import_keras("jax")
    optimizers = importlib.import_module("comps.optimizers")
    rate = optimizers.restarted(150, 0.1, 0.0, cycles=4, beta_2=0.99)._learning_rate
    for end in (10, 30, 70, 150):
        assert float(rate(end - 0.5)) < 0.001
    for start in (0, 10, 30, 70):
        assert float(rate(start + 0.01)) > 0.099


# What they learn


def trained(own: Model, fold: FoldData, task: Task, n_classes: int = 0) -> list[Stage]:
    """Train a network on one fold of rows of a table."""
    trainer = load_trainer(own.trainer)
    trainer.prepare()
    n_targets = 1 if fold.target.ndim == 1 else fold.target.shape[1]
    context = Context(task, n_classes, threads=1, n_targets=n_targets)
    return list(trainer.stages(own, [fold], context))


def fold_of(target: Any, weight: NDArray[np.float64] | None = None) -> tuple[FoldData, Any]:
    """Return 300 training rows and 100 others, and the target of these.

    Args:
        target: makes targets of the columns.
        weight: of the training rows.
    """
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    rows["c"] = rng.choice(["x", "y", "z"], size=400)
    wanted = np.asarray(target(rows), dtype=np.float64)
    made = NetworkFeatures()
    train = made.fit_transform(rows[:300], wanted[:300])
    valid = made.transform(rows[300:])
    return FoldData(train, wanted[:300], valid, valid, 5, weight), wanted[300:]


def value(rows: pd.DataFrame) -> Any:
    return 100 + 10 * np.abs(rows["a"]) + 10 * (rows["c"] == "x")


def codes(rows: pd.DataFrame) -> Any:
    return np.where(rows["c"] == "x", 2, (np.abs(rows["a"]) > 0.7).astype(int))


@NAMES
@pytest.mark.slow
def test_values_are_learned_from_numbers_and_levels(name: str) -> None:
    fold, wanted = fold_of(value)
    found = trained(model(name, Task.REGRESSION, **QUICK), fold, Task.REGRESSION)[-1].valid[0]
    assert found.shape == (100,)
    assert r2_score(wanted, found) > 0.9


@NAMES
@pytest.mark.slow
def test_several_values_are_learned(name: str) -> None:
    fold, wanted = fold_of(lambda rows: np.stack([value(rows), -rows["b"]], axis=1))
    own = model(name, Task.REGRESSION, n_targets=2, **QUICK)
    found = trained(own, fold, Task.REGRESSION)[-1].valid[0]
    assert r2_score(wanted, found, multioutput="raw_values").min() > 0.9


@pytest.mark.slow
@NAMES
def test_two_classes_are_learned(name: str) -> None:
    fold, wanted = fold_of(lambda rows: codes(rows) > 0)
    found = trained(model(name, Task.BINARY, 2, **QUICK), fold, Task.BINARY, 2)[-1].valid[0]
    assert found.shape == (100,)
    assert roc_auc_score(wanted, found) > 0.95


@pytest.mark.slow
@NAMES
def test_three_classes_are_learned(name: str) -> None:
    fold, wanted = fold_of(codes)
    found = trained(model(name, Task.MULTICLASS, 3, **QUICK), fold, Task.MULTICLASS, 3)[-1].valid[0]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert log_loss(wanted, found) < 0.4


@pytest.mark.slow
@NAMES
def test_labels_are_learned(name: str) -> None:
    fold, wanted = fold_of(lambda rows: np.stack([codes(rows) > 0, rows["b"] > 0], axis=1))
    own = model(name, Task.MULTILABEL, 2, n_targets=2, **QUICK)
    found = trained(own, fold, Task.MULTILABEL, 2)[-1].valid[0]
    assert roc_auc_score(wanted, found, average=None).min() > 0.95


@pytest.mark.slow
@NAMES
def test_rows_of_great_weight_decide(name: str) -> None:
    heavy = np.arange(300) % 2 == 0

    def of_two_kinds(rows: pd.DataFrame) -> Any:
        return np.where(rows.index % 2 == 0, 1.0, -1.0) * rows["a"]

    fold, _ = fold_of(of_two_kinds, np.where(heavy, 1.0, 1e-3))
    found = trained(model(name, Task.REGRESSION, **QUICK), fold, Task.REGRESSION)[-1].valid[0]
    assert np.corrcoef(found, np.asarray(fold.valid["numbers"])[:, 0])[0, 1] > 0.9


@pytest.mark.slow
def test_smoothing_keeps_probabilities_from_the_ends() -> None:
    fold, _ = fold_of(lambda rows: rows["a"] > 0)
    plain, smooth = (
        trained(model("mlp", Task.BINARY, 2, **QUICK, smoothing=smoothing), fold, Task.BINARY, 2)
        for smoothing in (0.0, 0.2)
    )
    assert plain[-1].valid[0].max() > 0.99
    assert smooth[-1].valid[0].max() < 0.97


# In the harness


@NAMES
@pytest.mark.slow
def test_the_targets_of_a_fold_do_not_change_its_predictions(name: str, tmp_path: Any) -> None:
    rows = table(60)
    rows["c"] = np.random.default_rng(0).choice(["x", "y"], size=60)
    rows["part"] = np.arange(60) % 3
    other = rows.copy()
    first = rows["part"] == 0
    other.loc[first, "y"] += 100.0
    network = replace(model(name, Task.REGRESSION, **LEAST), declared=None, sized=None)
    found = []
    for place, given in enumerate((rows, other)):
        competition = own(given, folds="part", n_folds=3, name=f"own-{place}", models=[network])
        result = cross_validate(competition, models=[name], runs=tmp_path, engine="inline")
        found.append(result.oof[name].valid)
    np.testing.assert_array_equal(found[0][first], found[1][first])
    assert (found[0][~first] != found[1][~first]).all()


# Their parameters


def test_all_parameters_go_to_the_plan_or_the_builder_and_can_be_tuned() -> None:
    keras_tuner = pytest.importorskip("keras_tuner")
    for each in network_models(Task.BINARY, 2, 1, find_metric("log_loss")):
        hp = keras_tuner.HyperParameters()
        assert network_space(hp, each.params).items() <= each.params.items()
        assert {"units_width", "dropout", "learning_rate", "bins", "embedded"} <= set(hp.values)


def test_the_time_grows_slower_than_the_rows() -> None:
    passed = {}
    for rows in (3, 60, 700, 3000, 12_000, 35_000):
        given: Any = training_of(rows)
        assert given["epochs"] == (2 ** given["cycles"] - 1) * given["stride"]
        passed[rows] = given["epochs"] * max(rows, given["batch_size"])
    assert max(passed.values()) == passed[35_000] < 5 * passed[700]
    assert passed[3] == passed[60] < passed[700]


def test_labels_are_smoothed_most_where_probabilities_have_no_size() -> None:
    found = []
    for metric in ("accuracy", "auc", "log_loss"):
        models = network_models(Task.BINARY, 2, 1, find_metric(metric))
        found.append({each.params["smoothing"] for each in models})
    assert found == [{0.1}, {0.1}, {0.02}]


def test_absolute_errors_are_learned_where_they_are_judged() -> None:
    for metric, absolute in (("mae", True), ("rmse", False)):
        models = network_models(Task.REGRESSION, 0, 1, find_metric(metric))
        assert all(each.params["absolute"] is absolute for each in models)
