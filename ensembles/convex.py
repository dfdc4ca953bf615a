"""Weights on the simplex: what solvers of `ensembles.weights` share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.sample import Floats


@dataclass(frozen=True, eq=False)
class ConvexWeights:
    """Weights, with a bound on how far they are from the optimum.

    Attributes:
        weights: [members] float64, non-negative, sum 1.
        loss: mean loss at these weights.
        gap: no weights on the simplex have a mean loss lower by more than this.
    """

    weights: Floats
    loss: float
    gap: float


def least_norm(triangle: Floats) -> Floats:
    """Return the weights on the simplex for which `triangle @ weights` is shortest.

    A non-negative least-squares problem with one more row: for u = t w with w on the simplex,
    ||R u||^2 + (sum u - 1)^2 at its best t is increasing in ||R w||^2, so the normalised
    minimiser is exact (Lawson and Hanson, "Solving Least Squares Problems", 1974, chapter 23,
    on least-distance problems).
    """
    from scipy.optimize import nnls

    # Equal scale of both parts of the system keeps it well conditioned.
    size = np.abs(triangle).max() or 1.0
    system = np.vstack([triangle / size, np.ones(triangle.shape[1])])
    solution, _ = nnls(system, np.append(np.zeros(len(triangle)), 1.0))
    weights: Floats = solution / solution.sum()
    return weights


def gap_of(weights: Floats, gradient: Floats) -> float:
    """Return how much lower the loss of other weights could be at most, by its gradient.

    NaN where the gradient is unknown: no gap is claimed.
    """
    return float(np.maximum(0.0, gradient @ weights - gradient.min()))
