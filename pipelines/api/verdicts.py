"""What the tests of a comparison say, in sentences and as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from comps.base import Family, Metric
from ensembles.compare import Comparison, Interval

# The usual level; the interval that is shown with it covers 95 %.
LEVEL = 0.05
RIVALS = {Family.NETWORK, Family.BOOSTING}


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
    rivals = [pair for pair in pairs if {families[pair.first], families[pair.second]} == RIVALS]
    # Pairs come in the order of the scores: the first holds the best of both.
    return [_on_best(pairs), *(_on_pair(metric, pairs, pair) for pair in rivals[:1])]


def _on_best(pairs: Sequence[Comparison]) -> tuple[str, dict[str, Any]]:
    best = pairs[0].first
    against_best = [pair for pair in pairs if pair.first == best]
    worse = [pair.second for pair in against_best if told_apart(pair)]
    alike = [pair.second for pair in against_best if not told_apart(pair)]
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
        if told_apart(pair)
        else f"The data do not tell {pair.first} and {pair.second} apart: {pair.first} is ahead"
    )
    of_pairs = f", corrected for {len(pairs)} pairs" if len(pairs) > 1 else ""
    text = (
        f"{judged} by {pair.folds.mean:.{metric.digits}f} {metric.label} a fold (95 % interval "
        f"{interval_text(metric, pair.folds.interval)}, p {p_text(pair.p_holm)}{of_pairs})."
    )
    return text, pair_row(pair)


def told_apart(pair: Comparison) -> bool:
    """Whether the first, better on all rows, is so in the folds, and not by chance."""
    return pair.p_holm < LEVEL and pair.folds.mean > 0


def interval_text(metric: Metric, interval: Interval) -> str:
    """Return an interval as people read it."""
    return f"{interval.low:.{metric.digits}f} to {interval.high:.{metric.digits}f}"


def p_text(value: float) -> str:
    """Return a p-value as people read it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def pair_row(pair: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values."""
    return {
        "first": pair.first,
        "second": pair.second,
        "mean_difference": pair.folds.mean,
        "interval": _limits(pair.folds.interval),
        "p_value": number_or_none(pair.folds.p_value),
        "p_holm": number_or_none(pair.p_holm),
        "wins": pair.wins,
        "ties": pair.ties,
        "folds": pair.n_folds,
        "overall_difference": pair.overall,
        "overall_interval": _limits(pair.overall_interval),
        "told_apart": told_apart(pair),
    }


def _limits(interval: Interval) -> list[float | None]:
    return [number_or_none(interval.low), number_or_none(interval.high)]


def number_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
