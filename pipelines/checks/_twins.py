"""Rows that are equal in all columns, and whether that can be a coincidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Subject
from pipelines.checks._table import Column, Kind, columns

# Different values, as a share of the rows, of a column in which rows are not equal by chance.
_TELLING = 0.3
# Pairs of equal rows that columns that do not depend on each other would bring, for each found.
_UNLIKELY = 0.01


@dataclass(frozen=True, eq=False)
class Twins:
    """Numbers of rows, equal where rows are equal.

    Attributes:
        train: [n] uint64.
        test: [m] uint64.
        telling: whether some column has so many values that equal rows are no coincidence.
        pairs_by_chance: the share of pairs that would be equal if columns did not depend on each
            other.
    """

    train: NDArray[np.uint64]
    test: NDArray[np.uint64]
    telling: bool
    pairs_by_chance: float

    def unlikely(self, pairs: int, of: int) -> bool:
        """Whether so many equal pairs of so many are more than a coincidence."""
        return self.telling or self.pairs_by_chance * of < _UNLIKELY * pairs


def twins(subject: Subject) -> Twins:
    """Return which rows are equal; identifiers do not count.

    Raises:
        NotSuitedError: if the rows are no table.
    """
    used = [c for c in subject.once(columns) if c.kind is not Kind.IDENTIFIER]
    train = np.zeros(len(subject.once(columns)[0].train), dtype=np.uint64)
    test = np.zeros(len(subject.once(columns)[0].test), dtype=np.uint64)
    chance, telling = 1.0, False
    for place, column in enumerate(used):
        train, test = (
            _mixed(numbers, _hashed(part, place))
            for numbers, part in ((train, column.train), (test, column.test))
        )
        counts = np.unique(np.nan_to_num(column.train, nan=-1e300), return_counts=True)[1]
        chance *= float(((counts / counts.sum()) ** 2).sum())
        telling |= len(counts) > _TELLING * len(column.train) and _is_measured(column)
    return Twins(train, test, telling and bool(used), chance)


def _is_measured(column: Column) -> bool:
    return column.kind in (Kind.NUMBER, Kind.DATE, Kind.TEXT, Kind.LEVEL)


def _hashed(values: NDArray[np.float64], place: int) -> NDArray[np.uint64]:
    # Minus zero equals zero, and missing values equal each other.
    bits = (np.nan_to_num(values, nan=-1e300) + 0.0).view(np.uint64)
    return bits + np.uint64((place * 0x9E3779B97F4A7C15) % 2**64)


def _mixed(numbers: NDArray[np.uint64], bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers that differ where either differs (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = (numbers ^ bits) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
