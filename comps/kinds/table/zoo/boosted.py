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
    """Return how large the trees are: of few rows, small ones are enough."""
    rows = len(dataset.target)
    known: dict[str, JSON] = {
        "num_leaves": int(min(max(rows / 100, 8), 64)),
        "max_depth": 3 if rows < 1000 else 4 if rows < 5000 else 6,
    }
    return {name: value for name, value in known.items() if name in params}


def boosted_models(task: Task, n_classes: int, metric: Metric) -> tuple[Model, ...]:
    """Return three set-ups of LightGBM, XGBoost, and CatBoost where it is installed.

    A run with time to spare tries larger and smaller trees, too: which are better is known only
    afterwards, and trees of another size err elsewhere.
    """
    light, bagged = objective("lightgbm", metric), {"bagging_fraction": 0.8, "bagging_freq": 1}
    classes = n_classes if task in (Task.BINARY, Task.MULTICLASS) else 0
    rate: dict[str, Any] = {"learning_rate": 0.05}
    leaves: dict[str, Any] = {"num_leaves": 15, "min_data_in_leaf": 10, **rate, **light}
    extreme: dict[str, Any] = {
        "max_depth": 4,
        "colsample_bytree": 0.7,
        "subsample": 0.8,
        "min_child_weight": 2.0,
    }
    extreme |= {**rate, **objective("xgboost", metric)}
    # CatBoost trains all rounds of a part: a higher rate needs fewer of them.
    cat: dict[str, Any] = {"rounds": 1200, "depth": 6, "learning_rate": 0.08}
    cat |= {"bootstrap_type": "Bernoulli", "subsample": 0.8, **objective("catboost", metric)}
    sized = (
        _boosting("lightgbm", tree_features, {**leaves, **bagged, "feature_fraction": 0.7}),
        _boosting(
            "lightgbm",
            encoded_features,
            {**leaves, **bagged, "feature_fraction": 0.5, "classes": classes},
            name="lightgbm-encoded",
        ),
        _boosting("xgboost", tree_features, extreme),
    )
    fixed = (
        _boosting(
            "lightgbm",
            tree_features,
            {**leaves, "num_leaves": 31, "feature_fraction": 0.7, "min_data_in_leaf": 5}
            | {"extra_trees": True},
            name="lightgbm-extra",
        ),
        _boosting("catboost", category_features, {**cat, "l2_leaf_reg": 6.0}),
    )
    further = (
        _boosting(
            "lightgbm",
            tree_features,
            {**leaves, **bagged, "num_leaves": 64, "feature_fraction": 0.9, "min_data_in_leaf": 3},
            name="lightgbm-large",
        ),
        _boosting("xgboost", tree_features, {**extreme, "max_depth": 8}, name="xgboost-deep"),
        _boosting(
            "catboost",
            category_features,
            {**cat, "depth": 4, "l2_leaf_reg": 3.0},
            name="catboost-shallow",
        ),
        _boosting(
            "catboost",
            category_features,
            {**cat, "depth": 8, "l2_leaf_reg": 9.0},
            name="catboost-deep",
        ),
    )
    return (
        *(replace(model, sized=leaves_of_rows) for model in sized),
        *fixed,
        *(replace(model, default=False) for model in further),
    )


def _boosting(
    library: str, features: Callable[..., Any], params: dict[str, Any], name: str | None = None
) -> Model:
    return boosting(library, name=name, features=features, **params)
