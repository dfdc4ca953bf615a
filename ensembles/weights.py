"""Convex blend weights at the true optimum of a loss: non-negative, sum one.

Every solver returns a certificate: the mean loss of no other weights is lower by more than
the gap. The losses are convex in the weights, so moving to a vertex of the simplex cannot
gain more than the gradient promises (Frank and Wolfe 1956; Jaggi 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from comps.base import LEAST_PROBABILITY, Loss, Target, Truth, UsageError
from ensembles.convex import ConvexWeights, gap_of, least_norm
from ensembles.log_loss_weights import log_loss_weights
from ensembles.sample import Floats, Sample

# Members that are further off than this, in units of the best one's largest residual, get no
# weight however far they are.
_FARTHEST = 1e14


def squared_error_weights(sample: Sample) -> ConvexWeights:
    """Return the weights of least mean squared error.

    With weights that sum to one, the residual of the blend is the blend of the residuals,
    so this is the point of least norm in the convex hull of the members' residuals; see
    `ensembles.convex.least_norm`. A QR decomposition, block after block, first brings n rows
    down to as many as there are members.

    Args:
        sample: predictions [n, members], on the scale on which the error is squared; or
            [n, members, classes] of probabilities, whose error is the sum over the classes.

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> squared_error_weights(Sample(members, np.array([1.5, 2.5]))).weights.round(6)
    array([0.75, 0.25])
    """
    triangle = np.empty((0, sample.n_members))
    for predictions, target in sample.blocks():
        residuals = _residuals(predictions, target) / np.sqrt(sample.total_weight)
        taller = np.vstack([triangle, residuals])
        triangle = np.linalg.qr(taller, mode="r")  # type: ignore[assignment]
    weights = least_norm(triangle)
    gram = triangle.T @ triangle
    loss = float(weights @ gram @ weights)
    return ConvexWeights(weights, loss, gap_of(weights, 2 * gram @ weights))


def _residuals(predictions: Floats, target: Target) -> Floats:
    """Return [rows, members] residuals, or [rows x classes, members], by the root of the weight."""
    truth = Truth.of(target)
    if predictions.ndim == 2:
        residuals = predictions - truth.values[:, None]
    else:
        truths = np.eye(predictions.shape[2])[truth.values.astype(np.intp)]
        residuals = predictions - truths[:, None]
    if truth.weight is not None:
        residuals *= np.sqrt(truth.weight).reshape(-1, *[1] * (residuals.ndim - 1))
    return residuals if predictions.ndim == 2 else _classes_as_rows(residuals)


def _classes_as_rows(values: Floats) -> Floats:
    return np.moveaxis(values, 1, 2).reshape(-1, values.shape[1])


def absolute_error_weights(sample: Sample) -> ConvexWeights:
    """Return the weights of least mean absolute error: a linear programme.

    Args:
        sample: predictions [n, members].

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> absolute_error_weights(Sample(members, np.array([1.5, 2.5]))).weights.round(6)
    array([0.75, 0.25])
    """
    predictions, truth = sample.whole()
    return _linear_programme(predictions, Truth.of(truth), low=1.0, high=1.0)


def percentage_error_weights(sample: Sample) -> ConvexWeights:
    """Return the weights of least mean absolute error through the size of the target.

    Args:
        sample: predictions [n, members].

    >>> members = np.array([[1.0, 3.0], [20.0, 40.0]])
    >>> percentage_error_weights(Sample(members, np.array([1.5, 40.0]))).weights.round(6)
    array([0.75, 0.25])
    """
    predictions, target = sample.whole()
    truth = Truth.of(target)
    through = 1 / np.maximum(np.abs(truth.values), LEAST_PROBABILITY)
    rows = through if truth.weight is None else through * truth.weight
    found = _linear_programme(predictions, Truth(truth.values, rows), low=1.0, high=1.0)
    # The loss is through the weight of the rows, not through that of the programme.
    scale = float(rows.sum()) / sample.total_weight
    return ConvexWeights(found.weights, found.loss * scale, found.gap * scale)


def pinball_weights(sample: Sample, quantile: float) -> ConvexWeights:
    """Return the weights of least mean pinball loss of a quantile.

    Args:
        sample: predictions [n, members].
        quantile: between 0 and 1.

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> pinball_weights(Sample(members, np.array([1.5, 2.5])), 0.9).weights.round(6)
    array([0.75, 0.25])
    """
    predictions, truth = sample.whole()
    return _linear_programme(predictions, Truth.of(truth), low=quantile, high=1 - quantile)


def _linear_programme(
    predictions: Floats, truth: Truth, *, low: float, high: float
) -> ConvexWeights:
    """Return the weights for which too low predictions cost `low`, and too high ones `high`.

    The programme is solved in its dual form, with one variable a row that says on which side
    of the target the blend is, and one constraint a member; HiGHS solves it exactly. It takes
    numbers below 1e-9 for zero, and none above 1e15: residuals are in units of the best member's.
    """
    from scipy.optimize import linprog

    n_rows, n_members = predictions.shape
    shares = np.full(n_rows, 1 / n_rows) if truth.weight is None else truth.weight
    residuals = (predictions - truth.values[:, None]) * (shares / shares.sum())[:, None]
    largest = np.abs(residuals).max(axis=0)
    size = float(largest[largest > 0].min()) if largest.any() else 1.0
    scaled = np.clip(residuals / size, -_FARTHEST, _FARTHEST)
    # max b  subject to  residuals' s >= b for each member, -low <= s <= high: a game's value.
    solution = linprog(
        c=np.append(np.zeros(n_rows), -1.0),
        A_ub=np.column_stack([-scaled.T, np.ones(n_members)]),
        b_ub=np.zeros(n_members),
        bounds=[(-low, high)] * n_rows + [(None, None)],
        method="highs",
    )
    weights = np.maximum(-solution.ineqlin.marginals, 0.0)
    weights /= weights.sum()
    blended = residuals @ weights
    loss = float(np.maximum(high * blended, -low * blended).sum())
    return ConvexWeights(weights, loss, max(0.0, loss - float(solution.x[-1]) * size))


#: From a sample and the metric's parameter, if it has one, to weights.
Solver = Callable[[Sample, float | None], ConvexWeights]


def _without_parameter(solve: Callable[[Sample], ConvexWeights]) -> Solver:
    def solver(sample: Sample, parameter: float | None) -> ConvexWeights:
        del parameter
        return solve(sample)

    return solver


def _pinball(sample: Sample, parameter: float | None) -> ConvexWeights:
    return pinball_weights(sample, 0.5 if parameter is None else parameter)


SOLVERS: Mapping[Loss, Solver] = {
    Loss.SQUARED_ERROR: _without_parameter(squared_error_weights),
    Loss.ABSOLUTE_ERROR: _without_parameter(absolute_error_weights),
    Loss.PERCENTAGE_ERROR: _without_parameter(percentage_error_weights),
    Loss.PINBALL: _pinball,
    Loss.LOG_LOSS: _without_parameter(log_loss_weights),
}


def convex_weights(
    loss: Loss | None, sample: Sample, parameter: float | None = None
) -> ConvexWeights:
    """Return the weights of least mean loss, of several targets over all of them together.

    Args:
        loss: that the weights minimise.
        sample: predictions and targets.
        parameter: see `Metric.parameter`.

    Raises:
        UsageError: if there is no exact solver for this loss.
    """
    if loss is None or loss not in SOLVERS:
        raise UsageError(
            f"There are no exact convex weights for {loss or 'this metric'} yet. "
            f"There are for: {', '.join(SOLVERS)}."
        )
    return SOLVERS[loss](sample.flat(), parameter)
