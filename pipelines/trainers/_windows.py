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

    It runs on the device, on a batch at a time: no more windows exist than a step needs. A
    window is one slice; looked up hour by hour it would take four times as long on a CPU.
    """
    import jax

    def gather(shared: Any, rows: Any) -> Any:
        series = shared[SERIES]
        size = (length, series.shape[1])

        def window(end: Any) -> Any:
            return jax.lax.dynamic_slice(series, (end - length + 1, 0), size)

        return {WINDOW: jax.vmap(window)(rows[ENDS])}

    return gather
