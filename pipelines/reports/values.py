"""Predicted values beside the true ones, and what is left between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comps.base import LOG1P, take
from pipelines.reports.charts import BLUE, INK, brief_axis, chart, number, short
from pipelines.reports.features import residuals_by_feature
from pipelines.reports.parts import Column, Part, Table, Text
from pipelines.reports.run import Floats, Predicted, ReportedRun
from pipelines.reports.series import in_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1500
MOST_TARGETS = 4
_WORST = 10


def fit_of_values(run: ReportedRun, predicted: Predicted) -> list[Part]:
    """Return charts of predicted against true values and of residuals, for each target."""
    assert run.competition is not None
    names = run.competition.target_columns
    targets = predicted.target.reshape(len(predicted.target), -1)
    predictions = predicted.prediction.reshape(targets.shape)
    parts: list[Part] = []
    for place in range(min(targets.shape[1], MOST_TARGETS)):
        name = names[place] if place < len(names) else f"target {place + 1}"
        parts += _one(run, predicted, name, targets[:, place], predictions[:, place])
    if targets.shape[1] > MOST_TARGETS:
        parts.append(Text(f"The first {MOST_TARGETS} of {targets.shape[1]} targets.", kind="small"))
    return parts


def _one(
    run: ReportedRun, predicted: Predicted, name: str, target: Floats, prediction: Floats
) -> list[Part]:
    assert run.metric is not None
    scale = run.metric.scale
    known = np.isfinite(target) & np.isfinite(prediction)
    target, prediction, ids = target[known], prediction[known], predicted.ids[known]
    residual = target - prediction
    true, guess = scale.inverse(target), scale.inverse(prediction)
    # Rows are in random order where they are some of very many.
    few = np.linspace(0, len(true) - 1, min(len(true), MOST_POINTS)).astype(np.int64)
    logarithmic = scale is LOG1P and bool((true > 0).all() and (guess > 0).all())
    on_scale = "" if scale.name == "identity" else f" ({scale.name} scale)"
    label = short(name, 24)

    def against(axes: Axes) -> None:
        ends = [min(true[few].min(), guess[few].min()), max(true[few].max(), guess[few].max())]
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
        axes.plot(true[few], guess[few], "o", color=BLUE, ms=3.2, mew=0, alpha=0.4)
        axes.set(xlabel=f"true {label}", ylabel=f"predicted {label}")
        if logarithmic:
            axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            brief_axis(axis, logarithmic=logarithmic)

    def left(axes: Axes) -> None:
        axes.axhline(0, color=INK, linewidth=1, linestyle="--")
        axes.plot(guess[few], residual[few], "o", color=BLUE, ms=3.2, mew=0, alpha=0.4)
        axes.set(xlabel=f"predicted {label}", ylabel=f"residual{on_scale}")
        if logarithmic:
            axes.set_xscale("log")
        brief_axis(axes.xaxis, logarithmic=logarithmic)

    def spread(axes: Axes) -> None:
        axes.hist(residual, bins=40, color=BLUE, histtype="stepfilled")
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.set(xlabel=f"residual{on_scale}", ylabel="rows")

    quantiles = np.quantile(residual, [0.05, 0.5, 0.95]) if len(residual) else np.zeros(3)
    middle = (
        f"Half of the residuals are below {quantiles[1]:.4g}, nine of ten between "
        f"{quantiles[0]:.4g} and {quantiles[2]:.4g}{on_scale}."
    )
    correlation = np.corrcoef(target, prediction)[0, 1] if len(target) > 2 else np.nan
    alt = f"Predicted against true {name} with the line of equality; correlation {correlation:.3f}."
    parts: list[Part] = [
        chart(f"against-{name}", "Predicted against true", alt, against),
        chart(
            f"left-{name}",
            "Residuals by prediction",
            f"Residuals of {name}, true minus predicted, against the prediction. {middle}",
            left,
        ),
        chart(
            f"residuals-{name}",
            "Distribution of residuals",
            f"Histogram of the residuals of {name}. {middle}",
            spread,
            dict(zip(("q05", "median", "q95"), quantiles.tolist(), strict=True)),
        ),
        Text(f"Residual: true minus predicted. {middle}", kind="small"),
    ]
    if run.dataset is not None and run.dataset.times is not None and len(true):
        times = np.asarray(run.dataset.times)[predicted.rows[known]]
        parts += in_time(name, times, true, guess)
    if run.dataset is not None and hasattr(run.dataset.train, "columns"):
        some = take(run.dataset.train, predicted.rows[known])
        parts += residuals_by_feature(name, some, residual, on_scale)
    if len(few) < len(true):
        parts.append(Text(f"{len(few):,} of {len(true):,} rows are points.", kind="small"))
    worst = np.argsort(-np.abs(residual), kind="stable")[:_WORST]
    rows = [
        {
            "id": ids[row],
            "true": float(true[row]),
            "predicted": float(guess[row]),
            "residual": float(residual[row]),
        }
        for row in worst
    ]
    columns = [
        Column("id", "id"),
        Column("true", f"true {label}", number, numeric=True),
        Column("predicted", "predicted", number, numeric=True),
        Column("residual", f"residual{on_scale}", number, numeric=True),
    ]
    parts.append(Table(f"worst-{name}", "Rows with the largest residuals", columns, rows))
    return parts
