"""Greedy selection with replacement, for any metric."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric
from ensembles.sample import Floats, Sample
from ensembles.scorers import Scorer, scorer_of

# Fewer rows are scored sooner than a thread is told of them.
_WORTH_A_THREAD = 5000
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
    in already is taken, then the first.

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
    predictions, target = sample.whole()
    members = np.ascontiguousarray(np.moveaxis(predictions, 1, 0))
    score = scorer_of(metric, target)
    if bags == 1:
        return _grow(members, np.arange(len(members)), score, metric, rounds)
    rng = np.random.default_rng(seed)
    size = max(1, round(share * len(members)))
    drawn = [np.sort(rng.choice(len(members), size, replace=False)) for _ in range(bags)]
    grown = [_grow(members, some, score, metric, rounds) for some in drawn]
    mean: Floats = np.mean(grown, axis=0)
    return mean


def _grow(
    members: Floats, among: NDArray[np.int64], score: Scorer, metric: Metric, rounds: int
) -> Floats:
    counts = np.zeros(len(members))
    total = np.zeros(members.shape[1:])
    best_key, best_counts = np.inf, counts

    def key(member: int) -> float:
        return metric.sort_key(score((total + members[member]) / (counts.sum() + 1)))

    from joblib import cpu_count

    with ThreadPoolExecutor(cpu_count()) as pool:
        scored = pool.map if len(total) > _WORTH_A_THREAD else map
        for _ in range(rounds):
            keys = np.array(list(scored(key, among)))
            lowest = float(np.nanmin(keys))
            equal = among[keys <= lowest + _EQUAL]
            chosen = int(equal[np.argmax(counts[equal] > 0)])
            counts[chosen] += 1
            total += members[chosen]
            if lowest < best_key - _EQUAL:
                best_key, best_counts = lowest, counts.copy()
    weights: Floats = best_counts / best_counts.sum()
    return weights
