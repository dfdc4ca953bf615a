"""Metrics of probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Loss, Metric, Prediction, log_loss

Floats = NDArray[np.float64]


def _brier(target: Array, probabilities: Array, sample_weight: Array | None = None) -> float:
    codes = np.asarray(target).astype(np.intp)
    if probabilities.ndim == 1:
        squares = np.square(probabilities - codes)
    else:
        squares = np.square(probabilities - np.eye(probabilities.shape[1])[codes]).sum(axis=1)
    return float(np.average(squares, weights=sample_weight))


def _one_against_rest(
    score: Callable[..., float], target: Array, probabilities: Array, sample_weight: Array | None
) -> float:
    """Return a score of two classes; of more, the mean over the classes that are there."""
    codes = np.asarray(target)
    present = np.unique(codes)
    if len(present) < 2:
        return math.nan
    if probabilities.ndim == 1:
        return float(score(codes, probabilities, sample_weight=sample_weight))
    return float(
        np.mean(
            [
                score(codes == code, probabilities[:, int(code)], sample_weight=sample_weight)
                for code in present
            ]
        )
    )


def _hits_and_misses(hits: Array, scores: Array, weight: Array | None) -> tuple[Floats, Floats]:
    """Return the weight of hits and of other rows at each score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.ones(len(order)) if weight is None else weight[order]
    right = hits[order].astype(bool)
    return (
        np.add.reduceat(np.where(right, counts, 0.0), starts),
        np.add.reduceat(np.where(right, 0.0, counts), starts),
    )


def _area(hits: Array, scores: Array, sample_weight: Array | None = None) -> float:
    """Return the share of pairs of a hit and another row that are in order, ties counted half."""
    right, wrong = _hits_and_misses(hits, scores, sample_weight)
    below = wrong.sum() - np.cumsum(wrong) + wrong / 2
    return float((right * below).sum() / (right.sum() * wrong.sum()))


def _precision(hits: Array, scores: Array, sample_weight: Array | None = None) -> float:
    """Return the precision at each hit, the mean over them."""
    right, wrong = _hits_and_misses(hits, scores, sample_weight)
    found = np.cumsum(right)
    return float((right * found / (found + np.cumsum(wrong))).sum() / right.sum())


def _roc_auc(target: Array, probabilities: Array, sample_weight: Array | None = None) -> float:
    return _one_against_rest(_area, target, probabilities, sample_weight)


def _average_precision(
    target: Array, probabilities: Array, sample_weight: Array | None = None
) -> float:
    return _one_against_rest(_precision, target, probabilities, sample_weight)


LOG_LOSS = Metric(
    name="log_loss",
    label="log loss",
    function=log_loss,
    greater_is_better=False,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
    digits=4,
    weighted=True,
    aliases=("logloss", "cross_entropy"),
)

# The squared distance of probabilities and truth; of more than two classes, the sum over them.
BRIER = Metric(
    name="brier_score_loss",
    label="Brier",
    function=_brier,
    greater_is_better=False,
    needs=Prediction.PROBABILITY,
    loss=Loss.SQUARED_ERROR,
    weighted=True,
    aliases=("brier_score",),
)

# The book (chapter 8): cross-entropy is the surrogate of ROC AUC. Of more than two classes, each
# is set against all others.
ROC_AUC = Metric(
    name="roc_auc",
    label="AUC",
    function=_roc_auc,
    greater_is_better=True,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
    order_alone=True,
    digits=4,
    weighted=True,
    aliases=("roc_auc_score", "roc_auc_ovr", "auc_ovr"),
)

AVERAGE_PRECISION = Metric(
    name="average_precision",
    label="AP",
    function=_average_precision,
    greater_is_better=True,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
    order_alone=True,
    digits=4,
    weighted=True,
    aliases=("average_precision_score", "pr_auc", "auprc"),
)

METRICS = (LOG_LOSS, BRIER, ROC_AUC, AVERAGE_PRECISION)
