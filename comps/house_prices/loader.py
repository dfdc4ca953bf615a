"""Reads the competition's files: `train.csv`, `test.csv`, `sample_submission.csv`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Dataset
from comps.house_prices.cleaning import clean
from comps.house_prices.columns import RAW_COLUMNS
from comps.reading.archives import files_fingerprint, read_files
from comps.reading.columns import check_columns, check_ids, numeric_target, read_csv

if TYPE_CHECKING:
    import pandas as pd

FILES = ("train.csv", "test.csv", "sample_submission.csv")


def load(path: Path) -> Dataset:
    """Return the houses: 79 columns as `cleaning.clean` reads them, prices in dollars.

    The text "NA" means in most columns that there is none (no pool, no garage), and in few
    that the value is unknown; `columns` says which. Rows that are equal in every column but the
    price are one group, which folds do not split.

    Args:
        path: Kaggle's zip, or a folder of its files.

    Raises:
        DataError: if a file, a column or a price is missing, an id is duplicate, or a price is
            not a positive number.

    >>> from comps.house_prices.competition import HOUSE_PRICES
    >>> dataset = load(HOUSE_PRICES.sample)
    >>> dataset.train.shape, dataset.test.shape
    ((1465, 79), (1465, 79))
    """
    files = read_files(path, FILES)
    train, test, sample = (_table(files, name) for name in FILES)
    check_columns(train, ["Id", *RAW_COLUMNS, "SalePrice"], "train.csv")
    check_columns(test, ["Id", *RAW_COLUMNS], "test.csv")
    check_columns(sample, ["Id", "SalePrice"], "sample_submission.csv")
    groups = _equal_rows(train)
    return Dataset(
        train=clean(train),
        test=clean(test),
        target=numeric_target(
            train["SalePrice"],
            "SalePrice in train.csv",
            lambda price: price > 0 and math.isfinite(price),
            "a positive number of dollars",
        ),
        train_ids=check_ids(train["Id"], "train.csv"),
        test_ids=check_ids(test["Id"], "test.csv"),
        sample_submission=sample,
        source=str(path),
        fingerprint=files_fingerprint(files),
        groups=groups,
        notes=() if groups is None else _notes(groups),
    )


def _equal_rows(train: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return a number for each row, the same for rows of equal values; None if all differ."""
    numbers = train.groupby(list(RAW_COLUMNS), dropna=False, sort=False).ngroup()
    groups = numbers.to_numpy().astype(np.int64)
    return None if groups.max() == len(groups) - 1 else groups


def _notes(groups: NDArray[np.int64]) -> tuple[str, ...]:
    sizes = np.bincount(groups)
    return (
        f"{int(sizes[sizes > 1].sum())} training rows are equal to another one in everything but "
        "the price. No fold splits them.",
    )


def _table(files: dict[str, bytes], name: str) -> pd.DataFrame:
    return read_csv(files[name], name, keep_default_na=False, na_values=[""])
