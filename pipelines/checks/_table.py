"""The columns of a table as numbers, training and test rows alike, on rows that checks look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, NotSuitedError, Subject

if TYPE_CHECKING:
    import pandas as pd

# Rows are taken in so many blocks, so that neighbours stay together.
_BLOCKS = 20
# Values that are looked at to tell what a column of texts holds, and how many must be of a kind.
_LOOKED_AT, _MOST = 500, 0.95
# A text has more words than this, on average.
_WORDS = 2.5
# Of all pairs of columns and rows, what can be looked at in seconds.
_MOST_CELLS = 3_000_000
_LEAST_ROWS = 500


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    DATE = "date"
    LEVEL = "level"
    TEXT = "text"
    # Another value in every row: nothing to learn from, but what may tell of the order of rows.
    IDENTIFIER = "identifier"


@dataclass(frozen=True, eq=False)
class Column:
    """A column as numbers.

    Attributes:
        name: of the column, as text.
        kind: what it holds.
        train: [n] float64 of all training rows: numbers, days of dates, codes of levels; NaN where
            missing.
        test: [m] float64 of all test rows; of levels the same codes.
        levels: by code; empty for numbers.
    """

    name: str
    kind: Kind
    train: NDArray[np.float64]
    test: NDArray[np.float64]
    levels: Sequence[str] = ()

    def shown(self, value: float) -> str:
        """Return a value as people write it."""
        if self.kind is Kind.DATE:
            return str(np.datetime64(round(value * 86_400), "s")).removesuffix("T00:00:00")
        return self.levels[int(value)] if len(self.levels) else f"{value:g}"


def frames(subject: Subject) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows, and the test rows, of which there may be none.

    Raises:
        NotSuitedError: if the rows are no tables.
    """
    rows: Any = subject.train
    if not hasattr(rows, "iloc"):
        raise NotSuitedError(f"the rows are no table but {type(rows).__name__}")
    return rows, test_frame(subject)


def test_frame(subject: Subject) -> Any:
    """Return the test rows; no row where there are none."""
    try:
        return subject.test
    except NotSuitedError:
        rows: Any = subject.train
        return rows.iloc[:0]


def columns(subject: Subject) -> tuple[Column, ...]:
    """Return all columns of a table.

    Raises:
        NotSuitedError: if the rows are no table.
    """
    train, test = frames(subject)
    return tuple(
        _column(str(name), train.iloc[:, place], test.iloc[:, place])
        for place, name in enumerate(train.columns)
    )


def features(subject: Subject) -> tuple[Column, ...]:
    """Return the columns that models can learn from: no texts, identifiers and constants.

    Raises:
        NotSuitedError: if the rows are no table, or there is no such column.
    """
    found = tuple(
        column
        for column in subject.once(columns)
        if column.kind not in (Kind.TEXT, Kind.IDENTIFIER) and _varies(column)
    )
    if not found:
        raise NotSuitedError("no column of numbers, dates or levels varies")
    return found


def train_rows(subject: Subject) -> NDArray[np.int64]:
    """Return the numbers of the training rows to look at, ascending."""
    return blocks(len(subject.train), row_bound(subject))


def test_rows(subject: Subject) -> NDArray[np.int64]:
    """Return the numbers of the test rows to look at, ascending."""
    return blocks(len(subject.test), row_bound(subject))


def matrix(subject: Subject) -> NDArray[np.float64]:
    """Return [rows, features] of the training rows to look at."""
    rows = subject.once(train_rows)
    return np.column_stack([column.train[rows] for column in subject.once(features)])


def is_table(subject: Subject) -> bool:
    """Whether the rows are a table."""
    return hasattr(subject.train, "iloc")


def on_more_rows(subject: Subject, most_rows: int) -> Subject:
    """Return a subject of which checks look at more rows: for those that train no models."""
    # What was read of the columns holds for any rows of them.
    known: dict[Callable[[Any], object], object] = {
        function: subject.once(function) for function in (columns, features)
    }
    most = max(subject.most_rows, most_rows)
    return Subject(subject.competition, subject.dataset, most, known)


def has_test(subject: Subject) -> bool:
    """Whether there are test rows."""
    return subject.dataset.sample_submission is not None


def blocks(n: int, most: int) -> NDArray[np.int64]:
    """Return numbers of at most so many rows, in blocks with equal distances.

    >>> len(blocks(1000, 100)), blocks(5, 100).tolist()
    (100, [0, 1, 2, 3, 4])
    """
    if n <= most:
        return np.arange(n)
    length = max(1, most // _BLOCKS)
    starts = np.linspace(0, n - length, most // length).astype(np.int64)
    return np.unique((starts[:, None] + np.arange(length)).ravel())


def row_bound(subject: Subject) -> int:
    """Return how many rows of each part are looked at."""
    if not is_table(subject):
        return subject.most_rows
    return min(subject.most_rows, max(_LEAST_ROWS, _MOST_CELLS // len(subject.once(columns))))


def _varies(column: Column) -> bool:
    both = np.concatenate([column.train, column.test])
    present = both[~np.isnan(both)]
    missing = len(both) - len(present)
    return len(present) > 0 and (missing > 0 or bool((present != present[0]).any()))


def _column(name: str, train: pd.Series[Any], test: pd.Series[Any]) -> Column:
    from pandas.api import types

    if types.is_numeric_dtype(train) and types.is_numeric_dtype(test):
        if types.is_complex_dtype(train):
            return Column(name, Kind.TEXT, _nothing(train), _nothing(test))
        return _numbers(name, train, test)
    if train.dtype.kind in "mM" and test.dtype.kind in "mM":
        return Column(name, Kind.DATE, _days(train), _days(test))
    return _texts(name, train, test)


def _numbers(name: str, train: pd.Series[Any], test: pd.Series[Any]) -> Column:
    first, second = (_finite(part.to_numpy(np.float64, na_value=np.nan)) for part in (train, test))
    both = np.concatenate([first, second])
    counting = _unlike(both) and not np.isnan(both).any() and bool((both % 1 == 0).all())
    # Numbers that count rows leave few out, or rise with them; measured ones do neither.
    if counting and (np.ptp(both) < 20 * len(both) or bool((np.diff(first) > 0).all())):
        return Column(name, Kind.IDENTIFIER, first, second)
    return Column(name, Kind.NUMBER, first, second)


def _texts(name: str, train: pd.Series[Any], test: pd.Series[Any]) -> Column:
    import pandas as pd

    both = pd.concat([train, test], ignore_index=True).astype("string").str.strip()
    some = both.dropna().iloc[:_LOOKED_AT]
    split = len(train)
    if len(some) and pd.to_numeric(some, errors="coerce").notna().mean() > _MOST:
        numbers = pd.to_numeric(both, errors="coerce")
        return _numbers(name, numbers.iloc[:split], numbers.iloc[split:])
    if len(some) and some.str.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b").mean() > _MOST:
        dates = pd.to_datetime(both, errors="coerce", format="mixed", utc=True)
        if dates.notna().sum() > _MOST * both.notna().sum():
            days = _days(dates)
            return Column(name, Kind.DATE, days[:split], days[split:])
    codes, levels = pd.factorize(both, sort=True)
    coded = np.where(codes < 0, np.nan, codes)
    kind = Kind.LEVEL
    if 2 * len(levels) > len(both):
        wordy = some.str.count(r"\S+").mean() > _WORDS
        kind = Kind.TEXT if wordy else Kind.IDENTIFIER if _unlike(coded) else kind
    return Column(name, kind, coded[:split], coded[split:], list(map(str, levels)))


def _days(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return durations, or the time since 1970, in days; NaN where missing."""
    import pandas as pd

    if column.dtype.kind == "M":
        # In seconds: nanoseconds end in the year 2262, and a slip may be any year.
        column = pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC").as_unit("s")
    days: NDArray[np.float64] = (column.dt.total_seconds() / 86_400).to_numpy(np.float64)
    return days


def _finite(values: Array) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _nothing(column: pd.Series[Any]) -> NDArray[np.float64]:
    return np.full(len(column), np.nan)


def _unlike(values: Array) -> bool:
    """Whether every present value is another one."""
    present = values[~np.isnan(values)]
    return len(present) > 1 and len(np.unique(present)) == len(present)
