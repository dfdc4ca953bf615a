"""Metrics of probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from comps.base import Array, Loss, Metric, Prediction, log_loss


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


def _roc_auc(target: Array, probabilities: Array, sample_weight: Array | None = None) -> float:
    from sklearn.metrics import roc_auc_score

    return _one_against_rest(roc_auc_score, target, probabilities, sample_weight)


def _average_precision(
    target: Array, probabilities: Array, sample_weight: Array | None = None
) -> float:
    from sklearn.metrics import average_precision_score

    return _one_against_rest(average_precision_score, target, probabilities, sample_weight)


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
