"""Which forecasts are learned from: origins a horizon apart, more where rows are few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted, some
from comps.kinds.series.panel import Panel, Rows

Places = NDArray[np.int64]

# With fewer rows than this there are origins between those of the grid, too.
_FEW_ROWS = 10_000
# More rows than about this are not learned from; the latest are the most like the future.
_MOST_ROWS = 400_000
# As many folds need so many origins more: those of the first one to train on, and a gap.
_SPARE_ORIGINS = 2
# What a fold must have to be trained on.
_LEAST_TRAINED = 20
_MOST_FOLDS = 5


def training_rows(
    panel: Panel, ends: Places, horizon: int, n_folds: int | None = None
) -> tuple[Rows, int, list[str]]:
    """Return the rows whose target is known, how many steps lie between two origins, and notes.

    Origins are counted back from the end of each series in steps of the horizon, so that each time
    is forecast once, from as far as it will be in the test part. Where that makes few rows, there
    are further origins between, which forecast the same times from nearer and from farther. Where
    it makes too many, series keep their latest origins, as many as folds need at least; where that
    is too many still, some series alone are learned from, the same ones in each run.

    Args:
        panel: the series.
        ends: [series] the origins of the test part.
        horizon: steps to forecast.
        n_folds: number of folds; as many as the rows allow unless given.

    Returns:
        The notes say how many origins are too many to learn from, and which series are too short;
        mostly there are none.
    """
    known = int(np.isfinite(panel.values).sum())
    between = max(1, horizon * known // _FEW_ROWS) if known < _FEW_ROWS else horizon
    every = _origins(panel, ends, horizon, between)
    drawn, most = _kept(every, horizon, n_folds)
    found = [every[own][:most] for own in drawn]
    origins = np.concatenate([np.zeros(0, dtype=np.int64), *found])
    rows = forecasts(np.repeat(drawn, [len(own) for own in found]), origins, horizon)
    rows = rows.take(~np.isnan(panel.values[rows.times, rows.series]))
    notes = _short(panel, every)
    left_out = sum(map(len, every)) - len(origins)
    if left_out:
        series = sum(len(own) > 0 for own in every)
        kept = "each series keeps" if len(drawn) == series else f"{len(drawn):,} series keep"
        notes.append(
            f"{left_out:,} of {sum(map(len, every)):,} origins are not learned from, as more than "
            f"{_MOST_ROWS:,} rows would take long: {kept} the latest {most:,}, which are "
            f"{len(rows):,} rows."
        )
    return rows, between, notes


def _origins(panel: Panel, ends: Places, horizon: int, between: int) -> list[Places]:
    """Return [series] the origins from which a known value is forecast, the latest first."""
    firsts, lasts = panel.first, panel.last
    # From its last known value on, a series that ended before the others has nothing to learn.
    late = np.maximum(ends - horizon - (lasts - 1), 0)
    begins = ends - horizon - -(-late // between) * between
    return [
        np.arange(begin, first - 1, -between) for begin, first in zip(begins, firsts, strict=True)
    ]


def _kept(every: list[Places], horizon: int, n_folds: int | None) -> tuple[Places, int]:
    """Return the series that are learned from, and how many of their latest origins at most."""
    drawn = np.flatnonzero([len(own) > 0 for own in every])
    needed = _SPARE_ORIGINS + max(n_folds or 0, _MOST_FOLDS)
    most = _MOST_ROWS // (max(len(drawn), 1) * horizon)
    if most >= needed:
        return drawn, most
    # The same ones in each run: a draw by chance is a fair part of them.
    order = np.random.default_rng(0).permutation(drawn)
    rows = np.cumsum([min(len(every[own]), needed) * horizon for own in order])
    count = max(int(np.searchsorted(rows, _MOST_ROWS, side="right")), 1)
    return np.sort(order[:count]), needed


def _short(panel: Panel, every: list[Places]) -> list[str]:
    """Return a note if series have no origin to learn from."""
    short = [key for key, own in zip(panel.keys, every, strict=True) if not len(own)]
    if not short:
        return []
    return [
        f"{len(short)} of {counted(len(every), 'series', 'series')} have too short a past for "
        "rows to learn from, and are forecast by models of the others: "
        f"{some(map(repr, short))}."
    ]


def forecasts(series: Places, origins: Places, horizon: int) -> Rows:
    """Return the rows that forecast every step of the horizon from origins of series.

    >>> rows = forecasts(np.array([0]), np.array([9]), 3)
    >>> rows.times.tolist()
    [10, 11, 12]
    """
    steps = np.tile(np.arange(1, horizon + 1), len(origins))
    return Rows(np.repeat(series, horizon), np.repeat(origins, horizon), steps)


def always_trained(origins: Places, horizon: int, n_folds: int) -> NDArray[np.bool_]:
    """Return [n] whether each row is trained on in all folds: what is learned there is no leak.

    Args:
        origins: [n] of the training rows.
        horizon: steps to forecast.
        n_folds: number of expanding folds.

    >>> always_trained(np.arange(12), 1, 3).tolist()[:4]
    [True, True, True, False]
    """
    folds = min(n_folds, len(origins) - 1)
    begin = np.array_split(np.sort(origins), folds + 1)[1][0]
    found: NDArray[np.bool_] = origins <= begin - horizon
    return found


def check_folds(origins: Places, horizon: int, n_folds: int) -> None:
    """Refuse more folds than the rows allow.

    Raises:
        DataError: that says how many they allow.
    """
    trained = 0
    if n_folds < len(origins):
        trained = int(always_trained(origins, horizon, n_folds).sum())
    if trained < _LEAST_TRAINED:
        raise DataError(
            f"Of {n_folds} folds, the first would be trained on {counted(trained, 'row')}, and "
            f"{_LEAST_TRAINED} are the least. Choose fewer folds (--folds; n_folds=...), such as "
            f"{fold_count(origins, horizon, int(np.ptp(origins)) + horizon)}."
        )


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
        if int(always_trained(ordered, horizon, n_folds).sum()) >= _LEAST_TRAINED:
            return n_folds
    # A third of the origins, without the horizon before the first fold, must be enough.
    needed = 4 * horizon + 3 * -(-_LEAST_TRAINED // horizon)
    raise DataError(
        f"A history of {counted(span, 'step')} is too short for a horizon of "
        f"{counted(horizon, 'step')}: two folds, each forecast from what came before it, need "
        f"about {needed}. Choose a shorter horizon, or give more history."
    )
