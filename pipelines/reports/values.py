"""Predicted values beside the true ones, and what is left between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import LOG1P, Array, Scale, take
from pipelines.reports.charts import BLUE, INK, brief_axis, chart, number, short
from pipelines.reports.features import residuals_by_feature
from pipelines.reports.parts import Column, Part, Table, Text
from pipelines.reports.run import Floats, Predicted, ReportedRun
from pipelines.reports.series import forecasts_of, in_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1500
MOST_TARGETS = 4
_WORST = 10


def fit_of_values(run: ReportedRun, predicted: Predicted) -> list[Part]:
    """Return charts of predicted against true values and of residuals, for each target."""
    assert run.competition is not None
    names, scale = run.competition.target_columns, run.competition.metric.scale
    targets = predicted.target.reshape(len(predicted.target), -1)
    predictions = predicted.prediction.reshape(targets.shape)
    parts: list[Part] = []
    for place in range(min(targets.shape[1], MOST_TARGETS)):
        name = names[place] if place < len(names) else f"target {place + 1}"
        target, prediction = targets[:, place], predictions[:, place]
        known = np.flatnonzero(np.isfinite(target) & np.isfinite(prediction))
        if len(known):
            fit = _Fit(name, scale, predicted.ids[known], target[known], prediction[known])
            parts += fit.charts() + _by_rows(run, fit, predicted, known)
            parts += [*fit.said(), fit.worst()]
    if targets.shape[1] > MOST_TARGETS:
        parts.append(Text(f"The first {MOST_TARGETS} of {targets.shape[1]} targets.", kind="small"))
    return parts


def _by_rows(
    run: ReportedRun, fit: _Fit, predicted: Predicted, known: NDArray[np.int64]
) -> list[Part]:
    """Return how residuals go with the time and the columns of the rows."""
    dataset, rows, parts = run.dataset, predicted.rows[known], list[Part]()
    if dataset is None:
        return parts
    forecasts = forecasts_of(dataset)
    if forecasts is not None:
        all_ = len(predicted.rows) == predicted.of
        parts += in_time(fit.name, forecasts[rows], fit.true, fit.guess, all_=all_)
    if hasattr(dataset.train, "columns"):
        table = take(dataset.train, rows)
        parts += residuals_by_feature(fit.name, table, fit.residual, fit.on_scale)
    return parts


@dataclass(frozen=True, eq=False)
class _Fit:
    """Predictions of one target, on the metric's scale; of at least one row."""

    name: str
    scale: Scale
    ids: Array
    target: Floats
    prediction: Floats

    @cached_property
    def residual(self) -> Floats:
        return self.target - self.prediction

    @cached_property
    def true(self) -> Floats:
        """In the target's own unit."""
        return np.asarray(self.scale.inverse(self.target))

    @cached_property
    def guess(self) -> Floats:
        """In the target's own unit."""
        return np.asarray(self.scale.inverse(self.prediction))

    @cached_property
    def few(self) -> NDArray[np.int64]:
        """The rows that are points: many on top of each other tell no more."""
        count = min(len(self.true), MOST_POINTS)
        return np.linspace(0, len(self.true) - 1, count).astype(np.int64)

    @property
    def label(self) -> str:
        return short(self.name, 24)

    @property
    def on_scale(self) -> str:
        """What is said of residuals, which are not in the target's own unit."""
        return "" if self.scale.name == "identity" else f" ({self.scale.name} scale)"

    @cached_property
    def logarithmic(self) -> bool:
        return self.scale is LOG1P and bool((self.true > 0).all() and (self.guess > 0).all())

    @cached_property
    def quantiles(self) -> dict[str, float]:
        found = np.quantile(self.residual, [0.05, 0.5, 0.95]).tolist()
        return dict(zip(("q05", "median", "q95"), found, strict=True))

    @property
    def middle(self) -> str:
        low, median, high = self.quantiles.values()
        return (
            f"Half of the residuals are below {median:.4g}, nine of ten between {low:.4g} and "
            f"{high:.4g}{self.on_scale}."
        )

    def charts(self) -> list[Part]:
        """Return predicted against true, and residuals."""
        name = self.name
        correlation = 1.0
        if len(self.target) > 2 and np.ptp(self.target) and np.ptp(self.prediction):
            correlation = float(np.corrcoef(self.target, self.prediction)[0, 1])
        return [
            chart(
                f"against-{name}",
                "Predicted against true",
                f"Predicted against true {name} with the line of equality; correlation "
                f"{correlation:.3f}.",
                self._draw_against,
            ),
            chart(
                f"left-{name}",
                "Residuals by prediction",
                f"Residuals of {name}, true minus predicted, against the prediction. {self.middle}",
                self._draw_left,
            ),
            chart(
                f"residuals-{name}",
                "Distribution of residuals",
                f"Histogram of the residuals of {name}. {self.middle}",
                self._draw_spread,
                self.quantiles,
            ),
        ]

    def said(self) -> list[Part]:
        """Return what charts do not say themselves."""
        parts: list[Part] = [Text(f"Residual: true minus predicted. {self.middle}", kind="small")]
        if len(self.few) < len(self.true):
            some = f"{len(self.few):,} of {len(self.true):,} rows are points."
            parts.append(Text(some, kind="small"))
        return parts

    def worst(self) -> Table:
        """Return the rows with the largest residuals."""
        values = {
            "id": self.ids,
            "true": self.true,
            "predicted": self.guess,
            "residual": self.residual,
        }
        order = np.argsort(-np.abs(self.residual), kind="stable")[:_WORST]
        rows = [{name: some[place] for name, some in values.items()} for place in order]
        columns = [
            Column("id", "id"),
            Column("true", f"true {self.label}", number, numeric=True),
            Column("predicted", "predicted", number, numeric=True),
            Column("residual", f"residual{self.on_scale}", number, numeric=True),
        ]
        return Table(f"worst-{self.name}", "Rows with the largest residuals", columns, rows)

    def _draw_against(self, axes: Axes) -> None:
        true, guess = self.true[self.few], self.guess[self.few]
        ends = [min(true.min(), guess.min()), max(true.max(), guess.max())]
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
        axes.plot(true, guess, "o", color=BLUE, ms=3.2, mew=0, alpha=0.4)
        axes.set(xlabel=f"true {self.label}", ylabel=f"predicted {self.label}")
        if self.logarithmic:
            axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            brief_axis(axis, logarithmic=self.logarithmic)

    def _draw_left(self, axes: Axes) -> None:
        guess, residual = self.guess[self.few], self.residual[self.few]
        axes.axhline(0, color=INK, linewidth=1, linestyle="--")
        axes.plot(guess, residual, "o", color=BLUE, ms=3.2, mew=0, alpha=0.4)
        axes.set(xlabel=f"predicted {self.label}", ylabel=f"residual{self.on_scale}")
        if self.logarithmic:
            axes.set_xscale("log")
        brief_axis(axes.xaxis, logarithmic=self.logarithmic)

    def _draw_spread(self, axes: Axes) -> None:
        axes.hist(self.residual, bins=40, color=BLUE, histtype="stepfilled")
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.set(xlabel=f"residual{self.on_scale}", ylabel="rows")
