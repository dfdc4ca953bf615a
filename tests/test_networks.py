"""Networks for values and classes, on arrays and images, on both of Keras' backends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import Array, Family, Images, Model, Task, UsageError
from pipelines.engines import Done, Failed, InlineEngine, LocalEngine
from pipelines.engines.jobs import Job
from pipelines.store import RunStore
from pipelines.trainers import Context, FoldData, Stage, load_trainer
from tests.families import first_weights
from tests.marks import WITH_TENSORFLOW
from tests.support import NETWORK, giving, make_jobs, python, tiny_experiment

CLASSES = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: 3, Task.MULTILABEL: 2}


def images(n_rows: int = 60) -> Images:
    """Return pictures of noise, with a brighter left half in some and a brighter top in others."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 120, size=(n_rows, 6, 6, 1), dtype=np.uint8)
    pixels[0::3, :, :3] += 120
    pixels[1::3, :3] += 120
    return Images(pixels, np.arange(n_rows))


def fold(task: Task, rows: Any) -> FoldData:
    """Return a fold of 36 rows for training and 12 each for validation and test.

    Of labels, the rows have weights.
    """
    number = np.arange(60) % 3
    target = {
        Task.REGRESSION: number * 10.0,
        Task.BINARY: number == 0,
        Task.MULTICLASS: number,
        Task.MULTILABEL: number[:, None] == [0, 1],
    }
    weight = np.random.default_rng(2).uniform(1, 9, 36) if task is Task.MULTILABEL else None
    train, valid, test = (rows[np.arange(*ends)] for ends in ((0, 36), (36, 48), (48, 60)))
    return FoldData(train, target[task][:36].astype(np.float64), valid, test, 7, weight)


def build_network(
    shapes: Mapping[str, tuple[int, ...]],
    steps: int,
    *,
    task: str,
    ema: bool = False,
    convolve: bool = False,
    dropout: float = 0.0,
    schedule: bool = False,
) -> Any:
    """Return a network whose first weights do not depend on a backend's random numbers."""
    import keras
    from keras import layers

    ((name, shape),) = shapes.items()
    image = keras.Input(shape, name=name)
    hidden = layers.Rescaling(1 / 255)(image)
    if convolve:
        hidden = layers.Conv2D(4, 3, activation="relu", kernel_initializer=first_weights())(hidden)
    hidden = layers.Dense(8, "tanh", kernel_initializer=first_weights())(layers.Flatten()(hidden))
    hidden = layers.Dropout(dropout)(hidden)
    units, activation, loss = {
        "regression": (1, "linear", "mse"),
        "binary": (1, "sigmoid", "binary_crossentropy"),
        "multiclass": (3, "softmax", "sparse_categorical_crossentropy"),
        "multilabel": (2, "sigmoid", "binary_crossentropy"),
    }[task]
    output = layers.Dense(units, activation, kernel_initializer=first_weights())(hidden)
    model = keras.Model({name: image}, output)
    rate = keras.optimizers.schedules.CosineDecay(0.06, decay_steps=steps) if schedule else 0.03
    optimizer = keras.optimizers.Adam(rate, use_ema=ema, ema_momentum=0.8)
    model.compile(optimizer, loss)
    return model


def network(task: Task, trainer: str = "keras-jax", **params: Any) -> Model:
    """Return a network that learns the pictures; all rows are one batch unless told otherwise."""
    plan = {"epochs": 20, "batch_size": 36, "stride": 10}
    values = {**plan, "task": str(task), **params}
    return Model("network", Family.NETWORK, trainer, values, build=build_network)


def stages(model: Model, task: Task, rows: Any) -> list[Stage]:
    """Train a network in this process."""
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    own = fold(task, rows)
    context = Context(task, CLASSES[task], threads=1, n_targets=own.target[0].size)
    return list(trainer.stages(model, [own], context))


@pytest.fixture(scope="module")
def on_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Array]:
    """Train the same networks on TensorFlow, in a process of its own, one of them twice.

    Of the four, the binary one keeps a moving average of its weights.
    """
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    path = tmp_path_factory.mktemp("tensorflow") / "stages.npz"
    python(f"""
import numpy as np
from comps.base import Task
from pipelines.trainers.networks.keras_tensorflow import KerasTensorFlowTrainer
from tests.test_networks import images, network, stages

found = {{}}
dropping = network(Task.BINARY, "keras-tensorflow", convolve=True, dropout=0.5, batch_size=5)
found["first-in-process"] = stages(dropping, Task.BINARY, images())[-1].valid[0]
for task in Task:
    model = network(task, "keras-tensorflow", ema=task is Task.BINARY)
    for number, stage in enumerate(stages(model, task, images())):
        found[f"{{task}}-{{number}}-valid"] = stage.valid[0]
        found[f"{{task}}-{{number}}-test"] = stage.test[0]
model = network(Task.REGRESSION, "keras-tensorflow", schedule=True)
for number, stage in enumerate(stages(model, Task.REGRESSION, images())):
    found[f"scheduled-{{number}}"] = stage.valid[0]
for turn in range(2):
    model = network(Task.BINARY, "keras-tensorflow", convolve=True, batch_size=5, copies=2)
    found[f"again-{{turn}}"] = stages(model, Task.BINARY, images())[-1].valid[0]
found["after-others"] = stages(dropping, Task.BINARY, images())[-1].valid[0]
model = network(Task.BINARY, "keras-tensorflow", convolve=True, batch_size=5, copies=2, stride=20)
found["at-once"] = stages(model, Task.BINARY, images())[-1].valid[0]
KerasTensorFlowTrainer.steps_at_once = lambda trainer: 4
found["four-steps"] = stages(model, Task.BINARY, images())[-1].valid[0]
np.savez({str(path)!r}, **found)
""")
    with np.load(path) as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.parametrize("task", list(Task))
def test_a_network_learns_values_and_classes(task: Task) -> None:
    last = stages(network(task, epochs=60), task, images())[-1]
    truth = np.arange(36, 48) % 3
    if task is Task.REGRESSION:
        assert np.abs(last.valid[0] - truth * 10).max() < 5
    elif task is Task.BINARY:
        np.testing.assert_array_equal(last.valid[0] > 0.5, truth == 0)
    elif task is Task.MULTILABEL:
        np.testing.assert_array_equal(last.valid[0] > 0.5, truth[:, None] == [0, 1])
    else:
        np.testing.assert_array_equal(last.valid[0].argmax(axis=1), truth)
        np.testing.assert_allclose(last.valid[0].sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("task", list(Task))
def test_images_by_position_are_images_by_value(task: Task) -> None:
    view = images()
    by_position = stages(network(task), task, view)
    by_value = stages(network(task), task, _Table({"image": view.gathered()}))
    for one, other in zip(by_position, by_value, strict=True):
        np.testing.assert_allclose(one.valid[0], other.valid[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(one.test[0], other.test[0], rtol=1e-5, atol=1e-6)


class _Table(dict[str, Array]):
    """A mapping of arrays of which a fold takes rows."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return super().__getitem__(key)
        return {name: table[key] for name, table in self.items()}


@pytest.mark.parametrize("task", list(Task))
def test_both_backends_train_the_same_network(task: Task, on_tensorflow: dict[str, Array]) -> None:
    model = network(task, ema=task is Task.BINARY)
    for number, stage in enumerate(stages(model, task, images())):
        for name, found in (("valid", stage.valid[0]), ("test", stage.test[0])):
            other = on_tensorflow[f"{task}-{number}-{name}"]
            np.testing.assert_allclose(found, other, rtol=1e-3, atol=1e-4)


def test_a_schedule_is_as_long_on_both_backends(on_tensorflow: dict[str, Array]) -> None:
    # A rate that falls sooner or later ends elsewhere.
    model = network(Task.REGRESSION, schedule=True)
    for number, stage in enumerate(stages(model, Task.REGRESSION, images())):
        found = on_tensorflow[f"scheduled-{number}"]
        np.testing.assert_allclose(found, stage.valid[0], rtol=1e-3, atol=1e-3)


def test_tensorflow_predicts_the_same_bytes_twice(on_tensorflow: dict[str, Array]) -> None:
    np.testing.assert_array_equal(on_tensorflow["again-0"], on_tensorflow["again-1"])


def test_networks_trained_before_change_nothing(on_tensorflow: dict[str, Array]) -> None:
    np.testing.assert_array_equal(on_tensorflow["first-in-process"], on_tensorflow["after-others"])


def both_backends(tiny_data: Path, store: Path) -> list[Job]:
    """Return the jobs of a network on each backend."""
    models = [NETWORK, replace(NETWORK, name="other", trainer="keras-tensorflow")]
    return make_jobs(tiny_experiment(tiny_data), RunStore(store), models)


@WITH_TENSORFLOW
@pytest.mark.slow
def test_one_slot_trains_on_both_backends(tiny_data: Path, tmp_path: Path) -> None:
    jobs = both_backends(tiny_data, tmp_path / "store")
    engine = LocalEngine(1)
    try:
        found = list(engine.run(giving(jobs), None))
    finally:
        engine.close()
    ended = [event for event in found if isinstance(event, (Done, Failed))]
    assert [(event.job, type(event)) for event in ended] == [(job, Done) for job in jobs]


@WITH_TENSORFLOW
def test_one_process_cannot_train_on_both(tiny_data: Path, tmp_path: Path) -> None:
    jobs = both_backends(tiny_data, tmp_path / "store")
    found = list(InlineEngine(1).run(giving([jobs[0], jobs[-1]]), None))
    (failed,) = (event for event in found if isinstance(event, Failed))
    assert failed.job == jobs[-1]
    assert "trained on tensorflow, and this process has already begun with jax" in failed.reason


def test_stages_on_the_way_do_not_change_the_training(on_tensorflow: dict[str, Array]) -> None:
    np.testing.assert_array_equal(on_tensorflow["at-once"], on_tensorflow["again-0"])


def test_several_steps_at_once_do_not_change_the_training(on_tensorflow: dict[str, Array]) -> None:
    np.testing.assert_allclose(on_tensorflow["four-steps"], on_tensorflow["at-once"], rtol=1e-5)


@given(st.integers(1, 150), st.integers(1, 40))
def test_batches_hold_each_row_once_and_are_alike_in_size(n_rows: int, size: int) -> None:
    from pipelines.trainers.networks._keras_fit import _batches

    rows = np.arange(n_rows, dtype=np.float32)[:, None]
    batches = _batches(rows, rows, size, [1])
    orders = []
    for _ in range(2):
        parts = [batches[number][1][:, 0] for number in range(len(batches))]
        assert sorted(np.concatenate(parts)) == list(range(n_rows))
        lengths = [len(part) for part in parts]
        assert max(lengths) <= size and max(lengths) - min(lengths) <= 1
        orders.append(np.concatenate(parts).tolist())
        batches.on_epoch_end()
        batches.on_epoch_begin()
    assert orders[0] != orders[1] or n_rows < 10


def test_a_network_that_is_not_named_is_refused() -> None:
    with pytest.raises(UsageError, match="names no function that builds its network"):
        stages(replace(network(Task.BINARY), build=None), Task.BINARY, images())


def test_images_take_rows_without_copying() -> None:
    view = images()
    part = view[np.array([5, 2])][np.array([1])]
    assert part.pixels is view.pixels
    np.testing.assert_array_equal(part.gathered(), view.pixels[[2]])


def test_features_of_images_are_computed_once() -> None:
    calls = []

    def brightness(pixels: Array) -> Array:
        calls.append(len(pixels))
        return pixels.mean(axis=(1, 2, 3))[:, None]

    view = images()
    first, second = view[np.arange(9)], view[np.arange(9, 20)]
    np.testing.assert_allclose(first.per_image(brightness)[:, 0], first.gathered().mean((1, 2, 3)))
    np.testing.assert_allclose(
        second.per_image(brightness)[:, 0], second.gathered().mean((1, 2, 3))
    )
    assert calls == [60]


@pytest.mark.parametrize("pixels", [np.zeros((3, 2, 2), np.uint8), np.zeros((3, 2, 2, 1))])
def test_other_pixels_are_refused(pixels: Array) -> None:
    with pytest.raises(ValueError, match="Pixels must be uint8"):
        Images(pixels, np.arange(3))


def test_positions_outside_are_refused() -> None:
    with pytest.raises(ValueError, match="Positions must lie in 0..59"):
        Images(images().pixels, np.array([60]))
