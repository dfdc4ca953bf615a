"""Cleaning of the table, row by row; nothing here is learned, so it is done once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from comps.house_prices.columns import (
    CATEGORIES,
    MISSING,
    NONE,
    NONE_COLUMNS,
    NUMBERS,
    ORDERED,
    SPELLINGS,
    THING_OF,
)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the 79 columns with typed cells.

    Numbers and ordered levels become float64, other levels text; a value that is unknown
    is NaN, and the text "none" says that the house has no such thing.

    Args:
        raw: the columns as the files have them, "NA" kept as text; others are ignored.
            A level that the data description does not know becomes NaN if it is ordered.

    >>> from comps.house_prices.columns import RAW_COLUMNS
    >>> row = pd.DataFrame({name: ["NA"] for name in RAW_COLUMNS}).assign(KitchenQual="Gd")
    >>> clean(row)[["KitchenQual", "PoolQC", "Alley", "LotFrontage"]].values.tolist()
    [[4.0, 0.0, 'none', nan]]
    """
    columns: dict[str, pd.Series] = {
        name: pd.to_numeric(raw[name], errors="coerce")
        .astype(float)
        .replace([np.inf, -np.inf], np.nan)
        for name in NUMBERS
    }
    for name, scale in ORDERED.items():
        columns[name] = _text(raw[name]).map(scale).astype(float)
    for name, thing in THING_OF.items():
        columns[name] = columns[name].mask((columns[name] == 0) & (columns[thing] > 0))
    for name in CATEGORIES:
        columns[name] = _text(raw[name])
    # NA is no veneer, unless its area is unknown too.
    veneer = columns["MasVnrType"]
    columns["MasVnrType"] = veneer.mask((veneer == NONE) & columns["MasVnrArea"].isna(), None)
    return pd.DataFrame(columns, index=raw.index)


def _text(column: pd.Series) -> pd.Series:
    """Return the cells as text; an empty cell and the letters NA are one and the same."""
    absent = NONE if column.name in NONE_COLUMNS else None
    meaning = {value: _meaning(value, absent) for value in column.unique()}
    return column.map(meaning).astype(object)


def _meaning(value: object, absent: str | None) -> str | None:
    # MSSubClass is a code: a file with gaps in it makes 20 to 20.0.
    if isinstance(value, float) and np.isfinite(value):
        value = int(value)
    text = str(value).strip()
    return absent if text in (MISSING, "nan", "None", "") else SPELLINGS.get(text, text)
