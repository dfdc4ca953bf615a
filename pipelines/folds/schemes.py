"""The fold schemes: each a function from rows to index pairs, and an entry in `SCHEMES`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Task, UsageError, some, unknown_name
from pipelines.basics.seeds import derive_seed
from pipelines.folds._base import Folds, FoldSpec, Rows
from pipelines.folds._strata import strata_of

if TYPE_CHECKING:
    from sklearn.model_selection import BaseCrossValidator

Pairs = Iterator[tuple[Rows, Rows]]

_ANOTHER = "Use another scheme, such as 'kfold'."
_LACKS = "The scheme '{scheme}' needs {what}, and this competition has none. " + _ANOTHER


@dataclass(frozen=True, eq=False)
class FoldInput:
    """What a fold scheme may use of the training rows.

    Attributes:
        target: [n] target values or class codes; [n, targets] of several targets or labels.
        task: what is predicted.
        groups: [n] labels of rows that belong together (duplicates, say), or None. No scheme that
            shuffles puts a group on two sides of a fold.
        times: [n] time of each row, or None.
        gap: rows are not trained on if they are less than this before the first row that is
            predicted; in the unit of a difference of two times.
        column: [n] int64, the fold of each row as the user numbered it, below zero for rows that
            no fold predicts; None where there is no such column.
        queries: [n], equal for rows that are ranked together, or None. They stay together as groups
            do, unless there are groups; but time may divide them.
    """

    target: Array
    task: Task
    groups: Array | None = None
    times: Array | None = None
    gap: np.timedelta64 | float | None = None
    column: NDArray[np.int64] | None = None
    queries: Array | None = None

    @property
    def units(self) -> Array | None:
        """[n] labels of rows that stay together where rows are shuffled: groups, or queries."""
        return self.queries if self.groups is None else self.groups

    @classmethod
    def of(cls, competition: Competition, dataset: Dataset) -> FoldInput:
        """Return the input for the training rows of a data set."""
        return cls(
            dataset.target,
            competition.task,
            dataset.groups,
            dataset.times,
            competition.gap,
            dataset.folds,
            dataset.queries,
        )


def kfold(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold."""
    from sklearn.model_selection import KFold

    first, members = _groups(rows)
    _enough(len(first), n_folds)
    for train, valid in KFold(n_folds, shuffle=True, random_state=seed).split(first):
        yield _rows_of(members, train), _rows_of(members, valid)


def stratified(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """K-fold with equal class shares; for regression, equal shares of target quantiles.

    Several targets and labels are divided as `strata_of` says. A group counts as its first row.
    """
    from sklearn.model_selection import StratifiedKFold

    first, members = _groups(rows)
    _enough(len(first), n_folds)
    strata = _strata(rows, first, n_folds)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    pairs = _split(splitter, strata)
    yield from _known(rows, [(_rows_of(members, a), _rows_of(members, b)) for a, b in pairs])


def grouped(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold over groups, which must be given; folds have equal numbers of groups."""
    from sklearn.model_selection import GroupKFold

    groups = _given_groups(rows, "grouped", n_folds)
    splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    yield from splitter.split(rows.target, groups=groups)


def stratified_grouped(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """K-fold over groups, which must be given, with class shares as equal as groups allow.

    Unlike `stratified`, it counts all rows of a group, which may be of several classes.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = _given_groups(rows, "stratified-grouped", n_folds)
    strata = _strata(rows, np.arange(len(rows.target)), n_folds)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    yield from _known(rows, _split(splitter, strata, groups))


def column(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Folds that the user numbered.

    Nothing is shuffled, so that repeats differ in the seeds of the models alone.
    """
    del seed
    if rows.column is None:
        raise UsageError(_LACKS.format(scheme="column", what="the fold of each row"))
    numbers = np.unique(rows.column[rows.column >= 0]).tolist()
    if len(numbers) < 2:
        raise UsageError(
            f"The column of folds must name at least two; it names {some(numbers) or 'none'}. "
            f"{_ANOTHER}"
        )
    if len(numbers) != n_folds:
        raise UsageError(
            f"The column of folds names {len(numbers)} of them ({some(numbers)}), and {n_folds} "
            f"are asked for. Use --folds {len(numbers)}."
        )
    for number in numbers:
        yield np.flatnonzero(rows.column != number), np.flatnonzero(rows.column == number)


def expanding(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Blocks in the order of time: each is predicted by a model of earlier rows.

    The rows are cut into one block more than there are folds; the first is never predicted.
    Rows less than `gap` before a block are not trained on for it. Nothing is shuffled, so
    that repeats differ in the seeds of the models alone.

    Groups are refused. A block could do without the earlier rows of its groups, but then it would
    not train on all that the block before it trains on, as the time-ordered score needs. So are
    blocks of which none has an earlier one whose targets are known by then: nothing could be chosen
    before a block is scored.
    """
    del seed
    if rows.times is None:
        raise UsageError(_LACKS.format(scheme="expanding", what="times"))
    if rows.groups is not None:
        raise UsageError(
            "Folds that follow time may have a group on both sides. Use the scheme 'grouped', "
            "which takes no heed of time, or name no group."
        )
    order = np.argsort(rows.times, kind="stable")
    if len(order) <= n_folds:
        raise UsageError(
            f"{n_folds} folds that follow time need more rows than that; there are {len(order)}. "
            "Give more rows, or use fewer folds (--folds)."
        )
    first, *blocks = np.array_split(order, n_folds + 1)
    known = np.zeros(len(order), dtype=bool)
    for block in blocks:
        begin = rows.times[block].min()
        known = rows.times < begin
        if rows.gap is not None:
            known &= rows.times <= begin - rows.gap
        # Rows of one time may lie on both sides of a cut; they are predicted, not trained on.
        yield np.flatnonzero(known), block
    # The last block knows most.
    if not known[order[len(first) :]].any():
        gap = "" if rows.gap is None else f", behind a gap of {rows.gap}"
        raise UsageError(
            f"None of the {n_folds} blocks that follow time has an earlier one whose targets are "
            f"known when it is predicted{gap}: they begin too close to each other for an honest "
            f"score. {_ANOTHER}{'' if rows.gap is None else ' Or make the gap shorter.'}"
        )


def _groups(rows: FoldInput) -> tuple[Rows, list[Rows]]:
    """Return the first row of each group, and all rows of each group."""
    if rows.units is None:
        index = np.arange(len(rows.target))
        return index, list(index[:, None])
    _, first, codes = np.unique(rows.units, return_index=True, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    return first, np.split(order, bounds)


def _rows_of(members: list[Rows], groups: Array) -> Rows:
    return np.concatenate([members[group] for group in groups])


def _given_groups(rows: FoldInput, scheme: str, n_folds: int) -> Array:
    """Return the groups that a scheme divides.

    Raises:
        UsageError: if there are none, or fewer than folds.
    """
    if rows.units is None:
        raise UsageError(_LACKS.format(scheme=scheme, what="groups"))
    _enough(len(np.unique(rows.units)), n_folds)
    return rows.units


def _enough(n_units: int, n_folds: int) -> None:
    if n_units < n_folds:
        way = f"Use --folds {n_units}."
        if n_units < 2:
            way = "Name another group, or none and use the scheme 'kfold'."
        raise UsageError(f"{n_folds} folds need as many groups; there are {n_units}. {way}")


def _strata(rows: FoldInput, units: Rows, n_folds: int) -> NDArray[np.int64]:
    """Return the strata of some rows; where each is too small to divide, one for all.

    Raises:
        UsageError: if there are too few rows of a class, or of all classes.
    """
    strata = strata_of(rows.target[units], rows.task, n_folds)
    most = int(np.unique(strata, return_counts=True)[1].max())
    if rows.task in (Task.BINARY, Task.MULTICLASS):
        _check_classes(rows, n_folds, most)
    return strata if most >= n_folds else np.zeros_like(strata)


def _check_classes(rows: FoldInput, n_folds: int, most: int) -> None:
    """Check that the models of each fold can learn each class.

    A class may have fewer rows than there are folds: some folds then have none to predict.
    """
    units = np.arange(len(rows.target)) if rows.units is None else rows.units
    for code in np.unique(rows.target):
        own = rows.target == code
        if len(np.unique(units[own])) < 2:
            have = "a single row" if own.sum() == 1 else "rows in a single group"
            raise UsageError(
                f"Class {int(code)} has {have}, which the models of their fold could not know. "
                "Leave the class out, or join it with another one."
            )
    if 1 < most < n_folds:
        raise UsageError(
            f"Each class has fewer rows than the {n_folds} folds, at most {most}. "
            f"Use --folds {most}."
        )


def _known(rows: FoldInput, pairs: list[tuple[Rows, Rows]]) -> list[tuple[Rows, Rows]]:
    """Return pairs whose models know each class, though groups divide it unevenly.

    Raises:
        UsageError: if all groups with a class fell into one fold.
    """
    if rows.units is None or rows.task not in (Task.BINARY, Task.MULTICLASS):
        return pairs
    codes = np.unique(rows.target)
    for fold, (train, _) in enumerate(pairs, 1):
        unknown = np.setdiff1d(codes, rows.target[train])
        if len(unknown):
            raise UsageError(
                f"All groups with class {int(unknown[0])} fell into fold {fold}, whose model could "
                "not know it. Use another seed (--seed), or leave the class out."
            )
    return pairs


def _split(
    splitter: BaseCrossValidator, strata: NDArray[np.int64], groups: Array | None = None
) -> list[tuple[Rows, Rows]]:
    """Return the pairs of a splitter, without its warning of classes with few rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(splitter.split(np.zeros(len(strata)), strata, groups))


#: The fold schemes by name.
SCHEMES: Mapping[str, Callable[[FoldInput, int, int], Pairs]] = {
    "kfold": kfold,
    "stratified": stratified,
    "grouped": grouped,
    "stratified-grouped": stratified_grouped,
    "column": column,
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
            f"The number of folds must be between 2 and the number of training rows, {n_rows}; it "
            f"is {spec.n_folds}. Give more rows, or set it: --folds (folds=... in Python)."
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
