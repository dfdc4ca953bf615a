"""Predictions of elsewhere that are on another scale than the target, such as its logarithm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from comps.base import Array

Values = NDArray[np.float64]

# The scales that people train on. Of counts, the logarithm lies within the range of the target.
_SCALES: Mapping[str, Callable[[Values], Array]] = {
    "the logarithm of one plus the target": np.log1p,
    "the logarithm of the target": np.log,
    "the logarithm to the base 10 of the target": np.log10,
    "the square root of the target": np.sqrt,
}
# Medians that differ by this factor, where most values lie apart, too, are of two scales; so are
# values that lie apart by more than the whole range of the others.
_FACTOR = 10.0
# Explained variance above which predictions are of a scale; of the target itself it is below 0.
_EXPLAINED = 0.2


def problems_of_oof(column: str, target: Values, oof: Values) -> Iterator[str]:
    """Yield why out-of-fold predictions are on another scale than the target, if they are.

    Args:
        column: name of the target.
        target: [n] in its own unit.
        oof: [n] predictions of the same rows.

    >>> prices = np.array([90e3, 120e3, 200e3, 310e3, 150e3])
    >>> next(problems_of_oof("price", prices, np.log(prices)))[:50]
    'price: the predictions range from 11.4076 to 12.64'
    >>> list(problems_of_oof("price", prices, prices * 1.1))
    []
    """
    scale = _scale_of(target, oof)
    if scale or _apart(oof, target):
        yield _message(column, oof, "the target", target, scale)


def problems_of_test(column: str, target: Values, oof: Values, test: Values) -> Iterator[str]:
    """Yield why test predictions are on another scale than target and out-of-fold predictions.

    Args:
        column: name of the target.
        target: [n] in its own unit.
        oof: [k] out-of-fold predictions.
        test: [m] test predictions.
    """
    if _apart(test, oof) and _apart(test, target):
        yield _message(column, test, "the out-of-fold predictions", oof, "")


def problems_of_submission(column: str, target: Values, values: Values) -> Iterator[str]:
    """Yield why submitted values are on another scale than the training target, if they are.

    Args:
        column: name of the target.
        target: [n] in its own unit.
        values: [m] of the submission.

    >>> len(list(problems_of_submission("price", np.arange(90e3, 99e3), np.arange(11.0, 13))))
    1
    """
    if _apart(values, target):
        yield _message(column, values, "the training target", target, "", called="values")


def _apart(values: Values, others: Values) -> bool:
    low, middle, high = np.quantile(others, [0.25, 0.5, 0.75])
    below, median, above = np.quantile(values, [0.05, 0.5, 0.95])
    span = others.max() - others.min()
    if values.min() > others.max() + span or values.max() < others.min() - span:
        return bool(span > 0)
    if middle == 0:
        # Of a target that is mostly zero, the median says nothing of its size.
        return False
    factor = max(abs(median), abs(middle)) / max(min(abs(median), abs(middle)), 1e-300)
    return bool(factor > _FACTOR and (above < low or below > high))


def _scale_of(target: Values, oof: Values) -> str:
    """Return the scale that predictions are of rather than of the target; empty if none is."""
    if _explained(target, oof) > 0:
        return ""
    with np.errstate(all="ignore"):
        scaled = {name: np.asarray(function(target)) for name, function in _SCALES.items()}
    explained = {
        name: _explained(values, oof)
        for name, values in scaled.items()
        if np.isfinite(values).all()
    }
    best = max(explained, key=lambda name: explained[name], default="")
    return best if best and explained[best] > _EXPLAINED else ""


def _explained(target: Array, prediction: Values) -> float:
    """Return the share of the target's variance that a prediction explains; below 0 if none."""
    variance = float(np.var(target))
    error = float(np.mean((target - prediction) ** 2))
    return 1 - error / variance if variance > 0 else 0.0


def _message(
    column: str,
    values: Values,
    what: str,
    others: Values,
    scale: str,
    *,
    called: str = "predictions",
) -> str:
    return (
        f"{column}: the {called} range from {_range(values)}, and {what} from "
        f"{_range(others)}: they are on another scale"
        + (f", it seems {scale}. " if scale else ". ")
        + "Give them in the target's own unit."
    )


def _range(values: Values) -> str:
    return f"{values.min():g} to {values.max():g} (median {np.median(values):g})"
