"""Tables as wide as the terminal: columns are left out, names and numbers are never cut."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

# Of a file or a pipe, which have no width of their own.
PIPE_WIDTH = 120
# A cell that may be broken anywhere, such as a path, needs no more than this.
_FOLDED = 20
# What a column without a heading holds.
_UNNAMED = "remarks"


class SpareTable(Table):
    """A table that says which of its columns can be left out.

    Attributes:
        spare: headings, those that matter least first. After them columns are left out from
            the right; of the first two, only one that is named here.
    """

    def __init__(self, *, spare: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.spare = tuple(spare)


def show(table: Table, pipe_width: int = PIPE_WIDTH) -> None:
    """Print a table on the standard output, and say which columns had no room."""
    console = Console(width=None if sys.stdout.isatty() else pipe_width)
    width = console.width
    fitting, left_out = fitted(table, width)
    # Where not even the first columns have room, the terminal breaks the lines: nothing is cut.
    wide = Console(width=max(width, needed_width(fitting)), markup=False, emoji=False)
    wide.print(fitting)
    if left_out:
        text = f"Columns left out at {width} characters: {', '.join(left_out)}."
        wide.print(text, width=width, highlight=False)


def fitted(table: Table, width: int) -> tuple[Table, list[str]]:
    """Return a table with the columns that have room, and the headings of those left out.

    Args:
        table: all columns.
        width: characters of a line.
    """
    kept, left_out = list(table.columns), []
    for column in _by_importance(table):
        if needed_width(_with_columns(table, kept)) <= width:
            break
        kept.remove(column)
        left_out.append(str(column.header) or _UNNAMED)
    return _with_columns(table, kept), left_out


def needed_width(table: Table) -> int:
    """Return the characters of a line in which no name and no number is cut."""
    # What must stay in one line is measured as one word.
    words = _with_columns(table, table.columns, _as_needed)
    console = Console(width=10_000, markup=False, emoji=False)
    return Measurement.get(console, console.options, words).minimum


def _by_importance(table: Table) -> Iterator[Column]:
    """Yield the columns that can be left out, those that matter least first."""
    spare = table.spare if isinstance(table, SpareTable) else ()
    yield from (column for name in spare for column in table.columns if column.header == name)
    yield from (column for column in table.columns[:1:-1] if str(column.header) not in spare)


def _with_columns(
    table: Table,
    columns: Iterable[Column],
    change: Callable[[Column, str], str] = lambda _, cell: cell,
) -> Table:
    """Return a table of some of the columns, with changed cells and headings."""
    columns = list(columns)
    new = Table(title=table.title, box=table.box)
    for column in columns:
        new.add_column(
            change(column, str(column.header)),
            justify=column.justify,
            no_wrap=column.no_wrap,
            overflow=column.overflow,
        )
    cells = ([change(column, str(cell)) for cell in column.cells] for column in columns)
    for row in zip(*cells, strict=True):
        new.add_row(*row)
    return new


def _as_needed(column: Column, cell: str) -> str:
    if column.overflow == "fold":
        return max((word[:_FOLDED] for word in cell.split()), key=len, default="")
    return cell.replace(" ", "_") if column.no_wrap else cell
