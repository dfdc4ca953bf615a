"""Features of any table, learned on the training rows of a fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

# Levels of fewer rows share one column: a one-hot column of three rows teaches nothing.
_LEAST_ROWS = 5
# Levels of a column that get a column of their own.
_MOST_LEVELS = 50


class TableFeatures:
    """Numbers and levels of a table as one array of float32.

    Columns of numbers and booleans are numbers, and dates and durations are days; all others hold
    levels, as texts.

    Args:
        scaled: for models that look at distances: missing numbers become the median, numbers are
            standardised, and levels become columns of zeros and ones. Else numbers stay as they
            are, NaN included, and a level becomes its place among the sorted ones, -1 if unknown.
    """

    def __init__(self, *, scaled: bool) -> None:
        self.scaled = scaled

    def fit_transform(self, rows: pd.DataFrame, target: NDArray[np.float64]) -> NDArray[np.float32]:
        """Learn from the training rows of a fold, [k] rows; return [k, features] float32."""
        del target
        self._days = [name for name in rows if rows[name].dtype.kind in "mM"]
        self._numbers = [n for n in rows if n in self._days or _is_number(rows[n])]
        self._levels = [name for name in rows if name not in self._numbers]
        self._columns = self._scaled() if self.scaled else self._plain()
        return self._array(self._columns.fit_transform(self._typed(rows)))

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Return [rows, features] float32."""
        return self._array(self._columns.transform(self._typed(rows)))

    def _typed(self, rows: pd.DataFrame) -> pd.DataFrame:
        numbers = rows[self._numbers].copy()
        for name in self._days:
            numbers[name] = _days(rows[name])
        numbers = numbers.astype(np.float64)
        levels = rows[self._levels].astype("string").fillna("").astype(object)
        return pd.concat([numbers.replace([np.inf, -np.inf], np.nan), levels], axis=1)

    def _scaled(self) -> ColumnTransformer:
        numbers = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
        )
        levels = OneHotEncoder(
            min_frequency=_LEAST_ROWS,
            max_categories=_MOST_LEVELS,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        )
        return ColumnTransformer(
            [("numbers", numbers, self._numbers), ("levels", levels, self._levels)]
        )

    def _plain(self) -> ColumnTransformer:
        levels = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return ColumnTransformer(
            [("numbers", "passthrough", self._numbers), ("levels", levels, self._levels)]
        )

    def _array(self, values: Any) -> NDArray[np.float32]:
        return np.asarray(values, dtype=np.float32)


def _days(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a duration, or the time since 1970, in days; NaN where it is missing."""
    if column.dtype.kind == "M":
        column = pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC")
    days: pd.Series[Any] = column.dt.total_seconds() / 86_400
    return days


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)
