"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.dummy import DummyRegressor
    from sklearn.linear_model import Ridge

    from comps.temperature.thinned import ThinnedSVR


def nothing(**params: object) -> DummyRegressor:
    """Return a regressor that predicts zero: as a residual, the value of 24 hours before."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="constant", constant=0.0, **params)


def ridge(**params: object) -> Ridge:
    """Return linear regression with a squared penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(**params)


def svr(**params: Any) -> ThinnedSVR:
    """Return support vector regression on rows evenly spaced in time."""
    from comps.temperature.thinned import ThinnedSVR

    return ThinnedSVR(**params)
