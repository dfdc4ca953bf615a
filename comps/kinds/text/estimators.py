"""Builders of the scikit-learn estimators of texts, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import Ridge

    from comps.kinds.text.ratios import CalibratedNaiveBayes, OneAgainstRest, RatioLogistic


def logistic(**params: object) -> OneAgainstRest:
    """Return logistic regression with a squared penalty; of more classes each against the rest."""
    from sklearn.linear_model import LogisticRegression

    from comps.kinds.text.ratios import OneAgainstRest

    return OneAgainstRest(LogisticRegression(solver="liblinear", **params))


def ratio_logistic(**params: Any) -> RatioLogistic:
    """Return logistic regression that begins where naive Bayes ends; see `ratios.RatioLogistic`."""
    from comps.kinds.text.ratios import RatioLogistic

    return RatioLogistic(**params)


def ridge(**params: object) -> Ridge:
    """Return linear regression with a squared penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(solver="sparse_cg", **params)


def naive_bayes(**params: Any) -> CalibratedNaiveBayes:
    """Return calibrated naive Bayes of the frequencies of tokens in each class.

    Naive Bayes takes tokens for independent, so that its probabilities are far too close to 0 and
    1: the order is good, but the log loss so bad that a blend would give it no weight. A sigmoid,
    fitted on cross-fitted scores (Platt 1999), keeps the order and corrects the probabilities.
    """
    from comps.kinds.text.ratios import CalibratedNaiveBayes

    return CalibratedNaiveBayes(**params)


def constant() -> DummyClassifier:
    """Return what predicts the one class that there is."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")
