"""Rows held out of the training part: nothing learns from them or chooses by them until the end.

The rows leave the training part and are predicted as further test rows, so that every model,
repeat and blend treats them as it treats the test part. Only the code that opens the seal gets
their targets. There are two purposes: the sealed part is scored at the end of a run, and the
outer part of a search checks its winner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    Dataset,
    Metric,
    Task,
    Truth,
    UsageError,
    join_rows,
    some,
    take,
)
from pipelines.basics.fingerprint import fingerprint
from pipelines.basics.seeds import derive_seed
from pipelines.folds import strata_of

Mask = NDArray[np.bool_]

# The score of fewer rows tells next to nothing, and fewer to train on are none.
LEAST_ROWS = 10
# More than half of the rows would be held out of training.
MOST = 0.5
# One seed for all runs. A part that changed with the seed of a run would be trained on, and
# chosen by, under the next seed.
SEED = 0
_BESIDE = ("groups", "times", "weights", "queries", "folds")


@dataclass(frozen=True)
class Purpose:
    """A purpose for which rows are held out, with its names and texts.

    Attributes:
        name: enters the drawing, so that parts of two purposes are drawn independently, the
            fingerprint, and the ids of the rows as test rows.
        option: of the command line, which takes the share.
        note: what the rows are, after "20 of 100 training rows".
        without: what to do where none can be held out, without a full stop.
    """

    name: str
    option: str
    note: str
    without: str

    @property
    def otherwise(self) -> str:
        """What to do where a share cannot be held out."""
        return f"Use another share, or {self.without}."


SEALED = Purpose(
    "sealed",
    "--sealed",
    "are sealed: nothing is trained on them or chosen by them.",
    "leave out --sealed",
)
OUTER = Purpose(
    "outer",
    "--outer",
    "are held out of the search, to check its winner.",
    "use --outer 0 for no check",
)


@dataclass(frozen=True, eq=False)
class SealedPart:
    """The rows held out, and how they were drawn.

    Attributes:
        ids: [k] their ids as training rows.
        target: [k] or [k, targets] float64, in the target's own unit.
        share: of the training rows that was to be held out.
        seed: of the drawing.
        data: fingerprint of the data set before rows were held out.
        groups: [k] labels of rows that belong together, or None.
        times: [k] time of each row, or None.
        weights: [k] float64, what each row counts for, or None.
        queries: [k], equal for rows that are ranked together, or None.
        folds: [k] int64, the fold of each row as the user numbered it, or None.
    """

    ids: Array
    target: NDArray[np.float64]
    share: float
    seed: int
    data: str
    groups: Array | None = None
    times: Array | None = None
    weights: NDArray[np.float64] | None = None
    queries: Array | None = None
    folds: NDArray[np.int64] | None = None

    @property
    def n_folds(self) -> int:
        """How many of the user's folds are held out."""
        return 0 if self.folds is None else len(np.unique(self.folds))

    def truth(self, metric: Metric) -> Truth:
        """Return what predictions of the rows held out are scored against."""
        return Truth(metric.scale.forward(self.target), self.weights, self.queries)

    def predictions(self, test: Array) -> Array:
        """Return the predictions of the rows held out, [k], [k, classes] or [k, targets].

        Args:
            test: predictions of all test rows of the data set that `seal` returned.
        """
        return test[len(test) - len(self.target) :]


def seal(
    competition: Competition,
    dataset: Dataset,
    share: float,
    seed: int = SEED,
    purpose: Purpose = SEALED,
) -> tuple[Dataset, SealedPart]:
    """Move a share of the training rows behind the test rows, without their targets.

    Folds that the user numbered are held out whole: rows that are alike may share one. Elsewhere,
    where rows are ordered in time, the last are held out, and the rows less than the competition's
    gap before them are left out, as before the rows that a fold predicts. Elsewhere rows are
    drawn, for a classification the same share of every class, of several labels of every common
    combination and every rare label; groups, or queries, stay whole. A smaller share is a part of
    a larger one. The result can be sealed once more, for another purpose.

    Args:
        competition: gives task and gap.
        dataset: all rows.
        share: of the training rows, above 0 and at most 0.5. Groups make it approximate.
        seed: of the drawing.
        purpose: what the rows are held out for.

    Returns:
        The data set that is left, and what was held out. Its `test_ids` are texts, those of the
        rows held out marked: a competition may number training and test rows alike.

    Raises:
        UsageError: if the share is out of range, leaves too few rows, folds or none of a class on
            one side, or would cut a group.
    """
    check_share(share, purpose)
    if dataset.folds is not None:
        held = _whole_folds(dataset, dataset.folds, share, derive_seed(seed, purpose.name), purpose)
        left_out = np.zeros_like(held)
    elif dataset.times is None:
        held, left_out = _drawn(competition, dataset, share, derive_seed(seed, purpose.name))
    else:
        held, left_out = _last(competition, dataset, share)
    kept = ~(held | left_out)
    _check_rows(dataset, kept, held, share, purpose)
    if competition.task in (Task.BINARY, Task.MULTICLASS):
        _check_classes(dataset, kept, held, share, purpose)
    rows, hidden = np.flatnonzero(kept), np.flatnonzero(held)
    marked = [f"{purpose.name}:{name}" for name in dataset.train_ids[hidden]]
    reduced = replace(
        dataset,
        train=take(dataset.train, rows),
        test=join_rows(dataset.test, take(dataset.train, hidden)),
        target=dataset.target[rows],
        train_ids=dataset.train_ids[rows],
        test_ids=np.concatenate([dataset.test_ids.astype(np.str_), marked]),
        fingerprint=fingerprint(purpose.name, dataset.fingerprint, share, seed, rows, hidden),
        **_beside(dataset, rows),
        forecasts=None if dataset.forecasts is None else dataset.forecasts[rows],
        notes=(*dataset.notes, _note(dataset, held, left_out, purpose)),
    )
    part = SealedPart(
        dataset.train_ids[hidden],
        dataset.target[hidden],
        share,
        seed,
        dataset.fingerprint,
        **_beside(dataset, hidden),
    )
    return reduced, part


def _beside(dataset: Dataset, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return what some training rows have beside features, target and id, by name."""
    values = {name: getattr(dataset, name) for name in _BESIDE}
    return {name: None if own is None else own[rows] for name, own in values.items()}


def check_share(share: float, purpose: Purpose = SEALED) -> None:
    """Refuse a share that cannot be held out.

    Raises:
        UsageError: if it is not above 0 and at most 0.5.
    """
    if not 0 < share <= MOST:
        raise UsageError(
            f"{purpose.option} takes a share of the training rows above 0 and at most 0.5, such "
            f"as 0.2; it is {share:g}."
        )


@dataclass(frozen=True)
class SealedLoader:
    """The loader of a competition that holds rows out; it can be sent to worker processes.

    Attributes:
        competition: whose loader reads the files.
        share: see `seal`.
        seed: see `seal`.
        purpose: see `seal`.
    """

    competition: Competition
    share: float
    seed: int = SEED
    purpose: Purpose = SEALED

    @property
    def __wrapped__(self) -> Callable[[Path], Dataset]:
        """The loader that reads the files, whose code results depend on."""
        return self.competition.load

    def __call__(self, path: Path) -> Dataset:
        """Return the data set without the targets held out."""
        return self.open(path)[0]

    def open(self, path: Path) -> tuple[Dataset, SealedPart]:
        """Return the data set and what was held out."""
        whole = self.competition.load(path)
        return seal(self.competition, whole, self.share, self.seed, self.purpose)


def seal_competition(
    competition: Competition, share: float, purpose: Purpose = SEALED
) -> Competition:
    """Return the competition with a loader that holds rows out.

    Raises:
        UsageError: if the share is out of range.
    """
    check_share(share, purpose)
    return replace(competition, load=SealedLoader(competition, share, purpose=purpose))


def _drawn(
    competition: Competition, dataset: Dataset, share: float, seed: int
) -> tuple[Mask, Mask]:
    """Return the rows held out, drawn by groups and classes; none is left out."""
    n_rows = len(dataset.target)
    groups = np.arange(n_rows) if dataset.units is None else dataset.units
    _, first, group_of_row, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    if competition.task is Task.REGRESSION:
        strata = np.zeros(len(first), dtype=np.int64)
    else:
        strata = strata_of(dataset.target[first], competition.task, LEAST_ROWS)
    order = np.random.default_rng(seed).permutation(len(first))
    chosen = np.zeros(len(first), dtype=bool)
    for stratum in np.unique(strata):
        drawn = order[strata[order] == stratum]
        # A group is in if its middle is: no side is favoured, and shares are nested.
        middles = np.cumsum(sizes[drawn]) - sizes[drawn] / 2
        chosen[drawn] = middles <= share * sizes[drawn].sum()
    return chosen[group_of_row], np.zeros(n_rows, dtype=bool)


def _whole_folds(
    dataset: Dataset, folds: NDArray[np.int64], share: float, seed: int, purpose: Purpose
) -> Mask:
    """Return the rows of the folds that are held out: the last in time, or drawn."""
    numbers, sizes = np.unique(folds[folds >= 0], return_counts=True)
    if dataset.times is None:
        order = np.random.default_rng(seed).permutation(len(numbers))
    else:
        ends = [dataset.times[folds == number].max() for number in numbers]
        order = np.argsort(ends, kind="stable")[::-1]
    # As of groups: a fold is in if its middle is. Two have to be left.
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    chosen = numbers[order][middles <= share * len(folds)]
    if len(numbers) > 2:
        chosen = chosen[: len(numbers) - 2]
    left = len(numbers) - len(chosen)
    if left < 2 or not len(chosen):
        least = math.ceil(100 * sizes[order[0]] / len(folds)) / 100
        if len(numbers) > 2 and least <= MOST:
            advice = f"Use {purpose.option} {least:g}."
        else:
            advice = f"{purpose.without.capitalize()}."
        raise UsageError(
            f"{purpose.option} {share:g} holds out {len(chosen)} of the {len(numbers)} folds of "
            f"the column and leaves {left}. Folds stay whole, because their rows may belong "
            f"together; one has to be held out and two left. {advice}"
        )
    held = np.isin(folds, chosen)
    units = dataset.units
    cut = [] if units is None else sorted({*units[held]} & {*units[~held]})
    if cut:
        raise UsageError(
            f"{purpose.option} cannot hold out whole folds of the column: groups of their rows lie "
            f"in other folds, too ({some(cut)}). Number the folds so that each group is in one, "
            f"or {purpose.without}."
        )
    return held


def _last(competition: Competition, dataset: Dataset, share: float) -> tuple[Mask, Mask]:
    """Return the rows that are last in time, and those too near before them."""
    times: Array = np.asarray(dataset.times)
    first = np.sort(times)[-max(1, round(share * len(times)))]
    held = times >= first
    left_out = np.zeros(len(times), dtype=bool)
    if competition.gap is not None:
        left_out |= times > first - competition.gap
    if dataset.groups is not None:
        left_out |= np.isin(dataset.groups, dataset.groups[held])
    return held, left_out & ~held


def _check_rows(dataset: Dataset, kept: Mask, held: Mask, share: float, purpose: Purpose) -> None:
    if min(kept.sum(), held.sum()) < LEAST_ROWS:
        raise UsageError(
            f"{purpose.option} {share:g} of {len(dataset.target)} training rows holds out "
            f"{held.sum()} and leaves {kept.sum()} to train on; at least {LEAST_ROWS} are needed "
            f"on both sides. {purpose.otherwise}"
        )


def _check_classes(
    dataset: Dataset, kept: Mask, held: Mask, share: float, purpose: Purpose
) -> None:
    codes = dataset.target.astype(np.int64)
    for code in np.unique(codes).tolist():
        rows = codes == code
        for side, what in ((kept, "to train on"), (held, "to score")):
            if not (rows & side).any():
                name = dataset.classes[code] if dataset.classes else code
                raise UsageError(
                    f"{purpose.option} {share:g} leaves no row of class {name} {what}; it has "
                    f"{rows.sum()} in all. {purpose.otherwise}"
                )


def _note(dataset: Dataset, held: Mask, left_out: Mask, purpose: Purpose) -> str:
    which = "" if dataset.times is None else ", the last in time,"
    if dataset.folds is not None:
        which += f" (whole folds: {some(np.unique(dataset.folds[held]))})"
    note = f"{held.sum()} of {len(held)} training rows{which} {purpose.note}"
    if left_out.any():
        note += f" {left_out.sum()} rows too near before them are left out."
    return note
