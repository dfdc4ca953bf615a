"""The kinds of columns: how each is recognised, and what its cells become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import UsageError, unknown_name
from comps.kinds.table import dates
from comps.reading.cells import is_missing_word, number_form, to_numbers

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# Fewer rows than this that are all different are no evidence of ids.
_LEAST_ROWS_OF_IDS = 20
# Texts: words a cell, and the share of rows whose text no other row has.
_LEAST_WORDS, _LEAST_DISTINCT = 2.5, 0.2
# More levels than this are shown as many.
MANY_LEVELS = 50
_TRUTH = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})
_TRUE = {"true", "yes", "y", "t", "1", "1.0"}


@dataclass(frozen=True, eq=False)
class Column:
    """A column of the training and the test rows, as the files have it.

    Attributes:
        name: of the column.
        train: numbers where every cell is one, else texts; missing where the file has nothing.
        test: the same of the test rows; None where there are none.
    """

    name: str
    train: Cells
    test: Cells | None

    @property
    def parts(self) -> tuple[Cells, ...]:
        """The parts that there are."""
        return (self.train,) if self.test is None else (self.train, self.test)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all cells were read as numbers."""
        return all(part.dtype.kind in "iuf" for part in self.parts)

    @cached_property
    def known(self) -> Cells:
        """The training cells that say something, as texts without blanks around them."""
        cells = self.train.dropna().astype(str).str.strip()
        found: Cells = cells[~cells.map(is_missing_word)]
        return found

    @cached_property
    def distinct(self) -> int:
        """Number of different cells that say something."""
        return int(self.known.nunique())

    @cached_property
    def words(self) -> float:
        """Words in a cell, the mean."""
        return float(self.known.str.count(r"\s+").mean() + 1) if len(self.known) else 0.0


@dataclass(frozen=True)
class Kind:
    """A kind of columns.

    Attributes:
        recognise: `(column) -> reason`, None where the column is not of this kind.
        typed: `(cells, argument) -> cells` as models' transformers take them; None where models
            do not see the column.
    """

    recognise: Callable[[Column], str | None]
    typed: Callable[[Cells, str], Cells] | None


def _constant(column: Column) -> str | None:
    if column.distinct == 0:
        return "no cell says anything"
    missing = len(column.known) < len(column.train)
    if column.distinct == 1 and not missing:
        return f"every training row says {column.known.iloc[0]!r}"
    return None


def _boolean(column: Column) -> str | None:
    if column.train.dtype == bool:
        return "two words, such as yes and no"
    if column.is_numeric or column.distinct != 2:
        return None
    words = set(column.known.str.lower())
    return "two words, such as yes and no" if words in _TRUTH else None


def _number(column: Column) -> str | None:
    if column.is_numeric:
        whole = all(part.dtype.kind in "iu" for part in column.parts)
        return "whole numbers" if whole else "numbers"
    form = number_form(column.parts, column.name)
    return None if form is None else f"numbers, {form}"


def _date(column: Column) -> str | None:
    if column.is_numeric or column.distinct == 0:
        return None
    found = dates.formats_of(column.known)
    return None if not found else f"dates, such as {column.known.iloc[0]}"


def _id(column: Column) -> str | None:
    """Recognise a column that names rows: all cells differ, and say nothing by themselves."""
    cells = column.known
    if len(cells) < max(_LEAST_ROWS_OF_IDS, len(column.train)) or column.distinct < len(cells):
        return None
    if column.test is not None and bool(column.test.astype(str).isin(set(cells)).any()):
        return None
    if not column.is_numeric:
        return "every row has another one" if column.words < 1.5 else None
    if column.train.dtype.kind not in "iu":
        return None
    values = np.sort(np.concatenate([part.dropna().to_numpy() for part in column.parts]))
    span = float(values[-1]) - float(values[0]) + 1
    return "numbers the rows" if span <= 1.1 * len(values) else None


def reads_as_text(column: Column) -> str | None:
    """Return why a column holds free texts: several words, and rarely the same; None if not."""
    if column.is_numeric or not len(column.known):
        return None
    share = column.distinct / len(column.known)
    if column.words < _LEAST_WORDS or share < _LEAST_DISTINCT:
        return None
    return f"{column.words:.1f} words a row, {share:.0%} of them different"


def _category(column: Column) -> str | None:
    many = "" if column.distinct <= MANY_LEVELS else ", many"
    return f"{column.distinct} different values{many}"


def _as_boolean(cells: Cells, argument: str) -> Cells:
    del argument
    if cells.dtype == bool:
        return cells.astype(np.float64)
    words = _as_text(cells, "")
    values = words.str.lower().isin(_TRUE).astype(np.float64)
    found: Cells = values.mask(words.isna())
    return found


def _as_number(cells: Cells, argument: str) -> Cells:
    del argument
    if cells.dtype.kind in "iuf":
        return cells.astype(np.float64)
    return to_numbers(cells)


def _as_text(cells: Cells, argument: str) -> Cells:
    """Return texts without blanks around them; nothing, or a word for it, is missing."""
    del argument
    texts = cells.astype("string").str.strip()
    found: Cells = texts.mask(
        texts.map(is_missing_word, na_action="ignore").fillna(True).astype(bool)
    )
    return found.astype(object)


def _as_free_text(cells: Cells, argument: str) -> Cells:
    """Return texts of pandas' type for them, which says that they are no levels."""
    return _as_text(cells, argument).astype("string")


#: The kinds by name, in the order in which they are tried.
KINDS: Mapping[str, Kind] = {
    "constant": Kind(_constant, None),
    "boolean": Kind(_boolean, _as_boolean),
    "date": Kind(_date, dates.parsed),
    "id": Kind(_id, None),
    "number": Kind(_number, _as_number),
    "text": Kind(reads_as_text, _as_free_text),
    "category": Kind(_category, _as_text),
    "ignored": Kind(lambda _: None, None),
}


def kind_of(column: Column) -> tuple[str, str]:
    """Return the kind of a column, and the reason.

    >>> import pandas as pd
    >>> kind_of(Column("fare", pd.Series([7.25, 8.05]), None))
    ('number', 'numbers')
    """
    for name, kind in KINDS.items():
        reason = kind.recognise(column)
        if reason is not None:
            return name, reason
    raise AssertionError("Every column has a kind.")


def parse_kind(text: str) -> tuple[Kind, str]:
    """Return a kind and its argument, of a text such as "date:%d.%m.%Y".

    Raises:
        UsageError: if there is no such kind.
    """
    name, _, argument = text.partition(":")
    if name not in KINDS:
        raise unknown_name("kind of column called", name, KINDS)
    if argument and name != "date":
        raise UsageError(f"A column of the kind {name} takes no more words; {text!r} came.")
    return KINDS[name], argument
