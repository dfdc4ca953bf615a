"""The metrics that competitions use. A new one is one new entry."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from comps.base import (
    LOG1P,
    Array,
    Loss,
    Metric,
    Prediction,
    log_loss,
    root_mean_squared_error,
    unknown_name,
)


def _accuracy(target: Array, labels: Array) -> float:
    return float(np.mean(labels == target))


def _roc_auc(target: Array, probabilities: Array) -> float:
    from sklearn.metrics import roc_auc_score

    if len(np.unique(target)) < 2:
        return math.nan
    return float(roc_auc_score(target, probabilities))


def _mean_absolute_error(target: Array, prediction: Array) -> float:
    return float(np.mean(np.abs(target - prediction)))


# Kaggle asks for the root mean squared error of the logarithms: RMSE on the log1p scale.
RMSLE = Metric(
    name="root_mean_squared_log_error",
    label="RMSLE",
    function=root_mean_squared_error,
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
    function=log_loss,
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

ROOT_MEAN_SQUARED_ERROR = Metric(
    name="root_mean_squared_error",
    label="RMSE",
    function=root_mean_squared_error,
    greater_is_better=False,
    loss=Loss.SQUARED_ERROR,
)

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        ROOT_MEAN_SQUARED_ERROR,
        RMSLE,
        MEAN_ABSOLUTE_ERROR,
        ACCURACY,
        ROC_AUC,
        LOG_LOSS,
    )
}


def find_metric(name: str) -> Metric:
    """Return a metric by its name, or by its label in small letters: "rmse", "auc".

    Raises:
        UsageError: if there is none; the message lists the close names.

    >>> find_metric("RMSE").name
    'root_mean_squared_error'
    """
    labels = {metric.label.lower(): metric for metric in METRICS.values()}
    wanted = name.lower()
    for key in (wanted, wanted.replace("-", "_"), wanted.replace("-", " ").replace("_", " ")):
        if found := METRICS.get(key) or labels.get(key):
            return found
    raise unknown_name("metric", name, [*METRICS, *labels])
