"""Greedy selection with replacement, for any metric."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, Target, Truth
from ensembles.sample import Floats, Sample
from ensembles.scorers import Scorer, scorer_of

# Fewer rows are scored sooner than a thread is told of them.
_WORTH_A_THREAD = 5000
# Numbers of a sample above which candidates are scored on some rows first.
_RACED = 50_000_000
# How many rows these are, and how many candidates go on from them.
_SAMPLED = ((16_384, 64), (131_072, 8))
# Scores closer than this are equal: what is left is the order of summation.
_EQUAL = 1e-12


def greedy_weights(
    sample: Sample,
    metric: Metric,
    *,
    rounds: int = 25,
    bags: int = 1,
    share: float = 0.5,
    seed: int = 0,
) -> Floats:
    """Return the weights of an ensemble to which the most useful member is added in each round.

    Caruana et al., "Ensemble Selection from Libraries of Models" (ICML 2004): in each round the
    member with which the mean scores best joins, again and again if need be; of all rounds the
    best counts. Bagging is theirs, too: each ensemble chooses among a random share of the
    members, and the weights are the mean over the ensembles. Of equal candidates, one that is
    in already is taken, then the first. Of very many predictions, candidates are scored on some of
    the rows first, and the best of them on all; the best round is that of all rows.

    Args:
        sample: what the mean is scored on.
        metric: any metric.
        rounds: the most members of an ensemble, counting each as often as it joined. 25 is what
            AutoGluon takes at least.
        bags: ensembles; 1 chooses among all members.
        share: of the members that each of several ensembles chooses among.
        seed: of that choice.

    Returns:
        [members] float64, non-negative, sum 1.
    """
    grow = partial(_grow, _rounds_of(sample, metric), metric, rounds)
    n_members = sample.n_members
    if bags == 1:
        return grow(np.arange(n_members))
    rng = np.random.default_rng(seed)
    size = max(1, round(share * n_members))
    drawn = [np.sort(rng.choice(n_members, size, replace=False)) for _ in range(bags)]
    mean: Floats = np.mean([grow(some) for some in drawn], axis=0)
    return mean


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows that candidates are scored on.

    Attributes:
        members: [members, rows] or [members, rows, columns].
        score: of these rows.
        promoted: of the candidates, so many go on to the next, larger rows.
    """

    members: NDArray[np.floating]
    score: Scorer
    promoted: int


def _rounds_of(sample: Sample, metric: Metric) -> list[_Rows]:
    """Return the rows of a round: all of them, after some where numbers are very many.

    Each candidate's score on a few thousand rows tells most of them from the best; those that are
    left are scored on more rows, and the last few on all. The rows are the same in all rounds, so
    that candidates are compared on equal rows.
    """
    members = np.moveaxis(sample.predictions, 1, 0)
    used = None if sample.rows is None else np.flatnonzero(sample.rows)
    n_rows = sample.n_rows
    if sample.predictions.size <= _RACED or Truth.of(sample.target).query is not None:
        predictions, target = sample.whole()
        whole = np.ascontiguousarray(np.moveaxis(predictions, 1, 0))
        return [_Rows(whole, scorer_of(metric, target), 1)]
    shuffled = np.random.default_rng(0).permutation(n_rows)
    found = []
    for size, promoted in _SAMPLED:
        rows = np.sort(shuffled[:size])
        rows = rows if used is None else used[rows]
        score = scorer_of(metric, sample.target[rows])
        found.append(_Rows(np.ascontiguousarray(members[:, rows]), score, promoted))
    return [*found, _whole(members, used, sample.target, metric)]


def _whole(
    members: NDArray[np.floating],
    used: NDArray[np.int64] | None,
    target: Target,
    metric: Metric,
) -> _Rows:
    """Return all rows; those that are not used are left out where a score is computed."""
    if used is None:
        return _Rows(members, scorer_of(metric, target), 1)
    score = scorer_of(metric, target[used])
    return _Rows(members, lambda prediction: score(prediction[used]), 1)


def _grow(levels: Sequence[_Rows], metric: Metric, rounds: int, among: NDArray[np.int64]) -> Floats:
    """Return the weights of the best of the ensembles that grow by a member a round."""
    n_members = len(levels[0].members)
    counts = np.zeros(n_members)
    totals = [np.zeros(level.members.shape[1:]) for level in levels]
    best_key, best_counts = np.inf, counts
    from joblib import cpu_count

    with ThreadPoolExecutor(cpu_count()) as pool:
        for _ in range(rounds):
            left, keys = among, np.empty(0)
            for level, total in zip(levels, totals, strict=True):

                def key(member: int, level: _Rows = level, total: Floats = total) -> float:
                    mean = (total + level.members[member]) / (counts.sum() + 1)
                    return metric.sort_key(level.score(mean))

                scored = pool.map if len(total) > _WORTH_A_THREAD else map
                keys = np.array(list(scored(key, left)))
                if level is not levels[-1]:
                    left = np.sort(left[np.argsort(keys, kind="stable")[: level.promoted]])
            if np.isnan(keys).all():
                break
            lowest = float(np.nanmin(keys))
            equal = left[keys <= lowest + _EQUAL]
            chosen = int(equal[np.argmax(counts[equal] > 0)])
            counts[chosen] += 1
            for level, total in zip(levels, totals, strict=True):
                total += level.members[chosen]
            if lowest < best_key - _EQUAL:
                best_key, best_counts = lowest, counts.copy()
    if not best_counts.any():
        # Nothing can be told of rows of one class, by a metric that needs two.
        best_counts[among] = 1
    weights: Floats = best_counts / best_counts.sum()
    return weights
