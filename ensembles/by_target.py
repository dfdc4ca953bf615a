"""Blends of several targets, each by itself."""

from __future__ import annotations

import functools
from collections.abc import Callable

from comps.base import Metric
from ensembles.fitted import ByTarget, Fitted
from ensembles.sample import Columns, Sample

Fit = Callable[[Sample, Metric], Fitted]


def each_target(fit: Callable[[Sample, Metric], Fitted]) -> Fit:
    """Return a fit that blends several targets one by one; one target, or classes, as it does."""

    @functools.wraps(fit)
    def fit_each(sample: Sample, metric: Metric) -> Fitted:
        if sample.columns is not Columns.TARGETS:
            return fit(sample, metric)
        places = range(sample.predictions.shape[2])
        return ByTarget([fit(sample.column(place), metric) for place in places])

    return fit_each
