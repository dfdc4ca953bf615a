"""The inputs of networks: every quantity on one scale, holes filled from the past and marked."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Windows

_DAY = 24.0


class ScaledWindows(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Standardise the series by the windows of `fit`; add marks of missing values, and the hour.

    A missing value is the last known one before it (zero, the mean, if there is none), and a
    column for its quantity says so. Values are bounded: a storm is not worth ten deviations.

    Args:
        clip: largest magnitude of a scaled value.
    """

    def __init__(self, clip: float = 4.0) -> None:
        self.clip = clip

    def fit(self, windows: Windows, y: object = None) -> Self:
        """Learn the mean and deviation of each quantity."""
        del y
        known = windows.known().astype(np.float64)
        with warnings.catch_warnings():
            # A quantity that this fold has never seen is zero throughout.
            warnings.simplefilter("ignore", RuntimeWarning)
            self.means_ = np.nan_to_num(np.nanmean(known, axis=0))
            deviations = np.nan_to_num(np.nanstd(known, axis=0))
        self.deviations_ = np.where(deviations > 0, deviations, 1.0)
        return self

    def transform(self, windows: Windows) -> Windows:
        """Return the same rows over the series of [scaled quantities, marks, sine, cosine]."""
        scaled = (windows.series - self.means_) / self.deviations_
        filled = np.nan_to_num(np.clip(_filled(scaled), -self.clip, self.clip))
        holes = np.isnan(windows.series)
        marked = np.flatnonzero(holes.any(axis=0))
        hours = windows.times.astype("datetime64[h]").astype(np.int64)
        phase = hours[:, None] * (2 * np.pi / _DAY)
        columns = [filled, holes[:, marked], np.sin(phase), np.cos(phase)]
        names = [*windows.names, *(f"no {windows.names[i]}" for i in marked), "sin", "cos"]
        series = np.concatenate(columns, axis=1).astype(np.float32)
        return replace(windows, series=series, names=tuple(names))


def _filled(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry the last known value forward; what nothing precedes stays NaN."""
    steps = np.where(np.isnan(series), 0, np.arange(len(series))[:, None])
    latest = np.maximum.accumulate(steps, axis=0)
    filled: NDArray[np.float64] = np.take_along_axis(series, latest, axis=0)
    return filled
