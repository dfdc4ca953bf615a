"""Predictions of rows in time: over the series, and how errors go with hour and month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comps.base import Array
from pipelines.reports.charts import BLUE, INK, RED, brief_axis, chart, short
from pipelines.reports.parts import Part, Plot
from pipelines.reports.run import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# So many of the last rows are drawn one by one.
_LAST = 240


def in_time(name: str, times: Array, true: Floats, guess: Floats) -> list[Part]:
    """Return the last predictions over time, and the mean absolute error by parts of the calendar.

    There is nothing to draw of times that are neither numbers nor dates.

    Args:
        name: of the target.
        times: [k] of the rows.
        true: [k] values in the target's own unit.
        guess: [k] predictions.
    """
    # Texts that are in order have no distances.
    if times.dtype.kind not in "iufM":
        return []
    order = np.argsort(times, kind="stable")
    last = order[-_LAST:]
    wrong = np.abs(true - guess)
    alt = (
        f"True and predicted {name} of the last {len(last)} rows, {times[last[0]]} to "
        f"{times[last[-1]]}; their mean absolute difference is {wrong[last].mean():.4g}."
    )

    def lines(axes: Axes) -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        axes.plot(times[last], true[last], color=INK, linewidth=1.1, label="true")
        axes.plot(times[last], guess[last], color=RED, linewidth=1.4, label="predicted")
        axes.set(xlabel="time", ylabel=short(name))
        brief_axis(axes.yaxis)
        if np.issubdtype(times.dtype, np.datetime64):
            locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_formatter(formatter)
        axes.legend(ncols=2)

    parts: list[Part] = [chart(f"time-{name}", f"The last {len(last)} rows", alt, lines)]
    if np.issubdtype(times.dtype, np.datetime64):
        hours = times.astype("datetime64[h]").astype(np.int64) % 24
        months = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
        for what, labels in (("hour of the day", hours), ("month", months)):
            if len(np.unique(labels)) > 1:
                parts.append(_by(name, what, labels, wrong))
    return parts


def _by(name: str, what: str, labels: Array, wrong: Floats) -> Plot:
    """Return bars of the mean absolute error by a part of the calendar."""
    values = {int(label): float(wrong[labels == label].mean()) for label in np.unique(labels)}
    worst = max(values, key=lambda label: values[label])
    alt = f"Mean absolute error of {name} by {what}. Largest: {what} {worst}, {values[worst]:.4g}."

    def draw(axes: Axes) -> None:
        axes.bar(list(values), list(values.values()), color=BLUE, width=0.75)
        axes.set(xlabel=what, ylabel=f"mean absolute error, {short(name, 18)}")
        axes.locator_params(axis="x", integer=True)
        axes.grid(axis="x", visible=False)

    return chart(f"{what.split()[0]}-{name}", f"Errors by {what}", alt, draw, values)
