"""Choosing among blends by honest scores: blends that cannot be told apart are averaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, Target, Truth
from ensembles.left_out import GROUPS, INDEPENDENT, Dependence
from ensembles.sample import Floats
from ensembles.scorers import scorer_of

# The error of many rows is found on so many of them.
_ENOUGH = 10_000
# Of rows in groups or queries: how much of the variance is between groups is not known.
_ENOUGH_TOGETHER = 100_000


def choose(
    metric: Metric,
    target: Target,
    predictions: Sequence[Floats],
    groups: NDArray[np.int64] | None = None,
) -> tuple[int, ...]:
    """Return the indices of the predictions that are chosen, to be averaged, in ascending order.

    Of blends that are within one standard error of the best one (the rule of Breiman et al.,
    "Classification and Regression Trees", 1984) the rows at hand cannot tell which is best, and
    the mean of all of them loses least. It takes the place of the first, the simplest, if it is
    better by more than the standard error of their difference.

    Args:
        metric: of the scores.
        target: [n], [n, targets] or a `Truth`.
        predictions: [n] or [n, columns] each, honest, from the simplest.
        groups: [n] group of each row that is left out at a time, as in `difference_error`.
    """
    score = scorer_of(metric, target)
    keys = np.array([metric.sort_key(score(prediction)) for prediction in predictions])
    if np.isnan(keys).all():
        return (0,)
    best = predictions[int(np.nanargmin(keys))]
    errors = difference_errors(metric, target, best, predictions, groups)
    near = np.flatnonzero(keys - np.nanmin(keys) <= errors)
    simplest, mean = predictions[0], mean_of(predictions, near)
    gained = keys[0] - metric.sort_key(score(mean))
    if gained > 0 and gained > difference_error(metric, target, mean, simplest, groups):
        return tuple(near.tolist())
    return (0,)


def surely_better(
    metric: Metric,
    target: Target,
    one: Floats,
    other: Floats,
    dependence: Dependence = INDEPENDENT,
) -> bool:
    """Return whether a prediction is better than another by more than the standard error.

    Args:
        metric: of the scores.
        target: [n], [n, targets] or a `Truth`.
        one: [n] or [n, columns], NaN where nothing is predicted.
        other: of the same shape.
        dependence: what rows have in common.

    >>> from comps.metrics import find_metric
    >>> rmse, target = find_metric("rmse"), np.arange(60.0)
    >>> noise = np.random.default_rng(0).normal(size=60)
    >>> surely_better(rmse, target, target + noise / 2, target + noise)
    True
    """
    rows = np.flatnonzero(np.isfinite(one + other).reshape(len(one), -1).all(axis=1))
    target, one, other = Truth.of(target)[rows], one[rows], other[rows]
    gained = metric.sort_key(metric.score(target, other)) - metric.sort_key(
        metric.score(target, one)
    )
    return gained > difference_error(metric, target, one, other, dependence.of_rows(rows))


def mean_of(predictions: Sequence[Floats], chosen: Iterable[int]) -> Floats:
    """Return the mean of the chosen predictions."""
    mean: Floats = np.mean([predictions[number] for number in chosen], axis=0)
    return mean


def difference_error(
    metric: Metric,
    target: Target,
    one: Floats,
    other: Floats,
    groups: NDArray[np.int64] | None = None,
) -> float:
    """Return the standard error of the difference of two scores of the same rows.

    Args:
        metric: any metric.
        target: [n], [n, targets] or a `Truth`.
        one: [n] or [n, columns].
        other: of the same shape.
        groups: [n] integers, see `difference_errors`.
    """
    return float(difference_errors(metric, target, other, [one], groups)[0])


def difference_errors(
    metric: Metric,
    target: Target,
    reference: Floats,
    others: Sequence[Floats],
    groups: NDArray[np.int64] | None = None,
) -> Floats:
    """Return the standard errors of the differences of scores to that of a reference.

    The jackknife that leaves out groups of rows (Shao and Tu, "The Jackknife and Bootstrap",
    1995, section 2.3), which serves any metric: with g groups and the difference d_i without the
    i-th, the variance is (g - 1) / g * sum (d_i - mean d)^2. Of very many rows only some are used,
    whole queries where there are any: the variance falls as their number grows, if they are
    independent. Of rows in groups it is taken as that of the rows that are used, which is too large
    rather than too small.

    Args:
        metric: any metric.
        target: [n], [n, targets] or a `Truth`.
        reference: [n] or [n, columns].
        others: each of the same shape.
        groups: [n] integers; None deals the rows to groups by chance, whole queries where there
            are any.
    """
    scores, scale = left_out_scores(metric, target, [reference, *others], groups)
    return jackknife_error(scores[:, 1:] - scores[:, :1], scale)


def left_out_scores(
    metric: Metric,
    target: Target,
    predictions: Sequence[Floats],
    groups: NDArray[np.int64] | None = None,
) -> tuple[Floats, float]:
    """Return scores with one group of rows left out at a time, as `difference_errors` says.

    Args:
        metric: any metric.
        target: [n], [n, targets] or a `Truth`.
        predictions: each [n] or [n, columns].
        groups: [n] integers, or None.

    Returns:
        [groups, predictions] scores, NaN where the others cannot do without a group, such as one
        with all rows of a class, or the only one; and by what share of the variance that of all
        rows is smaller.
    """
    rng = np.random.default_rng(0)
    n_rows = len(target)
    query = Truth.of(target).query
    enough = _ENOUGH if groups is None else _ENOUGH_TOGETHER
    share = min(1.0, enough / n_rows) if groups is None else 1.0
    some = slice(None) if n_rows <= enough else rng.choice(n_rows, enough, replace=False)
    if query is not None:
        # Rows of a query are scored together, and stay together.
        units = np.unique(query, return_inverse=True)[1]
        places = rng.permutation(units.max() + 1)[units]
        some, part = _first_queries(places)
        share, groups = (part, places % GROUPS) if groups is None else (1.0, groups)
    elif groups is None:
        groups = rng.permutation(n_rows) % GROUPS
    groups, target = groups[some], target[some]
    scores = []
    left_out = np.unique(groups)
    if len(left_out) == 1:
        # Nothing is left without the only one: how large the error is cannot be told.
        return np.full((1, len(predictions)), np.nan), share
    for group in left_out:
        kept = groups != group
        score = scorer_of(metric, target[kept])
        scores.append([score(values[some][kept]) for values in predictions])
    return np.array(scores), share


def _first_queries(places: NDArray[np.intp]) -> tuple[NDArray[np.intp], float]:
    """Return the rows of the first queries, all unless these are very many, and their share.

    Args:
        places: [n] the place of each row's query in an order of the queries.
    """
    rows_up_to = np.cumsum(np.bincount(places))
    # One for each part that is left out, however many rows these have.
    count = max(int(np.searchsorted(rows_up_to, _ENOUGH_TOGETHER, "right")), GROUPS)
    return np.flatnonzero(places < count), min(1.0, count / len(rows_up_to))


def jackknife_error(scores: Floats, share: float) -> Floats:
    """Return the standard errors of scores, from those with one group left out at a time.

    Args:
        scores: [groups, scores].
        share: of all rows that they are of: the variance falls as the number of rows grows.

    Returns:
        [scores] float64, infinite where a group cannot be left out.
    """
    count = len(scores)
    squares: Floats = np.square(scores - scores.mean(axis=0)).sum(axis=0)
    error: Floats = np.sqrt((count - 1) / count * squares * share)
    return np.where(np.isnan(error), np.inf, error)
