"""The metrics that competitions are judged by. A new one is one new entry in the file of its kind.

`find_metric` knows them by name; `metric` makes one of a function.
"""

from comps.metrics.classification import AVERAGE_PRECISION, BRIER, LOG_LOSS, ROC_AUC
from comps.metrics.labels import (
    ACCURACY,
    BALANCED_ACCURACY,
    F1,
    F1_MACRO,
    F1_MICRO,
    F1_WEIGHTED,
    MATTHEWS,
    QUADRATIC_KAPPA,
)
from comps.metrics.own import metric
from comps.metrics.ranking import NDCG, map_at, ndcg_at
from comps.metrics.registry import METRICS, PARAMETRISED, as_metric, find_metric
from comps.metrics.regression import (
    MEAN_ABSOLUTE_ERROR,
    MEAN_ABSOLUTE_PERCENTAGE_ERROR,
    MEAN_POISSON_DEVIANCE,
    MEDIAN_ABSOLUTE_ERROR,
    R2,
    RMSLE,
    ROOT_MEAN_SQUARED_ERROR,
    SMAPE,
    pinball,
    tweedie,
)

__all__ = [
    "ACCURACY",
    "AVERAGE_PRECISION",
    "BALANCED_ACCURACY",
    "BRIER",
    "F1",
    "F1_MACRO",
    "F1_MICRO",
    "F1_WEIGHTED",
    "LOG_LOSS",
    "MATTHEWS",
    "MEAN_ABSOLUTE_ERROR",
    "MEAN_ABSOLUTE_PERCENTAGE_ERROR",
    "MEAN_POISSON_DEVIANCE",
    "MEDIAN_ABSOLUTE_ERROR",
    "METRICS",
    "NDCG",
    "PARAMETRISED",
    "QUADRATIC_KAPPA",
    "R2",
    "RMSLE",
    "ROC_AUC",
    "ROOT_MEAN_SQUARED_ERROR",
    "SMAPE",
    "as_metric",
    "find_metric",
    "map_at",
    "metric",
    "ndcg_at",
    "pinball",
    "tweedie",
]
