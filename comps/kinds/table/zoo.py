"""The models of any table. Their parameters are the libraries' or the book's, tuned to nothing."""

from __future__ import annotations

from typing import Any

from comps.base import Family, Metric, Model, Task, spaces
from comps.baselines import class_share
from comps.declared import boosting
from comps.kinds.table.network_models import network_models


def tree_features() -> Any:
    """Return features for trees; pandas and scikit-learn are imported then."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=False)


def scaled_features() -> Any:
    """Return features for models that look at distances."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=True)


TRANSFORMERS = {
    Family.LINEAR: scaled_features,
    Family.KERNEL: scaled_features,
    Family.NETWORK: scaled_features,
    Family.FOREST: tree_features,
    Family.BOOSTING: tree_features,
    Family.OTHER: scaled_features,
}


def median(**params: Any) -> Any:
    """Return the median of the training rows' targets, whatever a row says."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="median", **params)


def ridge(**params: Any) -> Any:
    """Return a linear regression with a penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(**params)


def logistic(**params: Any) -> Any:
    """Return a logistic regression with a penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**params)


def table_models(
    task: Task,
    n_classes: int,
    n_targets: int = 1,
    *,
    rows: int = 2000,
    columns: int = 20,
    metric: Metric | None = None,
) -> tuple[Model, ...]:
    """Return the baseline, a linear model, two boosters and two networks, cheap ones first.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
        rows: training rows.
        columns: columns that models see.
        metric: what models are judged by.
    """
    regression = task is Task.REGRESSION
    baseline = Model(
        "median" if regression else "class-share",
        Family.BASELINE,
        "sklearn",
        build=median if regression else class_share,
        seconds=0.1,
        quick=True,
        about="what every model has to beat",
    )
    linear = Model(
        "ridge" if regression else "logistic",
        Family.LINEAR,
        "sklearn",
        {"alpha": 10.0} if regression else {"C": 1.0, "max_iter": 1000},
        scaled_features,
        ridge if regression else logistic,
        seconds=0.5,
        quick=True,
        space=spaces.scales,
        about="linear model of standardised and one-hot columns",
    )
    trees = (
        boosting("lightgbm", features=tree_features, num_leaves=15, feature_fraction=0.7),
        boosting("xgboost", features=tree_features, max_depth=4, colsample_bytree=0.7),
    )
    networks = network_models(task, n_classes, n_targets, rows=rows, columns=columns, metric=metric)
    return (baseline, linear, *trees, *networks)
