"""Convex blend weights at the true optimum of a loss: non-negative, sum one."""

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
    # Frank and Wolfe's bound: the loss is convex, so moving to the best vertex cannot
    # gain more than the gradient says.
    gradient = 2 * gram @ weights
    return ConvexWeights(weights, loss, max(0.0, float(gradient @ weights - gradient.min())))


Solver = Callable[[Any, Any], ConvexWeights]

SOLVERS: Mapping[Loss, Solver] = {Loss.SQUARED_ERROR: squared_error_weights}


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
