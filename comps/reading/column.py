"""A column of a file, with the lines of its cells, and what is refused of any column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted

if TYPE_CHECKING:
    import pandas as pd

    from comps.reading.delimited import Table

_SHOWN = 5
# Of fewer rows, a column may well be empty.
_ROWS = 10


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a file.

    Attributes:
        name: of the column.
        cells: [n] numbers, or texts with missing values.
        file: for messages.
        lines: [n] the line of each row in the file; None counts rows below a header.
        place: what `lines` count.
    """

    name: str
    cells: pd.Series
    file: str
    lines: NDArray[np.int64] | None = None
    place: str = "line"

    @classmethod
    def of(cls, table: Table, name: str) -> Column:
        """Return a column of a table."""
        return cls(name, table.frame[name], table.name, table.lines)

    def counted(self, count: int, one: str, many: str) -> str:
        """Return how many cells are something, for messages.

        Args:
            count: of the cells.
            one: what is said of one of them, as "is no number".
            many: what is said of several.

        >>> import pandas as pd
        >>> Column("x", pd.Series(["a"]), "a.csv").counted(1, "is no number", "are no numbers")
        'x: 1 cell of a.csv is no number'
        """
        said = counted(count, f"cell of {self.file} {one}", f"cells of {self.file} {many}")
        return f"{self.name}: {said}"

    def shown(self, rows: Sequence[int] | NDArray[np.int64]) -> str:
        """Return the lines and cells of the first rows, for messages."""
        texts = [f"{self.place} {self._line(row)}: {self._text(row)}" for row in rows[:_SHOWN]]
        more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        return ", ".join(texts) + more

    def _text(self, row: int) -> str:
        cell = self.cells.iloc[row]
        return "nothing" if self.cells.isna().iloc[row] else repr(str(cell))

    def _line(self, row: int) -> int:
        return int(row) + 2 if self.lines is None else int(self.lines[row])


def check_present(present: Sequence[int], columns: Sequence[Column]) -> None:
    """Refuse a column of which the test rows have no value, and most training rows have one.

    Args:
        present: number of cells with a value in each file, the training rows first.
        columns: the column in each file.

    Raises:
        DataError: that says so.
    """
    train, *tests = columns
    for count, test in zip(present[1:], tests, strict=True):
        enough = len(test.cells) >= _ROWS and present[0] > len(train.cells) / 2
        if enough and not count:
            raise DataError(
                f"No cell of {test.name} in {test.file} has a value, and {present[0]} of the "
                f"{len(train.cells)} in {train.file} have one: {test.shown([0, 1])}. What is "
                "learned from it would be of no use: leave the column out of both, or fill it."
            )


def few_of(cells: int) -> int:
    """Return how many cells of a column may be strange without making the column strange.

    >>> few_of(12), few_of(50), few_of(1000)
    (1, 3, 10)
    """
    return min(max(3, cells // 100), cells // 10)
