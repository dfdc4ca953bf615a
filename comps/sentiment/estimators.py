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


def naive_bayes_logistic(*, alpha: float = 1.0, **params: Any) -> Any:
    """Logistic regression on features that are scaled by what naive Bayes says of them."""
    from sklearn.pipeline import make_pipeline

    from comps.sentiment.vectors import NaiveBayesWeights

    return make_pipeline(NaiveBayesWeights(alpha), logistic(**params))
