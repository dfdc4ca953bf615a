"""Features of any table, learned on the training rows of a fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from comps.kinds.table.kinds import is_text
from comps.kinds.table.words import WordFeatures

if TYPE_CHECKING:
    Cells = pd.Series[Any]

# Levels of fewer rows share one column: a one-hot column of three rows teaches nothing.
_LEAST_ROWS = 5
# Levels of a column that get a column of their own.
_MOST_LEVELS = 50
# Larger numbers are cut off: models compute in single precision.
_LARGEST = 1e30
# Standard deviations from the mean, beyond which a number says no more.
_FARTHEST = 10.0
# Rows that are looked at together, for what is computed of them takes memory.
_ROWS_AT_ONCE = 65_536


class TableFeatures:
    """The columns of a table as one array of float32.

    Columns of numbers and booleans are numbers; dates are days, and their parts; durations are
    days. Free texts become a few numbers, see `WordFeatures`. All others hold levels, as texts.

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
        kinds = dict(zip(rows, rows.dtypes, strict=True))
        self._times = [name for name, dtype in kinds.items() if dtype.kind in "mM"]
        self._numbers = [name for name, dtype in kinds.items() if _is_number(dtype)]
        typed_names = {*self._times, *self._numbers}
        others = [name for name in rows if name not in typed_names]
        self._texts = {
            name: WordFeatures().fit(_texts(rows[name])) for name in others if is_text(rows[name])
        }
        self._levels = [name for name in others if name not in self._texts]
        self._parts = {name: _useful_parts(rows[name]) for name in self._times}
        if self._numbers_alone:
            return _as_they_are(rows[self._numbers])
        numbers, levels = self.typed(rows)
        self._columns = (self._scaled if self.scaled else self._plain)(numbers.shape[1])
        return self._array(self._columns.fit_transform(_beside(numbers, levels)))

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Return [rows, features] float32."""
        if self._numbers_alone:
            return _as_they_are(rows[self._numbers])
        return self._array(self._columns.transform(_beside(*self.typed(rows))))

    @property
    def _numbers_alone(self) -> bool:
        """Whether the features are the numbers of the rows, and nothing was learned."""
        return not (self.scaled or self._times or self._texts or self._levels)

    @property
    def n_levels(self) -> int:
        """The number of columns of levels, which are the last ones unless scaled."""
        return len(self._levels)

    def typed(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the columns as numbers, NaN where missing, and as levels, which are texts."""
        columns: dict[Any, Any] = {}
        for name in self._times:
            columns[name] = _days(rows[name])
            for part in self._parts[name]:
                columns[f"{name}.{part}"] = _part(rows[name], part)
        numbers = rows[self._numbers].astype(np.float64).replace([np.inf, -np.inf], np.nan)
        numbers = numbers.clip(-_LARGEST, _LARGEST)
        times = pd.DataFrame(columns, index=rows.index, dtype=np.float64)
        levels = rows[self._levels].astype("string").fillna("").astype(object)
        words = [
            found.transform(_texts(rows[name])).set_index(rows.index).add_prefix(f"{name} ")
            for name, found in self._texts.items()
        ]
        return pd.concat([numbers, times, *words], axis=1), levels

    def _parts_of(self, count: int, numbers: Any, levels: Any) -> ColumnTransformer:
        """Return a transformer of so many numbers, and the levels behind them, by their places."""
        behind = range(count, count + len(self._levels))
        return ColumnTransformer(
            [("numbers", numbers, [*range(count)]), ("levels", levels, [*behind])]
        )

    def _scaled(self, count: int) -> ColumnTransformer:
        numbers = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            StandardScaler(),
            FunctionTransformer(_clipped),
        )
        levels = OneHotEncoder(
            min_frequency=_LEAST_ROWS,
            max_categories=_MOST_LEVELS,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        )
        return self._parts_of(count, numbers, levels)

    def _plain(self, count: int) -> ColumnTransformer:
        levels = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return self._parts_of(count, "passthrough", levels)

    def _array(self, values: Any) -> NDArray[np.float32]:
        return np.asarray(values, dtype=np.float32)


def _as_they_are(rows: pd.DataFrame) -> NDArray[np.float32]:
    """Return numbers as `typed` does, a column at a time: a large table in float64 takes memory.

    An array that is all of it already is not copied.
    """
    if rows.shape[1] and all(dtype == np.float32 for dtype in rows.dtypes):
        there: NDArray[np.float32] = np.ascontiguousarray(rows.to_numpy(copy=False))
        if all(np.nanmax(np.abs(part), initial=0) <= _LARGEST for part in _pieces(there)):
            return there
    found = np.empty(rows.shape, dtype=np.float32)
    for place in range(rows.shape[1]):
        values = rows.iloc[:, place].astype(np.float64).to_numpy()
        values = np.where(np.isinf(values), np.nan, values)
        found[:, place] = np.clip(values, -_LARGEST, _LARGEST)
    return found


def _pieces(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield some rows at a time."""
    for start in range(0, len(values), _ROWS_AT_ONCE):
        yield values[start : start + _ROWS_AT_ONCE]


def _beside(numbers: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """Return both, called by their places: a column may be called by a number of its own."""
    joined = pd.concat([numbers, levels], axis=1)
    return joined.set_axis(range(joined.shape[1]), axis=1)


def _clipped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standardised numbers without extremes.

    A column that hardly differs among the training rows would reach millions of its deviations.
    """
    return np.clip(values, -_FARTHEST, _FARTHEST)


def _texts(cells: Cells) -> Cells:
    return cells.astype("string").fillna("").astype(object)


_PARTS = ("year", "month", "day", "day_of_week", "day_of_year", "hour")


def _useful_parts(cells: Cells) -> list[str]:
    """Return the parts of dates that differ between rows; none of a duration."""
    if cells.dtype.kind != "M":
        return []
    return [part for part in _PARTS if len(_part(cells, part).dropna().unique()) > 1]


def _part(cells: Cells, part: str) -> Cells:
    found: Cells = getattr(cells.dt, part).astype(np.float64)
    return found


def _days(column: Cells) -> Cells:
    """Return a duration, or the time since 1970, in days; NaN where it is missing."""
    if column.dtype.kind == "M":
        # In seconds: nanoseconds end in the year 2262, and a slip may be any year.
        column = pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC").as_unit("s")
    days: Cells = column.dt.total_seconds() / 86_400
    return days


def _is_number(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
