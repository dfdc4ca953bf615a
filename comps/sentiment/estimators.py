"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression


def logistic(**params: object) -> LogisticRegression:
    """Return logistic regression with a squared penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="liblinear", **params)


def naive_bayes(**params: object) -> CalibratedClassifierCV:
    """Return calibrated naive Bayes of the frequencies of tokens in each class.

    Naive Bayes takes tokens for independent, so that its probabilities are far too close to 0 and
    1: the order is good, but the log loss so bad that a blend would give it no weight. A sigmoid,
    fitted on cross-fitted scores (Platt 1999), keeps the order and corrects the probabilities.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.naive_bayes import MultinomialNB

    return CalibratedClassifierCV(MultinomialNB(**params), method="sigmoid", ensemble=False)
