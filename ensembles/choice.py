"""Choosing among blends by their honest scores: the simplest that cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric
from ensembles.sample import Floats

# Groups of rows that are left out in turn.
_GROUPS = 50


def choose(
    metric: Metric,
    target: Floats,
    predictions: Sequence[Floats],
    groups: NDArray[np.int64] | None = None,
) -> int:
    """Return the index of the first prediction within one standard error of the best.

    The rule of one standard error (Breiman et al., "Classification and Regression Trees", 1984)
    with the error of the difference to the best one, for both predict the same rows.

    Args:
        metric: what counts.
        target: [n].
        predictions: [n] or [n, classes] each, honest, from the simplest.
        groups: [n] group of each row that is left out at a time, as in `difference_error`.
    """
    scores = [metric.score(target, prediction) for prediction in predictions]
    best = metric.best(scores)
    for number, prediction in enumerate(predictions[:best]):
        lost = metric.sort_key(scores[number]) - metric.sort_key(scores[best])
        if lost <= difference_error(metric, target, prediction, predictions[best], groups):
            return number
    return best


def difference_error(
    metric: Metric,
    target: Floats,
    one: Floats,
    other: Floats,
    groups: NDArray[np.int64] | None = None,
) -> float:
    """Return the standard error of the difference of two scores of the same rows.

    The jackknife that leaves out groups of rows (Shao and Tu, "The Jackknife and Bootstrap",
    1995, section 2.3), which serves any metric: with g groups and the difference d_i without the
    i-th, the variance is (g - 1) / g * sum (d_i - mean d)^2.

    Args:
        metric: any metric.
        target: [n].
        one: [n] or [n, classes].
        other: of the same shape.
        groups: [n] integers; None deals the rows to groups by chance.
    """
    if groups is None:
        groups = np.random.default_rng(0).permutation(len(target)) % _GROUPS
    differences = []
    for group in np.unique(groups):
        kept = groups != group
        differences.append(
            metric.score(target[kept], one[kept]) - metric.score(target[kept], other[kept])
        )
    count = len(differences)
    spread = np.square(np.asarray(differences) - np.mean(differences)).sum()
    return float(np.sqrt((count - 1) / count * spread))
