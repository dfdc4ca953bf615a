"""Early stopping: when a fit ends, and which of its stages is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, UsageError

Floats = NDArray[np.float64]
# Up to so many training rows the honest score is nested unless told otherwise: the fewer the rows,
# the more it flatters to choose on those that are scored.
MOST_ROWS_NESTED = 2000


def bounded_patience(patience: int | None, n_rows: int, growing: bool) -> int | None:
    """Return the patience of a fit, or None where it must go on to its last stage.

    A fit that ends by the curve of its own fold has looked at rows that are scored. On few rows and
    where folds grow with time no fit does: there it costs little to go on. The stopping point is
    chosen later, on the curves of several folds, each as far as patience goes.

    >>> bounded_patience(100, 1465, growing=False), bounded_patience(100, 8000, growing=False)
    (None, 100)
    """
    return None if growing or n_rows <= MOST_ROWS_NESTED else patience


def out_of_patience(
    metric: Metric, steps: Sequence[int], curve: Sequence[float], patience: int | None
) -> int | None:
    """Return the number of stages after which a curve has not improved for `patience` steps.

    This limits the time of a fit, by the rows of one fold that it holds out; the stopping point is
    chosen later, on the mean curve of several folds.

    Args:
        metric: gives the direction.
        steps: [s] rounds or epochs of each stage.
        curve: [s] scores; NaN is never better.
        patience: in steps; None has no limit.

    Returns:
        A number of stages, or None if patience did not run out.

    >>> rmse = Metric("rmse", "RMSE", lambda y, p: 0.0, greater_is_better=False)
    >>> out_of_patience(rmse, [10, 20, 30, 40], [0.3, 0.2, 0.25, 0.1], patience=10)
    3
    """
    if patience is None:
        return None
    best: float | None = None
    since = 0
    for stage, (step, score) in enumerate(zip(steps, curve, strict=True)):
        if not np.isnan(score) and (best is None or metric.better(score, than=best)):
            best, since = score, step
        elif best is not None and step - since >= patience:
            return stage + 1
    return None


def waited_for(
    metric: Metric, steps: NDArray[np.int64], curve: Floats, patience: int | None
) -> Floats:
    """Return a curve up to the stage where patience runs out, also if training went on.

    >>> rmse = Metric("rmse", "RMSE", lambda y, p: 0.0, greater_is_better=False)
    >>> waited_for(rmse, np.array([1, 2, 3]), np.array([0.2, 0.3, 0.1]), 1).tolist()
    [0.2, 0.3]
    """
    return curve[: out_of_patience(metric, steps.tolist(), curve.tolist(), patience)]


def stopping_stage(metric: Metric, curves: Sequence[Floats]) -> tuple[int, Floats]:
    """Return the index of the best stage of the mean curve of some folds, and that curve.

    A fold's own best would make its score look better than the model is. Folds may have ended at
    different stages: those that all of them reached count. Folds without any score, such as the
    AUC of a single class, do not.

    Args:
        metric: gives the direction.
        curves: one or more, each [s] scores of the same stages from the first on.

    Raises:
        UsageError: if the mean curve has no number in it.

    >>> rmse = Metric("rmse", "RMSE", lambda y, p: 0.0, greater_is_better=False)
    >>> stage, mean = stopping_stage(rmse, [np.array([3.0, 1.0, 2.0]), np.array([3.0, 2.0])])
    >>> stage, mean.tolist()
    (1, [3.0, 1.5])
    """
    shared = min(map(len, curves))
    defined = [curve[:shared] for curve in curves if not np.isnan(curve[:shared]).all()]
    mean: Floats = np.mean(defined, axis=0) if defined else np.full(shared, np.nan)
    if np.isnan(mean).all():
        raise UsageError(
            f"{metric.label} is not defined on the rows of any fold, or NaN at each stage of one. "
            "Where folds lack a class, use fewer of them, or the scheme 'stratified'."
        )
    return metric.best(mean), mean
