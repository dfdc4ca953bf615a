"""What networks learn, and how to read what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Task


class Goal(Protocol):
    """The target of one fold as a network meets it."""

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return what the loss takes, [k] or [k, 1]."""
        ...

    def decode(self, outputs: Array) -> Array:
        """Return predictions from the outputs [copies, rows, ...] of the networks of a fold."""
        ...


@dataclass(frozen=True)
class StandardisedValue:
    """A value on the scale of the training rows: one learning rate suits dollars and degrees."""

    mean: float
    deviation: float

    @classmethod
    def fit(cls, target: NDArray[np.float64]) -> StandardisedValue:
        """Learn the scale."""
        return cls(float(target.mean()), float(target.std()) or 1.0)

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k] float32."""
        return ((target - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows] on the target's scale."""
        mean: Array = outputs.astype(np.float64).mean(axis=0)[:, 0]
        return mean * self.deviation + self.mean


class BinaryProbability:
    """The probability of class 1, as one output."""

    @classmethod
    def fit(cls, target: NDArray[np.float64]) -> BinaryProbability:
        """Learn nothing."""
        del target
        return cls()

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return [k, 1] float32: Keras' binary losses do not add the axis themselves."""
        return target.astype(np.float32)[:, None]

    def decode(self, outputs: Array) -> Array:
        """Return [rows]."""
        mean: Array = outputs.astype(np.float64).mean(axis=0)[:, 0]
        return mean


class ClassProbabilities:
    """A probability for each class."""

    @classmethod
    def fit(cls, target: NDArray[np.float64]) -> ClassProbabilities:
        """Learn nothing."""
        del target
        return cls()

    def encode(self, target: NDArray[np.float64]) -> Array:
        """Return class codes, [k] int32."""
        return target.astype(np.int32)

    def decode(self, outputs: Array) -> Array:
        """Return [rows, classes]."""
        mean: Array = outputs.astype(np.float64).mean(axis=0)
        return mean


GOALS: Mapping[Task, Callable[[Any], Goal]] = {
    Task.REGRESSION: StandardisedValue.fit,
    Task.BINARY: BinaryProbability.fit,
    Task.MULTICLASS: ClassProbabilities.fit,
}
