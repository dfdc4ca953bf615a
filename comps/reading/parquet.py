"""Tables from Parquet files."""

from __future__ import annotations

import io
from collections.abc import Container
from typing import TYPE_CHECKING

from comps.base import DataError, MissingPackageError, some

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def parquet_frame(content: bytes, name: str, text: Container[str]) -> pd.DataFrame:
    """Return the table of a Parquet file, in the types that it names.

    Args:
        content: of the file.
        name: of the file, for messages.
        text: columns that come as text.

    Raises:
        DataError: if it is damaged, or a column has cells that are no single values.
        MissingPackageError: if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError("pyarrow", "parquet") from error
    try:
        table = parquet.read_table(io.BytesIO(content))
        nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
        if nested:
            raise DataError(
                f"{name} has lists or other nested values in {some(map(repr, nested))}, where a "
                "single value a cell was expected. Leave them out, or write their parts as columns."
            )
        for place, column in enumerate(table.column_names):
            if column in text:
                table = table.set_column(place, column, _texts(table.column(place)))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is not a readable Parquet file: {error}.") from error
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells as texts; truth values as CSV files have them, "True" and "False"."""
    import pyarrow as pa
    from pyarrow import compute

    found = column.cast(pa.string())
    return compute.utf8_capitalize(found) if pa.types.is_boolean(column.type) else found
