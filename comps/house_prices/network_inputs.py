"""The inputs of networks: numbers on one scale, levels as indicators, learned in the fold."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Folds learn 153 to 166 levels: all of them are 192 columns.
_MULTIPLE = 64


class NetworkInputs(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a table of numbers and text into ``{"numeric": ..., "levels": ...}`` for a network.

    Numbers: log1p where skewed, standardised, then squashed smoothly to (-clip, clip) by
    ``z / sqrt(1 + (z / clip)**2)`` (RealMLP, Holzmueller et al. 2024), because one lot of 200,000
    square feet would otherwise move the fit of all others. Text: indicators of the levels, the
    rare ones together; a level not seen in ``fit`` counts as rare. Columns of zeros fill these up
    to a multiple of 64: folds learn a few levels more or less, and train as one program only where
    their tables are equally wide.

    Args:
        skewness: columns that are never negative, have more than two values and more skewness
            than this are replaced by log1p.
        clip: largest magnitude of a number.
        min_frequency: levels with fewer rows share one indicator.
    """

    def __init__(self, skewness: float = 0.75, clip: float = 5.0, min_frequency: int = 4) -> None:
        self.skewness = skewness
        self.clip = clip
        self.min_frequency = min_frequency

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the skewed columns, scales and levels.

        A column that is constant here is kept at zero, so that all folds have the same columns.

        Raises:
            ValueError: if numbers are missing.
        """
        numbers = X.select_dtypes("number")
        holes = list(numbers.columns[numbers.isna().any()])
        if holes:
            raise ValueError(f"NetworkInputs needs numbers without holes. Received NaN in: {holes}")
        self.numbers_ = list(numbers.columns)
        self.texts_ = [name for name in X.columns if name not in set(self.numbers_)]
        usable = (numbers.min() >= 0) & (numbers.nunique() > 2)
        self.skewed_ = list(numbers.columns[usable & (numbers.skew() > self.skewness)])
        self.scaler_ = StandardScaler().fit(self._unskewed(X))
        self.encoder_ = OneHotEncoder(
            min_frequency=self.min_frequency,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
            dtype=np.float32,
        ).fit(X[self.texts_])
        return self

    def transform(self, X: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
        """Return float32 arrays: "numeric" [rows, numbers] and "levels" [rows, levels]."""
        scaled = self.scaler_.transform(self._unskewed(X))
        squashed = scaled / np.sqrt(1.0 + (scaled / self.clip) ** 2)
        return {
            "numeric": squashed.astype(np.float32),
            "levels": _filled_up(self.encoder_.transform(X[self.texts_])),
        }

    def _unskewed(self, X: pd.DataFrame) -> NDArray[np.float64]:
        table = X[self.numbers_].astype(float)
        table[self.skewed_] = np.log1p(table[self.skewed_].clip(lower=0.0))
        return table.to_numpy()


def _filled_up(table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.pad(table, ((0, 0), (0, -table.shape[1] % _MULTIPLE)))
