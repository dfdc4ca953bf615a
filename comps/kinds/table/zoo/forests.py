"""Forests."""

from __future__ import annotations

from typing import Any

from comps.base import Family, Model, Task, spaces
from comps.kinds.table.zoo.views import tree_features


def random_values(**params: Any) -> Any:
    """Return a random forest for values."""
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(**params)


def random_classes(**params: Any) -> Any:
    """Return a random forest for classes."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**params)


def extra_values(**params: Any) -> Any:
    """Return a forest with random cuts for values."""
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(**params)


def extra_classes(**params: Any) -> Any:
    """Return a forest with random cuts for classes."""
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(**params)


def forest_models(task: Task) -> tuple[Model, ...]:
    """Return two forests; classes get larger leaves, for their shares are probabilities.

    Random cuts are chosen among more columns, for most of them are poor.
    """
    regression = task is Task.REGRESSION
    params = {
        "n_estimators": 200,
        "max_features": 0.5 if regression else 0.3,
        "min_samples_leaf": 2 if regression else 3,
    }
    more = {"max_features": 1.0 if regression else 0.5, "min_samples_leaf": 3}
    return (
        Model(
            "random-forest",
            Family.FOREST,
            "sklearn",
            params,
            tree_features,
            random_values if regression else random_classes,
            seconds=6.0,
            space=spaces.forest,
            about="a random forest",
        ),
        Model(
            "extra-trees",
            Family.FOREST,
            "sklearn",
            {**params, **more},
            tree_features,
            extra_values if regression else extra_classes,
            seconds=5.0,
            space=spaces.forest,
            about="a forest with random cuts",
        ),
    )
