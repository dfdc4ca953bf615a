"""Windows for a fold program: the series of each fold on the device, gathered by index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from comps.base import Array, Windows

Gather = Callable[[Any, Any], Any]

SERIES, ENDS, WINDOW = "series", "ends", "window"


def row_arrays(rows: Windows) -> dict[str, Array]:
    """Return what is one number a row: the end of its window, {"ends": [n] int32}."""
    return {ENDS: rows.ends.astype(np.int32)}


def shared_series(views: Sequence[Windows]) -> dict[str, Array]:
    """Return what all rows of a fold share, {"series": [folds, steps, quantities]}.

    Each fold has a series of its own, because it was standardised with its training rows.
    """
    return {SERIES: np.stack([view.series for view in views])}


def window_shapes(view: Windows) -> dict[str, tuple[int, ...]]:
    """Return the shape of a row of each input of the network."""
    return {WINDOW: (view.length, len(view.names))}


def gather_windows(length: int) -> Gather:
    """Return `(shared, rows) -> features`, which cuts {"window": [n, length, quantities]}.

    It runs on the device, on a batch at a time: no more windows exist than a step needs.
    """

    def gather(shared: Any, rows: Any) -> Any:
        steps = np.arange(1 - length, 1)
        return {WINDOW: shared[SERIES][rows[ENDS][:, None] + steps]}

    return gather
