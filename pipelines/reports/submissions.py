"""Own submissions to Kaggle: honest scores against public ones, and which two to pick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.reports.charts import BLUE, FAINT, INK, chart
from pipelines.reports.parts import Column, Lines, Part, Plot, Section, Table, Text
from pipelines.reports.run import ReportedRun, Row, Submissions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def submissions(run: ReportedRun) -> Section | None:
    """Return what was sent to Kaggle, and what came of it; None where nothing was sent."""
    sent = run.submissions
    if sent is None:
        return None
    both = [row for row in sent.rows if None not in (row["honest_score"], row["public_score"])]
    parts: list[Part] = [_plot(run, sent, both)] if both else []
    parts += [Text(verdict) for verdict in sent.verdicts]
    parts.append(_table(run, sent))
    if sent.picks:
        parts.append(Lines("picks", "Final submissions to pick", list(sent.picks)))
    return Section("submissions", "Kaggle", parts)


def _plot(run: ReportedRun, sent: Submissions, rows: list[Row]) -> Plot:
    honest = np.array([row["honest_score"] for row in rows])
    public = np.array([row["public_score"] for row in rows])
    known = [row for row in rows if row["low"] is not None]
    outside = [
        row["message"] for row in known if not row["low"] <= row["public_score"] <= row["high"]
    ]
    alt = (
        f"Public score by honest score of {len(rows)} submissions, with the interval that chance "
        f"allows on {sent.public_share:.0%} of the test rows. Outside: "
        f"{', '.join(outside) or 'none'}."
    )

    def draw(axes: Axes) -> None:
        ends = np.array([min(honest.min(), public.min()), max(honest.max(), public.max())])
        axes.plot(ends, ends, color=INK, linewidth=0.8, label="as honest")
        if known:
            at = np.array([row["honest_score"] for row in known])
            reach = np.array([row["high"] for row in known]) - at
            axes.errorbar(
                at, at, reach, fmt="none", ecolor=FAINT, capsize=3, label="95 of 100 by chance"
            )
        axes.plot(honest, public, "o", color=BLUE, label="submission")
        axes.set(xlabel=f"honest {run.score_axis}", ylabel="public score")
        axes.locator_params(nbins=5)
        axes.legend()

    return chart("honest_and_public", "Honest score against public score", alt, draw)


def _table(run: ReportedRun, sent: Submissions) -> Table:
    columns = [
        Column("when", "date (UTC)"),
        Column("message", "message"),
        Column("honest_score", f"honest {run.score_label}", run.score_text, numeric=True),
        Column("public_score", "public", run.score_text, numeric=True),
        Column("gap", "gap", run.score_text, numeric=True),
        Column("low", "expected from", run.score_text, numeric=True),
        Column("high", "to", run.score_text, numeric=True),
        Column("private_score", "private", run.score_text, numeric=True),
        Column("status", ""),
    ]
    return Table("rows", "Submissions", columns, list(sent.rows))
