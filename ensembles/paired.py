"""The gain of one prediction over another on the same rows, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Metric, Target, Truth
from ensembles.choice import blocks_in_time, difference_error
from ensembles.compare import dependent_rows
from ensembles.sample import Floats

# Groups of rows that are left out in turn, as in `ensembles.choice`.
GROUPS = 30


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


def left_out_together(n_rows: int, groups: Array | None, times: Array | None) -> NDArray[np.int64]:
    """Return [n] int64, equal for rows that the jackknife leaves out at a time."""
    if times is not None:
        return blocks_in_time(np.unique(times, return_inverse=True)[1].astype(np.int64))
    units = dependent_rows(n_rows, groups)
    dealt = np.random.default_rng(0).permutation(units.max() + 1) % GROUPS
    together: NDArray[np.int64] = dealt[units]
    return together
