"""Weights of rows for scikit-learn's estimators: whether `fit` takes them, and by which name."""

from __future__ import annotations

from typing import Any


def weight_name(estimator: Any) -> str | None:
    """Return the keyword of `fit` that takes weights of rows; None where there is none.

    Estimators that hold others are asked for those: of a pipeline the last step counts, of a vote
    or a stack every member, of a search, a transformed target or several ones the estimator within.

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> [weight_name(own) for own in (Ridge(), make_pipeline(Ridge()), KNeighborsRegressor())]
    ['sample_weight', 'ridge__sample_weight', None]
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        within = weight_name(last)
        return within and f"{name}__{within}"
    if isinstance(estimator, TransformedTargetRegressor):
        return weight_name(estimator.regressor)
    if isinstance(estimator, (GridSearchCV, RandomizedSearchCV)):
        return weight_name(estimator.estimator)
    if isinstance(estimator, (MultiOutputRegressor, MultiOutputClassifier)):
        # They ask the estimator itself, and refuse a pipeline or a search.
        own = estimator.estimator
        takes = has_fit_parameter(own, "sample_weight") and weight_name(own) == "sample_weight"
        return "sample_weight" if takes else None
    members = [part for _, part in getattr(estimator, "estimators", None) or [] if part != "drop"]
    if members:
        takes = all(has_fit_parameter(part, "sample_weight") for part in members)
    else:
        takes = has_fit_parameter(estimator, "sample_weight")
    return "sample_weight" if takes else None
