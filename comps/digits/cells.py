"""Parse a table of bytes quickly, and name cells that are not bytes."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError
from comps.reading.columns import check_names
from comps.reading.encoding import as_utf8
from comps.reading.structure import Structure, checked_structure

if TYPE_CHECKING:
    import pandas as pd

SIDE = 28
TARGET = "label"
PIXELS = tuple(f"pixel{number}" for number in range(SIDE * SIDE))
CLASSES = tuple(range(10))

_SHOWN = 5
# Text is looked at in pieces: a cell of text takes sixty times the memory of a byte.
_ROWS_A_PIECE = 1000


def read_bytes(
    content: bytes, name: str, columns: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    r"""Return a table of uint8, in the order of `columns`, and notes; other columns are ignored.

    Args:
        content: of a CSV file.
        name: of the file, for messages.
        columns: that must be there.

    Raises:
        DataError: if a column or all rows are missing, a row is too short or too long, or a cell
            is not a whole number from 0 to 255. It names the first such cells.

    >>> read_bytes(b"label,pixel0\n7,255\n", "train.csv", ["pixel0"])[0].to_numpy().tolist()
    [[255]]
    """
    text, notes = as_utf8(content, name)
    found = checked_structure(text, name)
    check_names(found.names, columns, name)
    body = found.rows.body()
    if not body:
        raise DataError(f"{name} has no rows.")
    places = [found.names.index(column) for column in columns]
    try:
        table = _parsed(body, found, places, np.uint8)
    except (ValueError, OverflowError) as error:
        bad = list(itertools.islice(_bad_cells(body, found, places), _SHOWN))
        if bad:
            raise DataError(
                f"{name} must hold whole numbers from 0 to 255 alone. The first that are none: "
                f"{', '.join(bad)}."
            ) from error
        # Whole numbers that are written as 12.0.
        table = _parsed(body, found, places, np.float32).astype(np.uint8)
    return table[places].set_axis(list(columns), axis="columns"), (*notes, *found.notes)


def _parsed(
    body: bytes, found: Structure, places: Sequence[int], kind: type, **options: Any
) -> Any:
    import pandas as pd

    with warnings.catch_warnings():
        # That a number is too large for a byte shows in the error that follows.
        warnings.simplefilter("ignore", RuntimeWarning)
        return pd.read_csv(
            io.BytesIO(body),
            sep=found.delimiter,
            header=None,
            names=range(found.width),
            usecols=list(places),
            dtype=kind,
            index_col=False,
            **options,
        )


def _bad_cells(body: bytes, found: Structure, places: Sequence[int]) -> Iterator[str]:
    """Yield the place and the text of cells that are not bytes."""
    import pandas as pd

    pieces = _parsed(body, found, places, str, keep_default_na=False, chunksize=_ROWS_A_PIECE)
    for piece in pieces:
        texts = piece[list(places)]
        numbers = texts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        is_byte = (numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))
        for row, column in np.argwhere(~is_byte):
            line = found.rows.lines[piece.index[row]]
            yield f"line {line}, {found.names[places[column]]}: {texts.iloc[row, column]!r}"
