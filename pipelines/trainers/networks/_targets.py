"""Targets as networks learn them, and predictions from their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Task


class Goal(Protocol):
    """The target of one fold, encoded for a network."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return the target for the loss, [k] or [k, 1]."""
        ...

    def decode(self, outputs: Array) -> Array:
        """Return predictions from the outputs [copies, rows, ...] of the networks of a fold."""
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


class BinaryProbability:
    """The probability of class 1, as one output."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k, 1] float32: Keras' binary losses do not add the axis themselves."""
        return target.astype(np.float32)[:, None]

    def decode(self, outputs: Array) -> Array:
        """Return [rows]."""
        return _mean(outputs)[:, 0]


class ClassProbabilities:
    """A probability for each class."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return class codes, [k] int32."""
        return target.astype(np.int32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows, classes]."""
        return _mean(outputs)


def goal_of(task: Task, target: NDArray[np.float64]) -> Goal:
    """Return the encoding of one fold's target.

    Args:
        task: of the competition.
        target: [k] float64, of the training rows of the fold.
    """
    if task is Task.REGRESSION:
        return StandardisedValue(float(target.mean()), float(target.std()) or 1.0)
    return BinaryProbability() if task is Task.BINARY else ClassProbabilities()


def _mean(outputs: Array) -> Array:
    """Return the mean over the copies, [rows, ...] float64."""
    mean: Array = outputs.astype(np.float64).mean(axis=0)
    return mean
