"""Support vector regression on a part of the rows, because neighbouring hours are alike."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.svm import SVR

from comps.base import Array


class ThinnedSVR(SVR):  # type: ignore[misc]
    """An SVR that is fitted on at most `rows` rows, evenly spaced; its time grows with the square.

    Args:
        rows: to fit on.
        C: weight of errors against smoothness.
        gamma: one over the squared width of the kernel.
        epsilon: errors below it, in the target's unit, cost nothing.
    """

    def __init__(
        self,
        rows: int = 4000,
        C: float = 1.0,  # noqa: N803
        gamma: float = 1e-3,
        epsilon: float = 0.5,
    ) -> None:
        super().__init__(C=C, gamma=gamma, epsilon=epsilon, cache_size=200)
        self.rows = rows

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:  # noqa: N803
        """Fit on the chosen rows."""
        chosen = np.unique(np.linspace(0, len(y) - 1, min(self.rows, len(y))).astype(np.int64))
        weight = None if sample_weight is None else sample_weight[chosen]
        super().fit(X[chosen], y[chosen], weight)
        return self
