"""`Windows`: rows that are sections of a series, gathered when they are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows [length, quantities] that overlap, as the series they lie in and where they end.

    A row holds what was known at its end. Copies of all windows would be `length` times the
    series; here every subset of the rows shares one series.

    Attributes:
        series: [hours, quantities] float32, one row a step of time, NaN where missing.
        times: [hours] time of each step, evenly spaced.
        ends: [n] int64, the last step of each window: nothing after it belongs to the row.
        length: steps in a window.
        names: of the quantities.

    Raises:
        ValueError: if a window does not lie within the series.

    >>> hours = np.arange(4).astype("datetime64[h]")
    >>> series = np.arange(4, dtype=np.float32)[:, None]
    >>> windows = Windows(series, hours, np.array([1, 3]), 2, ("T",))
    >>> windows[np.array([1])].gathered()[:, :, 0].tolist()
    [[2.0, 3.0]]
    """

    series: NDArray[np.float32]
    times: NDArray[np.datetime64]
    ends: NDArray[np.int64]
    length: int
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.series.shape != (len(self.times), len(self.names)):
            raise ValueError(
                f"A series of {len(self.times)} times and {len(self.names)} names was expected. "
                f"Received: shape {self.series.shape}."
            )
        low, high = self.length - 1, len(self.series) - 1
        if len(self.ends) and not low <= self.ends.min() <= self.ends.max() <= high:
            raise ValueError(
                f"Windows of {self.length} steps must end at steps {low} to {high}. "
                f"Received: {self.ends.min()} to {self.ends.max()}."
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ends)

    def __getitem__(self, rows: NDArray[np.int64]) -> Windows:
        """Return some rows over the same series."""
        return replace(self, ends=self.ends[rows])

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.series.nbytes + self.times.nbytes + self.ends.nbytes

    def known(self) -> NDArray[np.float32]:
        """Return the part of the series that lies in some window, to learn scales from."""
        covered = np.zeros(len(self.series) + 1, dtype=np.int64)
        np.add.at(covered, self.ends - self.length + 1, 1)
        np.add.at(covered, self.ends + 1, -1)
        known: NDArray[np.float32] = self.series[np.cumsum(covered[:-1]) > 0]
        return known

    def gathered(self) -> NDArray[np.float32]:
        """Return [n, length, quantities]: a copy `length` times the rows. For few of them."""
        steps = np.arange(1 - self.length, 1)
        copy: NDArray[np.float32] = self.series[self.ends[:, None] + steps]
        return copy
