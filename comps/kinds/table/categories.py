"""A table for libraries that treat levels themselves, such as CatBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CategoryFeatures:
    """The columns of `TableFeatures`: numbers as float32, levels as pandas' categories.

    CatBoost makes ordered target statistics of categories, and of pairs of them (Prokhorenkova et
    al. 2018, "CatBoost: unbiased boosting with categorical features").
    """

    def __init__(self) -> None:
        from comps.kinds.table.features import TableFeatures

        self._table = TableFeatures(scaled=False)

    def fit_transform(self, rows: pd.DataFrame, target: NDArray[np.float64]) -> pd.DataFrame:
        """Learn from the training rows of a fold; return their columns."""
        self._table.fit_transform(rows, target)
        return self.transform(rows)

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of any rows."""
        numbers, levels = self._table.typed(rows)
        named = [part.rename(columns=str) for part in (numbers.astype(np.float32), levels)]
        found = pd.concat([named[0], named[1].astype("category")], axis=1)
        return found.reset_index(drop=True)
