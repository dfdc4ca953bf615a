"""What a network predicts of a fold depends on that fold alone, by one bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from comps.base import Array, Family, Images, Model, Task, Windows
from comps.optimizers import one_cycle
from pipelines.basics.hardware import accelerators
from pipelines.trainers import Context, FoldData, alike_groups, load_trainer, program_width
from tests.marks import ON_A_CPU
from tests.support import python

N_ROWS, BATCH, EPOCHS = 75, 8, 3
# Rows to train on: five batches each, of which the last has eight rows, or fewer.
EQUAL = (40, 39, 33, 40, 38)
# Two and five batches, then all rows; and fewer rows than a batch has.
GROWING = (16, 40, 60)
FEW = 5
NETWORKS = pytest.mark.parametrize(
    "kind",
    [
        "dense",
        pytest.param("convolutional", marks=pytest.mark.slow),
        pytest.param("recurrent", marks=pytest.mark.slow),
    ],
)


class Built:
    """Remembers the steps that networks were built for."""

    steps: ClassVar[list[int]] = []


def build(shapes: Mapping[str, tuple[int, ...]], steps: int, *, kind: str) -> Any:
    """Return a small network with dropout, and a rate that follows a schedule."""
    import keras
    from keras import layers

    Built.steps.append(steps)
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    (hidden,) = inputs.values()
    if kind == "dense":
        hidden = layers.Dense(16, "silu")(hidden)
    elif kind == "convolutional":
        hidden = layers.Conv2D(4, 3, use_bias=False)(layers.Rescaling(1 / 255)(hidden))
        hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(hidden))
        hidden = layers.GlobalAveragePooling2D()(hidden)
    else:
        hidden = layers.LSTM(5)(hidden)
    output = layers.Dense(1)(layers.Dropout(0.3)(hidden))
    model = keras.Model(inputs, output)
    model.compile(one_cycle(steps, 0.03, 0.1, begin=0.1, rise=0.2), "mse")
    return model


def network(kind: str) -> Model:
    """Return a network that is trained for some epochs."""
    params = {"epochs": EPOCHS, "batch_size": BATCH, "copies": 1, "stride": 2, "kind": kind}
    return Model(kind, Family.NETWORK, "keras-jax", params, build=build)


def rows(kind: str) -> Any:
    """Return N_ROWS rows of the form that a kind of network takes."""
    rng = np.random.default_rng(3)
    if kind == "dense":
        return rng.normal(size=(N_ROWS, 6)).astype(np.float32)
    if kind == "convolutional":
        pixels = rng.integers(0, 256, size=(N_ROWS, 6, 6, 1), dtype=np.uint8)
        return Images(pixels, np.arange(N_ROWS))
    series = rng.normal(size=(N_ROWS + 6, 2)).astype(np.float32)
    hours = np.arange(len(series)).astype("datetime64[h]")
    return Windows(series, hours, np.arange(6, N_ROWS + 6), 7, ("T", "p"))


def fold(kind: str, seed: int, n_train: int) -> FoldData:
    """Return a fold of some rows; it predicts as many as its seed and five."""
    view, target = rows(kind), np.random.default_rng(4).normal(size=N_ROWS)
    first = np.arange(60)[:n_train]
    if isinstance(view, Windows):  # each fold has a scale of its own
        view = replace(view, series=view.series * np.float32(1 + seed / 10))
    valid, test = np.arange(60 - seed - 5, 60), np.arange(60, N_ROWS)
    return FoldData(view[first], target[first], view[valid], view[test], seed)


def predicted(
    model: Model, folds: Sequence[FoldData], growing: bool = False
) -> dict[int, list[Array]]:
    """Train folds as the harness does; return all that each predicts at all stages, by its seed."""
    trainer, context = load_trainer(model.trainer), Context(Task.REGRESSION, 0, 1, growing)
    trainer.prepare()
    found: dict[int, list[Array]] = {}
    for group in alike_groups(trainer, model, folds):
        for stage in trainer.stages(model, [folds[place] for place in group], context):
            for number, place in enumerate(group):
                loss = np.array([stage.loss[number], stage.size[number]])
                parts = [stage.valid[number], stage.test[number], loss]
                found.setdefault(folds[place].seed, []).extend(parts)
    return found


@cache
def equal_folds(kind: str) -> dict[int, list[Array]]:
    """Return what equal folds predict that are trained together: two programs, side by side."""
    return predicted(network(kind), [fold(kind, *pair) for pair in enumerate(EQUAL)])


def assert_equal_bytes(
    found: Mapping[int, list[Array]], expected: Mapping[int, list[Array]]
) -> None:
    """Compare the folds that were found with the same ones of the others."""
    for seed, parts in found.items():
        for part, other in zip(parts, expected[seed], strict=True):
            np.testing.assert_array_equal(part, other, strict=True)


@NETWORKS
@pytest.mark.slow
def test_equal_folds_predict_what_each_predicts_alone(kind: str) -> None:
    together = equal_folds(kind)
    # Two stages of three parts.
    assert {seed: len(parts) for seed, parts in together.items()} == dict.fromkeys(range(5), 6)
    assert [len(together[seed][0]) for seed in range(5)] == [5, 6, 7, 8, 9]
    Built.steps.clear()
    assert_equal_bytes(predicted(network(kind), [fold(kind, 4, EQUAL[4])]), together)
    # The program was filled up.
    assert Built.steps == [EPOCHS * 5] * program_width(bool(accelerators()), growing=False)


@NETWORKS
@pytest.mark.slow
def test_other_folds_beside_a_fold_and_its_place_among_them_change_nothing(kind: str) -> None:
    others = [fold(kind, 9, 60), fold(kind, 2, EQUAL[2]), fold(kind, 7, 37)]
    found = predicted(network(kind), [*others, fold(kind, 1, EQUAL[1])])
    assert sorted(found) == [1, 2, 7, 9]
    assert_equal_bytes({seed: found[seed] for seed in (1, 2)}, equal_folds(kind))


@pytest.mark.slow
@NETWORKS
def test_growing_folds_and_that_of_all_rows_predict_what_each_predicts_alone(kind: str) -> None:
    folds = [fold(kind, *pair) for pair in enumerate(GROWING)]
    together = predicted(network(kind), folds, growing=True)
    assert sorted(together) == [0, 1, 2]
    without = predicted(network(kind), [folds[1]], growing=True)
    assert_equal_bytes(without, together)


@pytest.mark.slow
def test_each_fold_has_the_schedule_of_its_own_steps() -> None:
    Built.steps.clear()
    folds = [fold("dense", 0, GROWING[0]), fold("dense", 1, FEW)]
    predicted(network("dense"), folds, growing=True)
    assert Built.steps == [EPOCHS * batches for batches in (2, 1)]


@ON_A_CPU
@pytest.mark.slow
@NETWORKS
def test_folds_predict_the_same_where_there_are_four_devices(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "found.npz"
    python(
        f"""
import jax
import numpy as np
from tests.test_alike_folds import EQUAL, fold, network, predicted

assert len(jax.devices()) == 4
found = predicted(network({kind!r}), [fold({kind!r}, n, EQUAL[n]) for n in (3, 0)])
np.savez({str(path)!r}, **{{str(seed): np.concatenate(parts) for seed, parts in found.items()}})
""",
        XLA_FLAGS="--xla_force_host_platform_device_count=4",
    )
    with np.load(path) as file:
        found = {int(seed): [file[seed]] for seed in file}
    expected = {seed: [np.concatenate(parts)] for seed, parts in equal_folds(kind).items()}
    assert sorted(found) == [0, 3]
    assert_equal_bytes(found, expected)


def test_folds_in_groups_keep_their_order() -> None:
    folds = [fold("dense", seed, n) for seed, n in enumerate((40, 16, 39, FEW, 15, 40))]
    trainer = load_trainer("keras-jax")
    assert alike_groups(trainer, network("dense"), folds) == [[0, 2, 5], [1, 4], [3]]
    narrow = replace(folds[0], train=folds[0].train[:, :5])
    assert alike_groups(trainer, network("dense"), [folds[0], narrow]) == [[0], [1]]


def test_what_trains_fold_by_fold_is_given_each_fold_alone() -> None:
    folds = [fold("dense", seed, 40) for seed in range(3)]
    ridge = Model("ridge", Family.LINEAR, "sklearn")
    assert alike_groups(load_trainer("sklearn"), ridge, folds) == [[0], [1], [2]]


def test_folds_that_are_not_alike_are_refused_as_one_program() -> None:
    trainer = load_trainer("keras-jax")
    trainer.prepare()
    folds = [fold("dense", 0, 40), fold("dense", 1, 24)]
    with pytest.raises(ValueError, match=r"takes folds that are alike.*Received: 2 folds"):
        next(trainer.stages(network("dense"), folds, Context(Task.REGRESSION, 0, threads=1)))


@pytest.mark.parametrize(
    ("accelerated", "growing", "expected"),
    [(False, False, 3), (True, False, 5), (False, True, 1), (True, True, 1)],
)
def test_a_program_is_as_wide_as_its_device_suits(
    accelerated: bool, growing: bool, expected: int
) -> None:
    assert program_width(accelerated, growing) == expected
