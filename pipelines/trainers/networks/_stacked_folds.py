"""The rows of several folds side by side, for one program. Imports JAX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comps.base import Array
from pipelines.trainers._base import FoldData
from pipelines.trainers.networks._fold_tables import FoldTables
from pipelines.trainers.networks._rows import count_rows, form_of
from pipelines.trainers.networks._targets import Goal, relative_weight


def tables_of(folds: Sequence[FoldData], goals: Sequence[Goal]) -> FoldTables:
    """Return the rows of each fold, those to train on first."""
    form, views = form_of(folds[0].train), [fold.train for fold in folds]
    sizes = [(len(fold.target), count_rows(fold.valid)) for fold in folds]
    rows = [_joined(form.arrays(fold.train), form.arrays(fold.valid)) for fold in folds]
    targets = [goal.encode(fold.target) for goal, fold in zip(goals, folds, strict=True)]
    weights = [relative_weight(fold.weight) for fold in folds if fold.weight is not None]
    n_rows = max(map(sum, sizes))
    return FoldTables(
        _stacked_by_name(rows, n_rows),
        _stacked(targets, n_rows),
        [np.arange(train) for train, _ in sizes],
        [np.arange(train, train + valid) for train, valid in sizes],
        _stacked_by_name([form.arrays(fold.test) for fold in folds], count_rows(folds[0].test)),
        _stacked(weights, n_rows) if weights else None,
        per_fold=True,
        shared=form.shared(views),
        shared_per_fold=form.shared_per_fold,
        gather=form.gather(views[0]),
    )


def _stacked_by_name(tables: Sequence[dict[str, Array]], n_rows: int) -> dict[str, Array]:
    return {name: _stacked([table[name] for table in tables], n_rows) for name in tables[0]}


def _stacked(tables: Sequence[Array], n_rows: int) -> Array:
    """Return [folds, n_rows, ...]; rows that fill it up are zero, and never looked at."""
    stacked = np.zeros((len(tables), n_rows, *tables[0].shape[1:]), dtype=tables[0].dtype)
    for place, own in zip(stacked, tables, strict=True):
        place[: len(own)] = own
    return stacked


def _joined(first: dict[str, Array], second: dict[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([first[name], second[name]]) for name in first}
