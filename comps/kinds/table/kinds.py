"""The kinds of columns: how each is recognised, and what its cells become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import UsageError, counted, unknown_name
from comps.kinds.table import cells, dates
from comps.kinds.text.columns import is_text as is_said_to_be_text
from comps.reading.cells import share_of_numbers, units_of
from comps.reading.column import Column as Written
from comps.reading.missing import says_missing

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# Fewer rows than this that are all different are no evidence of ids.
_LEAST_ROWS_OF_IDS = 20
# Texts: words a cell, and the share of rows whose text no other row has.
_LEAST_WORDS, _LEAST_DISTINCT = 2.5, 0.2
# The share of cells with a value that are numbers, in whichever way, in a column of numbers; cells
# that are none are named when the rows are read.
_LEAST_NUMBERS = 0.9
# Quantities have fewer digits.
_LONG_NUMBER = r"\d{16,}"
# Different numbers with something beside them that may be names of levels.
_MOST_NUMBERED = 20
# More levels than this are shown as many.
MANY_LEVELS = 50


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

    @property
    def is_numeric(self) -> bool:
        """Whether all training cells were read as numbers; the test rows have to follow."""
        return self.train.dtype.kind in "iuf"

    @cached_property
    def known(self) -> Cells:
        """The training cells that say something, as texts without blanks around them."""
        texts = self.train.dropna().astype(str).str.strip()
        found: Cells = texts[~texts.map(says_missing).astype(bool)]
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
        typed: `(columns, argument) -> Typed`, the cells of both parts as models' transformers take
            them; None where models do not see the column.
    """

    recognise: Callable[[Column], str | None]
    typed: Callable[[Sequence[Written], str], cells.Typed] | None


def _constant(column: Column) -> str | None:
    if column.is_numeric:
        # Quicker than by texts, where there are thousands of columns.
        values = column.train.to_numpy()
        missing = np.isnan(values)
        if missing.all():
            return "no cell says anything"
        same = not missing.any() and values.min() == values.max()
        return f"every training row says {values[0]:g}" if same else None
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
    return "two words, such as yes and no" if words in map(set, cells.TRUTH) else None


def _number(column: Column) -> str | None:
    if column.is_numeric:
        whole = all(part.dtype.kind in "iu" for part in column.parts)
        return "whole numbers" if whole else "numbers"
    # Codes with leading zeros are names, not quantities.
    if column.known.str.match(r"0\d").any():
        return None
    written = Written(column.name, column.train, "the training rows")
    if share_of_numbers(written) < _LEAST_NUMBERS:
        return None
    # "1. low" and "2. high" are levels; so are a few sizes with a unit.
    if column.distinct <= _MOST_NUMBERED and units_of(written):
        return None
    return "numbers as texts"


def _date(column: Column) -> str | None:
    if column.is_numeric or column.distinct == 0:
        return None
    found = dates.formats_of(column.known)
    return None if not found else f"dates, such as {column.known.iloc[0]}"


def _id(column: Column) -> str | None:
    """Recognise a column that names rows: all cells differ, and say nothing by themselves."""
    if column.is_numeric:
        if any(part.dtype.kind not in "iu" for part in column.parts):
            return None
        # Quicker than by texts.
        if not column.train.is_unique:
            return None
    known = column.known
    if len(known) < max(_LEAST_ROWS_OF_IDS, len(column.train)) or column.distinct < len(known):
        return None
    if column.is_numeric and all(map(_counts_rows, column.parts)):
        return "numbers the rows"
    if column.test is not None and bool(column.test.astype(str).isin(set(known)).any()):
        return None
    if not column.is_numeric:
        quantities = _number(column) is not None and not known.str.fullmatch(_LONG_NUMBER).all()
        return "every row has another one" if column.words < 1.5 and not quantities else None
    values = np.sort(np.concatenate([part.to_numpy() for part in column.parts]))
    span = float(values[-1]) - float(values[0]) + 1
    return "numbers the rows" if span <= 1.1 * len(values) else None


def _counts_rows(cells: Cells) -> bool:
    """Whether whole numbers count rows up from 0 or 1, in each part anew; one row says nothing."""
    values = cells.to_numpy()
    return len(values) < 2 or bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def reads_as_text(column: Column) -> str | None:
    """Return why a column holds free texts: several words, and rarely the same; None if not."""
    if column.is_numeric or not len(column.known):
        return None
    share = column.distinct / len(column.known)
    if column.words < _LEAST_WORDS or share < _LEAST_DISTINCT:
        return None
    return f"{column.words:.1f} words a row, {share:.0%} of them different"


def is_text(cells: Cells) -> bool:
    """Whether a column holds free texts: it is said to, or its cells are texts of several words."""
    import pandas as pd

    if is_said_to_be_text(cells):
        return True
    if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
        return False
    known = cells.dropna()
    texts = bool(known.map(lambda cell: isinstance(cell, str)).all())
    return texts and reads_as_text(Column(str(cells.name), cells, None)) is not None


def _category(column: Column) -> str | None:
    many = "" if column.distinct <= MANY_LEVELS else ", many"
    return f"{counted(column.distinct, 'different value')}{many}"


#: The kinds by name, in the order in which they are tried.
KINDS: Mapping[str, Kind] = {
    "constant": Kind(_constant, None),
    "boolean": Kind(_boolean, cells.booleans),
    "date": Kind(_date, cells.times),
    "id": Kind(_id, None),
    "number": Kind(_number, cells.numbers),
    "text": Kind(reads_as_text, cells.texts),
    "category": Kind(_category, cells.levels),
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
