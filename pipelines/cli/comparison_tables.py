"""What `comps compare` shows, and the same for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from comps.base import Competition, Metric
from pipelines.api.comparing import cost_rows
from pipelines.api.verdicts import interval_text, p_text, pair_row
from pipelines.cli.tables import Rows, new_table

if TYPE_CHECKING:
    from rich.table import Table

    from ensembles.compare import Comparison
    from pipelines.results.oof import OutOfFold


def comparison(competition: Competition, members: Sequence[OutOfFold]) -> tuple[Table, Rows]:
    """Return the scores fold by fold and what they took, best member first."""
    metric = competition.metric
    ordered = sorted(members, key=lambda oof: metric.sort_key(oof.score))
    table = new_table("", ["fold"], [oof.model for oof in ordered])
    rows: Rows = []
    n_repeats, n_folds = ordered[0].fold_scores.shape
    for repeat in range(n_repeats):
        for fold in range(n_folds):
            scores = [float(oof.fold_scores[repeat, fold]) for oof in ordered]
            best = metric.best(scores)
            cells = [f"{score:.{metric.digits}f}" for score in scores]
            cells[best] = f"{cells[best]} *"
            shuffled = f" (repeat {repeat + 1})" if n_repeats > 1 else ""
            table.add_row(f"{fold + 1}{shuffled}", *cells)
            rows.append(
                {"repeat": repeat + 1, "fold": fold + 1}
                | {oof.model: score for oof, score in zip(ordered, scores, strict=True)}
            )
    return table, rows


def costs(competition: Competition, members: Sequence[OutOfFold]) -> tuple[Table, Rows]:
    """Return the members with their scores on all rows and what a fold takes, best first."""
    metric = competition.metric
    table = new_table(
        "",
        ["model"],
        [f"OOF {metric.label}", "stop at", "fit s a fold", "size MB"],
        spare=["size MB", "stop at"],
    )
    rows = cost_rows(competition, members)
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['score']:.{metric.digits}f}",
            str(row["step"]) if row["step"] > 1 else "",
            f"{row['fold_seconds']:.2f}",
            "" if row["size"] is None else f"{row['size'] / 1e6:.3g}",
        )
    return table, rows


def differences(metric: Metric, pairs: Sequence[Comparison]) -> tuple[Table, Rows]:
    """Return how far the best member is ahead of each other one; `pairs` are of all members."""
    best = pairs[0].first
    corrected = len(pairs) > 1
    table = new_table(
        "",
        [f"{best} over"],
        ["a fold", "95 % interval", "p", *(["Holm"] if corrected else []), "folds", "other rows"],
        spare=["other rows", "folds", *(["p"] if corrected else []), "95 % interval"],
    )
    against_best = [pair for pair in pairs if pair.first == best]
    for pair in against_best:
        tied = f", {pair.ties} tied" if pair.ties else ""
        table.add_row(
            pair.second,
            f"{pair.folds.mean:+.{metric.digits}f}",
            interval_text(metric, pair.folds.interval),
            p_text(pair.folds.p_value),
            *([p_text(pair.p_holm)] if corrected else []),
            f"{pair.wins}/{pair.n_folds}{tied}",
            interval_text(metric, pair.overall_interval),
        )
    return table, [pair_row(pair) for pair in against_best]


def rivals(rows: Rows) -> Table:
    """Return the best network against each boosting model, for many competitions."""
    table = new_table(
        "",
        ["competition", "network", "boosting"],
        ["network's", "boosting's", "gain a fold", "95 % interval", "p (Holm)", "s a fold", "MB"],
        spare=["MB", "s a fold", "95 % interval"],
    )
    for row in rows:
        digits = row["digits"]
        table.add_row(
            f"{row['competition']} ({row['metric']})",
            row["network"],
            row["boosting"],
            f"{row['network_score']:.{digits}f}",
            f"{row['boosting_score']:.{digits}f}",
            f"{row['gain']:+.{digits}f}" + (" *" if row["told_apart"] else ""),
            " to ".join("?" if end is None else f"{end:+.{digits}f}" for end in row["interval"]),
            "" if row["p_holm"] is None else p_text(row["p_holm"]),
            f"{row['network_seconds']:.1f}, {row['boosting_seconds']:.1f}",
            ", ".join(
                "" if size is None else f"{size / 1e6:.2g}"
                for size in (row["network_size"], row["boosting_size"])
            ),
        )
    return table
