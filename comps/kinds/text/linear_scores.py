"""What linear models of TF-IDF say of a row, as features for trees."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logit
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

from comps.base import Array, Task
from comps.kinds.text import estimators

# Beyond these a log odds says no more.
_LEAST = 1e-6


class LinearScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The log odds of logistic regression and naive Bayes, or the values of ridge regression.

    Components of TF-IDF alone lose most of the information in single words. As with scikit-learn's
    `TargetEncoder`, the features of training rows are cross-fitted: no row is scored by models that
    have seen its target, but the only row of a class, without which these know no such class.

    Args:
        task: what is predicted, see `comps.base.Task`.
        folds: of the cross-fitting.
    """

    def __init__(self, task: str = "binary", folds: int = 5) -> None:
        self.task = task
        self.folds = folds

    def fit(self, X: sparse.csr_matrix, y: Array) -> Self:
        """Fit the models on all rows of a sparse matrix of TF-IDF."""
        self.models_ = [
            [model.fit(X, target) for model in self._models(target)] for target in _targets(y)
        ]
        return self

    def fit_transform(self, X: sparse.csr_matrix, y: Array) -> NDArray[np.float32]:
        """Fit, and return the cross-fitted scores of the rows, [n, scores] float32.

        There are two scores of two classes and for each label, two for each of more classes, and
        one for each value.
        """
        self.fit(X, y)
        return self._beside([self._cross_fitted(X, target) for target in _targets(y)])

    def transform(self, X: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return the scores of rows that were not fitted, [n, scores] float32."""
        return self._beside(
            [[getattr(model, self._method)(X) for model in models] for models in self.models_]
        )

    @property
    def _method(self) -> str:
        return "predict" if self.task == Task.REGRESSION else "predict_proba"

    def _models(self, target: Array) -> list[Any]:
        if self.task == Task.REGRESSION:
            return [estimators.ridge(alpha=1.0)]
        if len(np.unique(target)) < 2:
            # A rare label may be missing from a fold.
            return [estimators.constant(), estimators.constant()]
        return [estimators.logistic(C=4.0), estimators.naive_bayes(alpha=0.25)]

    def _cross_fitted(self, X: sparse.csr_matrix, target: Array) -> list[Array]:
        models = self._models(target)
        if self.task == Task.REGRESSION:
            folds: Any = KFold(self.folds, shuffle=True, random_state=0)
            return [cross_val_predict(model, X, target, cv=folds) for model in models]
        labels, counts = np.unique(target, return_counts=True)
        if counts.min() < 2:
            alone = np.isin(target, labels[counts < 2])
            return [self._around(model, X, target, alone) for model in models]
        folds = _stratified(min(self.folds, int(counts.min())))
        return [
            cross_val_predict(model, X, target, cv=folds, method="predict_proba")
            for model in models
        ]

    def _around(self, model: Any, X: sparse.csr_matrix, target: Array, alone: Array) -> Array:
        """Return scores where some rows are the only one of their class: each model knows these."""
        found: Array = clone(model).fit(X, target).predict_proba(X)
        rest = np.flatnonzero(~alone)
        if not len(rest):
            return found
        rarest = int(np.unique(target[rest], return_counts=True)[1].min())
        for _, held in _stratified(min(self.folds, rarest)).split(rest, target[rest]):
            known = np.setdiff1d(np.arange(len(target)), rest[held])
            fitted = clone(model).fit(X[known], target[known])
            found[rest[held]] = fitted.predict_proba(X[rest[held]])
        return found

    def _beside(self, found: list[list[Array]]) -> NDArray[np.float32]:
        columns = [self._columns(values) for models in found for values in models]
        return np.concatenate(columns, axis=1).astype(np.float32)

    def _columns(self, values: Array) -> Array:
        if self.task == Task.REGRESSION:
            return np.asarray(values).reshape(-1, 1)
        values = values[:, 1:] if values.shape[1] == 2 else values
        found: Array = logit(np.clip(values, _LEAST, 1 - _LEAST))
        return found


def _stratified(folds: int) -> StratifiedKFold:
    return StratifiedKFold(folds, shuffle=True, random_state=0)


def _targets(y: Array) -> list[Array]:
    """Return the target, or each of several."""
    y = np.asarray(y)
    return [y] if y.ndim == 1 else list(y.T)
