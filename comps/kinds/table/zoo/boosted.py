"""Boosted trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from comps.base import JSON, Dataset, Loss, Metric, Model, Params, Task
from comps.declared import boosting
from comps.kinds.table.zoo.views import category_features, encoded_features, tree_features

# What a library calls the loss of a metric; squared errors and log loss unless given. Of pinball
# loss the quantile is added.
_OBJECTIVES: Mapping[str, Mapping[Loss, Params]] = {
    "lightgbm": {
        Loss.ABSOLUTE_ERROR: {"objective": "regression_l1"},
        Loss.PERCENTAGE_ERROR: {"objective": "mape"},
        Loss.PINBALL: {"objective": "quantile"},
    },
    "xgboost": {
        Loss.ABSOLUTE_ERROR: {"objective": "reg:absoluteerror"},
        Loss.PINBALL: {"objective": "reg:quantileerror"},
    },
    "catboost": {
        Loss.ABSOLUTE_ERROR: {"loss_function": "MAE"},
        Loss.PERCENTAGE_ERROR: {"loss_function": "MAPE"},
    },
}
_QUANTILE = {"lightgbm": "alpha", "xgboost": "quantile_alpha"}


def objective(library: str, metric: Metric) -> dict[str, JSON]:
    """Return the parameters with which a library learns what a metric judges.

    >>> from comps.metrics import find_metric
    >>> objective("lightgbm", find_metric("mae")), objective("lightgbm", find_metric("rmse"))
    ({'objective': 'regression_l1'}, {})
    """
    if metric.loss is None:
        return {}
    found = dict(_OBJECTIVES[library].get(metric.loss, {}))
    if metric.loss is Loss.PINBALL and library in _QUANTILE:
        found[_QUANTILE[library]] = metric.parameter
    return found


def leaves_of_rows(params: Params, dataset: Dataset) -> Params:
    """Return leaves and the rows of a leaf: of few rows, small trees are enough."""
    rows = len(dataset.target)
    found: dict[str, JSON] = {}
    if "num_leaves" in params:
        found["num_leaves"] = int(min(max(rows / 60, 8), 64))
    if "max_depth" in params:
        found["max_depth"] = 3 if rows < 1000 else 4 if rows < 5000 else 6
    return found


def boosted_models(task: Task, n_classes: int, metric: Metric) -> tuple[Model, ...]:
    """Return three set-ups of LightGBM, XGBoost, and CatBoost where it is installed."""
    light, bagged = objective("lightgbm", metric), {"bagging_fraction": 0.8, "bagging_freq": 1}
    leaves: dict[str, JSON] = {"num_leaves": 15, "feature_fraction": 0.7, **light}
    classes = n_classes if task in (Task.BINARY, Task.MULTICLASS) else 0
    models = (
        _boosting("lightgbm", tree_features, {**leaves, **bagged, "min_data_in_leaf": 10}),
        _boosting(
            "lightgbm",
            tree_features,
            {**leaves, "extra_trees": True, "min_data_in_leaf": 5},
            name="lightgbm-extra",
        ),
        _boosting(
            "lightgbm",
            encoded_features,
            {**leaves, **bagged, "feature_fraction": 0.5, "classes": classes}
            | {"min_data_in_leaf": 10},
            name="lightgbm-encoded",
        ),
        _boosting(
            "xgboost",
            tree_features,
            {"max_depth": 4, "colsample_bytree": 0.7, "subsample": 0.8, "min_child_weight": 2.0}
            | objective("xgboost", metric),
        ),
        _boosting(
            "catboost",
            category_features,
            {"rounds": 1000, "depth": 6, **objective("catboost", metric)},
        ),
    )
    return tuple(replace(model, sized=leaves_of_rows) for model in models)


def _boosting(
    library: str, features: Callable[..., Any], params: dict[str, Any], name: str | None = None
) -> Model:
    return boosting(library, name=name, features=features, **params)
