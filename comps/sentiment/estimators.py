"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import Any


def class_share(**params: Any) -> Any:
    """The share of good reviews, whatever a review says."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", **params)


def logistic(**params: Any) -> Any:
    """Logistic regression with a squared penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="liblinear", **params)


def naive_bayes(**params: Any) -> Any:
    """Naive Bayes of how often tokens come with each class."""
    from sklearn.naive_bayes import MultinomialNB

    return MultinomialNB(**params)
