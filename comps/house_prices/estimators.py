"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.dummy import DummyRegressor
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import ElasticNet, Ridge
    from sklearn.svm import SVR


def median(**params: object) -> DummyRegressor:
    """Return a regressor that predicts the median of log1p(price), from no feature."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="median", **params)


def elastic_net(**params: object) -> ElasticNet:
    """Return linear regression with both penalties."""
    from sklearn.linear_model import ElasticNet

    return ElasticNet(**params)


def ridge(**params: object) -> Ridge:
    """Return linear regression with a squared penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(**params)


def svr(**params: object) -> SVR:
    """Return support vector regression, whose linear loss gives odd sales less weight."""
    from sklearn.svm import SVR

    return SVR(**params)


def extra_trees(**params: object) -> ExtraTreesRegressor:
    """Return extremely randomised trees."""
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(**params)
