"""Checks of tables as they were read: their columns and targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted
from comps.reading.column import Column

if TYPE_CHECKING:
    import pandas as pd


def check_columns(frame: pd.DataFrame, expected: Sequence[str], name: str) -> None:
    """Check that a table has the columns that it should have; further ones are ignored.

    Raises:
        DataError: that shows the difference.
    """
    check_names(list(map(str, frame.columns)), expected, name)


def check_names(found: Sequence[str], expected: Sequence[str], name: str) -> None:
    """Check that the names of columns are those that should be there, once each.

    Args:
        found: the names; further ones are ignored.
        expected: those that must be there.
        name: of the file, for messages.

    Raises:
        DataError: that shows the difference.
    """
    counts = Counter(found)
    missing = [column for column in expected if not counts[column]]
    if missing:
        more = [column for column in found if column not in expected]
        raise DataError(
            f"{name} lacks {_columns(missing)}."
            + (f" It has {_columns(more)} that the competition does not know." if more else "")
        )
    twice = [column for column in dict.fromkeys(expected) if counts[column] > 1]
    if twice:
        raise DataError(f"{name} has more than once {_columns(twice)}. Delete all but one.")


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"the column{'s' if len(names) > 1 else ''} {shown}{rest}"


def numeric_target(
    values: pd.Series,
    name: str,
    is_valid: Callable[[float], bool],
    requirement: str,
    lines: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return a target as [n] float64.

    Args:
        values: the column as read.
        name: of file and column, for the message.
        is_valid: whether one value may be there.
        requirement: what `is_valid` asks for, in words.
        lines: [n] of the file; None counts rows below a header.

    Raises:
        DataError: that names the first rows whose value is text, missing or not valid.
    """
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    bad = [row for row, number in enumerate(numbers) if not is_valid(float(number))]
    if bad:
        shown = Column(name, values, "", lines).shown(bad)
        raise DataError(
            f"{name} must be {requirement}; {counted(len(bad), 'row is', 'rows are')} not. {shown}."
        )
    return numbers
