"""What the columns leave of the target, and whether labels of rows go with it."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, NotSuitedError, Subject
from pipelines.checks._answers import answers
from pipelines.checks._quick import by_all
from pipelines.checks._scores import Floats, ranks
from pipelines.checks._table import train_rows

_LEAST_IN_LABEL = 8


class Relation(NamedTuple):
    """How labels go with residuals: the share of the variance, and the chance of as much."""

    share: float
    chance: float


def residuals(subject: Subject) -> tuple[NDArray[np.int64], Floats]:
    """Return the rows, one of each group where there are groups, and [rows, answers] residuals.

    They are what models of all columns leave, out of fold; of values by rank, so that a few large
    ones do not decide. Of rows without columns of numbers or levels, it is the target.
    """
    rows = subject.once(train_rows)
    left = np.column_stack([answer.values for answer in subject.once(answers)])
    # Of rows that are no table, or texts alone, there are no quick models.
    with suppress(NotSuitedError):
        left = left - subject.once(by_all)
    for at, answer in enumerate(subject.once(answers)):
        if not answer.binary:
            left[:, at] = ranks(left[:, at])
    if subject.dataset.groups is not None:
        _, first = np.unique(subject.dataset.groups[rows], return_index=True)
        first = np.sort(first)
        rows, left = rows[first], left[first]
    return rows, left - left.mean(axis=0)


def relation(labels: Array, left: Floats) -> Relation:
    """Return how labels go with residuals, the answer with which they do most.

    Args:
        labels: [n]; rare ones count as one.
        left: [n, answers].
    """
    from scipy import stats

    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rare = counts[codes] < _LEAST_IN_LABEL
    _, codes = np.unique(np.where(rare, -1, codes), return_inverse=True)
    counts = np.bincount(codes)
    n, k = len(codes), len(counts)
    if k < 2 or n < 3 * k:
        return Relation(0.0, 1.0)
    best = Relation(0.0, 1.0)
    for one in left.T:
        sums = np.bincount(codes, weights=one)
        between, total = float((sums**2 / counts).sum()), float(one @ one)
        if total <= 0:
            continue
        within = max(total - between, 1e-12 * total)
        ratio = between / (k - 1) / (within / (n - k))
        share = (between - (k - 1) * within / (n - k)) / (total + within / (n - k))
        best = min(best, Relation(share, float(stats.f.sf(ratio, k - 1, n - k))), key=_chance)
    return best


def neighbours(left: Floats, lag: int) -> Relation:
    """Return how residuals go with those of the row so many places before."""
    from scipy import stats

    best, n = Relation(0.0, 1.0), len(left) - lag
    if n < 3 * _LEAST_IN_LABEL:
        return best
    for one in left.T:
        together = np.corrcoef(one[lag:], one[:-lag])[0, 1] if one.std() > 0 else 0.0
        chance = 2 * float(stats.norm.sf(abs(together) * np.sqrt(n)))
        best = min(best, Relation(together**2, chance), key=_chance)
    return best


def _chance(relation: Relation) -> float:
    return relation.chance
