"""Parse a table of bytes quickly, and name cells that are not bytes."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from comps.base import DataError
from comps.reading.columns import check_columns, read_csv

if TYPE_CHECKING:
    import pandas as pd

SIDE = 28
TARGET = "label"
PIXELS = tuple(f"pixel{number}" for number in range(SIDE * SIDE))
CLASSES = tuple(range(10))

_SHOWN = 5
# Text is looked at in pieces: a cell of text takes sixty times the memory of a byte.
_ROWS_A_PIECE = 1000


def read_bytes(content: bytes, name: str, columns: Sequence[str]) -> pd.DataFrame:
    r"""Return a table of uint8, in the order of `columns`; other columns are ignored.

    Args:
        content: of a CSV file.
        name: of the file, for messages.
        columns: that must be there.

    Raises:
        DataError: if a column or all rows are missing, a row is too long, or a cell is not a
            whole number from 0 to 255. It names the first such cells.

    >>> read_bytes(b"label,pixel0\n7,255\n", "train.csv", ["pixel0"]).to_numpy().tolist()
    [[255]]
    """
    import pandas as pd

    check_columns(read_csv(content, name, nrows=1), columns, name)
    try:
        with warnings.catch_warnings():
            # That a number is too large for a byte shows in the error that follows.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # With an index column, the first cells of rows that are too long would be one.
            table = pd.read_csv(
                io.BytesIO(content), dtype=dict.fromkeys(columns, np.uint8), index_col=False
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"Each row of {name} must have as many cells as its header: {str(error).strip()}."
        ) from error
    except (ValueError, OverflowError) as error:
        bad = list(itertools.islice(_bad_cells(content, columns), _SHOWN))
        raise DataError(
            f"{name} must hold whole numbers from 0 to 255 alone. "
            + (f"The first that are none: {', '.join(bad)}." if bad else f"{error}.")
        ) from error
    return table[list(columns)]


def _bad_cells(content: bytes, columns: Sequence[str]) -> Iterator[str]:
    """Yield the place and the text of cells that are not bytes."""
    import pandas as pd

    pieces = pd.read_csv(
        io.BytesIO(content),
        dtype=str,
        index_col=False,
        keep_default_na=False,
        encoding_errors="replace",
        chunksize=_ROWS_A_PIECE,
    )
    for piece in pieces:
        texts = piece[list(columns)]
        numbers = texts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        is_byte = (numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))
        for row, column in np.argwhere(~is_byte):
            line = piece.index[row] + 2
            yield f"line {line}, {columns[column]}: {texts.iloc[row, column]!r}"
