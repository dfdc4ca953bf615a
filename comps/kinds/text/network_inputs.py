"""Texts as arrays of token numbers, which networks take; vocabularies are learned in `fit`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Array
from comps.kinds.text.columns import joined
from comps.kinds.text.texts import FIRST, PADDING, UNKNOWN, word_ngrams, words

# The longest training texts of folds differ by a token or two: most are equally long in these.
_MULTIPLE = 16


class TokenBags(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The set of tokens of each text: a multi-hot vector in a fraction of its size.

    A text of twenty words is a row of forty numbers here instead of 20,000. Rows are as long as
    the longest training text, rounded up to a multiple of 16: folds train as one program only
    where their rows are equally long, and networks ignore the places that are left.

    Args:
        max_tokens: size of the vocabulary, unknown tokens included: the most frequent ones.
        ngrams: longest run of words that is a token.
        tfidf: whether to weigh tokens, by their count in the text times
            log(1 + texts / (1 + texts with the token)), as TextVectorization does.
        width: most tokens of a text; the most frequent ones are kept.
    """

    def __init__(
        self, max_tokens: int = 20_000, ngrams: int = 2, tfidf: bool = False, width: int = 1000
    ) -> None:
        self.max_tokens = max_tokens
        self.ngrams = ngrams
        self.tfidf = tfidf
        self.width = width

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the vocabulary, in how many texts each token is, and the length of a row."""
        bags = self._bags(X)
        self.vocabulary_ = _vocabulary(bags, self.max_tokens)
        rows = [self._known(bag) for bag in bags]
        texts = np.bincount(
            np.fromiter((token for row in rows for token in row), np.int64),
            minlength=self.max_tokens + 1,
        )
        self.idf_ = np.log(1 + len(rows) / (1 + texts)).astype(np.float32)
        # As in TextVectorization: where all tokens are known, nothing tells how common others are.
        self.idf_[UNKNOWN] = self.idf_[FIRST : FIRST + max(len(self.vocabulary_), 1)].mean()
        longest = max(map(len, rows), default=1)
        self.width_ = min(self.width, -(-max(longest, 1) // _MULTIPLE) * _MULTIPLE)
        return self

    def transform(self, X: pd.DataFrame) -> dict[str, Array]:
        """Return "tokens" [n, width] int32, ascending, and 0 after the last.

        With `tfidf` also "weights" [n, width] float32, 0 where there is no token.
        """
        rows = [self._known(bag) for bag in self._bags(X)]
        tokens = np.zeros((len(rows), self.width_), dtype=np.int32)
        weights = np.zeros(tokens.shape, dtype=np.float32)
        for number, row in enumerate(rows):
            kept = sorted(row)[: self.width_]
            tokens[number, : len(kept)] = kept
            weights[number, : len(kept)] = [row[token] for token in kept]
        if not self.tfidf:
            return {"tokens": tokens}
        return {"tokens": tokens, "weights": weights * self.idf_[tokens]}

    def _bags(self, X: pd.DataFrame) -> list[Counter[str]]:
        return [Counter(word_ngrams(text, self.ngrams)) for text in joined(X)]

    def _known(self, bag: Mapping[str, int]) -> Counter[int]:
        row: Counter[int] = Counter()
        for token, count in bag.items():
            row[self.vocabulary_.get(token, UNKNOWN)] += count
        return row


class TokenSequences(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The words of each text in their order, as numbers.

    Args:
        max_tokens: size of the vocabulary, unknown words included: the most frequent ones.
        max_length: most words of a text; what comes after them is cut off (the book: 600).
        share: of the training texts that must not be cut. Sentences make short rows, which
            train faster.
        known: the vocabulary, instead of the words of the texts in `fit`.
    """

    def __init__(
        self,
        max_tokens: int = 20_000,
        max_length: int = 600,
        share: float = 0.99,
        known: Sequence[str] | None = None,
    ) -> None:
        self.max_tokens = max_tokens
        self.max_length = max_length
        self.share = share
        self.known = known

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the vocabulary and the length of a row."""
        texts = [words(text) for text in joined(X)]
        if self.known is None:
            self.vocabulary_ = _vocabulary(texts, self.max_tokens)
        else:
            self.vocabulary_ = {word: FIRST + place for place, word in enumerate(self.known)}
        longest = int(np.ceil(np.quantile([len(text) for text in texts], self.share)))
        self.length_ = int(np.clip(longest, 1, self.max_length))
        return self

    def transform(self, X: pd.DataFrame) -> dict[str, NDArray[np.int32]]:
        """Return "tokens" [n, length] int32, 0 after the last word. A text is never empty.

        A text without words gets one unknown word: a layer that masks padding needs at least one
        place that is not masked.
        """
        tokens = np.full((len(X), self.length_), PADDING, dtype=np.int32)
        tokens[:, 0] = UNKNOWN
        for number, text in enumerate(joined(X)):
            row = [self.vocabulary_.get(word, UNKNOWN) for word in words(text)[: self.length_]]
            tokens[number, : len(row)] = row
        return {"tokens": tokens}


def _vocabulary(texts: Iterable[Iterable[str]], max_tokens: int) -> dict[str, int]:
    """Return the number of each of the most frequent tokens, the most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    # Ties by spelling: the order must not depend on the order of rows.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {token: FIRST + rank for rank, (token, _) in enumerate(ranked[: max_tokens - 1])}
