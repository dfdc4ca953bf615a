"""The tables that commands show, and the same rows for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comps.base import Competition, Metric
from pipelines.api.result_rows import blend_rows, contribution_rows, leaderboard_rows

if TYPE_CHECKING:
    from rich.table import Table

    from ensembles import Blend
    from pipelines.api.results import Result

Rows = list[dict[str, Any]]
NESTED = "nested"
# Of labels that have no guide without cut points: fitted on the other folds.
CUT = "with cut points"


def leaderboard(result: Result) -> tuple[Table, Rows]:
    """Return the models from best to worst; marks those that do not beat the baseline."""
    rows = leaderboard_rows(result)
    return _leaderboard_table(result.competition, rows), rows


def _leaderboard_table(competition: Competition, rows: Rows) -> Table:
    metric, also = competition.metric, competition.also
    nested = all(row["nested_score"] is not None for row in rows)
    cut = any("cut_score" in row for row in rows)
    table = new_table(
        "",
        ["model"],
        [
            f"OOF {metric.label}",
            *([CUT] if cut else []),
            *([NESTED] if nested else []),
            *(other.label for other in also),
            "folds: mean ± sd",
            "repeats",
            "stop at",
            "fit s",
            "weight",
        ],
        spare=[
            "fit s",
            "repeats",
            "stop at",
            "folds: mean ± sd",
            *(o.label for o in also),
            NESTED,
        ],
    )
    table.add_column("")
    digits = metric.digits
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['score']:.{digits}f}",
            *([f"{row['cut_score']:.{digits}f}"] if cut else []),
            *([f"{row['nested_score']:.{digits}f}"] if nested else []),
            *(f"{row[other.name]:.{other.digits}f}" for other in also),
            f"{row['fold_mean']:.{digits}f} ± {row['fold_std']:.{digits}f}",
            str(row["repeats"]),
            str(row["step"]) if row["step"] > 1 else "",
            f"{row['fit_seconds']:.1f}",
            f"{row['weight']:.3f}" if row["weight"] > 0 else "",
            row["note"],
        )
    return table


def blends(result: Result) -> tuple[Table, Rows]:
    """Return the ways to blend that were tried.

    What was chosen among them has an honest score of its own, which counts the choice.
    """
    metric, also, chosen = result.metric, result.competition.also, result.blend
    assert chosen is not None
    how = str(chosen.estimate)
    within = " within folds" if metric.order_alone else ""
    further = [f"{how} {other.label}" for other in also]
    fitted = f"fitted {metric.label}"
    headings = [f"{how} {metric.label}{within}", *further, fitted]
    table = new_table("", ["blend"], headings, spare=[*further, fitted])
    table.add_column("")
    rows, tried = blend_rows(result), result.tried
    for row, blend in zip(rows, tried, strict=True):
        table.add_row(
            "their mean" if len(blend.parts) > 1 and len(tried) > 1 else blend.method,
            f"{blend.honest_score:.{metric.digits}f}",
            *(f"{row[f'honest_{other.name}']:.{other.digits}f}" for other in also),
            f"{blend.fitted_score:.{metric.digits}f}",
            "; ".join(
                text
                for text in (
                    _chosen(metric, blend, chosen) if len(tried) > 1 else "",
                    "" if blend.cuts is None else str(blend.cuts),
                )
                if text
            ),
        )
    return table, rows


def _chosen(metric: Metric, blend: Blend, chosen: Blend) -> str:
    if blend.method != chosen.method:
        return "averaged" if blend.method in chosen.parts else ""
    if blend.honest_score == chosen.honest_score:
        return "chosen"
    return f"chosen; {chosen.honest_score:.{metric.digits}f} with its choice"


def contributions(result: Result) -> tuple[Table, Rows]:
    """Return what each member brings: see `ensembles.diversity`."""
    metric = result.metric
    table = new_table(
        "",
        ["member"],
        [f"OOF {metric.label}", "weight", "error correlation", "most with", "convex blend gains"],
        spare=["most with", "error correlation", "weight"],
    )
    rows = contribution_rows(result)
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['score']:.{metric.digits}f}",
            f"{row['weight']:.3f}",
            f"{row['mean_error_correlation']:.3f}",
            f"{row['nearest']} {row['error_correlations'][row['nearest']]:.3f}",
            f"{row['gain']:+.{metric.digits + 1}f}",
        )
    return table, rows


def new_table(
    title: str, left: Sequence[str], right: Sequence[str], spare: Sequence[str] = ()
) -> Table:
    """Return a table with columns aligned to the left and, behind them, to the right.

    Args:
        title: above it; may be empty.
        left: headings.
        right: headings.
        spare: headings of those that a narrow terminal leaves out, the least important first.
    """
    from rich import box

    from pipelines.cli.width import SpareTable

    table = SpareTable(title=title or None, box=box.SIMPLE_HEAD, spare=spare)
    for heading in left:
        # Names of members with many changed parameters are long; they go on in the next line.
        table.add_column(heading, overflow="fold", max_width=36)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
