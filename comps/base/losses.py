"""Losses that competitions and blends share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base.values import Array

#: The distance to 0 and 1 that a probability keeps in a logarithm: scikit-learn's for double
#: precision. Its distance for single precision is 1.2e-7, so that equal predictions would have
#: another loss where they are stored in another precision.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)


def probabilities_of_truth(codes: NDArray[np.intp], probabilities: Array) -> NDArray[np.float64]:
    """Return the probability of each row's true class, [n] float64.

    Args:
        codes: [n] of the true classes, 0 or 1 where probabilities are [n].
        probabilities: [n] of class 1, or [n, classes], whose rows are made to sum to 1; those
            that are stored in single precision do not quite.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.ndim == 1:
        return np.where(codes == 1, rows, 1 - rows)
    right: NDArray[np.float64] = rows[np.arange(len(rows)), codes] / rows.sum(axis=1)
    return right


def log_loss(target: Array, probabilities: Array, sample_weight: Array | None = None) -> float:
    """Return the mean negative logarithm of the probabilities of the true classes.

    Everything is computed in double precision. Probabilities, of either precision,
    are kept `LEAST_PROBABILITY` (2.2e-16) away from 0 and 1: a row that is surely wrong costs 36.

    Args:
        target: [n] class codes, 0 or 1 where probabilities are [n].
        probabilities: [n] of class 1, or [n, classes].
        sample_weight: [n], what each row counts for; None counts all alike.

    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.0])), 4)
    0.3466
    """
    right = probabilities_of_truth(np.asarray(target).astype(np.intp), probabilities)
    losses = -np.log(np.clip(right, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    return float(np.average(losses, weights=sample_weight))


def root_mean_squared_error(
    target: Array, prediction: Array, sample_weight: Array | None = None
) -> float:
    """Return the root of the mean squared difference.

    Args:
        target: [n].
        prediction: of the same shape.
        sample_weight: [n], what each row counts for; None counts all alike.

    >>> root_mean_squared_error(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    2.0
    """
    return float(np.sqrt(np.average((target - prediction) ** 2, weights=sample_weight)))
