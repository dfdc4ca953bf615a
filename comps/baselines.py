"""Baselines that several competitions share; every other model has to beat its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.dummy import DummyClassifier


def class_share(**params: object) -> DummyClassifier:
    """Return a classifier that predicts each class's share among the training rows.

    scikit-learn is imported when it is built.
    """
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", **params)
