"""The baseline, linear models, smooth curves and nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from comps.base import Array, Dataset, Family, Model, Params, Task, spaces
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


# A column with fewer values than this is no curve, and more columns would fill the memory.
_LEAST_VALUES, _MOST_CURVES = 6, 200
# Rows that tell how many values a column has.
_LOOKED_AT = 1000


def spline_ridge(*, knots: int, **params: Any) -> Any:
    """Return a ridge regression of smooth curves, one for each number; see `curves`."""
    from sklearn.pipeline import make_pipeline

    return make_pipeline(curves(knots), ridge(**params))


def spline_logistic(*, knots: int, **params: Any) -> Any:
    """Return a logistic regression of smooth curves, one for each number; see `curves`."""
    from sklearn.pipeline import make_pipeline

    return make_pipeline(curves(knots), logistic(**params))


def curves(knots: int) -> Any:
    """Return a transformer of numbers to cubic B-splines, straight beyond the outer knots.

    With a penalty on their weights (Eilers and Marx 1996, "Flexible smoothing with B-splines and
    penalties"), a linear model of them is an additive one.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import SplineTransformer

    splines = SplineTransformer(knots, knots="quantile", extrapolation="linear")
    return make_column_transformer((splines, varied), remainder="passthrough")


def varied(rows: Array) -> list[int]:
    """Return the places of columns with many values: numbers, not indicators of levels.

    >>> varied(np.column_stack([np.arange(9), np.arange(9) % 2]))
    [0]
    """
    some = rows[:_LOOKED_AT].T
    found = [place for place, own in enumerate(some) if len(np.unique(own)) >= _LEAST_VALUES]
    return found[:_MOST_CURVES]


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
    """Return the baseline, two linear models and nearest neighbours."""
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
            "splines",
            Family.LINEAR,
            "sklearn",
            {"knots": 5, **({"alpha": 1.0} if regression else {"C": 1.0, "max_iter": 500})},
            scaled_features,
            spline_ridge if regression else spline_logistic,
            seconds=0.6,
            space=spaces.scales,
            about="linear model of smooth curves of the numbers, and of one-hot columns",
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
