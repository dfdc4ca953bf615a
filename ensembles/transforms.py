"""What fitted blends make of predictions, on their way in and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import LEAST_PROBABILITY

if TYPE_CHECKING:
    from ensembles.sample import Floats

# Odds of a probability that a member calls certain would outweigh everything.
_CERTAIN = 1e-4


def unchanged(values: Floats) -> Floats:
    """Return values as they are."""
    return values


def logit(probabilities: Floats) -> Floats:
    """Return log odds, of any shape; 0 and 1 become the next numbers to them.

    In double precision: in single precision, the next number to 1 is 1.
    """
    inside = np.clip(probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def log(values: Floats) -> Floats:
    """Return logarithms, of any shape; 0 becomes the next number to it."""
    logarithms: Floats = np.log(np.maximum(values, LEAST_PROBABILITY))
    return logarithms


def normalised_exp(values: Floats) -> Floats:
    """Return exponentials, [n] or [n, classes]; rows of classes are brought to the sum one."""
    return _normalised(np.exp(values))


def normalised_odds(values: Floats) -> Floats:
    """Return probabilities of log odds, [n] or [n, classes]; rows of classes sum to one."""
    from scipy.special import expit

    return _normalised(expit(values))


def _normalised(values: Floats) -> Floats:
    return values if values.ndim == 1 else values / values.sum(axis=1, keepdims=True)


def flat(predictions: Floats) -> Floats:
    """Return [n, members] or [n, members x classes]."""
    return np.ascontiguousarray(predictions).reshape(len(predictions), -1)


def odds(predictions: Floats) -> Floats:
    """Return log odds in the form of `flat`, none of which outweighs everything."""
    return flat(logit(np.clip(predictions, _CERTAIN, 1 - _CERTAIN)))


def predicted(predict: Callable[[Floats], object], columns: Floats) -> Floats:
    """Return what an estimator predicts, [n]."""
    values: Floats = np.asarray(predict(columns))
    return values


def predicted_probabilities(
    predict: Callable[[Floats], object], known: NDArray[np.int64], n_classes: int, columns: Floats
) -> Floats:
    """Return [n] of class 1, or [n, classes].

    Args:
        predict: returns [n, known classes].
        known: codes of the classes that it learned.
        n_classes: of all; the others have the probability 0.
        columns: [n, columns] to predict from.
    """
    probabilities = np.zeros((len(columns), n_classes))
    probabilities[:, known] = np.asarray(predict(columns))
    return probabilities[:, 1] if n_classes == 2 else probabilities
