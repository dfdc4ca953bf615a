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

from comps.base import LEAST_PROBABILITY, Loss, Target, Truth, UsageError
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
    weights = _least_norm(triangle)
    gram = triangle.T @ triangle
    loss = float(weights @ gram @ weights)
    return ConvexWeights(weights, loss, _gap(weights, 2 * gram @ weights))


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
    of the target the blend is, and one constraint a member; HiGHS solves it exactly.
    """
    from scipy.optimize import linprog

    n_rows, n_members = predictions.shape
    shares = np.full(n_rows, 1 / n_rows) if truth.weight is None else truth.weight
    residuals = (predictions - truth.values[:, None]) * (shares / shares.sum())[:, None]
    # max b  subject to  residuals' s >= b for each member, -low <= s <= high: a game's value.
    solution = linprog(
        c=np.append(np.zeros(n_rows), -1.0),
        A_ub=np.column_stack([-residuals.T, np.ones(n_members)]),
        b_ub=np.zeros(n_members),
        bounds=[(-low, high)] * n_rows + [(None, None)],
        method="highs",
    )
    weights = np.maximum(-solution.ineqlin.marginals, 0.0)
    weights /= weights.sum()
    blended = residuals @ weights
    loss = float(np.maximum(high * blended, -low * blended).sum())
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
        some = np.arange(len(sample.predictions)) % 10 == 0
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


def _probabilities_of_truth(sample: Sample) -> Iterator[tuple[Floats, Floats | None]]:
    """Yield [rows, members], kept from zero as in `comps.base.log_loss`, and weights of rows."""
    for predictions, truth in sample.blocks():
        target, weight = Truth.of(truth).values, Truth.of(truth).weight
        if predictions.ndim == 2:
            true = np.abs(predictions - (1.0 - target)[:, None])
        else:
            codes = target.astype(np.int64)[:, None, None]
            true = np.take_along_axis(predictions, codes, axis=2)[:, :, 0]
        yield np.clip(true, LEAST_PROBABILITY, 1.0), weight


def _log_loss_model(sample: Sample, weights: Floats) -> _Model:
    loss, n_members = 0.0, len(weights)
    gradient, hessian = np.zeros(n_members), np.zeros((n_members, n_members))
    for true, weight in _probabilities_of_truth(sample):
        mixture = true @ weights
        true /= mixture[:, None]
        counted = true if weight is None else true * weight[:, None]
        losses = np.log(mixture)
        loss -= float(losses.sum() if weight is None else losses @ weight)
        gradient -= counted.sum(axis=0)
        hessian += counted.T @ true
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
