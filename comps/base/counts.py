"""Scores of labels that follow from counts: how often each true class is predicted as each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base.values import Array

Floats = NDArray[np.float64]
#: From counts [..., true class, predicted class] to scores [...].
OfCounts = Callable[[Floats], Floats]


def class_counts(
    target: Array, labels: Array, weight: Array | None = None, n_classes: int | None = None
) -> Floats:
    """Return how often each true class is predicted as each, [classes, classes] float64.

    Args:
        target: [n] codes of the true classes.
        labels: [n] codes of the predicted ones.
        weight: [n], what each row counts for; None counts each once.
        n_classes: how many there are; None takes the codes that came, two at least.

    >>> class_counts(np.array([0, 1, 1]), np.array([0, 1, 0])).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    true, predicted = np.asarray(target).astype(np.intp), np.asarray(labels).astype(np.intp)
    if n_classes is None:
        n_classes = max(2, int(true.max(initial=0)) + 1, int(predicted.max(initial=0)) + 1)
    counts = np.bincount(true * n_classes + predicted, weight, n_classes * n_classes)
    found: Floats = counts.reshape(n_classes, n_classes).astype(np.float64)
    return found


def label_counts(target: Array, labels: Array, weight: Array | None = None) -> Floats:
    """Return `class_counts` of each of several labels, [labels, 2, 2] float64.

    Args:
        target: [n, labels] zeros and ones.
        labels: of the same shape.
        weight: [n], or None.
    """
    columns = zip(np.asarray(target).T, np.asarray(labels).T, strict=True)
    return np.stack([class_counts(true, found, weight, 2) for true, found in columns])


@dataclass(frozen=True)
class CountScore:
    """The function of a metric that follows from counts; cut points are found quickly for it.

    Attributes:
        of_classes: `[..., classes, classes] -> [...]`, see `class_counts`.
        of_labels: `[..., labels, 2, 2] -> [...]` for several labels; None takes the mean of
            `of_classes` over the labels that have a score.

    >>> hits = CountScore(lambda counts: np.trace(counts, axis1=-2, axis2=-1) / counts.sum())
    >>> hits(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
    0.75
    """

    of_classes: OfCounts
    of_labels: OfCounts | None = None

    def __call__(self, target: Array, labels: Array, sample_weight: Array | None = None) -> float:
        """Return the score of [n] codes of classes, or of [n, labels] zeros and ones."""
        if np.ndim(target) == 1:
            return float(self.of_classes(class_counts(target, labels, sample_weight)))
        return float(self.several(label_counts(target, labels, sample_weight)))

    def several(self, counts: Floats) -> Floats:
        """Return the score of counts of several labels, [..., labels, 2, 2], [...]."""
        if self.of_labels is not None:
            return self.of_labels(counts)
        scores = self.of_classes(counts)
        defined = ~np.isnan(scores)
        with np.errstate(invalid="ignore"):
            mean: Floats = np.where(defined, scores, 0.0).sum(axis=-1) / defined.sum(axis=-1)
        return mean
