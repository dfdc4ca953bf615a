"""The fold schemes: each a function from rows to index pairs, and an entry in `SCHEMES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Task, UsageError, unknown_name
from pipelines.folds._base import Folds, FoldSpec, Rows
from pipelines.seeds import derive_seed

Pairs = Iterator[tuple[Rows, Rows]]


@dataclass(frozen=True, eq=False)
class FoldInput:
    """What a scheme may look at.

    Attributes:
        target: [n] target values or class codes.
        task: what is predicted.
        groups: [n] labels of rows that belong together, or None.
    """

    target: NDArray[Any]
    task: Task
    groups: NDArray[Any] | None = None


def kfold(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold."""
    from sklearn.model_selection import KFold

    yield from KFold(n_folds, shuffle=True, random_state=seed).split(rows.target)


def stratified(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """K-fold with equal class shares; for regression, equal shares of target quantiles."""
    from sklearn.model_selection import StratifiedKFold

    strata = rows.target
    if rows.task is Task.REGRESSION:
        strata = quantile_bins(rows.target, n_bins=min(10, len(rows.target) // n_folds))
    smallest = np.unique(strata, return_counts=True)[1].min()
    if smallest < n_folds and rows.task is not Task.REGRESSION:
        raise UsageError(
            f"The smallest class has {smallest} rows, fewer than the {n_folds} folds; a fold "
            "would lack it. Use fewer folds or '--scheme kfold'."
        )
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(strata)), strata)


def grouped(rows: FoldInput, n_folds: int, seed: int) -> Pairs:
    """Shuffled K-fold that keeps the rows of a group on one side."""
    from sklearn.model_selection import GroupKFold

    if rows.groups is None:
        raise UsageError("The scheme 'grouped' needs groups, and this competition has none.")
    n_groups = len(np.unique(rows.groups))
    if n_groups < n_folds:
        raise UsageError(f"{n_folds} folds need as many groups; there are {n_groups}.")
    splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    yield from splitter.split(rows.target, groups=rows.groups)


def quantile_bins(values: NDArray[Any], n_bins: int) -> NDArray[np.int64]:
    """Return [n] bin codes; bins hold equal numbers of rows as far as ties allow.

    >>> quantile_bins(np.array([5.0, 1.0, 9.0, 7.0]), 2)
    array([0, 0, 1, 1])
    """
    n_bins = max(n_bins, 1)
    # By rank, not by interpolated quantiles, which rounding moves past a value.
    first_rank = np.searchsorted(np.sort(values), values, side="left")
    return (first_rank * n_bins // len(values)).astype(np.int64)


SCHEMES: Mapping[str, Callable[[FoldInput, int, int], Pairs]] = {
    "kfold": kfold,
    "stratified": stratified,
    "grouped": grouped,
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
