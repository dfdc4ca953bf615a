"""What rows forecast: `Forecasts`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base.values import Array


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What each row forecasts: a time, so many steps ahead, of a series.

    Attributes:
        times: [n] datetime64 or float64, the time whose target is forecast.
        steps: [n] int64, from the last time of which anything is known.
        series: [n] names of the series; None where there is one alone.

    >>> some = Forecasts(np.arange(3.0), np.array([1, 2, 1]))
    >>> some[np.array([2, 0])].times.tolist(), len(some)
    ([2.0, 0.0], 3)
    """

    times: Array
    steps: NDArray[np.int64]
    series: Array | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.times)

    def __getitem__(self, rows: NDArray[np.int64]) -> Forecasts:
        """Return some of the rows."""
        series = None if self.series is None else self.series[rows]
        return Forecasts(self.times[rows], self.steps[rows], series)
