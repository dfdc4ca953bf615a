"""Which forecasts are learned from: origins a horizon apart, more where rows are few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted
from comps.kinds.series.panel import Panel, Rows

Places = NDArray[np.int64]

# With fewer rows than this there are origins between those of the grid, too.
_FEW_ROWS = 10_000
# More rows than this are not learned from; the latest are the most like the future.
_MOST_ROWS = 400_000
# What a fold must have to be trained on.
_LEAST_TRAINED = 20
_MOST_FOLDS = 5


def training_rows(panel: Panel, ends: Places, horizon: int) -> tuple[Rows, int]:
    """Return the rows whose target is known, and how many steps lie between two origins.

    Origins are counted back from the end of each series in steps of the horizon, so that each time
    is forecast once, from as far as it will be in the test part. Where that makes few rows, there
    are further origins between, which forecast the same times from nearer and from farther.

    Args:
        panel: the series.
        ends: [series] the origins of the test part.
        horizon: steps to forecast.
    """
    known = int(np.isfinite(panel.values).sum())
    between = max(1, horizon * known // _FEW_ROWS) if known < _FEW_ROWS else horizon
    firsts = panel.first
    most = max(_MOST_ROWS // (len(ends) * horizon), 20)
    found = [
        np.arange(end - horizon, first - 1, -between)[:most]
        for end, first in zip(ends, firsts, strict=True)
    ]
    series = np.repeat(np.arange(len(ends)), [len(own) for own in found])
    rows = forecasts(series, np.concatenate(found), horizon)
    return rows.take(~np.isnan(panel.values[rows.times, rows.series])), between


def forecasts(series: Places, origins: Places, horizon: int) -> Rows:
    """Return the rows that forecast every step of the horizon from origins of series.

    >>> rows = forecasts(np.array([0]), np.array([9]), 3)
    >>> rows.times.tolist()
    [10, 11, 12]
    """
    steps = np.tile(np.arange(1, horizon + 1), len(origins))
    return Rows(np.repeat(series, horizon), np.repeat(origins, horizon), steps)


def fold_count(origins: Places, horizon: int, span: int) -> int:
    """Return how many expanding folds the rows allow, 5 at most.

    Rows of the horizon before a fold's first origin are not trained on: their targets come after
    it. What is left of the first fold must be enough to learn from.

    Args:
        origins: [n] of the training rows.
        horizon: steps to forecast.
        span: steps of the longest series, for the message.

    Raises:
        DataError: if there are no two.
    """
    ordered = np.sort(origins)
    for n_folds in range(_MOST_FOLDS, 1, -1):
        if len(ordered) <= n_folds:
            continue
        begin = np.array_split(ordered, n_folds + 1)[1][0]
        if int((ordered <= begin - horizon).sum()) >= _LEAST_TRAINED:
            return n_folds
    # A third of the origins, without the horizon before the first fold, must be enough.
    needed = 4 * horizon + 3 * -(-_LEAST_TRAINED // horizon)
    raise DataError(
        f"A history of {counted(span, 'step')} is too short for a horizon of "
        f"{counted(horizon, 'step')}: two folds, each forecast from what came before it, need "
        f"about {needed}. Choose a shorter horizon, or give more history."
    )
