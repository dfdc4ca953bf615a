"""The leaderboard: every member's score in each fold, beside the blend and the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.reports.charts import BLUE, FAINT, INK, PAPER, RED, chart, short
from pipelines.reports.parts import Column, Part, Plot, Section, Table, Text
from pipelines.reports.run import Floats, ReportedRun, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More rows of a chart could not be read.
MOST_DRAWN = 20


def leaderboard(run: ReportedRun) -> Section | None:
    """Return the members with their scores, best first; None where there are none."""
    if not run.members:
        return None
    parts: list[Part] = [Text(run.headline)] if run.headline else []
    if run.fold_scores:
        parts.append(score_chart(run))
    parts.append(member_table(run))
    behind = [str(row["model"]) for row in run.members if fails(row)]
    if behind:
        names = ", ".join(behind)
        parts.append(
            Text(f"Does not beat the baseline, and is not blended: {names}.", kind="warning")
        )
    if len(run.members) > MOST_DRAWN:
        parts.append(
            Text(f"The best {MOST_DRAWN} of {len(run.members)} members are drawn.", kind="small")
        )
    parts += [Text(text) for text in run.pairs]
    return Section("leaderboard", "Leaderboard", parts)


def fails(row: Row) -> bool:
    """Whether a member is not better than the baseline."""
    return row.get("note") == "does not beat the baseline"


def member_table(run: ReportedRun) -> Table:
    """Return the table of the members."""
    further = () if run.competition is None else run.competition.also
    columns = [
        Column("model", "member"),
        Column("family", "family"),
        Column("score", f"out-of-fold {run.score_label}", run.score_text, numeric=True),
        Column("cut_score", "with cut points", run.score_text, numeric=True),
        Column("nested_score", "nested", run.score_text, numeric=True),
        *(Column(m.name, m.label, f"{{:.{m.digits}f}}".format, numeric=True) for m in further),
        Column("fold_mean", "mean of folds", run.score_text, numeric=True),
        Column("fold_std", "their deviation", run.score_text, numeric=True),
        Column("repeats", "repeats", lambda count: str(count) if count > 1 else "", numeric=True),
        Column("step", "stop at", lambda step: f"{step:,}" if step > 1 else "", numeric=True),
        Column("fit_seconds", "fit, s", "{:,.1f}".format, numeric=True),
        Column("size", "size, MB", _megabytes, numeric=True),
        Column("weight", "weight", lambda w: f"{w:.3f}" if w else "", numeric=True),
        Column("note", "note"),
    ]
    shown = [column for column in columns if any(column.cell(row) for row in run.members)]
    marked = frozenset(number for number, row in enumerate(run.members) if fails(row))
    return Table("members", "Members, best first", shown, run.members, marked)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.2f}" if size >= 1e4 else "< 0.01"


def score_chart(run: ReportedRun) -> Plot:
    """Return the chart of the scores: a line for each member, a point for each fold."""
    rows = run.members[:MOST_DRAWN]
    baseline = next((row for row in run.members if row.get("note") == "baseline"), None)
    lines = len(rows) + (run.blend is not None)
    best = rows[0]
    alt = (
        f"Scores of {len(rows)} members in each fold. Best: {best['model']} with "
        f"{run.score_label} {run.score_text(best['score'])}."
    )
    if baseline is not None:
        alt += f" The baseline has {run.score_text(baseline['score'])}."
    if run.blend is not None:
        alt += f" The blend has {run.score_text(run.blend.get('honest_score'))}, honestly."
    return chart(
        "scores",
        "Scores by fold",
        alt,
        lambda axes: _draw(axes, run, rows, baseline),
        run.fold_scores,
        height=0.95 + 0.3 * lines,
        note=_legend(run),
    )


def _legend(run: ReportedRun) -> str:
    legend = "Points: folds. Bar: their mean, and one standard deviation to each side. "
    legend += "Stroke: the score on all rows."
    if run.blend is not None:
        legend += " Diamond: the honest score of the blend; hollow: the fitted one, too good."
    return legend


def _draw(axes: Axes, run: ReportedRun, rows: Sequence[Row], baseline: Row | None) -> None:
    names, places = [], []
    if run.blend is not None:
        names.append("blend")
        places += _draw_blend(axes, run)
    for row in rows:
        name = str(row["model"])
        height, failing = len(names), fails(row) or row is baseline
        folds = _of_folds(run, row)
        colour = FAINT if failing else BLUE
        if len(folds) > 1:
            mean, spread = folds.mean(), folds.std(ddof=1)
            axes.hlines(height, mean - spread, mean + spread, colour, linewidth=5, alpha=0.35)
        axes.plot(folds, np.full(len(folds), height), "o", color=colour, ms=4, alpha=0.7)
        mark = "x" if failing else "|"
        axes.plot(float(row["score"]), height, mark, color=INK, ms=9, mew=1.8)
        names.append(name + (" (behind)" if fails(row) else ""))
        places += [] if failing else [*folds.tolist(), float(row["score"])]
    level = None if baseline is None else float(baseline["score"])
    label = run.score_axis
    if level is not None:
        label += _place_baseline(axes, run, level, places)
    axes.set(xlabel=label, ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.grid(axis="y", visible=False)


def _draw_blend(axes: Axes, run: ReportedRun) -> list[float]:
    """Draw the blend's honest and fitted score; return both."""
    assert run.blend is not None
    honest, fitted = (run.blend.get(name) for name in ("honest_score", "fitted_score"))
    found = [float(score) for score in (honest, fitted) if score is not None]
    if fitted is not None:
        axes.plot(fitted, 0, "D", ms=7, mfc=PAPER, mec=RED)
    if honest is not None:
        axes.plot(honest, 0, "D", ms=7, color=RED)
    return found


def _place_baseline(axes: Axes, run: ReportedRun, level: float, places: Sequence[float]) -> str:
    """Draw the baseline where it does not press all others together; else return where it is."""
    places = [place for place in places if np.isfinite(place)]
    if not places:
        axes.axvline(level, color=INK, linewidth=1, linestyle="--")
        return ""
    low, high = min(places), max(places)
    room = max(high - low, 1e-12)
    if low - 1.5 * room <= level <= high + 1.5 * room:
        axes.axvline(level, color=INK, linewidth=1, linestyle="--")
        return "; dashed: baseline"
    axes.set_xlim(low - 0.08 * room, high + 0.08 * room)
    side = "right" if level > high else "left"
    return f"\nbaseline {run.score_text(level)}: beyond the {side} edge"


def _of_folds(run: ReportedRun, row: Row) -> Floats:
    scores = run.fold_scores.get(str(row["model"]))
    found = np.asarray([] if scores is None else scores, dtype=np.float64).ravel()
    return found[np.isfinite(found)]
