"""The value of each member in a blend: correlation of errors, and the loss without the member.

A weak member whose errors differ may improve a blend more than a strong one that repeats the
others: Chollet, "Deep Learning with Python", 2nd edition, section 13.1.2, tells of a regularised
greedy forest in the Higgs challenge that was worse than the rest and improved the ensemble most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comps.base import Metric, Prediction, Target, Truth
from ensembles.blend import blend
from ensembles.sample import Floats, Sample
from ensembles.weights import SOLVERS
from pipelines.folds import Folds
from pipelines.results.oof import OutOfFold


def error_correlations(sample: Sample, metric: Metric) -> Floats:
    """Return the correlation of members' errors, [members, members], of all targets together.

    The error of a row is the prediction minus the target; for classes, one minus the probability of
    the true class. A member whose errors are all equal has NaN.
    """
    predictions, truth = sample.flat().whole()
    target = Truth.of(truth).values
    if predictions.ndim == 3:
        codes = target.astype(np.int64)[:, None, None]
        errors = 1.0 - np.take_along_axis(predictions, codes, axis=2)[:, :, 0]
    elif metric.needs is Prediction.VALUE:
        errors = predictions - target[:, None]
    else:
        errors = np.abs(predictions - target[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations: Floats = np.atleast_2d(np.corrcoef(errors, rowvar=False))
    return correlations


def marginal_values(
    members: Sequence[OutOfFold], target: Target, folds: Folds, metric: Metric
) -> Floats:
    """Return the gain of a blend's honest score by each member, [members].

    The blend is the convex one, which can make use of a member or leave it; the equal mean where
    the metric has no loss to minimise. Positive is better, for metrics of both directions; NaN
    where there is no other member.

    Args:
        members: the out-of-fold predictions of the blend.
        target: [n] or [n, targets], on the metric's scale, or a `Truth`.
        folds: those of the members.
        metric: what is scored.
    """
    method = "convex" if metric.loss in SOLVERS else "equal"

    def key(some: Sequence[OutOfFold]) -> float:
        return metric.sort_key(blend(method, some, target, folds, metric).honest_score)

    if len(members) == 1:
        return np.array([np.nan])
    together = key(members)
    return np.array([key([one for one in members if one is not out]) - together for out in members])
