"""`Folds`: row numbers to train on and to predict, checked before anything is fitted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from comps.base import UsageError
from pipelines.basics.fingerprint import fingerprint

#: Row numbers, [k] int64.
Rows = NDArray[np.int64]
#: The folds whose rows one fit leaves out of training and predicts: one, or two neighbours for the
#: nested score. All rows are trained on where none is held out.
Held = tuple[int, ...]
#: What a fit on all rows holds out: nothing.
ALL_ROWS: Held = ()


def describe(held: Held) -> str:
    """Return the name of a fit, for messages: the folds that it holds out, counted from 1.

    >>> describe((2,)), describe((0, 1)), describe(ALL_ROWS)
    ('fold 3', 'folds 1 and 2', 'all rows')
    """
    numbers = " and ".join(str(fold + 1) for fold in held)
    return f"fold{'s' if len(held) > 1 else ''} {numbers}" if held else "all rows"


@dataclass(frozen=True)
class FoldSpec:
    """How rows are divided.

    Attributes:
        scheme: a name in `pipelines.folds.SCHEMES`.
        n_folds: folds in each repeat, at least 2.
        seed: of the shuffling; repeat r shuffles with a seed derived from it.
    """

    scheme: str
    n_folds: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Folds:
    """Train and validation row numbers for each repeat and fold.

    Attributes:
        spec: how they were made.
        n_rows: rows of the training data.
        pairs: `pairs[repeat][fold]` is `(train, valid)`, each [k] int64, ascending.

    Raises:
        UsageError: if a fold trains on a row that it predicts, or a repeat predicts a row twice.
    """

    spec: FoldSpec
    n_rows: int
    pairs: Sequence[Sequence[tuple[Rows, Rows]]]

    def __post_init__(self) -> None:
        for repeat, folds in enumerate(self.pairs):
            _check_repeat(repeat, folds, self.n_rows)

    @property
    def n_repeats(self) -> int:
        """Number of repeats."""
        return len(self.pairs)

    @property
    def n_folds(self) -> int:
        """Number of folds in each repeat."""
        return len(self.pairs[0])

    @property
    def single(self) -> list[Held]:
        """The held-out fold of each fit of a repeat, in order."""
        return [(fold,) for fold in range(self.n_folds)]

    @property
    def neighbours(self) -> list[Held]:
        """The pairs of neighbouring folds, with the pair of the first and the last.

        A model that is trained without both predicts each of them without having seen the other:
        the nested score makes its choices on these predictions. All pairs would cost twice as
        much for five folds, and were no better in simulations. There are none where folds grow
        with time, nor of two folds.

        >>> rows = np.arange(4)
        >>> pairs = [(np.delete(rows, row), rows[row : row + 1]) for row in rows]
        >>> Folds(FoldSpec("kfold", 4), 4, [pairs]).neighbours
        [(0, 1), (1, 2), (2, 3), (0, 3)]
        """
        if self.growing or self.n_folds < 3:
            return []
        last = self.n_folds - 1
        return [*((fold, fold + 1) for fold in range(last)), (0, last)]

    def rows(self, repeat: int, held: Held) -> tuple[Rows, Rows]:
        """Return the rows that a fit trains on and those that it predicts.

        Of two folds, the rows of the first come before those of the second. A fit on all rows
        predicts the first row, because a trainer expects rows to predict; the result is not used.
        """
        if held == ALL_ROWS:
            return np.arange(self.n_rows), np.arange(1)
        trains, valids = zip(*(self.pairs[repeat][fold] for fold in held), strict=True)
        return reduce(np.intersect1d, trains), np.concatenate(valids)

    @cached_property
    def growing(self) -> bool:
        """Whether every fold trains on the training rows of the fold before it, if not on more.

        This is so in a time-ordered scheme; two blocks that begin at one time train on the same
        rows. The model of the last fold has seen most rows, and predicts new rows better than the
        mean of the models of all folds does.
        """
        return all(
            len(one) <= len(other) and bool(np.isin(one, other).all())
            for folds in self.pairs
            for (one, _), (other, _) in itertools.pairwise(folds)
        )

    def trained_on(self, fold: int) -> NDArray[np.bool_]:
        """Return [n_rows] bool: the rows that a fold of the first repeat trains on.

        In time, these are the rows whose targets are known when the first row of the fold is
        predicted: all choices for the fold may follow from them, and from no others.
        """
        mask = np.zeros(self.n_rows, dtype=bool)
        mask[self.pairs[0][fold][0]] = True
        return mask

    def covered(self, repeat: int = 0) -> NDArray[np.bool_]:
        """Return [n_rows] bool: the rows that some fold of a repeat predicts."""
        mask = np.zeros(self.n_rows, dtype=bool)
        for _, valid in self.pairs[repeat]:
            mask[valid] = True
        return mask

    def fold_of_row(self, repeat: int = 0) -> NDArray[np.int64]:
        """Return [n_rows] int64: the fold that predicts each row, -1 for none."""
        folds = np.full(self.n_rows, -1, dtype=np.int64)
        for fold, (_, valid) in enumerate(self.pairs[repeat]):
            folds[valid] = fold
        return folds

    @cached_property
    def fingerprint(self) -> str:
        """A text that is equal for equal first repeats; later repeats follow from the same seed."""
        arrays = [rows for pair in self.pairs[0] for rows in pair]
        return fingerprint(asdict(self.spec), self.n_rows, *arrays)


def _check_repeat(repeat: int, folds: Sequence[tuple[Rows, Rows]], n_rows: int) -> None:
    seen = np.zeros(n_rows, dtype=np.int64)
    for fold, (train, valid) in enumerate(folds):
        where = f"fold {fold} of repeat {repeat}"
        if len(train) == 0 or len(valid) == 0:
            raise UsageError(f"There is nothing to train on or to predict in {where}.")
        both = np.intersect1d(train, valid)
        if len(both):
            raise UsageError(f"Row {both[0]} is trained on and predicted in {where}.")
        seen[valid] += 1
    if (seen > 1).any():
        row = int(np.argmax(seen > 1))
        raise UsageError(f"Row {row} is predicted {seen[row]} times in repeat {repeat}.")
