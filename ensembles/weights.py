"""Convex blend weights at the true optimum of a loss: non-negative, sum one.

Every solver returns a certificate: the mean loss of no other weights is lower by more than
the gap. The losses are convex in the weights, so moving to a vertex of the simplex cannot
gain more than the gradient promises (Frank and Wolfe 1956; Jaggi 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Loss, UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConvexWeights:
    """Weights and the proof of how good they are.

    Attributes:
        weights: [members] float64, non-negative, sum 1.
        loss: mean loss at these weights.
        gap: no weights on the simplex have a mean loss lower by more than this.
    """

    weights: Floats
    loss: float
    gap: float


def squared_error_weights(predictions: Floats, target: Floats) -> ConvexWeights:
    """Return the weights of least mean squared error.

    With weights that sum to one, the residual of the blend is the blend of the residuals,
    so this is the point of least norm in the convex hull of the members' residuals. That
    point is a non-negative least-squares problem with one more row: for u = t w with w on
    the simplex, ||R u||^2 + (sum u - 1)^2 at its best t is increasing in ||R w||^2, so the
    normalised minimiser is exact (Lawson and Hanson, "Solving Least Squares Problems",
    1974, chapter 23, on least-distance problems). A QR decomposition first brings n rows
    down to as many as there are members.

    Args:
        predictions: [n, members], on the scale on which the error is squared.
        target: [n].

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> squared_error_weights(members, np.array([1.5, 2.5])).weights.round(6)
    array([0.75, 0.25])
    """
    from scipy.optimize import nnls

    residuals = (predictions - target[:, None]) / np.sqrt(len(target))
    triangle: Floats = np.linalg.qr(residuals, mode="r")  # type: ignore[assignment]
    # Equal scale of both parts of the system keeps it well conditioned.
    size = np.abs(triangle).max() or 1.0
    system = np.vstack([triangle / size, np.ones(triangle.shape[1])])
    goal = np.append(np.zeros(len(triangle)), 1.0)
    solution, _ = nnls(system, goal)
    weights = solution / solution.sum()
    gram = triangle.T @ triangle
    loss = float(weights @ gram @ weights)
    return ConvexWeights(weights, loss, _gap(weights, 2 * gram @ weights))


def absolute_error_weights(predictions: Floats, target: Floats) -> ConvexWeights:
    """Return the weights of least mean absolute error: a linear programme.

    The programme is solved in its dual form, with one variable a row that says on which side
    of the target the blend is, and one constraint a member; HiGHS solves it exactly.

    Args:
        predictions: [n, members].
        target: [n].

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> absolute_error_weights(members, np.array([1.5, 2.5])).weights.round(6)
    array([0.75, 0.25])
    """
    from scipy.optimize import linprog

    n_rows, n_members = predictions.shape
    residuals = (predictions - target[:, None]) / n_rows
    # max b  subject to  residuals' s >= b for each member, -1 <= s <= 1: a game's value.
    solution = linprog(
        c=np.append(np.zeros(n_rows), -1.0),
        A_ub=np.column_stack([-residuals.T, np.ones(n_members)]),
        b_ub=np.zeros(n_members),
        bounds=[(-1, 1)] * n_rows + [(None, None)],
        method="highs",
    )
    weights = np.maximum(-solution.ineqlin.marginals, 0.0)
    weights /= weights.sum()
    loss = float(np.abs(residuals @ weights).sum())
    return ConvexWeights(weights, loss, max(0.0, loss - float(solution.x[-1])))


def log_loss_weights(
    predictions: Floats, target: Floats, tolerance: float = 1e-10, most_steps: int = 500
) -> ConvexWeights:
    """Return the weights of least mean log loss of the blended probabilities.

    Only the probability of the true class matters, so a row is one number a member. The
    logarithm of a weighted sum is concave; Newton steps on the weights in use, kept on the
    simplex by a line search, reach the optimum in few passes over the rows.

    Args:
        predictions: [n, members] probabilities of class 1, or [n, members, classes].
        target: [n] class codes.
        tolerance: the gap at which to stop.
        most_steps: the most Newton steps.

    >>> members = np.array([[0.9, 0.5], [0.2, 0.5], [0.05, 0.5]])
    >>> log_loss_weights(members, np.array([1, 0, 1])).weights.round(3)
    array([0.263, 0.737])
    """
    true = _probability_of_truth(predictions, target)
    weights = np.full(true.shape[1], 1 / true.shape[1])
    for _ in range(most_steps):
        mixture = true @ weights
        gradient = -(true / mixture[:, None]).mean(axis=0)
        if _gap(weights, gradient) <= tolerance:
            break
        direction = _newton_direction(true / mixture[:, None], weights)
        weights = _line_search(true, weights, direction, gradient)
    mixture = true @ weights
    gradient = -(true / mixture[:, None]).mean(axis=0)
    return ConvexWeights(weights, float(-np.log(mixture).mean()), _gap(weights, gradient))


def _probability_of_truth(predictions: Floats, target: Floats) -> Floats:
    """Return [n, members], clipped as scikit-learn's log loss clips."""
    if predictions.ndim == 2:
        true = np.where(target[:, None] == 1, predictions, 1 - predictions)
    else:
        codes = target.astype(np.int64)[:, None, None]
        true = np.take_along_axis(predictions, codes, axis=2)[:, :, 0]
    return np.clip(true, np.finfo(np.float64).eps, 1.0)


def _newton_direction(ratios: Floats, weights: Floats) -> Floats:
    """Return the step to the least quadratic model on the simplex.

    The model is a squared error: its minimiser over the simplex is found exactly, by the
    same non-negative least squares as in `squared_error_weights`.
    """
    from scipy.optimize import nnls

    # Model at v: mean(-r'v' + (r'v)^2 / 2) with r'w = 1 is mean((r'v - 2)^2) / 2 + constant.
    triangle: Floats = np.linalg.qr((ratios - 2.0) / np.sqrt(len(ratios)), mode="r")  # type: ignore[assignment]
    size = np.abs(triangle).max() or 1.0
    system = np.vstack([triangle / size, np.ones(triangle.shape[1])])
    solution, _ = nnls(system, np.append(np.zeros(len(triangle)), 1.0))
    direction: Floats = solution / solution.sum() - weights
    return direction


def _line_search(true: Floats, weights: Floats, direction: Floats, gradient: Floats) -> Floats:
    """Return the first of ever shorter steps that lowers the loss as the gradient promises."""
    before, slope, step = -np.log(true @ weights).mean(), float(gradient @ direction), 1.0
    while step > 1e-12:
        candidate = weights + step * direction
        mixture = true @ candidate
        if (mixture > 0).all() and -np.log(mixture).mean() <= before + 1e-4 * step * slope:
            found: Floats = candidate / candidate.sum()
            return found
        step /= 2
    return weights


def _gap(weights: Floats, gradient: Floats) -> float:
    return max(0.0, float(gradient @ weights - gradient.min()))


Solver = Callable[[Any, Any], ConvexWeights]

SOLVERS: Mapping[Loss, Solver] = {
    Loss.SQUARED_ERROR: squared_error_weights,
    Loss.ABSOLUTE_ERROR: absolute_error_weights,
    Loss.LOG_LOSS: log_loss_weights,
}


def convex_weights(loss: Loss | None, predictions: Floats, target: Floats) -> ConvexWeights:
    """Return the weights of least mean loss.

    Raises:
        UsageError: if there is no exact solver for this loss.
    """
    if loss is None or loss not in SOLVERS:
        raise UsageError(
            f"There are no exact convex weights for {loss or 'this metric'} yet. "
            f"There are for: {', '.join(SOLVERS)}."
        )
    return SOLVERS[loss](predictions, target)
