"""What is known of rows beside their features: groups, times, weights, and which are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, DataError, some
from comps.kinds.table import dates
from comps.kinds.table.schema import Schema
from comps.reading.cells import to_numbers

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# Where more rows than this are equal to others, few columns with few levels make them so.
_MOST_EQUAL = 0.1


def group_codes(column: Cells, name: str) -> NDArray[np.int64]:
    """Return a number for each row, the same for equal values; missing ones are their own groups.

    >>> import pandas as pd
    >>> group_codes(pd.Series(["a", "b", "a", None]), "owner").tolist()
    [0, 1, 0, 2]
    """
    del name
    codes = column.factorize()[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes


def weights_of(column: Cells) -> NDArray[np.float64]:
    """Return [n] weights above zero.

    Raises:
        DataError: if one is missing, no number, or not above zero.
    """
    weights: NDArray[np.float64] = to_numbers(column).to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        rows = some((np.flatnonzero(bad) + 1).tolist())
        raise DataError(
            f"Weights must be numbers above zero; {int(bad.sum())} in {column.name!r} are not "
            f"(rows {rows})."
        )
    return weights


def row_times(rows: pd.DataFrame, schema: Schema) -> Array:
    """Return [n] times: dates, or numbers.

    Raises:
        DataError: if one is missing.
    """
    assert schema.time is not None
    column = rows[schema.time]
    kind, _, way = schema.kinds.get(schema.time, "number").partition(":")
    times = to_numbers(column) if kind == "number" else dates.parsed(column, way)
    missing = times.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"The time {schema.time!r} is missing in {int(missing.sum())} training rows: "
            f"{some((np.flatnonzero(missing) + 1).tolist())}."
        )
    return times.to_numpy()


def equal_rows(rows: pd.DataFrame) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Return a number for each row, the same for equal rows, and a note; None if all differ.

    Where many rows are equal, their columns say little: equal rows are other things then, and
    None is returned, too.
    """
    import pandas as pd

    hashes = pd.util.hash_pandas_object(rows, index=False)
    equal = hashes.duplicated(keep=False)
    if not equal.any() or equal.mean() > _MOST_EQUAL:
        return None, []
    note = (
        f"{int(equal.sum())} training rows are equal to another one in everything but the target. "
        "No fold splits them."
    )
    return hashes.factorize()[0].astype(np.int64), [note]
