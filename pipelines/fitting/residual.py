"""Learning the residual of a forecast that needs no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Model, Task, UsageError
from pipelines.trainers import Stage

# The parameter of a model, of whatever trainer, that asks for it.
PARAMETER = "residual"


@dataclass(frozen=True, eq=False)
class Residual:
    """The competition's own forecast, subtracted from the target and added to predictions.

    Attributes:
        train: [n] or [n, targets] float64, the forecast on the metric's scale; None where the
            target is learned.
        test: [m] or [m, targets] float64, or None.
    """

    train: NDArray[np.float64] | None = None
    test: NDArray[np.float64] | None = None

    @classmethod
    def split(
        cls, competition: Competition, dataset: Dataset, model: Model
    ) -> tuple[Residual, Model]:
        """Return the residual that a model asks for, and the model without that parameter.

        Raises:
            UsageError: if the competition has no such forecast, or predicts classes, or the
                forecast has another shape than the target.
        """
        plain = cls.without(model)
        if not model.params.get(PARAMETER, False):
            return cls(), plain
        if competition.offset is None or competition.task is not Task.REGRESSION:
            raise UsageError(
                f"Model '{model.name}' is to learn a residual, but the competition "
                f"'{competition.name}' has no forecast to take it from."
            )
        forecast = competition.offset(dataset.train)
        if forecast.shape != dataset.target.shape:
            raise UsageError(
                f"The forecast of the competition '{competition.name}' must have the shape of its "
                f"target, {dataset.target.shape}; it has {forecast.shape}."
            )
        return cls(forecast, competition.offset(dataset.test)), plain

    @staticmethod
    def without(model: Model) -> Model:
        """Return a model without the parameter."""
        rest = {name: value for name, value in model.params.items() if name != PARAMETER}
        return dataclasses.replace(model, params=rest)

    def target(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the residual of the target; the target itself where there is no forecast."""
        return target if self.train is None else target - self.train

    def added(self, test: Array) -> Array:
        """Return predictions of the target for the test rows, from those of the residual."""
        return test if self.test is None else test + self.test

    def stage(self, stage: Stage, rows: Sequence[NDArray[np.int64]]) -> Stage:
        """Return the predictions of the target; `rows` are the validation rows of each fold."""
        if self.train is None or self.test is None:
            return stage
        offsets = [self.train[own] for own in rows]
        return replace(
            stage,
            valid=[values + offset for values, offset in zip(stage.valid, offsets, strict=True)],
            # With one test row, whose predictions are not used, the forecast has other rows.
            test=[
                self.added(values) if len(values) == len(self.test) else values
                for values in stage.test
            ],
        )
