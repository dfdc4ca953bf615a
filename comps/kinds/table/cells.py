"""What the cells of a column become, by its kind: in both parts alike, and nothing unsaid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError
from comps.kinds.table import dates
from comps.reading.cells import as_numbers
from comps.reading.column import Column
from comps.reading.dates import isolated
from comps.reading.levels import level_key
from comps.reading.missing import SURE, missing_cells

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

#: Pairs of words of which the second is true.
TRUTH = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
_TRUE = {yes for _, yes in TRUTH} | {"1", "1.0"}
_FALSE = {no for no, _ in TRUTH} | {"0", "0.0"}
# Cells that may be something else than the column is, as a share of those with a value.
_FEW = 0.01


@dataclass(frozen=True, eq=False)
class Typed:
    """A column as models' transformers take it.

    Attributes:
        parts: of the training rows, and of the test rows. Numbers are arrays: of thousands of
            columns, most of the time would go into making a Series of each.
        notes: what was missing, strange or changed.
    """

    parts: Sequence[Cells | NDArray[np.float64]]
    notes: tuple[str, ...] = ()


def numbers(columns: Sequence[Column], argument: str) -> Typed:
    """Return float64, see `comps.reading.cells.as_numbers`.

    Raises:
        DataError: if many cells are no numbers, or they are written in several ways.
    """
    del argument
    try:
        found = as_numbers(*columns, words=SURE)
    except DataError as error:
        name = columns[0].name
        raise DataError(
            f"{error} Mend the files, or say that the column holds something else: --column "
            f"{name}=category, or {name}=ignored."
        ) from error
    parts = (found.train,) if found.test is None else (found.train, found.test)
    return Typed(parts, found.notes)


def booleans(columns: Sequence[Column], argument: str) -> Typed:
    """Return 1.0, 0.0, or NaN where nothing is said.

    Raises:
        DataError: if more than a few cells say something else.
    """
    import pandas as pd

    del argument
    parts, notes = [], []
    for column in columns:
        words = column.cells.astype("string").str.strip().str.lower()
        missing = missing_cells(words).to_numpy()
        true = words.isin(_TRUE).to_numpy(dtype=bool)
        strange = ~(true | words.isin(_FALSE).to_numpy(dtype=bool) | missing)
        notes += strays(column, strange, (~missing).sum(), *("neither true nor false",) * 2)
        parts.append(pd.Series(np.where(missing | strange, np.nan, true.astype(np.float64))))
    return Typed(parts, tuple(notes))


def levels(columns: Sequence[Column], argument: str) -> Typed:
    """Return texts as objects; a level of the test rows in another spelling is the known one."""
    del argument
    parts = [_texts(column) for column in columns]
    if len(parts) == 1:
        return Typed(parts)
    known, notes = set(parts[0].dropna()), []
    spelt = {level_key(level): level for level in known}
    if len(spelt) == len(known):
        # In the order of the rows, so that a note is the same in every process.
        given = [level for level in parts[1].dropna().unique() if level not in known]
        meant = {level: spelt[level_key(level)] for level in given if level_key(level) in spelt}
        if meant:
            count = int(parts[1].isin(list(meant)).sum())
            shown = ", ".join(f"{a!r} for {b!r}" for a, b in list(meant.items())[:3])
            notes.append(
                f"{columns[1].counted(count, 'writes a known level', 'write known levels')} "
                f"otherwise ({shown}): taken for these."
            )
            # Not by `replace`, which looks at all rows once a level.
            spelt_so = parts[1].map(lambda cell: meant.get(cell, cell), na_action="ignore")
            parts[1] = spelt_so.astype(object)
    return Typed(parts, tuple(notes))


def categories(parts: Sequence[Cells]) -> list[Cells]:
    """Return levels as pandas' categories, the same of all parts: so they are no free texts.

    >>> import pandas as pd
    >>> train, test = categories([pd.Series(["b", None]), pd.Series(["a"])])
    >>> train.cat.categories.tolist(), train.dtype == test.dtype
    (['a', 'b'], True)
    """
    import pandas as pd

    dtype = pd.CategoricalDtype(sorted(set(pd.concat(parts).dropna().astype(str))))
    return [part.astype("string").astype(object).astype(dtype) for part in parts]


def texts(columns: Sequence[Column], argument: str) -> Typed:
    """Return free texts, of pandas' type for them, which says that they are no levels."""
    del argument
    return Typed([_texts(column).astype("string") for column in columns])


def times(columns: Sequence[Column], argument: str) -> Typed:
    """Return dates without a zone; a cell that is none is missing.

    Raises:
        DataError: if more than a few cells are none.
    """
    parts, notes = [], []
    for column in columns:
        found, strange, present = dates.parsed(column.cells, argument)
        notes += strays(column, strange, present, "no date", "no dates")
        rows = isolated(found.to_numpy().astype("datetime64[s]"))
        if len(rows):
            said = column.counted(len(rows), "is a date", "are dates")
            notes.append(f"{said} far from all others: {column.shown(rows)}.")
        parts.append(found)
    return Typed(parts, tuple(notes))


def strays(
    column: Column, strange: NDArray[np.bool_], present: int, one: str, many: str
) -> list[str]:
    """Return the note of cells that are something else than their column.

    Raises:
        DataError: if there are more than a few.
    """
    rows = np.flatnonzero(strange)
    if not len(rows):
        return []
    said = column.counted(len(rows), f"is {one}", f"are {many}")
    if len(rows) > max(3, _FEW * present):
        raise DataError(
            f"{said}, of {present} with a value: {column.shown(rows)}. Mend them, or say what the "
            f"column holds, as in --column {column.name}=category."
        )
    return [f"{said}: taken as missing. {column.shown(rows)}."]


def _texts(column: Column) -> Cells:
    """Return texts without blanks around them; nothing, or a sure word for it, is missing."""
    cells = column.cells.astype("string").str.strip()
    found: Cells = cells.mask(cells.str.lower().isin(SURE)).astype(object)
    return found.reset_index(drop=True)
