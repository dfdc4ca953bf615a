"""Reads the competition's files: `train.csv`, `test.csv`, `sample_submission.csv`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Dataset
from comps.house_prices.cells import read_cells
from comps.house_prices.cleaning import clean
from comps.house_prices.columns import CATEGORIES, ORDERED, RAW_COLUMNS
from comps.reading.archives import files_fingerprint, read_files
from comps.reading.columns import check_columns, numeric_target
from comps.reading.delimited import read_table
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    import pandas as pd

FILES = ("train.csv", "test.csv", "sample_submission.csv")
# Levels that are written as numbers, such as MSSubClass, are levels all the same.
_TEXTS = ("Id", "SalePrice", *ORDERED, *CATEGORIES)


def load(path: Path) -> Dataset:
    """Return the houses: 79 columns as `cleaning.clean` reads them, prices in dollars.

    The text "NA" means in most columns that there is none (no pool, no garage), and in few
    that the value is unknown; `columns` says which. Rows that are equal in every column but the
    price are one group, which folds do not split.

    Args:
        path: Kaggle's zip, or a folder of its files.

    Raises:
        DataError: if a file, a column or a price is missing, a row is cut, an id is duplicate,
            a price is not a positive number, the sample submission has other ids than `test.csv`,
            or cells are not what their column is, see `comps.reading`.

    >>> from comps.house_prices.competition import HOUSE_PRICES
    >>> dataset = load(HOUSE_PRICES.sample)
    >>> dataset.train.shape, dataset.test.shape
    ((1465, 79), (1465, 79))
    """
    files = read_files(path, FILES)
    train, test, sample = (read_table(files[name], name, text=_TEXTS) for name in FILES)
    check_columns(train.frame, ["Id", *RAW_COLUMNS, "SalePrice"], train.name)
    check_columns(test.frame, ["Id", *RAW_COLUMNS], test.name)
    check_columns(sample.frame, ["Id", "SalePrice"], sample.name)
    train_ids, test_ids, sample_ids = (
        checked_ids(table.frame["Id"], table.name) for table in (train, test, sample)
    )
    check_same_ids(sample_ids, test_ids)
    target = numeric_target(
        train.frame["SalePrice"],
        "SalePrice in train.csv",
        lambda price: price > 0 and math.isfinite(price),
        "a positive number of dollars",
        train.lines,
    )
    raw_train, raw_test, notes = read_cells(train, test)
    groups = _equal_rows(raw_train)
    return Dataset(
        train=clean(raw_train),
        test=clean(raw_test),
        target=target,
        train_ids=train_ids,
        test_ids=test_ids,
        sample_submission=sample.frame.assign(Id=sample_ids),
        source=str(path),
        fingerprint=files_fingerprint(files),
        groups=groups,
        notes=(
            *train.notes,
            *test.notes,
            *sample.notes,
            *notes,
            *(() if groups is None else _notes(groups)),
        ),
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
