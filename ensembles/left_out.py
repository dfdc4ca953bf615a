"""Which rows the jackknife leaves out at a time: rows that depend on each other go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Dataset
from ensembles.compare import dependent_rows
from pipelines.folds import Folds

#: Parts of the rows that are left out in turn.
GROUPS = 30


@dataclass(frozen=True, eq=False)
class Dependence:
    """What rows have in common, by which errors of neighbours resemble each other.

    Attributes:
        groups: [n] labels of rows that belong together, or None.
        times: [n] time of each row, or None.

    >>> Dependence(times=np.array([3, 1, 2])).of_rows(np.array([0, 2])).tolist()
    [15, 0]
    >>> Dependence().of_rows(np.array([0, 2])) is None
    True
    """

    groups: Array | None = None
    times: Array | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Dependence:
        """Return that of the training rows of a data set."""
        return cls(dataset.units, dataset.times)

    def along(self, folds: Folds) -> Dependence:
        """Return the same; that of the blocks where folds follow time and nothing else is known."""
        if self.groups is None and self.times is None and folds.growing:
            return Dependence(times=folds.fold_of_row())
        return self

    def of_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return integers that are equal for rows to leave out together; None where any may be.

        Args:
            rows: [k] row numbers.

        Returns:
            [k] int64, or None.
        """
        if self.groups is None and self.times is None:
            return None
        groups, times = (None if of is None else of[rows] for of in (self.groups, self.times))
        return left_out_together(len(rows), groups, times)


#: That of rows of which each stands for itself.
INDEPENDENT = Dependence()


def blocks_in_time(times: Array) -> NDArray[np.int64]:
    """Return blocks of neighbouring rows, [n], by the time of each row or by the number of a fold.

    Errors of neighbouring hours resemble each other, so that rows dealt out by chance would make
    the error of a difference look too small.
    """
    order = np.argsort(times, kind="stable")
    blocks = np.empty(len(order), np.int64)
    blocks[order] = np.arange(len(order)) * GROUPS // len(order)
    return blocks


def left_out_together(n_rows: int, groups: Array | None, times: Array | None) -> NDArray[np.int64]:
    """Return [n] int64, equal for rows that the jackknife leaves out at a time."""
    if times is not None:
        return blocks_in_time(times)
    units = dependent_rows(n_rows, groups)
    dealt = np.random.default_rng(0).permutation(units.max() + 1) % GROUPS
    together: NDArray[np.int64] = dealt[units]
    return together
