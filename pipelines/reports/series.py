"""Predictions of rows in time: over the series, and how errors go with calendar and horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import Array, Dataset, Forecasts
from pipelines.reports.charts import BLUE, INK, RED, brief_axis, chart, short
from pipelines.reports.parts import Part, Plot
from pipelines.reports.run import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# So many of the last times are drawn one by one.
_LAST = 240


def forecasts_of(dataset: Dataset) -> Forecasts | None:
    """Return what training rows forecast, [n]; of rows with times alone, each its own time.

    None of rows without times, or with times that are no numbers or dates: they are not drawn.
    """
    if dataset.forecasts is not None:
        return dataset.forecasts
    times = np.asarray([] if dataset.times is None else dataset.times)
    # Texts that are in order have no distances.
    if not len(times) or times.dtype.kind not in "iufM":
        return None
    return Forecasts(times, np.ones(len(times), dtype=np.int64))


def in_time(name: str, rows: Forecasts, true: Floats, guess: Floats, *, all_: bool) -> list[Part]:
    """Return the last predictions over time, and the mean absolute error by calendar and horizon.

    Args:
        name: of the target.
        rows: [k] what they forecast.
        true: [k] values in the target's own unit.
        guess: [k] predictions.
        all_: whether these are all rows, not some that were drawn.
    """
    wrong = np.abs(true - guess)
    parts: list[Part] = [_over_time(name, rows, true, guess, all_=all_)]
    labels: dict[str, Array] = {}
    if rows.times.dtype.kind == "M":
        labels["hour of the day"] = rows.times.astype("M8[h]").astype(np.int64) % 24
        labels["month"] = rows.times.astype("M8[M]").astype(np.int64) % 12 + 1
    labels["steps ahead"] = rows.steps
    return parts + [
        _by(name, what, values, wrong) for what, values in labels.items() if np.ptp(values) > 0
    ]


def _over_time(name: str, rows: Forecasts, true: Floats, guess: Floats, *, all_: bool) -> Plot:
    places, series = _one_series(rows)
    found, at = np.unique(rows.times[places], return_inverse=True)
    counts = np.bincount(at)
    trues, guesses = (np.bincount(at, values[places]) / counts for values in (true, guess))
    last = slice(-_LAST, None)
    times = found[last]
    of = "" if series is None else f" of {series}"
    drawn = "" if all_ else " of those drawn"
    means = ", means of rows" if counts.max() > 1 else ""
    wrong = np.abs(trues - guesses)[last].mean()
    alt = (
        f"True and predicted {name}{of} at the last {len(times)} times{drawn}{means}, {times[0]} "
        f"to {times[-1]}; their mean absolute difference is {wrong:.4g}."
    )

    def draw(axes: Axes) -> None:
        axes.plot(times, trues[last], color=INK, linewidth=1.1, label="true")
        axes.plot(times, guesses[last], color=RED, linewidth=1.4, label="predicted")
        axes.set(xlabel="time", ylabel=short(name))
        brief_axis(axes.yaxis)
        _date_axis(axes.xaxis, times)
        axes.legend(ncols=2)

    title = short(f"The last {len(times)} times{of}{drawn}{means}", 60)
    return chart(f"time-{name}", title, alt, draw)


def _one_series(rows: Forecasts) -> tuple[Array, str | None]:
    """Return the rows of one series in the order of time, and its name where there are several.

    It is the one with the most rows. Of forecasts of one time, that from nearest is taken.
    """
    chosen, name = np.arange(len(rows)), None
    if rows.series is not None:
        names, counts = np.unique(rows.series, return_counts=True)
        name = str(names[counts.argmax()])
        chosen = np.flatnonzero(rows.series == name)
    ordered = chosen[np.lexsort((rows.steps[chosen], rows.times[chosen]))]
    if len(np.unique(rows.steps)) > 1:
        first = np.unique(rows.times[ordered], return_index=True)[1]
        ordered = ordered[first]
    return ordered, name


def _date_axis(axis: Any, times: Array) -> None:
    """Label an axis of dates briefly; Matplotlib labels numbers well by itself."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if times.dtype.kind == "M":
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axis.set_major_formatter(formatter)


def _by(name: str, what: str, labels: Array, wrong: Floats) -> Plot:
    """Return bars of the mean absolute error by a part of the calendar, or by steps ahead."""
    found, places = np.unique(labels, return_inverse=True)
    means = np.bincount(places, wrong) / np.bincount(places)
    values = dict(zip(found.tolist(), means.tolist(), strict=True))
    worst = max(values, key=lambda label: values[label])
    alt = f"Mean absolute error of {name} by {what}. Largest: {what} {worst}, {values[worst]:.4g}."

    def draw(axes: Axes) -> None:
        axes.bar(found, means, color=BLUE, width=0.75)
        axes.set(xlabel=what, ylabel="mean absolute error")
        axes.locator_params(axis="x", integer=True)
        brief_axis(axes.yaxis)
        axes.grid(axis="x", visible=False)

    return chart(
        f"{what.split()[0]}-{name}", f"Errors of {short(name)} by {what}", alt, draw, values
    )
