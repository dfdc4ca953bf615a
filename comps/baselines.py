"""Baselines that several competitions share; every other model has to beat its baseline."""

from __future__ import annotations

from typing import Any


def class_share(**params: Any) -> Any:
    """Return a classifier that predicts each class's share among the training rows.

    scikit-learn is imported when it is built.
    """
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", **params)
