"""What `comps compare` shows, and the same for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comps.base import Competition, Family, Metric
from ensembles.compare import Comparison, Interval
from pipelines.cli.tables import Rows, family_of, new_table
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    from rich.table import Table

# The usual level; the interval that is shown with it covers 95 %.
LEVEL = 0.05


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
    rows: Rows = []
    for oof in sorted(members, key=lambda oof: metric.sort_key(oof.score)):
        seconds = oof.fit_seconds / oof.fold_scores.size
        rows.append(
            {
                "model": oof.model,
                "family": str(family_of(competition, oof)),
                "score": oof.score,
                "step": oof.step,
                "fold_seconds": seconds,
                "size": oof.size,
            }
        )
        table.add_row(
            oof.model,
            f"{oof.score:.{metric.digits}f}",
            str(oof.step) if oof.step > 1 else "",
            f"{seconds:.2f}",
            "" if oof.size is None else f"{oof.size / 1e6:.3g}",
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
            _interval(metric, pair.folds.interval),
            _p_value(pair.folds.p_value),
            *([_p_value(pair.p_holm)] if corrected else []),
            f"{pair.wins}/{pair.n_folds}{tied}",
            _interval(metric, pair.overall_interval),
        )
    return table, [_row(pair) for pair in against_best]


def verdicts(
    metric: Metric, families: Mapping[str, Family], pairs: Sequence[Comparison]
) -> list[tuple[str, dict[str, Any]]]:
    """Return in plain sentences what the tests say.

    Of two members, which is better; of more, which the best one is better than, and whether the
    best network and the best boosting model can be told apart.

    Args:
        metric: what was compared.
        families: of the members, by name.
        pairs: of all members.
    """
    if len(pairs) == 1:
        return [_on_pair(metric, pairs, pairs[0])]
    rivals = [pair for pair in pairs if {families[pair.first], families[pair.second]} == _RIVALS]
    # Pairs come in the order of the scores: the first holds the best of both.
    return [_on_best(pairs), *(_on_pair(metric, pairs, pair) for pair in rivals[:1])]


_RIVALS = {Family.NETWORK, Family.BOOSTING}


def _on_best(pairs: Sequence[Comparison]) -> tuple[str, dict[str, Any]]:
    best = pairs[0].first
    against_best = [pair for pair in pairs if pair.first == best]
    worse = [pair.second for pair in against_best if _told_apart(pair)]
    alike = [pair.second for pair in against_best if not _told_apart(pair)]
    sentences = [
        f"{best} is better than {', '.join(worse)}." if worse else "",
        f"The data do not tell {best} apart from {', '.join(alike)}." if alike else "",
        f"(p below {LEVEL}, corrected for {len(pairs)} pairs.)",
    ]
    text = " ".join(sentence for sentence in sentences if sentence)
    return text, {"best": best, "better_than": worse, "not_told_apart_from": alike}


def _on_pair(
    metric: Metric, pairs: Sequence[Comparison], pair: Comparison
) -> tuple[str, dict[str, Any]]:
    judged = (
        f"{pair.first} is better than {pair.second}"
        if _told_apart(pair)
        else f"The data do not tell {pair.first} and {pair.second} apart: {pair.first} is ahead"
    )
    of_pairs = f", corrected for {len(pairs)} pairs" if len(pairs) > 1 else ""
    text = (
        f"{judged} by {pair.folds.mean:.{metric.digits}f} {metric.label} a fold (95 % interval "
        f"{_interval(metric, pair.folds.interval)}, p {_p_value(pair.p_holm)}{of_pairs})."
    )
    return text, _row(pair)


def _told_apart(pair: Comparison) -> bool:
    """Whether the first, better on all rows, is so in the folds, and not by chance."""
    return pair.p_holm < LEVEL and pair.folds.mean > 0


def _interval(metric: Metric, interval: Interval) -> str:
    return f"{interval.low:.{metric.digits}f} to {interval.high:.{metric.digits}f}"


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _row(pair: Comparison) -> dict[str, Any]:
    return {
        "first": pair.first,
        "second": pair.second,
        "mean_difference": pair.folds.mean,
        "interval": _limits(pair.folds.interval),
        "p_value": _number(pair.folds.p_value),
        "p_holm": _number(pair.p_holm),
        "wins": pair.wins,
        "ties": pair.ties,
        "folds": pair.n_folds,
        "overall_difference": pair.overall,
        "overall_interval": _limits(pair.overall_interval),
        "told_apart": _told_apart(pair),
    }


def _limits(interval: Interval) -> list[float | None]:
    return [_number(interval.low), _number(interval.high)]


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
