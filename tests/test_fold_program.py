"""The program that trains all folds at once, against a plain Keras loop for each fold."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import ROOT

if TYPE_CHECKING:
    import keras

    from pipelines.trainers.networks._fold_program import FoldProgram
    from pipelines.trainers.networks._fold_tables import EpochReport, FoldTables, Recipe

Build = Callable[[], "keras.Model"]
Rows = NDArray[np.int64]
N_ROWS, N_TEST, N_COLUMNS = 60, 7, 3


def build(
    optimizer: Callable[[], Any] | None = None,
    loss: Any = "mse",
    dropout: float = 0.0,
    penalty: float = 0.0,
    seed: int | None = 1,
) -> Build:
    """Return a builder of a small network, whose first weights are the same if there is a seed."""

    def build_model() -> keras.Model:
        import keras

        def first_weights() -> Any:
            return keras.initializers.GlorotUniform(seed)

        rows = keras.Input((N_COLUMNS,), name="rows")
        hidden = keras.layers.Dense(
            5,
            activation="tanh",
            kernel_initializer=first_weights(),
            kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
        )(rows)
        hidden = keras.layers.Dropout(dropout)(hidden)
        output = keras.layers.Dense(1, kernel_initializer=first_weights())(hidden)
        model = keras.Model(rows, output)
        model.compile(optimizer() if optimizer else keras.optimizers.SGD(0.1), loss)
        return model

    return build_model


def tables(train_rows: Sequence[Rows], **changes: Any) -> FoldTables:
    """Return rows with a target that a network can learn."""
    from pipelines.trainers.networks._fold_tables import FoldTables

    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
    target = (inputs[:, :1] - 0.5 * inputs[:, 1:2] ** 2).astype(np.float32)
    everyone = np.arange(N_ROWS)
    test_inputs = rng.normal(size=(N_TEST, N_COLUMNS)).astype(np.float32)
    valid_rows = [np.setdiff1d(everyone, rows) for rows in train_rows]
    return replace(FoldTables(inputs, target, train_rows, valid_rows, test_inputs), **changes)


def recipe(seeds: Sequence[int], epochs: int = 3, batch_size: int = 8, **more: Any) -> Recipe:
    """Return a recipe that reports after every epoch."""
    from pipelines.trainers.networks._fold_tables import Recipe

    return Recipe(epochs, batch_size, list(seeds), report=range(1, epochs + 1), **more)


def program(build_model: Build, rows: FoldTables, plan: Recipe) -> FoldProgram:
    """Return a program, on the JAX backend."""
    from pipelines.trainers.networks._fold_program import FoldProgram

    return FoldProgram(build_model, rows, plan)


def run(build_model: Build, rows: FoldTables, plan: Recipe) -> list[EpochReport]:
    """Train and return all reports."""
    return list(program(build_model, rows, plan).run())


def plain_loop(
    build_model: Build, rows: FoldTables, plan: Recipe, fold: int
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Train one fold as a Keras user would; predict validation and test rows after each epoch."""
    model, own, found = build_model(), rows.train_rows[fold], []
    for epoch in range(1, plan.epochs + 1):
        order = np.random.default_rng([plan.fold_seeds[fold], 0, epoch]).permutation(own)
        for start in range(0, len(order), plan.batch_size):
            batch = order[start : start + plan.batch_size]
            weight = None if rows.weight is None else rows.weight[batch]
            model.train_on_batch(rows.inputs[batch], rows.target[batch], sample_weight=weight)
        found.append(predict_averaged(model, rows, fold))
    return found


def predict_averaged(
    model: keras.Model, rows: FoldTables, fold: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predict with the averaged weights, where there are any, and put the others back."""
    before = [variable.value for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    parts = (rows.inputs[rows.valid_rows[fold]], rows.test_inputs)
    valid, test = (np.asarray(model(part, training=False)) for part in parts)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        variable.assign(value)
    return valid, test


def assert_like_plain_loops(build_model: Build, rows: FoldTables, plan: Recipe) -> None:
    """Compare every report of every fold with a plain loop."""
    reports = run(build_model, rows, plan)
    assert [report.epoch for report in reports] == list(range(1, plan.epochs + 1))
    for fold in range(len(rows.train_rows)):
        for report, (valid, test) in zip(
            reports, plain_loop(build_model, rows, plan, fold), strict=True
        ):
            np.testing.assert_allclose(report.valid[fold][0], valid, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(report.test[fold, 0], test, rtol=1e-4, atol=1e-5)


def sgd() -> Any:
    """Plain gradient descent."""
    import keras

    return keras.optimizers.SGD(0.1)


def adam_on_a_schedule() -> Any:
    """An optimizer whose steps depend on how many there were."""
    import keras

    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.05, decay_steps=20))


def adamw_clipped() -> Any:
    """Weight decay and clipping."""
    import keras

    return keras.optimizers.AdamW(0.02, weight_decay=0.1, clipnorm=0.05)


def rmsprop_averaged() -> Any:
    """Moving averages of the weights to predict with."""
    import keras

    return keras.optimizers.RMSprop(0.01, use_ema=True, ema_momentum=0.8)


EQUAL = [np.arange(0, 40), np.arange(20, 60)]
# Five batches of eight each, of which the last one is filled up by four and by seven rows.
UNEQUAL = [np.arange(0, 36), np.arange(59, 26, -1)]


# Against a plain loop


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [sgd, adamw_clipped])
def test_each_fold_learns_what_a_plain_loop_learns(optimizer: Callable[[], Any]) -> None:
    assert_like_plain_loops(build(optimizer), tables(EQUAL), recipe([3, 4]))


@pytest.mark.parametrize("optimizer", [adam_on_a_schedule, rmsprop_averaged])
@pytest.mark.slow
def test_folds_of_unequal_size_learn_what_a_plain_loop_learns(
    optimizer: Callable[[], Any],
) -> None:
    assert_like_plain_loops(build(optimizer), tables(UNEQUAL), recipe([3, 4]))


@pytest.mark.slow
def test_a_loss_is_what_the_model_was_compiled_with() -> None:
    assert_like_plain_loops(build(loss="mean_absolute_error"), tables(UNEQUAL), recipe([3, 4]))


def test_a_loss_keeps_its_parameters() -> None:
    import keras

    loss = keras.losses.Huber(delta=0.1)
    assert_like_plain_loops(build(loss=loss), tables(UNEQUAL), recipe([3, 4]))


def test_penalties_of_layers_count() -> None:
    assert_like_plain_loops(build(penalty=0.3), tables(UNEQUAL), recipe([3, 4]))


def test_rows_weigh_what_they_weigh_in_fit() -> None:
    weight = np.random.default_rng(1).uniform(0.1, 3.0, N_ROWS).astype(np.float32)
    assert_like_plain_loops(build(), tables(UNEQUAL, weight=weight), recipe([3, 4]))


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows() -> None:
    import keras

    still = build(lambda: keras.optimizers.SGD(0.0))
    (report,) = run(still, tables(UNEQUAL), recipe([3, 4], epochs=1))
    rows, model = tables(UNEQUAL), still()
    for fold, own in enumerate(rows.train_rows):
        errors = np.asarray(model(rows.inputs[own])) - rows.target[own]
        assert report.loss[fold, 0] == pytest.approx(np.mean(errors**2), rel=1e-5)


# Seeds


def whole_batch(
    dropout: float, seeds: Sequence[int], first_weights: int | None = 1
) -> NDArray[np.float32]:
    """Train two networks on the same rows for each seed, where the order of rows plays no part."""
    rows = tables([np.arange(40)] * len(seeds))
    plan = recipe(seeds, epochs=2, batch_size=40, copies=2)
    return run(build(dropout=dropout, seed=first_weights), rows, plan)[-1].test


@pytest.mark.slow
def test_the_same_seeds_give_the_same_bytes() -> None:
    one, other = (whole_batch(0.5, [3, 4], first_weights=None) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_networks_of_all_folds_and_copies_drop_other_units() -> None:
    networks = whole_batch(0.5, [3, 4]).reshape(4, N_TEST)
    for first in range(4):
        for second in range(first):
            assert not np.allclose(networks[first], networks[second])


def test_without_dropout_networks_of_the_same_rows_learn_the_same() -> None:
    one, *others = whole_batch(0.0, [3, 4]).reshape(4, N_TEST)
    for other in others:
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_folds_with_the_same_seed_drop_the_same_units() -> None:
    one, other = whole_batch(0.5, [3, 3])
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_first_weights_differ_from_fold_to_fold_and_copy_to_copy() -> None:
    import keras

    still = build(lambda: keras.optimizers.SGD(0.0), seed=None)
    test = run(still, tables([np.arange(40)] * 2), recipe([3, 4], epochs=1, copies=2))[0].test
    found = test.reshape(4, -1)
    assert len({row.tobytes() for row in found}) == 4


def test_the_order_of_rows_differs_from_fold_to_fold() -> None:
    rows = tables([np.arange(40)] * 2)
    one, other = run(build(), rows, recipe([3, 4], epochs=1, batch_size=4))[0].test
    assert not np.allclose(one, other)


def test_a_fold_does_not_depend_on_those_beside_it() -> None:
    together = run(build(seed=None), tables(UNEQUAL), recipe([3, 4]))
    alone = run(build(seed=None), tables([UNEQUAL[1]]), recipe([4]))
    for report, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(report.valid[1], other.valid[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(report.test[1], other.test[0], rtol=1e-4, atol=1e-5)


def test_building_leaves_the_random_numbers_of_the_caller_alone() -> None:
    import random

    random.seed(7)
    expected = random.random()
    random.seed(7)
    program(build(seed=None), tables(EQUAL), recipe([3, 4]))
    assert random.random() == expected


# Rows of each fold's own


def per_fold(filling: float) -> FoldTables:
    """Return the rows of `UNEQUAL`, a table for each fold, filled up with some number."""
    shared = tables(UNEQUAL)
    sizes = [(len(a), len(b)) for a, b in zip(shared.train_rows, shared.valid_rows, strict=True)]
    inputs = np.full((2, N_ROWS + 5, N_COLUMNS), filling, dtype=np.float32)
    target = np.full((2, N_ROWS + 5, 1), filling, dtype=np.float32)
    for fold, (train, valid) in enumerate(zip(shared.train_rows, shared.valid_rows, strict=True)):
        rows = np.concatenate([train, valid])
        inputs[fold, : len(rows)], target[fold, : len(train)] = (
            shared.inputs[rows],
            shared.target[train],
        )
    return replace(
        shared,
        inputs=inputs,
        target=target,
        train_rows=[np.arange(train) for train, _ in sizes],
        valid_rows=[np.arange(train, train + valid) for train, valid in sizes],
        test_inputs=np.stack([shared.test_inputs] * 2),
        per_fold=True,
    )


@pytest.mark.parametrize("filling", [1e6, np.nan])
def test_what_fills_up_the_tables_has_no_effect(filling: float) -> None:
    # The targets of validation rows are filled up, too: they play no part.
    plan = recipe([3, 4], batch_size=20)
    zero, other = (run(build(), per_fold(value), plan) for value in (0.0, filling))
    for report, same in zip(zero, other, strict=True):
        np.testing.assert_array_equal(report.test, same.test)
        np.testing.assert_array_equal(report.loss, same.loss)
        for valid, same_valid in zip(report.valid, same.valid, strict=True):
            np.testing.assert_array_equal(valid, same_valid)


def test_tables_of_each_fold_mean_the_same_as_a_shared_one() -> None:
    own, shared = (
        run(build(), rows, recipe([3, 4], batch_size=20))[-1]
        for rows in (per_fold(0.0), tables(UNEQUAL))
    )
    np.testing.assert_allclose(own.test, shared.test, rtol=1e-4, atol=1e-5)
    for valid, expected in zip(own.valid, shared.valid, strict=True):
        np.testing.assert_allclose(valid, expected, rtol=1e-4, atol=1e-5)


# Reports


def test_only_wanted_epochs_are_reported() -> None:
    plan = replace(recipe([3, 4], epochs=5), report=(2, 5))
    assert [report.epoch for report in run(build(), tables(EQUAL), plan)] == [2, 5]


def test_reports_have_the_shapes_that_they_promise() -> None:
    (report,) = run(build(), tables(UNEQUAL), recipe([3, 4], epochs=1, copies=2))
    assert report.loss.shape == (2, 2)
    assert report.test.shape == (2, 2, N_TEST, 1)
    assert [valid.shape for valid in report.valid] == [(2, 24, 1), (2, 27, 1)]


def test_rows_are_predicted_the_same_in_small_portions() -> None:
    (whole,) = run(build(), tables(UNEQUAL), recipe([3, 4], epochs=1))
    (parts,) = run(build(), tables(UNEQUAL), recipe([3, 4], epochs=1, predict_batch_size=6))
    np.testing.assert_allclose(whole.test, parts.test, rtol=1e-5, atol=1e-6)
    for valid, same in zip(whole.valid, parts.valid, strict=True):
        np.testing.assert_allclose(valid, same, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_network_can_be_taken_out_and_predicts_what_was_reported() -> None:
    trained = program(build(rmsprop_averaged), tables(UNEQUAL), recipe([3, 4]))
    report = list(trained.run())[-1]
    for fold in range(2):
        found = np.asarray(trained.network(fold)(trained.tables.test_inputs))
        np.testing.assert_allclose(found, report.test[fold, 0], rtol=1e-5, atol=1e-6)


def test_a_refit_has_no_rows_to_validate() -> None:
    everyone = np.arange(N_ROWS)
    (report,) = run(build(), tables([everyone]), recipe([3], epochs=1))
    assert report.valid[0].shape == (1, 0, 1)
    assert np.isfinite(report.test).all()


# What is refused


def test_a_model_that_is_not_compiled_is_refused() -> None:
    import keras

    def uncompiled() -> keras.Model:
        rows = keras.Input((N_COLUMNS,))
        return keras.Model(rows, keras.layers.Dense(1)(rows))

    with pytest.raises(ValueError, match="must return a compiled model, with an optimizer and a"):
        program(uncompiled, tables(EQUAL), recipe([3, 4]))


def test_different_architectures_are_refused() -> None:
    import keras

    widths = iter([3, 4])

    def growing() -> keras.Model:
        rows = keras.Input((N_COLUMNS,))
        hidden = keras.layers.Dense(next(widths))(rows)
        model = keras.Model(rows, keras.layers.Dense(1)(hidden))
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ValueError, match=r"same architecture .*Received: 2 different sets"):
        program(growing, tables(EQUAL), recipe([3, 4]))


@pytest.mark.slow
def test_another_backend_is_refused() -> None:
    module = "pipelines.trainers.networks._fold_program"
    code = f"from {module} import FoldProgram\nFoldProgram(None, None, None)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RuntimeError: FoldProgram needs Keras on JAX" in done.stderr
    assert "Received: 'numpy'" in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_rows": []}, r"one array a fold\. Received: 2 and 0 arrays"),
        ({"train_rows": [], "valid_rows": []}, r"one array a fold\. Received: 0 and 0 arrays"),
        ({"train_rows": [np.arange(3), np.arange(0)]}, r"Fold 1 must train on at least one row"),
        ({"train_rows": [np.arange(61), np.arange(3)]}, r"rows must lie in 0\.\.59"),
        ({"valid_rows": [np.array([-1]), np.arange(3)]}, r"rows must lie in 0\.\.59"),
        ({"inputs": np.zeros((59, 3))}, r"array of inputs must begin with the axes \(60,\)"),
        ({"per_fold": True}, r"must begin with the axes \(2, "),
    ],
    ids=["lengths", "no folds", "empty", "beyond", "negative", "rows", "per fold"],
)
def test_tables_that_contradict_themselves_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(tables(EQUAL), **changes)


@pytest.mark.slow
def test_recurrent_layers_take_their_own_steps_where_there_is_cudnn() -> None:
    def build_model() -> keras.Model:
        import keras

        rows = keras.Input((4, 2))
        hidden = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(rows)
        model = keras.Model(rows, keras.layers.Dense(1)(keras.layers.GRU(3)(hidden)))
        model.compile("sgd", "mse")
        return model

    from pipelines.trainers.networks._new_networks import new_networks

    model, _ = new_networks(build_model, 1, recipe([0]))
    found = [layer.use_cudnn for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    assert found == [False] * 3
