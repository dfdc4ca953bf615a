"""Rows with one column changed, for all columns at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


def permuted(rows: pd.DataFrame, columns: Sequence[str], seed: int) -> pd.DataFrame:
    """Return a block of all rows for each column, in which its values are shuffled.

    One table, for it costs a model little more to predict many rows than few.

    Args:
        rows: [n] rows.
        columns: to shuffle.
        seed: of the order, which is another one for each column.

    Returns:
        [columns x n] rows, a block after the other.

    >>> import pandas as pd
    >>> table = permuted(pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}), ["a", "b"], seed=0)
    >>> sorted(table["a"][:3]), table["b"][:3].tolist(), table["a"][3:].tolist()
    ([1, 2, 3], [4, 5, 6], [1, 2, 3])
    """
    generator, count = np.random.default_rng(seed), len(rows)
    table = repeated(rows, len(columns))
    for block, column in enumerate(columns):
        order = generator.permutation(count)
        _put(table, column, slice(block * count, (block + 1) * count), rows, order)
    return table


def repeated(rows: pd.DataFrame, times: int) -> pd.DataFrame:
    """Return rows so many times, a block after the other, with a new index."""
    return rows.iloc[np.tile(np.arange(len(rows)), times)].reset_index(drop=True)


def _put(
    table: pd.DataFrame,
    column: str,
    where: slice,
    rows: pd.DataFrame,
    order: NDArray[np.int64],
) -> None:
    place = table.columns.get_loc(column)
    table.iloc[where, place] = rows[column].iloc[order].array  # type: ignore[index]


def grid_of(values: pd.Series, most: int = 20) -> list[object]:
    """Return values of a column to look at: levels, the frequent ones first, or quantiles.

    Quantiles of whole numbers are whole, too; of a column without a value there are none.

    >>> import pandas as pd
    >>> grid_of(pd.Series(["b", "a", "b"])), grid_of(pd.Series([1.0, 2.0, 3.0]), most=3)
    (['b', 'a'], [1.0, 2.0, 3.0])
    """
    import pandas as pd

    known = values.dropna()
    if pd.api.types.is_numeric_dtype(known) and known.nunique() > most:
        quantiles = np.quantile(known.to_numpy(dtype=float), np.linspace(0, 1, most))
        if pd.api.types.is_integer_dtype(known):
            return [*map(int, np.unique(np.round(quantiles)))]
        return [*map(float, np.unique(quantiles))]
    counts = known.value_counts()
    found = counts[counts > 0].index[:most].tolist()
    return sorted(found) if pd.api.types.is_numeric_dtype(known) else found


def set_to(rows: pd.DataFrame, column: str, values: Sequence[object]) -> pd.DataFrame:
    """Return a block of all rows for each value, in which a column has that value.

    >>> import pandas as pd
    >>> set_to(pd.DataFrame({"a": [1, 2]}), "a", [7, 8])["a"].tolist()
    [7, 7, 8, 8]
    """
    import pandas as pd

    table = repeated(rows, len(values))
    filled = pd.Series(np.repeat(np.array(values, dtype=object), len(rows)))
    # Not `assign`: columns may be called by numbers.
    table[column] = filled.astype(rows[column].dtype)
    return table
