"""The gain of one prediction over another on the same rows, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from comps.base import Array, Metric, Target, Truth
from ensembles.choice import difference_error
from ensembles.left_out import left_out_together
from ensembles.sample import Floats


@dataclass(frozen=True)
class PairedGain:
    """Two scores of the same rows.

    Attributes:
        before: score of the first prediction.
        after: score of the second one.
        gain: by how much the second one is better; negative if it is worse, for metrics of both
            directions.
        error: standard error of the gain; None where it cannot be told, because all rows
            are one group, or those without one group have no score, such as the AUC of a class.
    """

    before: float
    after: float
    gain: float
    error: float | None


def paired_gain(
    metric: Metric,
    target: Target,
    before: Floats,
    after: Floats,
    groups: Array | None = None,
    times: Array | None = None,
) -> PairedGain:
    """Return the gain of the second prediction over the first, and its standard error.

    The error is that of `difference_error`, the jackknife over groups of rows. Rows that depend
    on each other are left out together: blocks of neighbours in time, and whole groups or queries.

    Args:
        metric: what is scored.
        target: [n] or [n, targets] on the metric's scale, or a `Truth`.
        before: [n] or [n, columns].
        after: of the same shape.
        groups: [n] labels of rows that belong together, or None.
        times: [n] time of each row, or None.

    >>> from comps.metrics import MEAN_ABSOLUTE_ERROR as MAE
    >>> target, zeros, ones = np.arange(4.0), np.zeros(4), np.ones(4)
    >>> paired_gain(MAE, target, zeros, ones)
    PairedGain(before=1.5, after=1.0, gain=0.5, error=0.5)
    """
    scores = metric.score(target, before), metric.score(target, after)
    gain = metric.sort_key(scores[0]) - metric.sort_key(scores[1])
    groups = Truth.of(target).query if groups is None else groups
    left_out = left_out_together(len(target), groups, times)
    try:
        alone = len(np.unique(left_out)) == 1
        error = math.nan if alone else difference_error(metric, target, before, after, left_out)
    except ValueError:
        error = math.nan
    return PairedGain(*scores, gain, error if math.isfinite(error) else None)
