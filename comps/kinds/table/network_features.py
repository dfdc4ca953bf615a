"""Features of a table for networks, learned on the training rows of a fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comps.kinds.table.features import TableFeatures

Floats = NDArray[np.float64]
Inputs = dict[str, NDArray[np.generic]]

# Levels of fewer rows share one column: a column of three ones teaches nothing.
_LEAST_ROWS = 5
# Columns that levels get, of all columns of the table together; the most frequent levels do.
_MOST_LEVELS = 256
# Quantiles of a column of numbers, between which a rank is interpolated.
_QUANTILES = 48


class NetworkFeatures:
    """The columns of a table as inputs of a network.

    Numbers are divided by their interquartile range and smoothly clipped, as Holzmueller et al.,
    "Better by default" (2024), do it: extremes then move a network little. Beside them stand
    their ranks among the quantiles of the training rows, which networks embed.
    Levels become columns of zeros and ones.

    Folds whose inputs have the same shape are trained as one program. A level may be frequent
    enough in one fold and not in another; therefore the columns of levels are filled up with
    zeros, and differ in their number only now and then.
    """

    def fit_transform(self, rows: pd.DataFrame, target: Floats) -> Inputs:
        """Learn from the training rows of a fold, [k] rows; return the inputs of the network.

        Returns:
            "numbers" and "ranks", [k, columns] float32, where there are columns of numbers; ranks
            are from 0 to 1. "levels", [k, width] uint8.
        """
        self._table = TableFeatures(scaled=False)
        values = self._table.fit_transform(rows, target).astype(np.float64)
        self._n_numbers = values.shape[1] - self._table.n_levels
        numbers, codes = self._parts(values)
        self._columns = [_Numbers(column) for column in numbers.T]
        self._missing = np.flatnonzero(np.isnan(numbers).sum(axis=0) >= _LEAST_ROWS)
        self._levels = _frequent(codes)
        hot = sum(map(len, self._levels)) + len(self._levels) + len(self._missing)
        self._width = filled_width(hot)
        return self._inputs(values)

    def transform(self, rows: pd.DataFrame) -> Inputs:
        """Return the inputs of the network, of rows as in `fit_transform`."""
        return self._inputs(self._table.transform(rows).astype(np.float64))

    def _parts(self, values: Floats) -> tuple[Floats, Floats]:
        return values[:, : self._n_numbers], values[:, self._n_numbers :]

    def _inputs(self, values: Floats) -> Inputs:
        numbers, codes = self._parts(values)
        hot = [np.isnan(numbers[:, self._missing])]
        for column, levels in zip(codes.T, self._levels, strict=True):
            own = column[:, None] == levels
            hot += [own, ~own.any(axis=1, keepdims=True)]
        joined = np.concatenate(hot, axis=1)
        filling = np.zeros((len(values), self._width - joined.shape[1]), dtype=bool)
        found: Inputs = {"levels": np.concatenate([joined, filling], axis=1).astype(np.uint8)}
        if not self._columns:
            return found
        scaled, ranks = zip(
            *(own.transform(column) for own, column in zip(self._columns, numbers.T, strict=True)),
            strict=True,
        )
        return {
            "numbers": np.column_stack(scaled).astype(np.float32),
            "ranks": np.column_stack(ranks).astype(np.float32),
            **found,
        }


class _Numbers:
    """The quantiles of one column of the training rows; NaN becomes the median."""

    def __init__(self, column: Floats) -> None:
        known = column[~np.isnan(column)]
        if not len(known):
            known = np.zeros(1)
        low, self._median, high = np.quantile(known, [0.25, 0.5, 0.75])
        # Where half of the rows are equal, the range says what a large difference is.
        width = high - low or (known.max() - known.min()) / 2
        self._factor = 1 / width if width > 0 else 0.0
        # Equal quantiles become one, so that values that are often there are far from each other.
        self._edges = np.unique(
            np.quantile(known, np.linspace(0, 1, _QUANTILES + 1), method="inverted_cdf")
        )

    def transform(self, column: Floats) -> tuple[Floats, Floats]:
        """Return the column scaled and clipped, between -3 and 3, and as ranks from 0 to 1."""
        filled = np.where(np.isnan(column), self._median, column)
        scaled = (filled - self._median) * self._factor
        ranks = np.interp(filled, self._edges, np.linspace(0, 1, len(self._edges)))
        return scaled / np.sqrt(1 + (scaled / 3) ** 2), ranks


def _frequent(codes: Floats) -> list[Floats]:
    """Return the levels of each column that get a column of their own, in order."""
    counted = [np.unique(column, return_counts=True) for column in codes.T]
    counts = np.concatenate([count for _, count in counted] or [np.zeros(0, dtype=np.int64)])
    least = _LEAST_ROWS
    if (counts >= least).sum() > _MOST_LEVELS:
        least = int(np.sort(counts)[-_MOST_LEVELS - 1]) + 1
    return [levels[count >= least] for levels, count in counted]


def filled_width(columns: int) -> int:
    """Return the number of columns that levels are filled up to: at most half of them are empty.

    >>> [filled_width(columns) for columns in (0, 3, 5, 9, 17, 40)]
    [4, 4, 8, 16, 32, 64]
    """
    step = 4
    while columns > 2 * step:
        step *= 2
    return max(-(-columns // step), 1) * step
