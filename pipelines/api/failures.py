"""What a command says of models that failed, and when they leave nothing to submit."""

from __future__ import annotations

from collections.abc import Sequence

from comps.base import Competition, Model, WorkbenchError
from pipelines.crossval import CrossValidation


def reasons(outcome: CrossValidation) -> list[tuple[str, str]]:
    """Return for each model that failed its name, and why, in one line with the path of its log."""
    return [
        (name, f"{' '.join(reason.split())} (log: {outcome.logs[name]})")
        for name, reason in outcome.failures.items()
    ]


def check_trained(outcome: CrossValidation) -> None:
    """Check that something was trained.

    Raises:
        WorkbenchError: if no model has out-of-fold predictions; with the first reason.
    """
    if not outcome.oofs:
        failed = [f"{name}: {why}" for name, why in reasons(outcome)]
        raise WorkbenchError(
            "No model was trained. " + (failed[0] if failed else "The time limit is too short.")
        )


def check_submittable(
    competition: Competition, models: Sequence[Model], outcome: CrossValidation
) -> str | None:
    """Check that more than the baseline is left to submit, if more was asked for.

    Args:
        competition: names the baseline.
        models: that were to be trained.
        outcome: what came of it.

    Returns:
        A warning where the baseline stands alone because it was asked for alone or the time was
        over; else None.

    Raises:
        WorkbenchError: if it stands alone because every other model failed.
    """
    baseline = competition.baseline.name
    if list(outcome.oofs) != [baseline]:
        return None
    others = [model.member for model in models if model.member != baseline]
    failed = [(name, why) for name, why in reasons(outcome) if name in others]
    if others and len(failed) == len(others):
        name, why = failed[0]
        raise WorkbenchError(
            f"Every model but the baseline '{baseline}' failed, so no submission is written. "
            f"{name}: {why}"
        )
    cause = "the time was over before another model was trained" if others else "asked for alone"
    return f"Warning: the submission is that of the baseline '{baseline}' alone: {cause}."
