"""What the models learned: importance of columns, and how predictions follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.reports.charts import BLUE, COLOURS, FAINT, brief_axis, chart, short
from pipelines.reports.parts import Part, Plot, Section, Text
from pipelines.reports.run import ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLUMNS, _MOST_DEPENDENT, _MOST_CLASSES = 15, 6, 6
Row = Mapping[str, Any]


def importance(run: ReportedRun) -> Section | None:
    """Return what `comps explain` left; None where nobody asked."""
    told = run.explained
    if told is None or not told["importance"]:
        return None
    rows = told["importance"]
    asked = ", ".join(f"{name} ({weight:.2f})" for name, weight in told["members"].items())
    parts: list[Part] = [
        Text(
            f"Asked of {asked}, about {told['rows']} rows that they were not trained on. Columns "
            "that say the same share their importance."
        ),
        *(Text(note, "small") for note in told.get("notes", ())),
        _bars(rows[:_MOST_COLUMNS], str(told["metric"])),
    ]
    columns = list(dict.fromkeys(row["column"] for row in told["dependence"]))
    scale = "identity" if run.metric is None else run.metric.scale.name
    label = "mean prediction" + ("" if scale == "identity" else f" ({scale} scale)")
    parts += [
        _dependence(column, [row for row in told["dependence"] if row["column"] == column], label)
        for column in columns[:_MOST_DEPENDENT]
    ]
    return Section("importance", "What the models learned", parts)


def _bars(rows: Sequence[Row], metric: str) -> Plot:
    first = rows[0]
    alt = (
        f"Importance of {len(rows)} columns: by how much {metric} gets worse when the values of a "
        f"column are shuffled. Most by {first['column']}, {first['importance']:.4g}."
    )

    def draw(axes: Axes) -> None:
        places = np.arange(len(rows))[::-1]
        spread = np.nan_to_num([row["deviation"] or 0 for row in rows])
        axes.barh(
            places, [row["importance"] for row in rows], xerr=spread, color=BLUE, ecolor=FAINT
        )
        axes.set_yticks(places, [short(row["column"]) for row in rows])
        axes.set_xlabel(f"{metric} gets worse by")
        axes.grid(visible=False, axis="y")

    height = 0.6 + 0.24 * len(rows)
    return chart("importance", "Importance of columns", alt, draw, rows, height=height)


def _dependence(column: str, rows: Sequence[Row], label: str) -> Plot:
    classes = list(dict.fromkeys(str(row.get("class", "")) for row in rows))[:_MOST_CLASSES]
    numeric = all(isinstance(row["value"], (int, float)) for row in rows)
    best = max(rows, key=lambda row: float(row["prediction"]))
    alt = (
        f"Mean prediction where all rows have one value of {column}: highest, "
        f"{best['prediction']:.4g}, at {best['value']}."
    )

    def draw(axes: Axes) -> None:
        for colour, name in zip(COLOURS, classes, strict=False):
            own = [row for row in rows if str(row.get("class", "")) == name]
            values = [row["value"] for row in own] if numeric else list(range(len(own)))
            means = np.array([row["prediction"] for row in own], dtype=float)
            spread = np.array([row["deviation"] for row in own], dtype=float)
            if numeric:
                axes.plot(values, means, color=colour, label=short(name))
                axes.fill_between(values, means - spread, means + spread, color=colour, alpha=0.2)
            else:
                axes.errorbar(values, means, spread, fmt="o", color=colour, label=short(name))
                axes.set_xticks(values, [short(row["value"], 12) for row in own], rotation=60)
        if numeric:
            brief_axis(axes.xaxis)
        axes.set(xlabel=short(column, 40), ylabel=label)
        if len(classes) > 1:
            axes.legend()

    return chart(f"dependence-{column}", f"Dependence on {short(column, 40)}", alt, draw, rows)
