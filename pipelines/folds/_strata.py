"""Strata: rows that are alike in their targets, of which every fold gets its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Task

Codes = NDArray[np.int64]


def strata_of(target: Array, task: Task, n_folds: int) -> Codes:
    """Return the stratum of each row, [n] int64: its class, labels, or part of the values' range.

    Args:
        target: [n] or [n, targets].
        task: what is predicted.
        n_folds: that each stratum is divided among.
    """
    if task is Task.MULTILABEL:
        return label_strata(target, n_folds)
    if task is not Task.REGRESSION:
        return target.astype(np.int64)
    values = target if target.ndim == 1 else joint_ranks(target)
    return quantile_bins(values, n_bins=min(10, len(values) // n_folds))


def label_strata(labels: Array, least: int) -> Codes:
    """Return [n] int64: the combination of labels of each row; of rare ones, their rarest label.

    With a few labels the shares of all combinations are kept. With many, most combinations are
    rare; the rarest label of such a row is the one that a fold would lack first.

    Args:
        labels: [n, labels] zeros and ones.
        least: rows of a combination that is a stratum of its own.

    >>> label_strata(np.array([[0, 0], [0, 0], [1, 0], [1, 1], [0, 1], [0, 1]]), 2).tolist()
    [0, 0, 4, 4, 1, 1]
    """
    combinations, codes, counts = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    rarity = np.where(labels > 0, labels.sum(axis=0), np.inf)
    rarest = np.where((labels > 0).any(axis=1), rarity.argmin(axis=1), labels.shape[1])
    strata = np.where(counts[codes] >= least, codes, len(combinations) + rarest)
    return strata.astype(np.int64)


def joint_ranks(targets: Array) -> NDArray[np.float64]:
    """Return [n] float64, one order of rows for several targets: the sum of the ranks of each.

    Ranks make targets of any unit alike and leave outliers no weight. Those of a target that falls
    where the first one rises are reversed, for they would cancel out otherwise. The first
    principal component of the ranks says much the same, with last bits that differ from machine to
    machine, and folds with them.

    Args:
        targets: [n, targets].

    >>> joint_ranks(np.array([[1.0, 30.0], [2.0, 20.0], [3.0, -1e9]])).tolist()
    [0.0, 2.0, 4.0]
    """
    ranks = np.stack([_ranks(values) for values in targets.T], axis=1)
    centred = ranks - ranks.mean(axis=0)
    falling = (centred * centred[:, :1]).sum(axis=0) < 0
    turned = np.where(falling, ranks.max(axis=0) - ranks, ranks)
    total: NDArray[np.float64] = turned.sum(axis=1)
    return total


def quantile_bins(values: Array, n_bins: int) -> Codes:
    """Return [n] bin codes; bins hold equal numbers of rows as far as ties allow.

    >>> quantile_bins(np.array([5.0, 1.0, 9.0, 7.0]), 2)
    array([0, 0, 1, 1])
    """
    # By rank, not by interpolated quantiles, which rounding moves past a value.
    return (_ranks(values) * max(n_bins, 1) // len(values)).astype(np.int64)


def _ranks(values: Array) -> NDArray[np.float64]:
    """Return [n] the number of smaller values."""
    return np.searchsorted(np.sort(values), values, side="left").astype(np.float64)
