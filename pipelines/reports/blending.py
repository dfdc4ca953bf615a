"""The blend: weights, how errors go together, and what each member brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Params
from pipelines.reports.charts import BLUE, INK, RED, chart, short
from pipelines.reports.parts import Column, Part, Plot, Section, Table, Text
from pipelines.reports.run import Floats, ReportedRun, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DRAWN = 20
# Above this a number has no room in its cell.
_MOST_NUMBERS, _MOST_LARGE = 9, 6


def blending(run: ReportedRun) -> Section | None:
    """Return what the blend is made of; None where nothing was blended."""
    blend = run.blend
    if blend is None:
        return None
    estimate = str(blend.get("estimate", "honest"))
    parts: list[Part] = [
        Text(
            f"Method '{blend['method']}'. {run.score_label}: {estimate} "
            f"{run.score_text(blend.get('honest_score'))}; "
            f"{run.score_text(blend.get('fitted_score'))} on the rows that the weights were "
            "fitted on, which is too good."
        )
    ]
    weights = {name: float(weight) for name, weight in blend.get("weights", {}).items()}
    used = by_weight(weights, [str(row["model"]) for row in run.members])
    if used:
        parts.append(_bars("weights", "Weights", "share of the blend", used, "weight"))
    if run.correlations is not None:
        parts += _heat_map(list(run.correlations[0]), run.correlations[1])
    gains = {name: gain for name, gain in run.gains.items() if np.isfinite(gain)}
    if gains:
        label = f"gain in {run.score_label} by the member"
        gains = dict(sorted(gains.items(), key=lambda pair: -pair[1]))
        note = "A bar to the right: without this member, the honest score of the convex blend "
        note += "would be worse by so much."
        parts.append(_bars("gains", "What each member brings", label, gains, "gain", note))
    if run.growth:
        parts.append(_growth(run, list(used)))
    if max(len(used), len(gains)) > MOST_DRAWN:
        parts.append(Text(f"The first {MOST_DRAWN} members are drawn.", kind="small"))
    if blend.get("tried"):
        parts.append(_tried(run, blend))
    return Section("blend", "Blend", parts)


def by_weight(weights: Mapping[str, float], members: Sequence[str]) -> dict[str, float]:
    """Return the members that have a weight, the largest first; of equal ones the better.

    Args:
        weights: by member.
        members: the best first.

    >>> by_weight({"a": 0.25, "b": 0.5, "c": 0.25, "d": 0.0}, ["c", "b", "a", "d"])
    {'b': 0.5, 'c': 0.25, 'a': 0.25}
    """
    rank = {name: place for place, name in enumerate(members)}
    used = [name for name, weight in weights.items() if weight > 0]
    used.sort(key=lambda name: (-weights[name], rank.get(name, len(rank))))
    return {name: weights[name] for name in used}


def _bars(
    name: str, title: str, label: str, values: dict[str, float], what: str, note: str = ""
) -> Plot:
    shown = dict(list(values.items())[:MOST_DRAWN])
    first, last = next(iter(shown)), list(shown)[-1]
    alt = (
        f"Bars of {len(shown)} members. The largest {what} has {first}, {shown[first]:.4g}; the "
        f"smallest {last}, {shown[last]:.4g}."
    )

    def draw(axes: Axes) -> None:
        colours = [BLUE if value >= 0 else RED for value in shown.values()]
        axes.barh(range(len(shown)), list(shown.values()), color=colours, height=0.62)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(shown)), [short(member) for member in shown])
        axes.set(xlabel=label, ylim=(len(shown) - 0.4, -0.6))
        axes.locator_params(axis="x", nbins=4)
        axes.grid(axis="y", visible=False)

    height = 0.85 + 0.3 * len(shown)
    return chart(name, title, alt, draw, dict(values), height=height, note=note)


def _heat_map(names: list[str], matrix: Floats) -> list[Part]:
    """Return the correlations as a heat map; none where errors are all equal."""
    names, matrix = names[:MOST_DRAWN], matrix[:MOST_DRAWN, :MOST_DRAWN]
    apart = np.where(np.eye(len(names), dtype=bool), np.nan, matrix)
    if not np.isfinite(apart).any():
        return []
    first, second = np.unravel_index(np.nanargmin(apart), apart.shape)
    alt = (
        f"Correlation of the errors of {len(names)} members. The least alike are "
        f"{names[first]} and {names[second]}, {matrix[first, second]:.2f}."
    )

    def draw(axes: Axes) -> None:
        # From the tenth below the least one: errors of good models are all alike.
        low = min(0.9, float(np.floor(10 * np.nanmin(matrix)) / 10))
        image = axes.imshow(matrix, vmin=low, vmax=1, interpolation="none", aspect="auto")
        ticks = range(len(names))
        axes.set_xticks(ticks, [short(name, 14) for name in names], rotation=40, ha="right")
        axes.set_yticks(ticks, [short(name, 20) for name in names])
        axes.grid(visible=False)
        if len(names) <= _MOST_NUMBERS:
            for (row, column), value in np.ndenumerate(matrix):
                ink = "black" if value > 0.55 * (1 - low) + low else "white"
                text, size = _in_cell(float(value), len(names))
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)
        assert axes.figure is not None
        axes.figure.colorbar(image, ax=axes, label="correlation of errors")

    height = max(2.4, 1.3 + 0.3 * len(names))
    data = {"members": names, "correlations": matrix}
    title = "How errors go together"
    return [chart("error_correlations", title, alt, draw, data, height=height)]


def _in_cell(value: float, members: int) -> tuple[str, float]:
    """Return a correlation as it has room in its cell, and the size of its letters.

    >>> _in_cell(0.885, 4)[0], _in_cell(0.885, 9)[0], _in_cell(-0.5, 9)[0]
    ('0.89', '.89', '-.50')
    """
    text = f"{value:.2f}"
    return (text, 10.5) if members <= _MOST_LARGE else (text.replace("0.", ".", 1), 8.5)


def _growth(run: ReportedRun, names: list[str]) -> Plot:
    assert run.blend is not None
    honest = run.blend.get("honest_score")
    alt = (
        f"Score of the members with the largest weights, added one after the other: "
        f"{run.score_text(run.growth[0])} of {names[0]} alone, {run.score_text(run.growth[-1])} of "
        f"all {len(run.growth)}, on the rows that the weights were fitted on. The honest score of "
        f"the blend is {run.score_text(honest)}."
    )

    def draw(axes: Axes) -> None:
        axes.plot(range(1, len(run.growth) + 1), run.growth, "o-", color=BLUE, ms=4, label="fitted")
        if honest is not None:
            axes.axhline(honest, color=RED, linestyle="--", label="blend, honest")
        axes.set(xlabel="members, by weight", ylabel=run.score_axis)
        axes.locator_params(axis="x", integer=True)
        axes.legend()

    data = {"members": names, "fitted_scores": run.growth}
    return chart("growth", "Score by number of members", alt, draw, data)


def _tried(run: ReportedRun, blend: Params) -> Table:
    columns = [
        Column("method", "method"),
        Column(
            "honest_score",
            f"{blend.get('estimate', 'honest')} {run.score_label}",
            run.score_text,
            numeric=True,
        ),
        Column("fitted_score", f"fitted {run.score_label}", run.score_text, numeric=True),
        Column("remark", ""),
    ]
    rows = [{**row, "remark": _remark(run, row)} for row in blend["tried"]]
    return Table("tried", "Ways to blend that were tried", columns, rows)


def _remark(run: ReportedRun, row: Row) -> str:
    """Return whether a way was chosen, and what it scores with the choice counted."""
    if not row.get("chosen"):
        return ""
    honest = row.get("honest_score_of_choice")
    if honest is None or honest == row.get("honest_score"):
        return "chosen"
    return f"chosen; {run.score_text(honest)} with its choice"
