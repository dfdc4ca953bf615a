"""Texts as dense rows for trees: components of TF-IDF, and what linear models say of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD

from comps.base import Array, Transformer
from comps.kinds.text.linear_scores import LinearScores
from comps.kinds.text.sparse_words import SparseWords

if TYPE_CHECKING:
    import pandas as pd


class DenseWords(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Components of TF-IDF and linear scores as float32 [rows, features], with others behind.

    Args:
        components: at most; fewer rows or words have fewer.
        task: what is predicted, see `comps.base.Task`.
        others: a transformer of the whole table, whose columns come last.
    """

    def __init__(self, components: int, task: str, others: Transformer | None = None) -> None:
        self.components = components
        self.task = task
        self.others = others

    def fit(self, X: pd.DataFrame, y: Array) -> DenseWords:
        """Learn from the training rows of a fold."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Array) -> NDArray[np.float32]:
        """Learn, and return features of the training rows, whose scores are cross-fitted."""
        self.words_, self.scores_ = SparseWords(), LinearScores(self.task)
        words = self.words_.fit_transform(X, y)
        count = max(1, min(self.components, words.shape[0] - 1, words.shape[1] - 1))
        self.directions_ = TruncatedSVD(count, random_state=0)
        parts = [self.directions_.fit_transform(words), self.scores_.fit_transform(words, y)]
        if self.others is not None:
            parts.append(np.asarray(self.others.fit_transform(X, y)))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return features of rows that were not fitted."""
        words = self.words_.transform(X)
        parts = [self.directions_.transform(words), self.scores_.transform(words)]
        if self.others is not None:
            parts.append(np.asarray(self.others.transform(X)))
        return np.concatenate(parts, axis=1).astype(np.float32)
