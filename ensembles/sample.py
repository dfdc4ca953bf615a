"""`Sample`: members' predictions of some rows with their targets, which blends are fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from comps.base import LEAST_PROBABILITY, Target, Truth
from pipelines.results.oof import OutOfFold

Floats = NDArray[np.float64]

# Predictions beyond this size are kept in single precision.
LARGE = 2 << 30
# Rows of a block fit into a core's cache, for some dozens of members.
BLOCK = 1 << 18


class Columns(StrEnum):
    """How many columns a member's predictions have, and what they are."""

    # Values, or probabilities of class 1.
    ONE = "one"
    # A probability of each of more than two classes.
    CLASSES = "classes"
    # Each of several targets or labels has a column.
    TARGETS = "targets"

    @classmethod
    def of(cls, predictions: NDArray[np.floating], target: Target) -> Columns:
        """Return what the last axis of [n, members] or [n, members, columns] predictions is."""
        if predictions.ndim == 2:
            return cls.ONE
        return cls.TARGETS if Truth.of(target).values.ndim == 2 else cls.CLASSES


@dataclass(frozen=True, eq=False)
class Sample:
    """Predictions and targets, both on the metric's scale.

    Attributes:
        predictions: [n, members] values or probabilities of class 1, or [n, members, classes]
            probabilities, or [n, members, targets]; float64, or float32 where they are many.
        target: [n] or [n, targets] float64; or a `Truth`, with weights and queries of the rows.
        rows: [n] bool, the rows that are used; None for all. Methods that read predictions in
            blocks can be fitted on some rows without a copy of the predictions.
    """

    predictions: NDArray[np.floating]
    target: Target
    rows: NDArray[np.bool_] | None = None

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.predictions.shape[1])

    @property
    def columns(self) -> Columns:
        """What the columns of a member's predictions are."""
        return Columns.of(self.predictions, self.target)

    @cached_property
    def n_rows(self) -> int:
        """Number of rows that are used."""
        return len(self.target) if self.rows is None else int(self.rows.sum())

    @cached_property
    def total_weight(self) -> float:
        """The weight of the rows that are used; their number where all count alike."""
        weight = Truth.of(self.target).weight
        if weight is None:
            return float(self.n_rows)
        return float(weight.sum() if self.rows is None else weight[self.rows].sum())

    def only(self, rows: NDArray[np.bool_]) -> Sample:
        """Return the sample with some of its rows."""
        return replace(self, rows=rows if self.rows is None else self.rows & rows)

    def tenth(self) -> NDArray[np.bool_]:
        """Return every tenth of the rows that are used, [n] bool."""
        used = np.arange(len(self.target)) if self.rows is None else np.flatnonzero(self.rows)
        tenth = np.zeros(len(self.target), dtype=bool)
        tenth[used[::10]] = True
        return tenth

    def of(self, members: Sequence[int]) -> Sample:
        """Return the sample with some members, by their places; all of them are not copied."""
        if len(members) == self.n_members:
            return self
        return replace(self, predictions=self.predictions[:, list(members)])

    def column(self, place: int) -> Sample:
        """Return the sample of one of several targets."""
        truth = Truth.of(self.target)
        one = replace(truth, values=truth.values[:, place])
        return replace(self, predictions=self.predictions[:, :, place], target=one)

    def flat(self) -> Sample:
        """Return the sample with several targets as further rows, [n x targets, members]."""
        if self.columns is not Columns.TARGETS:
            return self
        truth, count = Truth.of(self.target), self.predictions.shape[2]
        flat = np.moveaxis(self.predictions, 1, 2).reshape(-1, self.n_members)
        weight = None if truth.weight is None else np.repeat(truth.weight, count)
        rows = None if self.rows is None else np.repeat(self.rows, count)
        return Sample(flat, Truth(truth.values.ravel(), weight), rows)

    def whole(self) -> tuple[Floats, Target]:
        """Return predictions and targets of the rows that are used, in double precision."""
        if self.rows is None:
            return self.predictions.astype(np.float64, copy=False), self.target
        return self.predictions[self.rows].astype(np.float64, copy=False), self.target[self.rows]

    def each(self) -> Iterator[Floats]:
        """Yield each member's predictions of the rows that are used, in double precision."""
        for member in np.moveaxis(self.predictions, 1, 0):
            used = member if self.rows is None else member[self.rows]
            yield used.astype(np.float64, copy=False)

    def blocks(self) -> Iterator[tuple[Floats, Target]]:
        """Yield predictions and targets of the rows that are used, block after block."""
        return (self.block(part) for part in self.parts)

    @property
    def parts(self) -> list[slice]:
        """The rows of each block."""
        width = int(np.prod(self.predictions.shape[1:]))
        step = max(BLOCK // width, width)
        return [slice(start, start + step) for start in range(0, len(self.target), step)]

    def block(self, part: slice) -> tuple[Floats, Target]:
        """Return predictions and targets of the rows of a block that are used."""
        predictions, target = self.predictions[part], self.target[part]
        if self.rows is not None:
            predictions, target = predictions[self.rows[part]], target[self.rows[part]]
        return predictions.astype(np.float64, copy=False), target


def probabilities_of_truth(predictions: Floats, target: Target) -> Floats:
    """Return [rows, members] probabilities of the true class, kept from zero.

    Args:
        predictions: [rows, members] of class 1, or [rows, members, classes].
        target: [rows] codes of classes, or a `Truth` of them.
    """
    codes = Truth.of(target).values
    if predictions.ndim == 2:
        true = np.abs(predictions - (1.0 - codes)[:, None])
    else:
        places = codes.astype(np.int64)[:, None, None]
        true = np.take_along_axis(predictions, places, axis=2)[:, :, 0]
    return np.clip(true, LEAST_PROBABILITY, 1.0)


def stack(arrays: Iterable[NDArray[np.float64]], count: int) -> NDArray[np.floating]:
    """Return the members' arrays [n] or [n, columns] as [n, members] or [n, members, columns].

    The members are contiguous in memory, in single precision where they are many. They are taken
    one after the other, so that a caller who reads them from a store needs only one of them in
    memory.

    Args:
        arrays: of one shape.
        count: how many there are.
    """
    stacked = np.empty((0, 0))
    for number, array in enumerate(arrays):
        if not number:
            dtype = np.float32 if array.size * count * 8 > LARGE else np.float64
            stacked = np.empty((count, *array.shape), dtype)
        stacked[number] = array
    return np.moveaxis(stacked, 0, 1)


def sample_of(members: Sequence[OutOfFold], target: Target) -> Sample:
    """Return the covered rows of members that can be blended.

    Args:
        members: of the same data and folds; see `ensembles.check_members`.
        target: [n], [n, targets] or a `Truth`, all training rows.
    """
    covered = members[0].covered
    if covered.all():
        return Sample(stack((member.valid for member in members), len(members)), target)
    valid = stack((member.valid[covered] for member in members), len(members))
    return Sample(valid, target[covered])
