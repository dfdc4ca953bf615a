"""The cells of both tables by the contract of `comps.reading`: numbers and levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comps.house_prices.columns import CATEGORIES, MISSING, NONE, NUMBERS, ORDERED, RAW_COLUMNS
from comps.reading.cells import as_numbers, words_note
from comps.reading.column import Column
from comps.reading.delimited import Table
from comps.reading.levels import as_levels
from comps.reading.missing import MISSING as WORDS

if TYPE_CHECKING:
    import pandas as pd

# The file writes NA for "missing" and for "has none", which `cleaning` tells apart; of veneer also
# None. Other words are taken as NA, with one note for all columns.
_USUAL = ("", MISSING.lower(), NONE)


def read_cells(train: Table, test: Table) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return the 79 columns of training and test rows, and notes.

    Numbers are float64; levels are texts as the data description spells them, and "NA" where the
    file has it or another word for "missing".

    Raises:
        DataError: if cells are not what their column is, see `as_numbers` and `as_levels`.
    """
    import pandas as pd

    notes = [
        *words_note([Column.of(t, n) for t in (train, test) for n in RAW_COLUMNS], WORDS, _USUAL)
    ]
    columns: list[dict[str, pd.Series]] = [{}, {}]
    for name in NUMBERS:
        numbers = as_numbers(Column.of(train, name), Column.of(test, name), words=WORDS)
        assert numbers.test is not None
        for part, values in zip(columns, (numbers.train, numbers.test), strict=True):
            part[name] = pd.Series(values)
        notes += numbers.notes
    for name in (*ORDERED, *CATEGORIES):
        levels = as_levels(
            Column.of(train, name),
            Column.of(test, name),
            known=[level for level in ORDERED.get(name, ()) if level != NONE],
            missing=WORDS,
            words=WORDS,
        )
        assert levels.test is not None
        for part, texts in zip(columns, (levels.train, levels.test), strict=True):
            part[name] = texts.fillna(MISSING)
        notes += levels.notes
    return pd.DataFrame(columns[0]), pd.DataFrame(columns[1]), tuple(notes)
