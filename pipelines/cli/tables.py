"""The tables that commands show, and the same rows for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Competition, Family, Metric, base_name
from ensembles import Blend
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    from rich.table import Table

Rows = list[dict[str, Any]]
Floats = NDArray[np.float64]


def leaderboard(
    competition: Competition,
    oofs: Mapping[str, OutOfFold],
    blend: Blend | None,
    target: NDArray[np.float64],
) -> tuple[Table, Rows]:
    """Return the models from best to worst; marks those that do not beat the baseline.

    `target` is on the metric's scale, for the competition's further metrics.
    """
    metric = competition.metric
    weights = dict(zip(blend.members, blend.weights, strict=True)) if blend else {}
    baseline = oofs.get(competition.baseline.name)
    rows = []
    for oof in sorted(oofs.values(), key=lambda oof: metric.sort_key(oof.score)):
        rows.append(
            {
                "model": oof.model,
                "family": str(family_of(competition, oof)),
                "score": oof.score,
                "nested_score": _nested_score(metric, target, oof),
                **_further(competition, target, oof.valid),
                "fold_mean": float(oof.fold_scores.mean()),
                "fold_std": float(oof.fold_scores.std(ddof=1)),
                "repeats": oof.n_repeats,
                "step": oof.step,
                "fit_seconds": oof.fit_seconds,
                "weight": float(weights.get(oof.model, 0.0)),
                "note": _note(metric, oof, baseline),
            }
        )
    return _leaderboard_table(competition, rows), rows


def _nested_score(metric: Metric, target: Floats, oof: OutOfFold) -> float | None:
    """Return the score with the stopping point chosen without the scored fold and its targets."""
    return None if oof.nested is None else metric.score(target, oof.nested.outer)


def family_of(competition: Competition, oof: OutOfFold) -> Family:
    """Return the family of a member, which may come from another tool."""
    return Family.IMPORTED if oof.imported else competition.model(base_name(oof.model)).family


def _further(
    competition: Competition, target: NDArray[np.float64], predictions: NDArray[np.float64]
) -> dict[str, float]:
    """Return the competition's further metrics by name, on the rows that are predicted."""
    covered = np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1)
    return {
        other.name: other.score(target[covered], predictions[covered]) for other in competition.also
    }


def _note(metric: Metric, oof: OutOfFold, baseline: OutOfFold | None) -> str:
    origin = "imported" if oof.imported else ""
    if baseline is None:
        return origin
    if oof.model == baseline.model:
        return "baseline"
    return origin if metric.better(oof.score, than=baseline.score) else "does not beat the baseline"


def _leaderboard_table(competition: Competition, rows: Rows) -> Table:
    metric, also = competition.metric, competition.also
    nested = all(row["nested_score"] is not None for row in rows)
    table = new_table(
        "",
        ["model"],
        [
            f"OOF {metric.label}",
            *([str(Estimate.NESTED)] if nested else []),
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
            str(Estimate.NESTED),
        ],
    )
    table.add_column("")
    digits = metric.digits
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['score']:.{digits}f}",
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


def blends(
    competition: Competition,
    tried: Sequence[Blend],
    chosen: Blend,
    target: NDArray[np.float64],
) -> tuple[Table, Rows]:
    """Return the ways to blend that were tried; `target` as in `leaderboard`.

    What was chosen among them has an honest score of its own, which counts the choice.
    """
    metric, also = competition.metric, competition.also
    how = str(chosen.estimate)
    within = " within folds" if metric.order_alone else ""
    further = [f"{how} {other.label}" for other in also]
    fitted = f"fitted {metric.label}"
    headings = [f"{how} {metric.label}{within}", *further, fitted]
    table = new_table("", ["blend"], headings, spare=[*further, fitted])
    table.add_column("")
    rows = []
    for blend in tried:
        row = {
            "method": blend.method,
            "honest_score": blend.honest_score,
            "pooled_score": blend.pooled_score,
            "estimate": str(blend.estimate),
            **{
                f"honest_{name}": x
                for name, x in _further(competition, target, blend.honest).items()
            },
            "fitted_score": blend.fitted_score,
            "gap": blend.gap,
            "chosen": blend.method == chosen.method,
        }
        if row["chosen"]:
            row["honest_score_of_choice"] = chosen.honest_score
        rows.append(row)
        table.add_row(
            "their mean" if len(blend.parts) > 1 and len(tried) > 1 else blend.method,
            f"{blend.honest_score:.{metric.digits}f}",
            *(f"{row[f'honest_{other.name}']:.{other.digits}f}" for other in also),
            f"{blend.fitted_score:.{metric.digits}f}",
            _chosen(metric, blend, chosen) if len(tried) > 1 else "",
        )
    return table, rows


def _chosen(metric: Metric, blend: Blend, chosen: Blend) -> str:
    if blend.method != chosen.method:
        return "averaged" if blend.method in chosen.parts else ""
    if blend.honest_score == chosen.honest_score:
        return "chosen"
    return f"chosen; {chosen.honest_score:.{metric.digits}f} with its choice"


def contributions(
    metric: Metric, members: Sequence[OutOfFold], chosen: Blend, errors: Floats, gains: Floats
) -> tuple[Table, Rows]:
    """Return what each member brings: see `ensembles.diversity`."""
    table = new_table(
        "",
        ["member"],
        [f"OOF {metric.label}", "weight", "error correlation", "most with", "convex blend gains"],
        spare=["most with", "error correlation", "weight"],
    )
    rows: Rows = []
    for number, oof in enumerate(members):
        others = [index for index in range(len(members)) if index != number]
        nearest = max(others, key=lambda index: errors[number, index], default=None)
        row = {
            "model": oof.model,
            "score": oof.score,
            "weight": float(chosen.weights[number]),
            "mean_error_correlation": float(errors[number, others].mean()) if others else None,
            "nearest": None if nearest is None else members[nearest].model,
            "error_correlations": {
                members[index].model: float(errors[number, index]) for index in others
            },
            "gain": float(gains[number]) if others else None,
        }
        rows.append(row)
        if nearest is None:
            continue
        table.add_row(
            oof.model,
            f"{oof.score:.{metric.digits}f}",
            f"{row['weight']:.3f}",
            f"{row['mean_error_correlation']:.3f}",
            f"{row['nearest']} {errors[number, nearest]:.3f}",
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
