"""The columns of a table beside its texts, for models that see both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.kinds.table.features import TableFeatures
from comps.kinds.text.columns import text_names

if TYPE_CHECKING:
    import pandas as pd


class OtherColumns:
    """Features of all columns but the texts, float32 [rows, features]; none where there are none.

    Args:
        scaled: for models that look at distances; a row is then about as long as that of a text,
            whose weights of words have the length one.
    """

    def __init__(self, *, scaled: bool) -> None:
        self.scaled = scaled

    def fit_transform(self, rows: pd.DataFrame, target: NDArray[np.float64]) -> NDArray[np.float32]:
        """Learn from the training rows of a fold."""
        others = rows.drop(columns=text_names(rows))
        self._table = TableFeatures(scaled=self.scaled) if others.shape[1] else None
        if self._table is None:
            return np.empty((len(rows), 0), np.float32)
        return self._sized(self._table.fit_transform(others, target))

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Return features of rows that were not fitted."""
        if self._table is None:
            return np.empty((len(rows), 0), np.float32)
        return self._sized(self._table.transform(rows.drop(columns=text_names(rows))))

    def _sized(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self.scaled:
            return values
        return values / np.float32(max(values.shape[1], 1) ** 0.5)
