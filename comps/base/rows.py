"""Taking and joining rows of one form: tables, arrays, images, windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from comps.base.images import Images
from comps.base.values import Array
from comps.base.windows import Windows

if TYPE_CHECKING:
    from scipy import sparse


class RowSet(Protocol):
    """The rows of a data set: a table, an array, `Images`, `Windows`, or another such form."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __getitem__(self, rows: NDArray[np.int64], /) -> RowSet:
        """Return some rows; of a table, `take` does."""
        ...


# What a trainer is given of rows: themselves, arrays by name, or a sparse matrix.
Features: TypeAlias = "RowSet | Mapping[str, Array] | sparse.csr_matrix"


def take(rows: RowSet, index: NDArray[np.int64]) -> RowSet:
    """Return some rows of a DataFrame or an array."""
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]


@singledispatch
def join_rows(first: RowSet, second: RowSet) -> RowSet:
    """Return the rows of one part followed by those of another.

    Tables and arrays are copied. Images and windows are positions in an array, which stays as it
    is. A new form of rows registers a function here.

    Args:
        first: n rows.
        second: m rows of the same form.

    Returns:
        n + m rows.

    Raises:
        ValueError: if the columns of two tables differ, or images or windows do not lie in the
            same array.

    >>> pixels = np.zeros((3, 2, 2, 1), dtype=np.uint8)
    >>> images = Images(pixels, np.arange(3))
    >>> join_rows(images[np.array([2])], images[np.array([0, 1])]).index.tolist()
    [2, 0, 1]
    """
    # To register the type of tables would import pandas wherever this module is imported.
    if hasattr(first, "iloc"):
        import pandas as pd

        if isinstance(first, pd.DataFrame) and isinstance(second, pd.DataFrame):
            _check(list(first) == list(second), "columns")
            return pd.concat([first, second], ignore_index=True)
    return np.concatenate([first, second])


@join_rows.register
def _(first: Images, second: Images) -> Images:
    _check(first.pixels is second.pixels, "array of pixels")
    return replace(first, index=np.concatenate([first.index, second.index]))


@join_rows.register
def _(first: Windows, second: Windows) -> Windows:
    _check(first.series is second.series and first.length == second.length, "series and length")
    return replace(first, ends=np.concatenate([first.ends, second.ends]))


def _check(same: bool, what: str) -> None:
    if not same:
        raise ValueError(f"Rows to be joined must have the same {what}.")
