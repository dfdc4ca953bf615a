"""Convex blend weights at the true optimum of a loss: non-negative, sum one.

Every solver returns a certificate: the mean loss of no other weights is lower by more than
the gap. The losses are convex in the weights, so moving to a vertex of the simplex cannot
gain more than the gradient promises (Frank and Wolfe 1956; Jaggi 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from comps.base import LEAST_PROBABILITY, Loss, UsageError
from ensembles.sample import Floats, Sample

# A row more than this many is worth a first solution on some of the rows.
_MANY = 20_000
# So many members are worth a second thread.
_WIDE = 256


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


def squared_error_weights(sample: Sample) -> ConvexWeights:
    """Return the weights of least mean squared error.

    With weights that sum to one, the residual of the blend is the blend of the residuals,
    so this is the point of least norm in the convex hull of the members' residuals; see
    `_least_norm`. A QR decomposition, block after block, first brings n rows down to as many
    as there are members.

    Args:
        sample: predictions [n, members], on the scale on which the error is squared.

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> squared_error_weights(Sample(members, np.array([1.5, 2.5]))).weights.round(6)
    array([0.75, 0.25])
    """
    triangle = np.empty((0, sample.n_members))
    for predictions, target in sample.blocks():
        residuals = (predictions - target[:, None]) / np.sqrt(sample.n_rows)
        taller = np.vstack([triangle, residuals])
        triangle = np.linalg.qr(taller, mode="r")  # type: ignore[assignment]
    weights = _least_norm(triangle)
    gram = triangle.T @ triangle
    loss = float(weights @ gram @ weights)
    return ConvexWeights(weights, loss, _gap(weights, 2 * gram @ weights))


def absolute_error_weights(sample: Sample) -> ConvexWeights:
    """Return the weights of least mean absolute error: a linear programme.

    The programme is solved in its dual form, with one variable a row that says on which side
    of the target the blend is, and one constraint a member; HiGHS solves it exactly.

    Args:
        sample: predictions [n, members].

    >>> members = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> absolute_error_weights(Sample(members, np.array([1.5, 2.5]))).weights.round(6)
    array([0.75, 0.25])
    """
    from scipy.optimize import linprog

    predictions, target = sample.whole()
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
    sample: Sample, tolerance: float = 1e-10, most_steps: int = 200
) -> ConvexWeights:
    """Return the weights of least mean log loss of the blended probabilities.

    Only the probability of the true class matters, so a row is one number a member. The
    logarithm of a weighted sum is concave; Newton steps, kept on the simplex by their own
    least-norm problem and by a line search, reach the optimum in few passes over the rows.
    Of many rows, a tenth gives the first weights.

    Args:
        sample: predictions [n, members] of class 1, or [n, members, classes].
        tolerance: the gap at which to stop.
        most_steps: the most Newton steps.

    >>> members = np.array([[0.9, 0.5], [0.2, 0.5], [0.05, 0.5]])
    >>> log_loss_weights(Sample(members, np.array([1.0, 0.0, 1.0]))).weights.round(3)
    array([0.263, 0.737])
    """
    with _threads_for(sample):
        return _log_loss_weights(sample, tolerance, most_steps)


def _threads_for(sample: Sample) -> AbstractContextManager[object]:
    """Hold BLAS to one thread where blocks are narrow and sharing them out takes longer."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas") if sample.n_members < _WIDE else nullcontext()


def _log_loss_weights(sample: Sample, tolerance: float, most_steps: int) -> ConvexWeights:
    weights = np.full(sample.n_members, 1 / sample.n_members)
    if sample.n_rows > _MANY:
        some = np.arange(len(sample.target)) % 10 == 0
        weights = _log_loss_weights(sample.only(some), 1e-6, most_steps).weights
    at = _log_loss_model(sample, weights)
    for _ in range(most_steps):
        if _gap(weights, at.gradient) <= tolerance:
            break
        direction = _newton_direction(at, weights)
        found = _line_search(sample, weights, direction, at)
        if found is None:
            break
        weights, at = found
    return ConvexWeights(weights, at.loss, _gap(weights, at.gradient))


@dataclass(frozen=True, eq=False)
class _Model:
    """Mean log loss at some weights, its gradient [members] and Hessian [members, members]."""

    loss: float
    gradient: Floats
    hessian: Floats


def _probabilities_of_truth(sample: Sample) -> Iterator[Floats]:
    """Yield [rows, members], kept from zero as in `comps.base.log_loss`."""
    for predictions, target in sample.blocks():
        if predictions.ndim == 2:
            true = np.abs(predictions - (1.0 - target)[:, None])
        else:
            codes = target.astype(np.int64)[:, None, None]
            true = np.take_along_axis(predictions, codes, axis=2)[:, :, 0]
        yield np.clip(true, LEAST_PROBABILITY, 1.0)


def _log_loss_model(sample: Sample, weights: Floats) -> _Model:
    loss, n_members = 0.0, len(weights)
    gradient, hessian = np.zeros(n_members), np.zeros((n_members, n_members))
    for true in _probabilities_of_truth(sample):
        mixture = true @ weights
        true /= mixture[:, None]
        loss -= float(np.log(mixture).sum())
        gradient -= true.sum(axis=0)
        hessian += true.T @ true
    return _Model(loss / sample.n_rows, gradient / sample.n_rows, hessian / sample.n_rows)


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
    return _least_norm(triangle) - weights


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


def _least_norm(triangle: Floats) -> Floats:
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


def _gap(weights: Floats, gradient: Floats) -> float:
    return max(0.0, float(gradient @ weights - gradient.min()))


Solver = Callable[[Sample], ConvexWeights]

SOLVERS: Mapping[Loss, Solver] = {
    Loss.SQUARED_ERROR: squared_error_weights,
    Loss.ABSOLUTE_ERROR: absolute_error_weights,
    Loss.LOG_LOSS: log_loss_weights,
}


def convex_weights(loss: Loss | None, sample: Sample) -> ConvexWeights:
    """Return the weights of least mean loss.

    Raises:
        UsageError: if there is no exact solver for this loss.
    """
    if loss is None or loss not in SOLVERS:
        raise UsageError(
            f"There are no exact convex weights for {loss or 'this metric'} yet. "
            f"There are for: {', '.join(SOLVERS)}."
        )
    return SOLVERS[loss](sample)
