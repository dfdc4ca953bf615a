"""Keras networks: all folds of a repeat, and several networks a fold, as one JAX program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comps.base import Array, Model
from pipelines.trainers._base import Context, FoldData, Stage, Trainer
from pipelines.trainers._network_plan import Plan, builder
from pipelines.trainers._network_rows import count_rows, form_of, rows_at_once
from pipelines.trainers._network_targets import Goal, goal_of

if TYPE_CHECKING:
    from pipelines.trainers._fold_program import FoldProgram
    from pipelines.trainers._fold_tables import EpochReport


class KerasJaxTrainer:
    """Trains what `model.build(shapes, steps, **params)` returns.

    The builder takes the shape of a row of each input by name, and the number of optimizer
    steps of the whole training (for schedules); it returns a compiled functional model with
    one output: a value, the probability of class 1, or a probability for each class, with a
    loss on class codes. Features are a mapping of arrays, or one array, which is then called
    "rows", or `Windows`, of which each step gathers its own as "window", or `Images`, which it
    gathers as "image".

    For regression the target is standardised with the mean and deviation of the fold's
    training rows, so that one learning rate suits dollars and degrees alike.
    """

    together = True
    on_gpu: ClassVar[Mapping[str, str]] = {}
    backend = "jax"

    def prepare(self) -> None:
        """Import Keras on JAX. See `Trainer`."""
        from pipelines.trainers._keras_backend import import_keras

        import_keras(self.backend)
        import pipelines.trainers._fold_program  # noqa: F401

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` epochs. See `Trainer`."""
        plan, params = Plan.split(model.params)
        goals = [goal_of(context.task, fold.target) for fold in folds]
        try:
            # No name for the program here: it has to be gone when it is released.
            for report, size in _reports(
                _program(builder(model), plan, params, folds, goals), plan
            ):
                yield Stage(
                    report.epoch,
                    _decoded(goals, report.valid),
                    _decoded(goals, list(report.test)),
                    report.loss.mean(axis=1).tolist(),
                    [size] * len(folds),
                )
        finally:
            _release()


def _reports(program: FoldProgram, plan: Plan) -> Iterator[tuple[EpochReport, int]]:
    """Train, and yield reports with the size of a fold's networks."""
    size = plan.size(program.model)
    for report in program.run():
        yield report, size


def _release() -> None:
    """Give back the compiled program, and now and then what was compiled to make networks.

    The next network is often of the same shapes, and would compile its first weights again.
    """
    import gc

    import jax

    gc.collect()
    if next(_released) % _PROGRAMS_KEPT == 0:
        jax.clear_caches()  # type: ignore[no-untyped-call]


# Networks of other shapes leave about a megabyte each behind.
_PROGRAMS_KEPT = 8
_released = count(1)


def _half() -> str:
    import jax

    from pipelines.trainers._keras_backend import half_of

    device = jax.devices()[0]
    return half_of(float(device.compute_capability)) if device.platform == "gpu" else "bfloat16"


def _decoded(goals: Sequence[Goal], outputs: Sequence[Array]) -> list[Array]:
    return [goal.decode(output) for goal, output in zip(goals, outputs, strict=True)]


def _program(
    build: Callable[..., Any],
    plan: Plan,
    params: Mapping[str, Any],
    folds: Sequence[FoldData],
    goals: Sequence[Goal],
) -> FoldProgram:
    """Lay the folds beside each other, training rows first, and build their program."""
    from pipelines.trainers._fold_program import FoldProgram
    from pipelines.trainers._fold_tables import FoldTables, Recipe, stack_inputs
    from pipelines.trainers._keras_backend import precision

    form = form_of(folds[0].train)
    rows = [_joined(form.arrays(fold.train), form.arrays(fold.valid)) for fold in folds]
    sizes = [(len(fold.target), count_rows(fold.valid)) for fold in folds]
    n_rows = max(map(sum, sizes))
    test = [form.arrays(fold.test) for fold in folds]
    views = [fold.train for fold in folds]
    inputs = stack_inputs(rows, n_rows)
    tables = FoldTables(
        inputs,
        _stack_targets(folds, goals, n_rows),
        [np.arange(train) for train, _ in sizes],
        [np.arange(train, train + valid) for train, valid in sizes],
        stack_inputs(test, count_rows(folds[0].test)),
        per_fold=True,
        shared=form.shared(views),
        shared_per_fold=form.shared_per_fold,
        gather=form.gather(views[0]),
    )
    # Folds may have learned different widths: the network is made for the widest.
    stacked = {name: table.shape[2:] for name, table in inputs.items()}
    shapes = {name: stacked.get(name, shape) for name, shape in form.shapes(views[0]).items()}
    steps = plan.steps(max(train for train, _ in sizes))

    def build_model() -> Any:
        with precision(plan.precision, _half):
            return build(shapes, steps, **params)

    return FoldProgram(
        build_model,
        tables,
        Recipe(
            plan.epochs,
            plan.batch_size,
            [fold.seed for fold in folds],
            plan.copies,
            plan.stages(),
            rows_at_once(shapes),
        ),
    )


def _stack_targets(folds: Sequence[FoldData], goals: Sequence[Goal], n_rows: int) -> Array:
    """Return [folds, rows, ...]; rows that are not trained on are zero."""
    encoded = [goal.encode(fold.target) for goal, fold in zip(goals, folds, strict=True)]
    target = np.zeros((len(folds), n_rows, *encoded[0].shape[1:]), dtype=encoded[0].dtype)
    for number, own in enumerate(encoded):
        target[number, : len(own)] = own
    return target


def _joined(first: dict[str, Array], second: dict[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([first[name], second[name]]) for name in first}


if TYPE_CHECKING:
    _: Trainer = KerasJaxTrainer()
