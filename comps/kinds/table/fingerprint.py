"""A fingerprint of tables: equal for equal content."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    Columns = pd.DataFrame | pd.Series[Any] | pd.Index[Any] | None


def table_fingerprint(parts: Mapping[str, Columns]) -> str:
    """Return a text that is equal for equal names, types and values, in one order.

    The index of a table or a column plays no part.

    Args:
        parts: tables and columns by what they are for.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [50, 80]})
    >>> table_fingerprint({"train": rows}) == table_fingerprint({"train": rows.copy()})
    True
    >>> table_fingerprint({"train": rows}) == table_fingerprint({"train": rows.astype(float)})
    False
    """
    digest = hashlib.sha256()
    for part, table in parts.items():
        columns = [] if table is None else _columns(table)
        digest.update(repr((part, table is None, len(columns))).encode())
        for column in columns:
            for piece in _pieces(column):
                digest.update(piece + b"\x1f")
    return digest.hexdigest()[:32]


def _columns(table: Any) -> list[pd.Series[Any]]:
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return [table.iloc[:, number] for number in range(table.shape[1])]
    return [pd.Series(table)]


def _pieces(column: pd.Series[Any]) -> list[bytes]:
    """Return name, type and values of a column."""
    import pandas as pd

    pieces = [repr((column.name, str(column.dtype), len(column))).encode()]
    if isinstance(column.dtype, pd.CategoricalDtype):
        # The order of categories, and those without a row, reach models that see the codes.
        pieces += [str(column.cat.ordered).encode(), *_pieces(pd.Series(column.cat.categories))]
    if column.dtype == object:
        # 1 and "1" are written alike.
        pieces.append(",".join(type(value).__qualname__ for value in column).encode())
    try:
        hashed = pd.util.hash_pandas_object(column, index=False).to_numpy()
    except TypeError:  # of cells such as lists
        with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
            return [*pieces, *(repr(value).encode() for value in column)]
    return [*pieces, hashed.tobytes()]
