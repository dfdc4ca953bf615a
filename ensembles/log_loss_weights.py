"""Convex weights of least mean log loss, of a few members or of many; see `ensembles.weights`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from comps.base import Truth
from ensembles.convex import ConvexWeights, gap_of, least_norm
from ensembles.many_members import MANY, WIDE, among_many, over_parts
from ensembles.sample import Floats, Sample, probabilities_of_truth


def log_loss_weights(
    sample: Sample, tolerance: float = 1e-10, most_steps: int = 200
) -> ConvexWeights:
    """Return the weights of least mean log loss of the blended probabilities.

    Only the probability of the true class matters, so a row is one number a member. The
    logarithm of a weighted sum is concave; Newton steps, kept on the simplex by their own
    least-norm problem and by a line search, reach the optimum in few passes over the rows.
    Of many rows, a tenth gives the first weights; of many members, most of which get no weight,
    some are found at a time (`ensembles.many_members`).

    Args:
        sample: predictions [n, members] of class 1, or [n, members, classes].
        tolerance: the gap at which to stop.
        most_steps: the most Newton steps.

    >>> members = np.array([[0.9, 0.5], [0.2, 0.5], [0.05, 0.5]])
    >>> log_loss_weights(Sample(members, np.array([1.0, 0.0, 1.0]))).weights.round(3)
    array([0.263, 0.737])
    """
    if sample.n_members > WIDE:
        return among_many(sample, partial(_newton, most_steps=most_steps), tolerance)
    from threadpoolctl import threadpool_limits

    # Blocks are narrow: a second thread of BLAS would take longer to be told of them.
    with threadpool_limits(1, "blas"):
        first = np.full(sample.n_members, 1 / sample.n_members)
        if sample.n_rows > MANY:
            some = sample.only(sample.tenth())
            first = _newton(some, first, 1e-6, most_steps=most_steps).weights
        return _newton(sample, first, tolerance, most_steps=most_steps)


def _newton(sample: Sample, first: Floats, tolerance: float, *, most_steps: int) -> ConvexWeights:
    """Return the weights that Newton steps reach from the first ones."""
    weights = first
    at = _log_loss_model(sample, weights)
    for _ in range(most_steps):
        if not gap_of(weights, at.gradient) > tolerance:
            break
        direction = _newton_direction(at, weights)
        found = _line_search(sample, weights, direction, at)
        if found is None:
            break
        weights, at = found
    return ConvexWeights(weights, at.loss, gap_of(weights, at.gradient))


@dataclass(frozen=True, eq=False)
class _Model:
    """Mean log loss at some weights, its gradient [members] and Hessian [members, members]."""

    loss: float
    gradient: Floats
    hessian: Floats


def _log_loss_model(sample: Sample, weights: Floats) -> _Model:
    def of(part: slice) -> tuple[float, Floats, Floats]:
        predictions, target = sample.block(part)
        true, weight = probabilities_of_truth(predictions, target), Truth.of(target).weight
        mixture = true @ weights
        true /= mixture[:, None]
        counted = true if weight is None else true * weight[:, None]
        losses = np.log(mixture)
        loss = float(losses.sum() if weight is None else losses @ weight)
        return loss, counted.sum(axis=0), counted.T @ true

    loss, n_members = 0.0, len(weights)
    gradient, hessian = np.zeros(n_members), np.zeros((n_members, n_members))
    with over_parts(sample) as over:
        # Added up in the order of the blocks, so that the bits do not depend on threads.
        for losses, pulls, products in over(of, sample.parts):
            loss -= losses
            gradient -= pulls
            hessian += products
    total = sample.total_weight
    return _Model(loss / total, gradient / total, hessian / total)


def _newton_direction(at: _Model, weights: Floats) -> Floats:
    """Return the step to the least quadratic model on the simplex.

    With r the ratios of a row's probabilities to their mixture, the model at v is
    mean(-r'v + (r'v - 1)^2 / 2), which on the simplex is mean(((r - 2)'v)^2) / 2 but for a
    constant: a least norm, exactly found.
    """
    from scipy.linalg import LinAlgError, cholesky

    # The gradient is -mean(r).
    quadratic = at.hessian + 2 * (at.gradient[:, None] + at.gradient[None, :]) + 4.0
    jitter = 1e-14 * float(np.trace(quadratic))
    while True:
        try:
            triangle = cholesky(quadratic + jitter * np.eye(len(weights)))
            break
        except LinAlgError:  # members that are equal
            jitter *= 10
    return least_norm(triangle) - weights


def _line_search(
    sample: Sample, weights: Floats, direction: Floats, at: _Model
) -> tuple[Floats, _Model] | None:
    """Return the first of ever shorter steps that lowers the loss as the gradient promises.

    None if there is none: what could be gained is lost in rounding.
    """
    slope, step = float(at.gradient @ direction), 1.0
    while step > 1e-9:
        candidate = np.maximum(weights + step * direction, 0.0)
        candidate /= candidate.sum()
        there = _log_loss_model(sample, candidate)
        if there.loss <= at.loss + 1e-4 * step * slope:
            return candidate, there
        step /= 2
    return None
