"""The metrics that competitions use. A new one is one new entry."""

from __future__ import annotations

import numpy as np

from comps.base import LOG1P, Array, Loss, Metric, Prediction


def _accuracy(target: Array, probabilities: Array) -> float:
    if probabilities.ndim == 1:
        return float(np.mean((probabilities > 0.5) == target))
    return float(np.mean(probabilities.argmax(axis=1) == target))


def _roc_auc(target: Array, probabilities: Array) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(target, probabilities))


def _log_loss(target: Array, probabilities: Array) -> float:
    from sklearn.metrics import log_loss

    if probabilities.ndim == 1:
        return float(log_loss(target, probabilities, labels=np.arange(2)))
    # Stored in single precision, the classes of a row sum to 1 but for the last digits, and
    # scikit-learn warns of that.
    rows = probabilities.astype(np.float64)
    rows /= rows.sum(axis=1, keepdims=True)
    return float(log_loss(target, rows, labels=np.arange(rows.shape[1])))


def _mean_absolute_error(target: Array, prediction: Array) -> float:
    return float(np.mean(np.abs(target - prediction)))


def _root_mean_squared_error(target: Array, prediction: Array) -> float:
    return float(np.sqrt(np.mean((target - prediction) ** 2)))


# Kaggle asks for the root mean squared error of the logarithms: RMSE on the log1p scale.
RMSLE = Metric(
    name="root_mean_squared_log_error",
    label="RMSLE",
    function=_root_mean_squared_error,
    greater_is_better=False,
    scale=LOG1P,
    loss=Loss.SQUARED_ERROR,
)

# Accuracy has no slope to follow: blend weights minimise the log loss of the probabilities.
ACCURACY = Metric(
    name="accuracy",
    label="accuracy",
    function=_accuracy,
    greater_is_better=True,
    needs=Prediction.LABEL,
    loss=Loss.LOG_LOSS,
    digits=4,
)

# The book (chapter 8): cross-entropy is the surrogate of ROC AUC.
ROC_AUC = Metric(
    name="roc_auc",
    label="AUC",
    function=_roc_auc,
    greater_is_better=True,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
    order_alone=True,
    digits=4,
)

LOG_LOSS = Metric(
    name="log_loss",
    label="log loss",
    function=_log_loss,
    greater_is_better=False,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
    digits=4,
)

MEAN_ABSOLUTE_ERROR = Metric(
    name="mean_absolute_error",
    label="MAE",
    function=_mean_absolute_error,
    greater_is_better=False,
    loss=Loss.ABSOLUTE_ERROR,
    digits=4,
)
