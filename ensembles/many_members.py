"""Exact weights where members are many and most of them get none.

Column generation, as in linear programming (Ford and Fulkerson 1958): weights are found among some
members, the gradient says which of the others would lower the loss, these join, and so on until
none would. Then the weights are those of all members, to the same tolerance, and the Hessian, whose
cost grows with the square of its members, was of those in use alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from comps.base import Array, Truth
from ensembles.convex import ConvexWeights, gap_of
from ensembles.sample import Columns, Floats, Sample, probabilities_of_truth

# A row more than this many is worth a first solution on some of the rows.
MANY = 20_000
# More members are found among: most of them get no weight.
WIDE = 256
# Members that join at a time.
_JOINING = 48
# Rows at a time where all members' predictions of them are read.
_ROWS = 4096
# Numbers of a sample that are worth telling another thread of.
_WORTH_A_THREAD = 10_000_000

#: From a sample of some members, first weights and a tolerance to weights.
Solve = Callable[[Sample, Floats, float], ConvexWeights]


def among_many(
    sample: Sample, solve: Solve, tolerance: float, most_rounds: int = 100
) -> ConvexWeights:
    """Return the weights of least mean log loss.

    Args:
        sample: predictions [n, members] of class 1, or [n, members, classes].
        solve: finds the weights among few members.
        tolerance: the gap at which to stop.
        most_rounds: the most times that members join.
    """
    if sample.n_rows > MANY:
        weights = among_many(_tenth(sample), solve, max(tolerance, 1e-6)).weights
    else:
        weights = _of_the_best(sample)
    loss = np.inf
    for _ in range(most_rounds):
        gradient = log_loss_gradient(sample, weights)
        if not gap_of(weights, gradient) > tolerance:
            break
        inside = _inside(weights, gradient)
        found = solve(_of(sample, inside), weights[inside] + 0.0, tolerance / 2)
        if found.loss >= loss:
            # What could be gained is lost in rounding.
            break
        loss, weights = found.loss, np.zeros(len(weights))
        weights[inside] = found.weights
    else:
        gradient = log_loss_gradient(sample, weights)
    used = np.flatnonzero(weights)
    loss = solve(_of(sample, used), weights[used], np.inf).loss
    return ConvexWeights(weights, loss, gap_of(weights, gradient))


def _tenth(sample: Sample) -> Sample:
    """Return a copy of one in ten of the rows."""
    rows = sample.tenth()
    members = np.ascontiguousarray(np.moveaxis(sample.predictions, 1, 0)[:, rows])
    return Sample(np.moveaxis(members, 0, 1), sample.target[rows])


def _of(sample: Sample, places: Array) -> Sample:
    """Return the sample with a copy of some members, contiguous in memory as `stack` makes them."""
    members = np.ascontiguousarray(np.moveaxis(sample.predictions, 1, 0)[places])
    return replace(sample, predictions=np.moveaxis(members, 0, 1))


def _of_the_best(sample: Sample) -> Floats:
    """Return equal weights of the members with the least losses of their own."""
    losses = np.zeros(sample.n_members)
    for predictions, target in sample.blocks():
        true, weight = probabilities_of_truth(predictions, target), Truth.of(target).weight
        losses -= np.log(true).sum(axis=0) if weight is None else weight @ np.log(true)
    weights = np.zeros(sample.n_members)
    weights[np.argsort(losses, kind="stable")[:_JOINING]] = 1 / min(_JOINING, sample.n_members)
    return weights


def _inside(weights: Floats, gradient: Floats) -> Array:
    """Return the places of the members in use, and of those that promise most."""
    outside = np.where(weights > 0, np.inf, gradient - gradient @ weights)
    joining = np.argsort(outside, kind="stable")[:_JOINING]
    return np.union1d(np.flatnonzero(weights), joining[outside[joining] < 0])


def log_loss_gradient(sample: Sample, weights: Floats) -> Floats:
    """Return the gradient of the mean log loss by the weights of all members, [members] float64.

    Where predictions are of class 1, those of the true class are never formed: p or 1 - p, each
    divided by the mixture m, sum up to the products of p with (2 y - 1) / m, and the rest.

    Args:
        sample: predictions [n, members] of class 1, or [n, members, classes].
        weights: [members]; those without are not read to find the mixture.
    """
    used = np.flatnonzero(weights)
    among = _of(sample, used)
    mixture = np.concatenate([_true(among, part) @ weights[used] for part in _parts(sample)])
    truth = Truth.of(sample.target)
    counted = np.ones(len(mixture)) if truth.weight is None else truth.weight
    if sample.rows is not None:
        # Rows that are not used may have no predictions, and 0 times NaN is no 0.
        counted = np.where(sample.rows, counted, 0.0)
        mixture = np.where(sample.rows, mixture, 1.0)
    pull = counted / mixture
    negative = truth.values != 1
    signed = np.where(negative, -pull, pull)

    def of(part: slice) -> Floats:
        if sample.columns is Columns.ONE:
            own = sample.predictions.T[:, part].astype(np.float64, copy=False)
            used_alone = _of_used_rows(sample, part, own)
            found: Floats = used_alone @ signed[part] + pull[part][negative[part]].sum()
            return found
        of_classes: Floats = _of_used_rows(sample, part, _true(sample, part).T) @ pull[part]
        return of_classes

    with over_parts(sample) as over:
        gradient: Floats = -np.sum(list(over(of, _parts(sample))), axis=0) / sample.total_weight
    return gradient


def _parts(sample: Sample) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, len(sample.target), _ROWS)]


def _of_used_rows(sample: Sample, part: slice, values: Floats) -> Floats:
    """Return [members, rows] values with zeros for the rows that are not used."""
    return values if sample.rows is None else np.where(sample.rows[part], values, 0.0)


def _true(sample: Sample, part: slice) -> Floats:
    """Return [rows, members] probabilities of the true class of some rows, used or not."""
    predictions = sample.predictions[part].astype(np.float64, copy=False)
    return probabilities_of_truth(predictions, sample.target[part])


@contextmanager
def over_parts(sample: Sample) -> Iterator[Callable[..., Iterable[Any]]]:
    """Give what calls a function with parts of a sample, in threads where that is worth it."""
    from joblib import cpu_count
    from threadpoolctl import threadpool_limits

    if sample.predictions.size < _WORTH_A_THREAD:
        yield map
        return
    # The threads are ours: BLAS would start some for each.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cpu_count()) as pool:
        yield pool.map
