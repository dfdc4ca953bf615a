"""Columns of DataFrames that hold texts: those of dates and numbers, read as in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import AmbiguousError, UsageError, some, unknown_name
from comps.kinds.table.cells import categories
from comps.kinds.table.inference import find_kind
from comps.kinds.table.kinds import Column, parse_kind
from comps.kinds.table.roles import id_named
from comps.reading.column import Column as Written

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# What texts are read as, unless the user says otherwise, with what is said of them; levels stay as
# they are.
_READ = {
    "date": "Texts that are read as dates",
    "number": "Texts that are read as numbers",
    "text": "Columns of free texts",
}


def text_kinds(train: pd.DataFrame, test: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the kinds of columns of texts that are read as something else, by column.

    Args:
        train: the training rows.
        test: the test rows of the same columns.
        kinds: of columns, as the user says; these are not looked at.

    Raises:
        UsageError: if dates may be read in two ways.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"x": ["1.5", "2"] * 10, "colour": ["red", "blue"] * 10})
    >>> text_kinds(rows, rows, {})
    {'x': 'number'}
    """
    names: list[Any] = [name for name in train if name not in kinds]
    found = {name: _kind_of_texts(name, train[name], test[name]) for name in names}
    return {name: kind for name, kind in found.items() if kind is not None}


def typed_columns(
    train: pd.DataFrame,
    test: pd.DataFrame,
    kinds: Mapping[str, str],
    found: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return tables of which texts that are dates or numbers are these, and notes.

    Args:
        train: the training rows, counted from 0.
        test: the test rows of the same columns.
        kinds: of columns, as the user says.
        found: of the other columns, see `text_kinds`; None finds them in these rows.

    Raises:
        UsageError: if dates may be read in two ways, or `kinds` names a column that is not there.
        DataError: if more than a few cells are something else than their column.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"x": ["1.5", "?", *["2"] * 18]})
    >>> train, test, notes = typed_columns(rows, rows, {})
    >>> str(train["x"].dtype), notes[0]
    ('float64', "Texts that are read as numbers: 'x'.")
    """
    # New columns take the place of old ones; the cells of the others stay where they are.
    train, test = train.copy(deep=False), test.copy(deep=False)
    read: dict[str, list[Any]] = {}
    notes: list[str] = []
    for known in kinds:
        if known not in train:
            raise unknown_name("column that models see called", known, map(str, train))
    inferred = text_kinds(train, test, kinds) if found is None else found
    names: list[Any] = list(train)
    for name in names:
        text = kinds.get(name) or inferred.get(name)
        if text is None:
            continue
        kind, argument = parse_kind(text)
        if kind.typed is None:
            train, test = train.drop(columns=name), test.drop(columns=name)
            continue
        if name not in kinds:
            read.setdefault(text.partition(":")[0], []).append(name)
        columns = [_written(name, *part) for part in ((train, "training"), (test, "test"))]
        typed = kind.typed(columns, argument)
        notes += typed.notes
        train[name], test[name] = typed.parts
        if text == "category":
            # Else levels of several words would be recognised as free texts later.
            train[name], test[name] = categories((train[name], test[name]))
    said = [f"{_READ[kind]}: {some(map(repr, read[kind]))}." for kind in read]
    return train, test, said + notes


def _kind_of_texts(name: Any, train: Cells, test: Cells) -> str | None:
    """Return the kind that texts of the training rows are read as; None if they stay as they are.

    Raises:
        UsageError: if dates may be read in two ways.
    """
    if not has_texts(train):
        return None
    try:
        kind, _ = find_kind(Column(str(name), train, test))
    except AmbiguousError as error:
        first, *others = (answer.partition("=")[2] for answer in error.answers)
        raise UsageError(
            f"{error.question} Say which: columns={{{first!r}: [{name!r}]}}, or {some(others)}."
        ) from error
    return kind if kind.partition(":")[0] in _READ else None


def has_texts(cells: Cells) -> bool:
    """Whether cells are texts, or texts and numbers."""
    from pandas.api import types

    if not (types.is_object_dtype(cells.dtype) or types.is_string_dtype(cells.dtype)):
        return False
    found = set(cells.dropna().map(type))
    numbers = (int, float, np.integer, np.floating)
    return str in found and all(kind is str or issubclass(kind, numbers) for kind in found)


def _written(name: Any, rows: pd.DataFrame, part: str) -> Written:
    return Written(
        str(name), rows[name], f"the {part} rows", np.arange(1, len(rows) + 1), place="row"
    )


def usual_id(train: pd.DataFrame, test: pd.DataFrame | None, taken: Sequence[Any]) -> str | None:
    """Return the column that is called as ids are and differs in every row, or None.

    An index that has a name, or holds something else than whole numbers, holds the ids already.

    Args:
        train: the training rows.
        test: the test rows, or None.
        taken: columns with another role.
    """
    tables = [table for table in (train, test) if table is not None]
    if any(table.index.name is not None or table.index.dtype.kind != "i" for table in tables):
        return None
    free = [table.drop(columns=list(taken), errors="ignore") for table in tables]
    return id_named(free)
