"""What is known of rows beside their features: groups, times, weights, and which are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, DataError, counted, some
from comps.kinds.table import dates
from comps.kinds.table.schema import Schema
from comps.kinds.text.columns import text_names
from comps.kinds.text.texts import normal_form
from comps.reading.dates import refuse_isolated
from comps.reading.delimited import Table

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# Where more rows than this are equal to others, few columns with few levels make them so.
_MOST_EQUAL = 0.1
# What to do where times cannot be read.
_WAYS_OUT = (
    "Mend the cells, or order rows by no time: --time none (in a competition's file, leave out "
    "time and scheme)."
)


def group_codes(column: Cells) -> NDArray[np.int64]:
    """Return a number for each row, the same for equal values; missing ones are their own groups.

    >>> import pandas as pd
    >>> group_codes(pd.Series(["a", "b", "a", None])).tolist()
    [0, 1, 0, 2]
    """
    codes = column.factorize()[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes


def fold_numbers(column: Cells) -> NDArray[np.int64]:
    """Return the fold of each row, below zero for rows that no fold predicts.

    Whole numbers are what they say; folds that have names are numbered in the order they come.

    Raises:
        DataError: if the fold of a row is missing, or a number is not whole.

    >>> import pandas as pd
    >>> fold_numbers(pd.Series([2, -1, 0])).tolist()
    [2, -1, 0]
    >>> fold_numbers(pd.Series(["b", "a", "b"])).tolist()
    [0, 1, 0]
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    whole = numbers == np.floor(numbers)
    for wrong, what in (
        (column.isna().to_numpy(), "is missing"),
        (np.isfinite(numbers) & ~whole, "is no whole number"),
    ):
        if wrong.any():
            raise DataError(
                f"The fold, in {column.name!r}, {what} in {counted(int(wrong.sum()), 'row')}: "
                f"{some((np.flatnonzero(wrong) + 1).tolist())}. Number the folds, and write -1 for "
                "rows that are trained on in every fold and predicted in none."
            )
    return numbers.astype(np.int64) if whole.all() else group_codes(column)


def fold_count(column: Cells) -> int:
    """Return the number of folds that predict a row, see `fold_numbers`.

    >>> import pandas as pd
    >>> fold_count(pd.Series([2, -1, 0]))
    2
    """
    numbers = fold_numbers(column)
    return len(np.unique(numbers[numbers >= 0]))


def template(ids: Cells | Array, column: str, outputs: Sequence[str]) -> pd.DataFrame:
    """Return a sample submission for ids, where none was given."""
    import pandas as pd

    return pd.DataFrame({column: ids, **dict.fromkeys(outputs, 0)})


def whole_numbers(cells: Cells) -> Cells:
    """Return texts as whole numbers if that loses no character, as other tables have them."""
    import pandas as pd

    if not cells.astype(str).str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
        return cells
    return pd.Series(cells.astype(str).astype(np.int64))


def weights_of(column: Cells) -> NDArray[np.float64]:
    """Return [n] weights above zero.

    Raises:
        DataError: if one is missing, no number, or not above zero.
    """
    import pandas as pd

    weights = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        rows = some((np.flatnonzero(bad) + 1).tolist())
        of = (f"in {column.name!r} is", f"in {column.name!r} are")
        raise DataError(
            f"Weights must be numbers above zero; {counted(int(bad.sum()), *of)} not (rows {rows})."
        )
    return weights


def row_times(table: Table, schema: Schema) -> Array:
    """Return [n] times: dates, or numbers.

    Raises:
        DataError: if one is missing or cannot be read, or a date is far from all others: it would
            decide which rows come last.
    """
    import pandas as pd

    assert schema.time is not None
    column = table.frame[schema.time]
    kind, _, way = schema.kinds.get(schema.time, "number").partition(":")
    numbers = pd.to_numeric(column, errors="coerce")
    read = bool((numbers.notna() | column.isna()).all())
    # A column that the test rows lack has no kind.
    if kind == "number" and not read and dates.formats_of(column.dropna().astype(str)):
        kind = "date"
    # Numbers of steps may be taken for ids, or for levels.
    if kind == "number" or (kind != "date" and read):
        times = numbers
    else:
        try:
            times = dates.parsed(column, way)[0]
        except DataError as error:
            raise DataError(f"{error} {_WAYS_OUT}") from error
        refuse_isolated(
            times.to_numpy().astype("datetime64[s]"),
            column,
            f"{schema.time} of {table.name}",
            table.lines,
        )
    missing = times.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"The time {schema.time!r} is missing or cannot be read in "
            f"{counted(int(missing.sum()), 'row')} of {table.name}: "
            f"lines {some(table.lines[missing].tolist())}. {_WAYS_OUT}"
        )
    return times.to_numpy()


def equal_rows(rows: pd.DataFrame) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Return a number for each row, the same for equal rows, and a note; None if all differ.

    Where many rows are equal, and none has a text, their columns say little: equal rows are other
    things then, and None is returned, too. Texts are equal that have the same letters and digits.
    """
    import pandas as pd

    forms = {name: rows[name].map(normal_form, na_action="ignore") for name in text_names(rows)}
    hashes = pd.util.hash_pandas_object(rows.assign(**forms), index=False)
    equal = hashes.duplicated(keep=False)
    if not equal.any() or (not forms and equal.mean() > _MOST_EQUAL):
        return None, []
    note = (
        f"{int(equal.sum())} training rows are equal to another one in everything but the target. "
        "No fold splits them."
    )
    return hashes.factorize()[0].astype(np.int64), [note]
