"""The fold schemes: each a function from rows to index pairs, and an entry in `SCHEMES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Task, UsageError, unknown_name
from pipelines.basics.seeds import derive_seed
from pipelines.folds._base import Folds, FoldSpec, Rows

Pairs = Iterator[tuple[Rows, Rows]]


@dataclass(frozen=True, eq=False)
class FoldInput:
    """What a fold scheme may use of the training rows.

    Attributes:
        target: [n] target values or class codes.
        task: what is predicted.
        groups: [n] labels of rows that belong together (duplicates, say), or None. No scheme that
            shuffles puts a group on two sides of a fold; `expanding` does not look at groups.
        times: [n] time of each row, or None.
        gap: rows are not trained on if they are less than this before the first row that is
            predicted; in the unit of a difference of two times.
    """

    target: Array
    task: Task
    groups: Array | None = None
    times: Array | None = None
    gap: np.timedelta64 | float | None = None

    @classmethod
    def of(cls, competition: Competition, dataset: Dataset) -> FoldInput:
        """Return the input for the training rows of a data set."""
        return cls(dataset.target, competition.task, dataset.groups, dataset.times, competition.gap)


def kfold(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold."""
    from sklearn.model_selection import KFold

    first, members = _groups(rows)
    _enough(len(first), n_folds)
    for train, valid in KFold(n_folds, shuffle=True, random_state=seed).split(first):
        yield _rows_of(members, train), _rows_of(members, valid)


def stratified(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """K-fold with equal class shares; for regression, equal shares of target quantiles."""
    from sklearn.model_selection import StratifiedKFold

    first, members = _groups(rows)
    _enough(len(first), n_folds)
    strata = rows.target[first]
    if rows.task is Task.REGRESSION:
        strata = quantile_bins(strata, n_bins=min(10, len(strata) // n_folds))
    else:
        _enough_of_each_class(strata, n_folds)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for train, valid in splitter.split(np.zeros(len(strata)), strata):
        yield _rows_of(members, train), _rows_of(members, valid)


def grouped(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold over groups, which must be given; folds have similar numbers of rows."""
    from sklearn.model_selection import GroupKFold

    if rows.groups is None:
        raise UsageError("The scheme 'grouped' needs groups, and this competition has none.")
    _enough(len(np.unique(rows.groups)), n_folds)
    splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    yield from splitter.split(rows.target, groups=rows.groups)


def expanding(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Blocks in the order of time: each is predicted by a model of earlier rows.

    The rows are cut into one block more than there are folds; the first is never predicted.
    Rows less than `gap` before a block are not trained on for it. Nothing is shuffled, so
    that repeats differ in the seeds of the models alone.
    """
    del seed
    if rows.times is None:
        raise UsageError("The scheme 'expanding' needs times, and this competition has none.")
    order = np.argsort(rows.times, kind="stable")
    for block in np.array_split(order, n_folds + 1)[1:]:
        begin = rows.times[block].min()
        known = rows.times < begin
        if rows.gap is not None:
            known &= rows.times <= begin - rows.gap
        # Rows of one time may lie on both sides of a cut; they are predicted, not trained on.
        yield np.flatnonzero(known), block


def _groups(rows: FoldInput) -> tuple[Rows, list[Rows]]:
    """Return the first row of each group, and all rows of each group."""
    if rows.groups is None:
        index = np.arange(len(rows.target))
        return index, list(index[:, None])
    _, first, codes = np.unique(rows.groups, return_index=True, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    return first, np.split(order, bounds)


def _rows_of(members: list[Rows], groups: Array) -> Rows:
    return np.concatenate([members[group] for group in groups])


def _enough(n_units: int, n_folds: int) -> None:
    if n_units < n_folds:
        raise UsageError(f"{n_folds} folds need as many groups; there are {n_units}.")


def _enough_of_each_class(classes: Array, n_folds: int) -> None:
    smallest = int(np.unique(classes, return_counts=True)[1].min())
    if smallest < n_folds:
        raise UsageError(
            f"The smallest class has {smallest} rows, fewer than the {n_folds} folds; a fold "
            "would lack it. Use fewer folds or '--scheme kfold'."
        )


def quantile_bins(values: Array, n_bins: int) -> NDArray[np.int64]:
    """Return [n] bin codes; bins hold equal numbers of rows as far as ties allow.

    >>> quantile_bins(np.array([5.0, 1.0, 9.0, 7.0]), 2)
    array([0, 0, 1, 1])
    """
    n_bins = max(n_bins, 1)
    # By rank, not by interpolated quantiles, which rounding moves past a value.
    first_rank = np.searchsorted(np.sort(values), values, side="left")
    return (first_rank * n_bins // len(values)).astype(np.int64)


#: The fold schemes by name.
SCHEMES: Mapping[str, Callable[[FoldInput, int, int], Pairs]] = {
    "kfold": kfold,
    "stratified": stratified,
    "grouped": grouped,
    "expanding": expanding,
}


def make_folds(spec: FoldSpec, rows: FoldInput, n_repeats: int = 1) -> Folds:
    """Divide rows as `spec` says, `n_repeats` times with different shuffles.

    Raises:
        UsageError: if the scheme is unknown, or the numbers are impossible for these rows.

    >>> spec = FoldSpec("kfold", n_folds=3)
    >>> folds = make_folds(spec, FoldInput(np.arange(9.0), Task.REGRESSION), n_repeats=2)
    >>> folds.n_repeats, folds.n_folds, bool(folds.covered().all())
    (2, 3, True)
    """
    n_rows = len(rows.target)
    if spec.scheme not in SCHEMES:
        raise unknown_name("fold scheme", spec.scheme, SCHEMES)
    if not 2 <= spec.n_folds <= n_rows:
        raise UsageError(
            f"--folds must be between 2 and the number of training rows, {n_rows}; "
            f"it is {spec.n_folds}."
        )
    if n_repeats < 1:
        raise UsageError(f"--repeats must be at least 1; it is {n_repeats}.")
    scheme = SCHEMES[spec.scheme]
    pairs = tuple(
        tuple(
            (np.sort(train).astype(np.int64), np.sort(valid).astype(np.int64))
            for train, valid in scheme(rows, spec.n_folds, derive_seed(spec.seed, "folds", repeat))
        )
        for repeat in range(n_repeats)
    )
    return Folds(spec, n_rows, pairs)
