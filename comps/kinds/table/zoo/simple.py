"""The baseline, linear models and nearest neighbours."""

from __future__ import annotations

from typing import Any

from comps.base import Dataset, Family, Model, Params, Task, spaces
from comps.baselines import class_share
from comps.kinds.table.zoo.views import scaled_features


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


def nearest_values(**params: Any) -> Any:
    """Return the mean of the nearest training rows."""
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(**params)


def nearest_classes(**params: Any) -> Any:
    """Return the shares of classes among the nearest training rows."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(**params)


def neighbours_of_rows(params: Params, dataset: Dataset) -> Params:
    """Return as many neighbours as the root of the rows: more of them average out more noise.

    The usual rule of thumb (Duda, Hart, Stork, "Pattern Classification", section 4.4); it tends
    to be too many for values, so that a half is taken.
    """
    del params
    return {"n_neighbors": max(3, min(50, round(len(dataset.target) ** 0.5 / 2)))}


def table_baseline(task: Task) -> Model:
    """Return what every model has to beat: the median, or the share of each class."""
    regression = task is Task.REGRESSION
    return Model(
        "median" if regression else "class-share",
        Family.BASELINE,
        "sklearn",
        build=median if regression else class_share,
        seconds=0.1,
        quick=True,
        about="what every model has to beat",
    )


def simple_models(task: Task) -> tuple[Model, ...]:
    """Return the baseline, a linear model and nearest neighbours."""
    regression = task is Task.REGRESSION
    return (
        table_baseline(task),
        Model(
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
        ),
        Model(
            "neighbours",
            Family.OTHER,
            "sklearn",
            {"n_neighbors": 15, "weights": "distance"},
            scaled_features,
            nearest_values if regression else nearest_classes,
            seconds=0.6,
            sized=neighbours_of_rows,
            about="nearest rows by standardised and one-hot columns",
        ),
    )
