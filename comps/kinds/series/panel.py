"""Series side by side on one grid of times, and the rows to forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.kinds.series.grid import Grid

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Covariate:
    """A column beside the target, on the grid.

    Attributes:
        cells: [steps, series] numbers, or codes of levels; NaN where nothing was read.
        known: whether its values after the training part are known.
        levels: of codes; empty for numbers.
    """

    cells: Floats
    known: bool
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """Series side by side.

    Attributes:
        grid: of the times.
        values: [steps, series] the target on the metric's scale; NaN where it is not known. The
            steps reach to the last one that is forecast.
        raw: [steps, series] the target in its own unit.
        keys: [series] their names; a single empty one where there is no key.
        covariates: by column.
    """

    grid: Grid
    values: Floats
    raw: Floats
    keys: tuple[str, ...]
    covariates: Mapping[str, Covariate] = field(default_factory=dict)

    @property
    def first(self) -> Places:
        """[series] the first known step of each."""
        found: Places = np.argmax(~np.isnan(self.values), axis=0).astype(np.int64)
        return found

    @property
    def last(self) -> Places:
        """[series] the last known step of each."""
        known = ~np.isnan(self.values[::-1])
        found: Places = (len(self.values) - 1 - np.argmax(known, axis=0)).astype(np.int64)
        return found


@dataclass(frozen=True, eq=False)
class Rows:
    """What is to be forecast: the series, from which step, and how many steps ahead.

    Attributes:
        series: [n] int64.
        origins: [n] int64, the last step of which anything is known.
        steps: [n] int64, 1 for the step after the origin.
    """

    series: Places
    origins: Places
    steps: Places

    @property
    def times(self) -> Places:
        """[n] the steps that are forecast."""
        return self.origins + self.steps

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.series)

    def take(self, which: NDArray[Any]) -> Rows:
        """Return some of the rows."""
        return Rows(self.series[which], self.origins[which], self.steps[which])
