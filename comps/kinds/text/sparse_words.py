"""Texts as sparse rows of weights of words and characters, with other features beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from comps.base import Array, Transformer
from comps.kinds.text.columns import text_names

if TYPE_CHECKING:
    import pandas as pd


class SparseWords(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """TF-IDF of the words, the pairs of words and the characters of each column of texts.

    Characters within words, two to five in a row, show what words of one stem have in common, and
    recognise "goooood". A text has a row of length one of words, and one of characters.

    Args:
        beside: further transformers of the whole table, each with a factor of what it returns:
            one penalty holds for all weights.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"text": ["good film", "bad film"]}, dtype="string")
    >>> SparseWords().fit_transform(rows, np.array([1, 0])).shape[0]
    2
    """

    def __init__(self, beside: Sequence[tuple[float, Transformer]] = ()) -> None:
        self.beside = beside

    def fit(self, X: pd.DataFrame, y: Array) -> Self:
        """Learn the words and their frequencies."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Array) -> sparse.csr_matrix:
        """Learn the words and their frequencies; return a sparse matrix of float32."""
        self.words_: list[tuple[object, TfidfVectorizer]] = []
        blocks = []
        for name in text_names(X):
            texts = X[name].fillna("").tolist()
            for vectorizer in (_words(), _characters()):
                try:
                    blocks.append(vectorizer.fit_transform(texts))
                except ValueError:  # no text of the column has a word
                    continue
                self.words_.append((name, vectorizer))
        blocks += [
            factor * sparse.csr_matrix(transformer.fit_transform(X, y), dtype=np.float32)
            for factor, transformer in self.beside
        ]
        return sparse.hstack(blocks, format="csr", dtype=np.float32)

    def transform(self, X: pd.DataFrame) -> sparse.csr_matrix:
        """Return a sparse matrix of float32."""
        blocks = [found.transform(X[name].fillna("").tolist()) for name, found in self.words_]
        blocks += [
            factor * sparse.csr_matrix(transformer.transform(X), dtype=np.float32)
            for factor, transformer in self.beside
        ]
        return sparse.hstack(blocks, format="csr", dtype=np.float32)


def _words() -> TfidfVectorizer:
    # Words of one letter count, and so do the two marks that a writer raises his voice with.
    return TfidfVectorizer(
        token_pattern=r"(?u)\w+|[!?]", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32
    )


def _characters() -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, dtype=np.float32
    )
