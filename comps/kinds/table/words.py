"""A few numbers that say what a free text is about, for models of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    Texts = pd.Series[Any]

# Directions of meaning; more would outnumber the other columns of a small table.
_DIRECTIONS = 16


class WordFeatures:
    """Length, number of words, and the main directions of a text's words and pairs of words.

    Latent semantic analysis (Deerwester et al. 1990): weights of words (TF-IDF), brought down to
    a few directions by a singular value decomposition. Learned from training texts alone.

    >>> import pandas as pd
    >>> texts = pd.Series(["a red house", "a blue house", "two red cars", "the old blue car"])
    >>> WordFeatures().fit(texts).transform(texts).shape
    (4, 4)
    """

    def fit(self, texts: Texts) -> Self:
        """Learn the words of some texts."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._words = TfidfVectorizer(
            ngram_range=(1, 2), min_df=2, max_features=20_000, sublinear_tf=True, dtype=np.float32
        )
        try:
            weights = self._words.fit_transform(texts)
        except ValueError:  # no word comes twice
            self._directions = None
            return self
        count = min(_DIRECTIONS, weights.shape[1] - 1, weights.shape[0] - 1)
        self._directions = TruncatedSVD(count, random_state=0).fit(weights) if count > 0 else None
        return self

    def transform(self, texts: Texts) -> pd.DataFrame:
        """Return a row of numbers for each text."""
        import pandas as pd

        columns = {"length": texts.str.len(), "words": texts.str.count(r"\S+")}
        found = pd.DataFrame(columns).astype(np.float64).reset_index(drop=True)
        if self._directions is None:
            return found
        values = self._directions.transform(self._words.transform(texts))
        names = [f"direction {number + 1}" for number in range(values.shape[1])]
        return pd.concat([found, pd.DataFrame(values, columns=names)], axis=1)
