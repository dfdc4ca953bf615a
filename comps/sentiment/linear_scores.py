"""Transformers of TF-IDF that learn from a fold's classes: token weights, linear scores."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from comps.base import Array
from comps.sentiment import estimators


class NaiveBayesRatios(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scale each token by the log ratio of its shares in the two classes.

    With such features a linear model starts from naive Bayes (Wang and Manning, "Baselines and
    Bigrams", ACL 2012: NBSVM).

    Args:
        alpha: added to the sum of each token in each class.

    >>> tokens = sparse.csr_matrix([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    >>> NaiveBayesRatios().fit(tokens, np.array([0, 1])).ratios_.round(2).tolist()
    [-0.69, 0.69, 0.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: sparse.csr_matrix, y: Array) -> Self:
        """Learn the ratios of the columns of a sparse matrix, none of them negative."""
        shares = []
        for label in (0, 1):
            sums = self.alpha + np.asarray(X[np.asarray(y) == label].sum(axis=0)).ravel()
            shares.append(sums / sums.sum())
        self.ratios_ = np.log(shares[1] / shares[0])
        return self

    def transform(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return a sparse matrix of the same shape and dtype."""
        return (X @ sparse.diags_array(self.ratios_.astype(X.dtype), format="csr")).tocsr()


class LinearScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The log odds of logistic regression and naive Bayes, as features for trees.

    Components of TF-IDF alone lose most of the information in single words. As with scikit-learn's
    `TargetEncoder`, the features of training rows are cross-fitted: no row is scored by models that
    have seen its class.

    Args:
        folds: of the cross-fitting.
    """

    def __init__(self, folds: int = 5) -> None:
        self.folds = folds

    def fit(self, X: sparse.csr_matrix, y: Array) -> Self:
        """Fit both models on all rows of a sparse matrix of TF-IDF."""
        self.models_ = [model.fit(X, y) for model in _models()]
        return self

    def fit_transform(self, X: sparse.csr_matrix, y: Array) -> NDArray[np.float32]:
        """Fit, and return the cross-fitted scores of the rows, [n, 2] float32."""
        self.fit(X, y)
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=0)
        chances = [
            cross_val_predict(model, X, y, cv=folds, method="predict_proba") for model in _models()
        ]
        return _log_odds(chances)

    def transform(self, X: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return the scores of rows that were not fitted, [n, 2] float32."""
        return _log_odds([model.predict_proba(X) for model in self.models_])


def _models() -> list[ClassifierMixin]:
    return [estimators.logistic(C=4.0), estimators.naive_bayes(alpha=0.25)]


def _log_odds(chances: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    columns = [np.clip(chance[:, 1], 1e-6, 1 - 1e-6) for chance in chances]
    scores: NDArray[np.float32] = logit(np.stack(columns, axis=1)).astype(np.float32)
    return scores
