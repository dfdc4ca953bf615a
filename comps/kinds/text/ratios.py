"""Classifiers of sparse rows of words: each class against the rest, and ratios of naive Bayes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from comps.base import Array

# Folds of the calibration, as scikit-learn has them.
_FOLDS = 5


class OneAgainstRest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of two classes, for any number: each class against the rest.

    Of more than two classes, the probabilities of a row are brought to the sum one. On sparse rows
    of words this takes a fraction of the time of one model for all classes.

    Args:
        estimator: of two classes; takes weights of rows.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: sparse.csr_matrix, y: Array, sample_weight: Array | None = None) -> Self:
        """Fit a copy of the estimator for each class, or one for two."""
        self.classes_ = np.unique(y)
        last = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.models_ = [self._fitted(X, np.asarray(y) == label, sample_weight) for label in last]
        return self

    def predict_proba(self, X: sparse.csr_matrix) -> NDArray[np.float64]:
        """Return the probability of each class, [n, classes]."""
        columns = [self._probability(model, X) for model in self.models_]
        if len(self.classes_) == 2:
            return np.column_stack([1 - columns[0], columns[0]])
        shares = np.column_stack(columns)
        total = shares.sum(axis=1, keepdims=True)
        found: NDArray[np.float64] = np.where(
            total > 0, shares / np.where(total > 0, total, 1.0), 1 / shares.shape[1]
        )
        return found

    def predict(self, X: sparse.csr_matrix) -> Array:
        """Return the most probable class of each row."""
        found: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found

    def _fitted(self, X: sparse.csr_matrix, positive: Array, weight: Array | None) -> Any:
        return clone(self.estimator).fit(X, positive, sample_weight=weight)

    def _probability(self, model: Any, X: sparse.csr_matrix) -> NDArray[np.float64]:
        chance: NDArray[np.float64] = model.predict_proba(X)[:, 1]
        return chance


class RatioLogistic(OneAgainstRest):
    """Logistic regression of tokens that are scaled by the log ratio of their shares.

    So a linear model starts from naive Bayes: NBSVM (Wang and Manning, "Baselines and Bigrams",
    ACL 2012), each class against the rest.

    Args:
        C: weight of errors against the penalty.
        alpha: added to the sum of each token in each class.

    >>> tokens = sparse.csr_matrix([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    >>> log_ratios(tokens, np.array([False, True]), 1.0).round(2).tolist()
    [-0.69, 0.69, 0.0]
    """

    def __init__(self, C: float = 1.0, alpha: float = 1.0) -> None:
        self.C = C
        self.alpha = alpha

    def _fitted(self, X: sparse.csr_matrix, positive: Array, weight: Array | None) -> Any:
        ratios = log_ratios(X, positive, self.alpha)
        model = LogisticRegression(solver="liblinear", C=self.C)
        return ratios, model.fit(_scaled(X, ratios), positive, sample_weight=weight)

    def _probability(self, model: Any, X: sparse.csr_matrix) -> NDArray[np.float64]:
        ratios, fitted = model
        chance: NDArray[np.float64] = fitted.predict_proba(_scaled(X, ratios))[:, 1]
        return chance


class CalibratedNaiveBayes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Naive Bayes of the frequencies of tokens in each class, calibrated by a sigmoid.

    Args:
        alpha: added to the sum of each token in each class.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: sparse.csr_matrix, y: Array, sample_weight: Array | None = None) -> Self:
        """Fit it; a class of one row leaves it uncalibrated."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.model_: Any = MultinomialNB(alpha=self.alpha)
        if counts.min() >= 2:
            folds = min(_FOLDS, int(counts.min()))
            self.model_ = CalibratedClassifierCV(
                self.model_, method="sigmoid", cv=folds, ensemble=False
            )
        self.model_.fit(X, y, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: sparse.csr_matrix) -> NDArray[np.float64]:
        """Return the probability of each class, [n, classes]."""
        chances: NDArray[np.float64] = self.model_.predict_proba(X)
        return chances

    def predict(self, X: sparse.csr_matrix) -> Array:
        """Return the most probable class of each row."""
        found: Array = self.model_.predict(X)
        return found


def log_ratios(X: sparse.csr_matrix, positive: Array, alpha: float) -> NDArray[np.float64]:
    """Return the log ratio of each column's share in the positive rows to that in the others.

    Args:
        X: a sparse matrix, nothing in it is negative.
        positive: [n] bool.
        alpha: added to the sum of each column in both.
    """
    shares = []
    for rows in (~positive, positive):
        sums = alpha + np.asarray(X[rows].sum(axis=0)).ravel()
        shares.append(sums / sums.sum())
    found: NDArray[np.float64] = np.log(shares[1] / shares[0])
    return found


def _scaled(X: sparse.csr_matrix, ratios: NDArray[np.float64]) -> sparse.csr_matrix:
    return (X @ sparse.diags_array(ratios.astype(X.dtype), format="csr")).tocsr()
