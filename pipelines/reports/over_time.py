"""All runs of the competition: how scores went on over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from comps.base import Metric
from pipelines.reports.charts import BLUE, RED, chart
from pipelines.reports.parts import Column, Section, Table
from pipelines.reports.run import ReportedRun
from pipelines.store.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def over_time(run: ReportedRun) -> Section | None:
    """Return the runs of the competition with their scores; None where there is but one."""
    rows = [run_row(run.metric, record) for record in run.runs]
    if len(rows) < 2:
        return None
    columns = [
        Column("when", "date"),
        Column("command", "command"),
        Column("members", "members", numeric=True),
        Column("best", "best member"),
        Column("best_score", f"its {run.score_label}", run.score_text, numeric=True),
        Column("blend_score", f"blend {run.score_label}, honest", run.score_text, numeric=True),
        Column("seed", "seed", numeric=True),
        Column("seconds", "s", "{:,.0f}".format, numeric=True),
        Column("status", "end"),
    ]
    table = Table("runs", "Commands that trained, the oldest first", columns, rows)
    points = [(row["started"], row["best_score"], row["blend_score"]) for row in rows]
    scored = [point for point in points if point[1] is not None]
    if len(scored) < 2:
        return Section("runs", "Runs", [table])

    def draw(axes: Axes) -> None:
        places = range(1, len(scored) + 1)
        axes.plot(places, [best for _, best, _ in scored], "o-", color=BLUE, ms=5, label="member")
        blends = [(place, p[2]) for place, p in zip(places, scored, strict=True) if p[2]]
        if blends:
            xs, ys = zip(*blends, strict=True)
            axes.plot(xs, ys, "D-", color=RED, ms=5, label="blend, honest")
        axes.set(xlabel="command, in the order of time", ylabel=run.score_axis)
        axes.locator_params(axis="x", integer=True)
        axes.legend()

    alt = (
        f"Scores of {len(scored)} commands in the order of time: the best member of the last one "
        f"has {run.score_text(scored[-1][1])}."
    )
    plot = chart("over_time", "Scores over time", alt, draw)
    return Section("runs", "Runs", [plot, table])


def run_row(metric: Metric | None, record: Record) -> dict[str, Any]:
    """Return a record as a row of a table of runs; `metric` says which member is the best."""
    scored = [member for member in record.members if member.score is not None]
    best = None
    if scored and metric is not None:
        best = scored[metric.best([float(member.score or 0.0) for member in scored])]
    return {
        "record": record.name,
        "started": record.started,
        "when": f"{datetime.fromisoformat(record.started).astimezone(UTC):%Y-%m-%d %H:%M}",
        "command": record.command,
        "members": len(record.members),
        "best": None if best is None else best.name,
        "best_score": None if best is None else best.score,
        "blend_score": (record.blend or {}).get("honest_score"),
        "seed": record.seed,
        "seconds": record.seconds,
        "status": str(record.state),
    }
