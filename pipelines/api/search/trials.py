"""What is told of the trials of a search, and of its outcome: in words, and as JSON values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comps.base import Metric
from pipelines.api.progress import clock
from pipelines.tuning import State, TrialResult
from pipelines.tuning.best import Best


def trial_line(
    metric: Metric, results: Sequence[TrialResult], total: int, seconds_left: float
) -> tuple[str, dict[str, Any]]:
    """Return what is told of the last of some trials."""
    result = results[-1]
    best = best_of(metric, results)
    ended = f"trial {result.trial.number}"
    if result.score is not None:
        ended += f" {metric.label} {result.score:.{metric.digits}f}"
    elif result.state is State.PRUNED:
        ended += f" pruned after {len(result.fold_scores)} folds"
    else:
        ended += f" failed: {result.reason}"
    if best is not None and best.score is not None:
        ended += f", best {best.score:.{metric.digits}f} of trial {best.trial.number}"
    left = f"about {clock(seconds_left)} left"
    text = f"[{len(results)}/{total}] {ended}, {result.seconds:.1f} s, {left}"
    return text, {
        **trial_row(result),
        "best": None if best is None else best.score,
        "done": len(results),
        "total": total,
        "seconds_left": seconds_left,
    }


def best_of(metric: Metric, results: Sequence[TrialResult]) -> TrialResult | None:
    """Return the best complete trial; None if there is none."""
    complete = [result for result in results if result.score is not None]
    return min(complete, key=lambda result: metric.sort_key(result.score or 0.0), default=None)


def ranked(metric: Metric, results: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials of a study, best first, those without a score last."""
    return sorted(
        results,
        key=lambda result: (
            result.score is None,
            metric.sort_key(result.score or 0.0),
            result.trial.number,
        ),
    )


def outcome(metric: Metric, best: Best) -> tuple[str, dict[str, Any]]:
    """Return the outcome of a search: scores of the best trial and the declaration, and a verdict.

    Two scores are of the folds of the search, which chose the best one, and two of rows that it
    never saw, if there was a check.
    """

    def shown(score: float | None) -> str:
        return "none" if score is None else f"{score:.{metric.digits}f}"

    check = best.check
    text = (
        f"{best.model}, trial {best.number}: {metric.label} {shown(best.score)} on the folds of "
        f"the search, as declared {shown(best.default_score)}. {_verdict(metric, best, shown)}"
    )
    return text, {
        "model": best.model,
        "study": best.study,
        "trial": best.number,
        "params": dict(best.params),
        "score": best.score,
        "default_score": best.default_score,
        "outer_rows": None if check is None else check.rows,
        "outer_share": None if check is None else check.share,
        "outer_score": None if check is None else check.score,
        "default_outer_score": None if check is None else check.default_score,
        "gain": None if check is None else check.gain,
        "gain_error": None if check is None else check.error,
        "unchecked": best.unchecked,
        "used": best.gains(),
    }


def _verdict(metric: Metric, best: Best, shown: Callable[[float | None], str]) -> str:
    if best.check is None:
        return f"comps run --tuned keeps the declared parameters: {best.unchecked}."
    check = best.check
    verdict = (
        f"comps run --tuned uses {parameters_text(best.params)}."
        if best.gains()
        else "That is not more than one standard error: comps run --tuned keeps the declared "
        "parameters."
    )
    found = best.found(metric)
    return (
        f"{found[0].upper()}{found[1:]}: {shown(check.score)}, as declared "
        f"{shown(check.default_score)}. {verdict}"
    )


def trial_row(result: TrialResult) -> dict[str, Any]:
    """Return a trial as JSON values."""
    return {
        "trial": result.trial.number,
        "state": str(result.state),
        "score": result.score,
        "fold_scores": list(result.fold_scores),
        "step": result.step,
        "seconds": result.seconds,
        "params": dict(result.trial.params),
        "reason": result.reason,
    }


def parameters_text(params: Mapping[str, Any]) -> str:
    """Return parameters as people read them."""

    def shown(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)

    return " ".join(f"{name}={shown(value)}" for name, value in params.items())
