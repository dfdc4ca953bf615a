"""Training: how the score went on with rounds or epochs, in each fold and in their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.reports.charts import BLUE, INK, chart, short
from pipelines.reports.parts import Part, Plot, Section, Text
from pipelines.reports.run import Curves, Floats, ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DRAWN = 12
# Of the stages, in which a curve falls from where it began: drawn, but they do not set the axis.
_BEGINNING = 0.1


def training(run: ReportedRun) -> Section | None:
    """Return the learning curves; None where nothing was trained in steps."""
    names = [str(row["model"]) for row in run.members if str(row["model"]) in run.curves]
    if not names:
        return None
    parts: list[Part] = [
        Text(
            "Thin: the score in each fold. Thick: their mean, by which one stopping point is "
            "chosen for all folds: the dashed line. The mean ends where patience does."
        )
    ]
    parts += [_plot(run, name, run.curves[name]) for name in names[:MOST_DRAWN]]
    if len(names) > MOST_DRAWN:
        parts.append(
            Text(f"The curves of the best {MOST_DRAWN} of {len(names)} members.", kind="small")
        )
    once = [
        str(row["model"])
        for row in run.members
        if (row.get("step") or 1) > 1 and str(row["model"]) not in run.curves
    ]
    if once:
        text = f"Without a curve, for they are scored at their end alone: {', '.join(once)}."
        parts.append(Text(text, kind="small"))
    return Section("training", "Training", parts)


def _plot(run: ReportedRun, name: str, curves: Curves) -> Plot:
    guide = run.score_label if run.metric is None else run.metric.guide.label
    score = curves.mean[np.searchsorted(curves.steps, curves.step).clip(0, len(curves.mean) - 1)]
    alt = (
        f"Learning curves of {name}: {guide} in {len(curves.folds)} folds and their mean, from "
        f"{curves.unit} {curves.steps[0]} to {curves.steps[-1]}. It stops at {curves.unit} "
        f"{curves.step}, where the mean is {run.score_text(float(score))}."
    )
    data = {
        "unit": curves.unit,
        "stop_at": curves.step,
        "steps": curves.steps,
        "mean": curves.mean,
        "folds": [{"steps": steps, "scores": scores} for steps, scores in curves.folds],
    }
    return chart(
        f"curves-{name}",
        f"{short(name, 40)}: stops at {curves.unit} {curves.step:,}",
        alt,
        lambda axes: _draw(axes, curves, guide),
        data,
    )


def _draw(axes: Axes, curves: Curves, guide: str) -> None:
    for steps, scores in curves.folds:
        axes.plot(steps, scores, color=BLUE, linewidth=0.9, alpha=0.7)
    axes.plot(curves.steps, curves.mean, color=BLUE, linewidth=2.6)
    axes.axvline(curves.step, color=INK, linewidth=1, linestyle="--")
    axes.set(xlabel=f"{curves.unit}s", ylabel=guide)
    axes.locator_params(axis="x", integer=True)
    last = max([curves.steps[-1], *(steps[-1] for steps, _ in curves.folds)])
    # Folds may go on for long after the mean has ended.
    axes.set_xlim(right=min(last, 2 * curves.steps[-1]) * 1.03)
    _focus(axes, [scores for _, scores in curves.folds] + [curves.mean])


def _focus(axes: Axes, curves: list[Floats]) -> None:
    """Give the axis to what comes after the beginning, where curves fall from far away."""
    later = [scores[int(len(scores) * _BEGINNING) :] for scores in curves]
    values = np.concatenate(later)
    values = values[np.isfinite(values)]
    if len(values) and np.ptp(values) > 0:
        margin = 0.08 * np.ptp(values)
        axes.set_ylim(values.min() - margin, values.max() + margin)
