"""Keras networks: all folds of a repeat, and several networks a fold, as one JAX program."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import Array, Model, Task, UsageError, Windows
from pipelines.trainers._base import Context, FoldData, Stage, Trainer
from pipelines.trainers._windows import (
    gather_windows,
    row_arrays,
    shared_series,
    window_shapes,
)

if TYPE_CHECKING:
    from pipelines.trainers._fold_program import FoldProgram


@dataclass(frozen=True)
class Plan:
    """The parameters of a network's training; the others go to its builder.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows of a step.
        copies: networks a fold, which differ in their seed; their predictions are averaged.
        stride: epochs between two stages.
    """

    epochs: int
    batch_size: int
    copies: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"'{name}' must be a positive whole number, not {value!r}.")

    @classmethod
    def split(cls, params: Mapping[str, Any]) -> tuple[Plan, dict[str, Any]]:
        """Return the plan and the builder's own parameters."""
        names = cls.__dataclass_fields__
        own = {name: value for name, value in params.items() if name in names}
        return cls(**own), {name: value for name, value in params.items() if name not in names}

    def stages(self) -> list[int]:
        """Return the epochs after which predictions are wanted; the last is one of them."""
        return sorted({*range(self.stride, self.epochs + 1, self.stride), self.epochs})


class KerasTrainer:
    """Trains what `model.build(shapes, steps, **params)` returns.

    The builder takes the shape of a row of each input by name, and the number of optimizer
    steps of the whole training (for schedules); it returns a compiled functional model with
    one output. Features are a mapping of arrays, or one array, which is then called "rows", or
    `Windows`, of which each step gathers its own as "window".

    For regression the target is standardised with the mean and deviation of the fold's
    training rows, so that one learning rate suits dollars and degrees alike.
    """

    together = True

    def prepare(self) -> None:
        """Import Keras on JAX. See `Trainer`."""
        # Keras reads the variable when it is imported; a worker process has it set already.
        os.environ.setdefault("KERAS_BACKEND", "jax")
        import pipelines.trainers._fold_program  # noqa: F401

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` epochs. See `Trainer`."""
        if context.task is not Task.REGRESSION:
            raise UsageError("Networks are trained for regression alone so far.")
        plan, params = Plan.split(model.params)
        scales = [(fold.target.mean(), fold.target.std() or 1.0) for fold in folds]
        for report in _program(model, plan, params, folds, scales).run():
            yield Stage(
                report.epoch,
                _values(report.valid, scales),
                _values(report.test, scales),
            )


def _values(predictions: Any, scales: Sequence[tuple[float, float]]) -> list[Array]:
    """Return [rows] on the target's scale from [copies, rows, 1] for each fold."""
    return [
        prediction.astype(np.float64).mean(axis=0)[:, 0] * deviation + mean
        for prediction, (mean, deviation) in zip(predictions, scales, strict=True)
    ]


def _program(
    model: Model,
    plan: Plan,
    params: Mapping[str, Any],
    folds: Sequence[FoldData],
    scales: Sequence[tuple[float, float]],
) -> FoldProgram:
    """Lay the folds beside each other, training rows first, and build their program."""
    if model.build is None:
        raise UsageError(f"Model '{model.name}' names no function that builds its network.")
    from pipelines.trainers._fold_program import FoldProgram
    from pipelines.trainers._fold_tables import FoldTables, Recipe, rows_alone, stack_inputs

    rows = [_joined(fold.train, fold.valid) for fold in folds]
    sizes = [(len(fold.target), _length(fold.valid)) for fold in folds]
    n_rows = max(map(sum, sizes))
    target = np.zeros((len(folds), n_rows), dtype=np.float32)
    for number, (fold, (mean, deviation)) in enumerate(zip(folds, scales, strict=True)):
        target[number, : len(fold.target)] = (fold.target - mean) / deviation
    inputs = stack_inputs(rows, n_rows)
    views = [fold.train for fold in folds if isinstance(fold.train, Windows)]
    gather = gather_windows(views[0].length) if views else rows_alone
    tables = FoldTables(
        inputs,
        target,
        [np.arange(train) for train, _ in sizes],
        [np.arange(train, train + valid) for train, valid in sizes],
        stack_inputs([_named(fold.test) for fold in folds], _length(folds[0].test)),
        per_fold=True,
        shared=shared_series(views) if views else {},
        gather=gather,
    )
    steps = plan.epochs * -(-max(train for train, _ in sizes) // plan.batch_size)
    shapes = window_shapes(views[0]) if views else {k: v.shape[2:] for k, v in inputs.items()}
    build = model.build
    return FoldProgram(
        lambda: build(shapes, steps, **params),
        tables,
        Recipe(
            plan.epochs,
            plan.batch_size,
            [fold.seed for fold in folds],
            plan.copies,
            plan.stages(),
        ),
    )


def _named(rows: Any) -> dict[str, Array]:
    if isinstance(rows, Windows):
        return row_arrays(rows)
    return dict(rows) if isinstance(rows, Mapping) else {"rows": np.asarray(rows)}


def _joined(train: Any, valid: Any) -> dict[str, Array]:
    first, second = _named(train), _named(valid)
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _length(rows: Any) -> int:
    return len(next(iter(_named(rows).values())))


if TYPE_CHECKING:
    _: Trainer = KerasTrainer()
