"""How much of the target is left unexplained, and by how much two things go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.checks._answers import Answer

Floats = NDArray[np.float64]
_FOLDS = 5
# Bins of a column that are tried: few are steady, many follow a copy of the target closely.
_BINS = (8, 24, 96)
_LEAST_IN_BIN = 4
_KNOTS = 10


def unexplained(answer: Answer, prediction: Floats, rows: NDArray[np.bool_] | None = None) -> float:
    """Return the part of an answer that a prediction does not explain, in [0, 1].

    For two classes it is 2 (1 - AUC), for values 1 - R² by a straight line, on the values or on
    their ranks, whichever is lower: a leak may follow either.
    """
    values = answer.values if rows is None else answer.values[rows]
    prediction = prediction if rows is None else prediction[rows]
    if answer.binary:
        return min(1.0, 2 - 2 * auc(values, prediction))
    raw = correlation(values, prediction)
    ranked = correlation(ranks(values), ranks(prediction))
    return 1 - max(raw, ranked, 0.0) ** 2


def auc(target: Floats, prediction: Floats) -> float:
    """Return the area under the ROC curve; 0.5 if one class is missing.

    >>> auc(np.array([0.0, 1, 1]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    positive = target > 0
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    above = ranks(prediction)[positive].sum() - ones * (ones + 1) / 2
    return float(above / (ones * zeros))


def ranks(values: Floats) -> Floats:
    """Return ranks from 1, the mean rank for ties."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_ranks: Floats = (ends - (counts - 1) / 2)[inverse]
    return mean_ranks


def correlation(one: Floats, other: Floats) -> float:
    """Return Pearson's correlation; 0 where one does not vary."""
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale > 0 else 0.0


def folds(n: int) -> NDArray[np.int64]:
    """Return [n] numbers of folds, shuffled, the same each time."""
    return np.random.default_rng(0).permutation(n) % _FOLDS


def alone(values: Floats, answer: Answer, levels: bool) -> tuple[float, Floats]:
    """Return what a column alone leaves unexplained, out of fold, and its prediction, [n].

    Args:
        values: [n] float64 of the column, none of them missing.
        answer: of the same rows.
        levels: whether the values are codes without an order.
    """
    tried = [_binned(codes, answer.values) for codes in _codes(values, levels)]
    if not levels:
        # A straight line has two parameters: nothing to overfit.
        tried += [values, -values]
    left = [unexplained(answer, prediction) for prediction in tried]
    best = int(np.argmin(left))
    return left[best], tried[best]


def _codes(values: Floats, levels: bool) -> list[NDArray[np.int64]]:
    """Return the bins of a column, coarse to fine."""
    different, codes = np.unique(values, return_inverse=True)
    if levels or len(different) <= _BINS[0]:
        return [codes]
    # By rank: as many rows in each bin as ties allow.
    first = np.searchsorted(np.sort(values), values, side="left")
    fine = [bins for bins in _BINS if bins * _LEAST_IN_BIN <= len(values)]
    return [np.unique(first * bins // len(values), return_inverse=True)[1] for bins in fine]


def _binned(codes: NDArray[np.int64], target: Floats) -> Floats:
    """Return the mean target of the other folds' rows in the same bin, [n]."""
    fold = folds(len(codes))
    cell, shape = codes * _FOLDS + fold, (int(codes.max()) + 1, _FOLDS)
    size = shape[0] * shape[1]
    counts = np.bincount(cell, minlength=size).reshape(shape)
    sums = np.bincount(cell, weights=target, minlength=size).reshape(shape)
    others, total = counts.sum(axis=1, keepdims=True) - counts, sums.sum(axis=1, keepdims=True)
    # One row of the mean target stands for what is not known.
    means = (total - sums + target.mean()) / (others + 1)
    found: Floats = means.ravel()[cell]
    return found


def given(answer: Answer, values: Floats) -> Floats:
    """Return what is left of values when the answer is known: its mean, or a broken line, is out.

    Args:
        answer: [n].
        values: [n], or [n, k] of several at once.
    """
    target = answer.values
    if answer.binary:
        basis = np.column_stack([target, 1 - target])
    else:
        ranked = ranks(target) / len(target)
        knots = np.linspace(0, 1, _KNOTS + 1)[1:-1]
        bends = np.maximum(0, ranked[:, None] - knots)
        scaled = (target - target.mean()) / target.std()
        basis = np.column_stack([np.ones(len(target)), scaled, ranked, bends])
    left: Floats = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return left
