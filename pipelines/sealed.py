"""A sealed part: training rows that nothing learns from or chooses by, to be scored at the end.

The rows leave the training part and are predicted as further test rows, so that every model,
repeat and blend treats them as it treats the test part. Their targets go to whoever opens the
seal and to no one else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Task, UsageError, join_rows
from pipelines.fingerprint import fingerprint
from pipelines.preparation import take
from pipelines.seeds import derive_seed

Mask = NDArray[np.bool_]

# The score of fewer rows tells next to nothing, and fewer to train on are none.
LEAST_ROWS = 10
# One seed for all runs. A part that changed with the seed of a run would be trained on, and
# chosen by, under the next seed.
SEED = 0


@dataclass(frozen=True, eq=False)
class SealedPart:
    """What is known of the sealed rows.

    Attributes:
        ids: [k] their ids as training rows.
        target: [k] float64, in the target's own unit.
        share: of the training rows that was to be sealed.
        seed: of the drawing.
        data: fingerprint of the data set before rows were sealed.
    """

    ids: NDArray[Any]
    target: NDArray[np.float64]
    share: float
    seed: int
    data: str

    def predictions(self, test: Array) -> Array:
        """Return the predictions of the sealed rows, [k] or [k, classes].

        Args:
            test: predictions of all test rows of the data set that `seal` returned.
        """
        return test[len(test) - len(self.target) :]


def seal(
    competition: Competition, dataset: Dataset, share: float, seed: int = SEED
) -> tuple[Dataset, SealedPart]:
    """Move a share of the training rows behind the test rows, without their targets.

    Where rows are ordered in time, the last are sealed, and the rows less than the competition's
    gap before them are left out, as before the rows that a fold predicts. Elsewhere rows are
    drawn, for a classification the same share of every class; groups stay whole. A smaller
    share is a part of a larger one.

    Args:
        competition: gives task and gap.
        dataset: all rows.
        share: of the training rows, above 0 and at most 0.5. Groups make it approximate.
        seed: of the drawing.

    Returns:
        The data set that is left, and what was sealed. Its `test_ids` are texts, those of the
        sealed rows marked: a competition may number training and test rows alike.

    Raises:
        UsageError: if the share is out of range, or leaves too few rows or none of a class on
            one side.
    """
    check_share(share)
    choose = _drawn if dataset.times is None else _last
    sealed, left_out = choose(competition, dataset, share, seed)
    kept = ~(sealed | left_out)
    _check_rows(dataset, kept, sealed, share)
    if competition.task is not Task.REGRESSION:
        _check_classes(dataset, kept, sealed, share)
    rows, hidden = np.flatnonzero(kept), np.flatnonzero(sealed)
    marked = [f"sealed:{name}" for name in dataset.train_ids[hidden]]
    reduced = replace(
        dataset,
        train=take(dataset.train, rows),
        test=join_rows(dataset.test, take(dataset.train, hidden)),
        target=dataset.target[rows],
        train_ids=dataset.train_ids[rows],
        test_ids=np.concatenate([dataset.test_ids.astype(np.str_), marked]),
        fingerprint=fingerprint("sealed", dataset.fingerprint, share, seed, rows, hidden),
        groups=None if dataset.groups is None else dataset.groups[rows],
        times=None if dataset.times is None else dataset.times[rows],
        notes=(*dataset.notes, _note(dataset, sealed, left_out)),
    )
    ids, target = dataset.train_ids[hidden], dataset.target[hidden]
    return reduced, SealedPart(ids, target, share, seed, dataset.fingerprint)


def check_share(share: float) -> None:
    """Refuse a share that cannot be sealed.

    Raises:
        UsageError: if it is not above 0 and at most 0.5.
    """
    if not 0 < share <= 0.5:
        raise UsageError(
            f"--sealed takes a share of the training rows above 0 and at most 0.5, such as 0.2; "
            f"it is {share:g}."
        )


@dataclass(frozen=True)
class SealedLoader:
    """The loader of a competition that seals rows; jobs take it to wherever they run.

    Attributes:
        competition: whose loader reads the files.
        share: see `seal`.
        seed: see `seal`.
    """

    competition: Competition
    share: float
    seed: int = SEED

    @property
    def __wrapped__(self) -> Callable[[Path], Dataset]:
        """The loader that reads the files, whose code results depend on."""
        return self.competition.load

    def __call__(self, path: Path) -> Dataset:
        """Return the data set without the sealed targets."""
        return self.open(path)[0]

    def open(self, path: Path) -> tuple[Dataset, SealedPart]:
        """Return the data set and what was sealed."""
        return seal(self.competition, self.competition.load(path), self.share, self.seed)


def seal_competition(competition: Competition, share: float) -> Competition:
    """Return the competition with a loader that seals rows.

    Raises:
        UsageError: if the share is out of range.
    """
    check_share(share)
    return replace(competition, load=SealedLoader(competition, share))


def _drawn(
    competition: Competition, dataset: Dataset, share: float, seed: int
) -> tuple[Mask, Mask]:
    """Return the sealed rows, drawn by groups and classes; none is left out."""
    n_rows = len(dataset.target)
    groups = np.arange(n_rows) if dataset.groups is None else dataset.groups
    _, first, group_of_row, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    regression = competition.task is Task.REGRESSION
    strata = np.zeros(len(first)) if regression else dataset.target[first]
    order = np.random.default_rng(derive_seed(seed, "sealed")).permutation(len(first))
    chosen = np.zeros(len(first), dtype=bool)
    for stratum in np.unique(strata):
        drawn = order[strata[order] == stratum]
        # A group is in if its middle is: no side is favoured, and shares are nested.
        middles = np.cumsum(sizes[drawn]) - sizes[drawn] / 2
        chosen[drawn] = middles <= share * sizes[drawn].sum()
    return chosen[group_of_row], np.zeros(n_rows, dtype=bool)


def _last(competition: Competition, dataset: Dataset, share: float, seed: int) -> tuple[Mask, Mask]:
    """Return the rows that are last in time, and those too near before them."""
    del seed
    times: NDArray[Any] = np.asarray(dataset.times)
    first = np.sort(times)[-max(1, round(share * len(times)))]
    sealed = times >= first
    left_out = np.zeros(len(times), dtype=bool)
    if competition.gap is not None:
        left_out |= times > first - competition.gap
    if dataset.groups is not None:
        left_out |= np.isin(dataset.groups, dataset.groups[sealed])
    return sealed, left_out & ~sealed


def _check_rows(dataset: Dataset, kept: Mask, sealed: Mask, share: float) -> None:
    if min(kept.sum(), sealed.sum()) < LEAST_ROWS:
        raise UsageError(
            f"--sealed {share:g} of {len(dataset.target)} training rows seals {sealed.sum()} and "
            f"leaves {kept.sum()} to train on; at least {LEAST_ROWS} are needed on both sides. "
            "Use another share, or leave out --sealed."
        )


def _check_classes(dataset: Dataset, kept: Mask, sealed: Mask, share: float) -> None:
    codes = dataset.target.astype(np.int64)
    for code in np.unique(codes).tolist():
        rows = codes == code
        for side, what in ((kept, "to train on"), (sealed, "to score")):
            if not (rows & side).any():
                name = dataset.classes[code] if dataset.classes else code
                raise UsageError(
                    f"--sealed {share:g} leaves no row of class {name} {what}; it has "
                    f"{rows.sum()} in all. Use another share, or leave out --sealed."
                )


def _note(dataset: Dataset, sealed: Mask, left_out: Mask) -> str:
    which = "" if dataset.times is None else ", the last in time,"
    note = (
        f"{sealed.sum()} of {len(sealed)} training rows{which} are sealed: nothing is trained on "
        "them or chosen by them."
    )
    if left_out.any():
        note += f" {left_out.sum()} rows too near before them are left out."
    return note
