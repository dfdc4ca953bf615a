"""Every family of networks: all folds as one program, one fold alone, half precision, backends."""

from __future__ import annotations

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comps.base import Array, Family, Model, Task
from pipelines.basics.hardware import DIVIDED
from pipelines.trainers import Context, FoldData, Stage, load_trainer
from tests import families
from tests.families import FAMILIES, build, values
from tests.marks import ON_A_CPU
from tests.support import python

N_ROWS = 60
# Five whole batches of eight: batch normalisation would see what fills up a last one.
TRAIN_ROWS = [np.arange(0, 40), np.arange(59, 19, -1)]
EPOCHS, BATCH, SEEDS = 4, 8, (3, 4)
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)


def program(family: str, *, optimizer: str = "adam", **changes: Any) -> Any:
    """Return the program of two folds, before it trains."""
    from pipelines.trainers.networks._fold_program import FoldProgram
    from pipelines.trainers.networks._fold_tables import FoldTables, Recipe

    rows = families.rows(N_ROWS)
    valid_rows = [np.setdiff1d(np.arange(N_ROWS), own) for own in TRAIN_ROWS]
    tables = FoldTables({"rows": rows}, values(rows), TRAIN_ROWS, valid_rows, {"rows": rows[:7]})
    recipe = Recipe(EPOCHS, BATCH, SEEDS, report=[EPOCHS], **changes)
    build_model = partial(build, {"rows": rows.shape[1:]}, 0, family=family, optimizer=optimizer)
    return FoldProgram(build_model, tables, recipe)


def plain_loop(family: str, fold: int, optimizer: str) -> list[Array]:
    """Train one fold as a Keras user would; return its weights."""
    rows = families.rows(N_ROWS)
    target = values(rows)
    model = build({"rows": rows.shape[1:]}, 0, family=family, optimizer=optimizer)
    for epoch in range(1, EPOCHS + 1):
        order = np.random.default_rng([SEEDS[fold], 0, epoch]).permutation(TRAIN_ROWS[fold])
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            model.train_on_batch({"rows": rows[batch]}, target[batch])
    return [np.asarray(weight) for weight in model.get_weights()]


@pytest.mark.parametrize(
    ("family", "optimizer"),
    [("dense", "adamw"), ("convolutional", "sgd"), ("recurrent", "rmsprop"), ("attention", "adam")],
)
@pytest.mark.slow
def test_the_weights_of_each_fold_are_those_of_a_plain_loop(family: str, optimizer: str) -> None:
    trained = program(family, optimizer=optimizer)
    list(trained.run())
    for fold in range(len(TRAIN_ROWS)):
        expected = plain_loop(family, fold, optimizer)
        found = trained.network(fold).get_weights()
        # Relative to the largest weight: the bias of attention's keys has no effect, so that its
        # gradient is nothing but rounding.
        largest = max(np.abs(weight).max() for weight in expected)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * largest)


@pytest.mark.slow
def test_networks_that_do_not_fit_into_memory_are_trained_in_portions() -> None:
    whole, parts = program("dense", copies=2), program("dense", copies=2, memory=1.0)
    (expected,), (found,) = whole.run(), parts.run()
    assert (whole.at_once, parts.at_once) == (4, 1)
    np.testing.assert_allclose(found.test, expected.test, rtol=1e-4, atol=1e-5)
    for one, other in zip(found.valid, expected.valid, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_a_portion_is_as_large_as_memory_allows() -> None:
    from pipelines.trainers.networks._devices import bytes_of

    def needed(memory: float) -> tuple[int, float]:
        trained = program("convolutional", copies=3, memory=memory)
        list(trained.run())
        return trained.at_once, bytes_of(trained._train)

    (all_of_them, most), (one, least) = needed(1e12), needed(1.0)
    assert (all_of_them, one) == (6, 1) and least < most
    some, taken = needed((least + most) / 2)
    assert 1 <= some < 6 and taken <= (least + most) / 2


def model_of(family: str, trainer: str, **params: Any) -> Model:
    """Return a network of a family; all rows are one batch, so that their order plays no part."""
    plan = {"epochs": 12, "batch_size": 40, "stride": 12, "family": family}
    return Model(family, Family.NETWORK, trainer, {**plan, **params}, build=build)


def last_stage(model: Model) -> Stage:
    """Train a network in this process."""
    rows = families.rows(N_ROWS)
    target = values(rows)[:40, 0].astype(np.float64) * 10 + 50
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    fold = FoldData(rows[:40], target, rows[40:55], rows[55:], seed=7)
    return list(trainer.stages(model, [fold], Context(Task.REGRESSION, 0, threads=1)))[-1]


@cache
def on_jax(family: str, precision: str = "float32") -> Array:
    """Return the predictions of validation rows by a network that was trained on JAX."""
    return last_stage(model_of(family, "keras-jax", precision=precision)).valid[0]


def stages_on(backend: str, folder: Path) -> dict[str, Array]:
    """Train a network of each family on a backend, in both precisions, in its own process."""
    path = folder / f"{backend}.npz"
    python(f"""
import numpy as np
from tests.families import FAMILIES
from tests.test_families import last_stage, model_of

found = {{}}
for family in FAMILIES:
    for precision in ("float32", "mixed"):
        model = model_of(family, "keras-{backend}", precision=precision)
        found[f"{{family}}-{{precision}}"] = last_stage(model).valid[0]
np.savez({str(path)!r}, **found)
""")
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module", params=["tensorflow", "torch"])
def on_another(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Array]:
    """Train a network of each family on another backend than JAX."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return stages_on(request.param, tmp_path_factory.mktemp(request.param))


@EVERY_FAMILY
def test_every_backend_trains_the_same_network(family: str, on_another: dict[str, Array]) -> None:
    np.testing.assert_allclose(on_jax(family), on_another[f"{family}-float32"], rtol=1e-3)


@EVERY_FAMILY
def test_half_precision_learns_nearly_the_same(family: str, on_another: dict[str, Array]) -> None:
    whole = on_jax(family)
    for found in (on_jax(family, "mixed"), on_another[f"{family}-mixed"]):
        # Half precision has two to three digits, and must not change a forecast by more.
        assert 0 < np.abs(found - whole).max() < 0.1 * whole.std() + 0.02 * np.abs(whole).max()


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@EVERY_FAMILY
def test_half_precision_keeps_weights_and_outputs(family: str, half: str) -> None:
    import keras

    from pipelines.trainers.networks._keras_backend import precision

    before = keras.config.dtype_policy().name
    with precision("mixed", lambda: half):
        network = build({"rows": (families.STEPS, families.COLUMNS)}, 0, family=family)
    assert keras.config.dtype_policy().name == before
    assert {str(variable.dtype) for variable in network.trainable_variables} == {"float32"}
    assert network.output.dtype == "float32"
    assert any(layer.compute_dtype == half for layer in network.layers)


@pytest.mark.slow
def test_small_gradients_survive_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.trainers.networks.keras_jax._half", lambda: "float16")
    half = last_stage(model_of("dense", "keras-jax", precision="mixed")).valid[0]
    whole = on_jax("dense")
    assert np.abs(half - whole).max() < 0.05 * np.abs(whole).max()


@ON_A_CPU
@pytest.mark.slow
@pytest.mark.parametrize("family", ["convolutional", "attention"])
def test_a_batch_divided_among_devices_trains_the_same(family: str, tmp_path: Path) -> None:
    path = tmp_path / "test.npy"
    python(
        f"""
import numpy as np
from tests.test_families import program

trained = program({family!r})
assert trained.devices.used == 4, trained.devices.used
(report,) = trained.run()
np.save({str(path)!r}, report.test)
""",
        XLA_FLAGS="--xla_force_host_platform_device_count=4",
        **DIVIDED,
    )
    (expected,) = program(family).run()
    np.testing.assert_allclose(np.load(path), expected.test, rtol=1e-4, atol=1e-5)
