"""Which columns of a table hold texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def is_text(cells: pd.Series[Any]) -> bool:
    """Whether a column holds free texts: it has pandas' type for texts with missing ones."""
    import pandas as pd

    return isinstance(cells.dtype, pd.StringDtype) and cells.dtype.na_value is pd.NA


def text_names(rows: pd.DataFrame) -> list[Any]:
    """Return the names of the columns that hold free texts.

    >>> import pandas as pd
    >>> told = pd.Series(["Hi."], dtype="string")
    >>> rows = pd.DataFrame({"age": [3], "name": ["Ann"], "told": told})
    >>> text_names(rows)
    ['told']
    """
    return [name for name in rows if is_text(rows[name])]


def joined(rows: pd.DataFrame) -> list[str]:
    """Return one text a row: those of all its columns of texts, one after the other.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"title": ["Up", None], "plot": ["A man.", "A dog."]}, dtype="string")
    >>> joined(rows)
    ['Up A man.', 'A dog.']
    """
    columns = [rows[name].fillna("").tolist() for name in text_names(rows)]
    return [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]
