"""Targets as networks learn them, and predictions from their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from comps.base import JSON, Array, Task


class Goal(Protocol):
    """The target of one fold, encoded for a network."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return the target for the loss, [k], [k, 1] or [k, targets]."""
        ...

    def decode(self, outputs: Array) -> Array:
        """Return predictions from the outputs [copies, rows, ...] of the networks of a fold."""
        ...

    def to_json(self) -> JSON:
        """Return what `goal_from` makes it from."""
        ...


@dataclass(frozen=True)
class StandardisedValue:
    """A value on the scale of the training rows: one learning rate suits dollars and degrees."""

    mean: float
    deviation: float

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k] float32."""
        return ((target - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows] on the target's scale."""
        return _mean(outputs)[:, 0] * self.deviation + self.mean

    def to_json(self) -> JSON:
        """See `Goal`."""
        return {"mean": self.mean, "deviation": self.deviation}


@dataclass(frozen=True, eq=False)
class StandardisedValues:
    """Several values, each on the scale of its own training rows, so that all weigh alike."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k, targets] float32."""
        return ((target - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows, targets] on the scales of the targets."""
        return _mean(outputs) * self.deviation + self.mean

    def to_json(self) -> JSON:
        """See `Goal`."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}


class _Learned:
    """A target that is learned as it is: nothing of it is kept."""

    def to_json(self) -> JSON:
        """See `Goal`."""
        return None


class BinaryProbability(_Learned):
    """The probability of class 1, as one output."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k, 1] float32: Keras' binary losses do not add the axis themselves."""
        return target.astype(np.float32)[:, None]

    def decode(self, outputs: Array) -> Array:
        """Return [rows]."""
        return _mean(outputs)[:, 0]


class ClassProbabilities(_Learned):
    """A probability for each class."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return class codes, [k] int32."""
        return target.astype(np.int32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows, classes]."""
        return _mean(outputs)


class LabelProbabilities(_Learned):
    """The probability of each label."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k, labels] float32 zeros and ones."""
        return target.astype(np.float32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows, labels]."""
        return _mean(outputs)


_OF_CLASSES: Mapping[Task, Goal] = {
    Task.BINARY: BinaryProbability(),
    Task.MULTICLASS: ClassProbabilities(),
    Task.MULTILABEL: LabelProbabilities(),
}


def goal_of(task: Task, target: NDArray[np.float64]) -> Goal:
    """Return the encoding of one fold's target.

    Args:
        task: of the competition.
        target: [k] or [k, targets] float64, of the training rows of the fold.
    """
    if task is not Task.REGRESSION:
        return _OF_CLASSES[task]
    if target.ndim == 1:
        return StandardisedValue(float(target.mean()), float(target.std()) or 1.0)
    deviation = target.std(axis=0)
    return StandardisedValues(target.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def goal_from(task: Task, told: JSON) -> Goal:
    """Return the encoding that `Goal.to_json` was told of."""
    if task is not Task.REGRESSION:
        return _OF_CLASSES[task]
    assert isinstance(told, dict)
    if isinstance(told["mean"], list):
        return StandardisedValues(np.array(told["mean"]), np.array(told["deviation"]))
    return StandardisedValue(**told)


def relative_weight(weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the weights of a fold's training rows, [k], as multiples of their mean.

    Keras divides the weighted loss by the number of rows: weights of another size would be another
    learning rate.
    """
    relative: NDArray[np.float32] = (weight / weight.mean()).astype(np.float32)
    return relative


def _mean(outputs: Array) -> Array:
    """Return the mean over the copies, [rows, ...] float64."""
    mean: Array = outputs.astype(np.float64).mean(axis=0)
    return mean
