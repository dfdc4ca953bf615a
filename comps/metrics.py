"""The metrics that competitions use. A new one is one new entry."""

from __future__ import annotations

import numpy as np

from comps.base import LOG1P, Array, Loss, Metric


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
