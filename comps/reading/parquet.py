"""Tables from Parquet files."""

from __future__ import annotations

import io
from collections.abc import Container
from typing import TYPE_CHECKING

from comps.base import DataError, MissingPackageError

if TYPE_CHECKING:
    import pandas as pd


def parquet_frame(content: bytes, name: str, text: Container[str]) -> pd.DataFrame:
    """Return the table of a Parquet file, in the types that it names.

    Args:
        content: of the file.
        name: of the file, for messages.
        text: columns that come as text.

    Raises:
        DataError: if it is damaged, or a column of `text` has cells that are no single values.
        MissingPackageError: if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError("pyarrow", "parquet") from error
    try:
        table = parquet.read_table(io.BytesIO(content))
        for place, column in enumerate(table.column_names):
            if column in text:
                table = table.set_column(place, column, table.column(place).cast(pa.string()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is not a readable Parquet file: {error}.") from error
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame
