"""Checks of tables as they were read: their columns, ids and targets."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_csv(content: bytes, name: str, **options: object) -> pd.DataFrame:
    """Parse a CSV file. `options` go to `pandas.read_csv`.

    Raises:
        DataError: if it is empty, no text, or its lines differ in length.
    """
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(io.BytesIO(content), **options)  # type: ignore[call-overload]
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{name} is not a readable CSV file: {error}.") from error
    if frame.empty:
        raise DataError(f"{name} has no rows.")
    return frame


def check_columns(frame: pd.DataFrame, expected: Sequence[str], name: str) -> None:
    """Check that a table has the columns that it should have; further ones are ignored.

    Raises:
        DataError: that shows the difference.
    """
    missing = [column for column in expected if column not in frame.columns]
    if missing:
        more = [str(column) for column in frame.columns if column not in expected]
        raise DataError(
            f"{name} lacks {_columns(missing)}."
            + (f" It has {_columns(more)} that the competition does not know." if more else "")
        )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"the column{'s' if len(names) > 1 else ''} {shown}{rest}"


def check_ids(ids: pd.Series, name: str) -> NDArray[np.generic]:
    """Return the ids as an array of integers or text.

    Raises:
        DataError: if an id is missing or duplicate.
    """
    if ids.isna().any():
        raise DataError(f"{name} has {int(ids.isna().sum())} rows without an id.")
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        shown = ", ".join(map(str, twice[:5]))
        raise DataError(f"{name} has {len(twice)} duplicate ids: {shown}.")
    if ids.dtype.kind in "iu":
        return ids.to_numpy(dtype=np.int64)
    return np.array([str(value) for value in ids], dtype=np.str_)


def numeric_target(
    values: pd.Series, name: str, is_valid: Callable[[float], bool], requirement: str
) -> NDArray[np.float64]:
    """Return a target as [n] float64.

    Args:
        values: the column as read.
        name: of file and column, for the message.
        is_valid: whether one value may be there.
        requirement: what `is_valid` asks for, in words.

    Raises:
        DataError: that names the first rows whose value is text, missing or not valid.
    """
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    bad = [row for row, number in enumerate(numbers) if not is_valid(float(number))]
    if bad:
        shown = ", ".join(f"line {row + 2}: {values.iloc[row]!r}" for row in bad[:5])
        raise DataError(f"{name} must be {requirement}; {len(bad)} rows are not. {shown}.")
    return numbers
