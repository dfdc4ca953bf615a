"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression


def logistic(**params: object) -> LogisticRegression:
    """Logistic regression with a squared penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="liblinear", **params)


def naive_bayes(**params: object) -> CalibratedClassifierCV:
    """Naive Bayes of how often tokens come with each class, calibrated.

    It takes tokens for independent and is far too sure of itself: right in its order, wrong by so
    much in its log loss that no blend fitted for that would take it. A sigmoid, fitted on
    cross-fitted scores (Platt 1999), leaves the order and puts the sizes right.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.naive_bayes import MultinomialNB

    return CalibratedClassifierCV(MultinomialNB(**params), method="sigmoid", ensemble=False)
