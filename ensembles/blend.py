"""Blends of members, each with its fitted and its honest score."""

from __future__ import annotations

from collections.abc import Sequence

from comps.base import Metric, Target
from ensembles.blended import Blend
from ensembles.blending import Blending, check_members, honest_predictions
from ensembles.left_out import INDEPENDENT, Dependence
from pipelines.folds import Folds
from pipelines.results.oof import OutOfFold

__all__ = ["Blend", "best_blend", "blend", "check_members", "honest_predictions"]


def blend(
    method: str,
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    baseline: str | None = None,
    dependence: Dependence = INDEPENDENT,
) -> Blend:
    """Return the blend of out-of-fold predictions by a method.

    Args:
        method: a name in `METHODS`, or several, as in "top+convex": the mean of these blends.
        members: the out-of-fold predictions to blend.
        target: [n] or [n, targets], on the metric's scale, or a `Truth` of it.
        folds: those of the members; the honest score leaves out one after the other.
        metric: what the blend should be good at.
        baseline: the member that others have to beat to be blended; None blends all.
        dependence: what rows have in common, of which errors of what is chosen follow.

    Raises:
        UsageError: if the members cannot be blended, or the method is unknown or does not suit.
    """
    return Blending(members, target, folds, metric, baseline, dependence).by(method)


def best_blend(
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    methods: Sequence[str] | None = None,
    baseline: str | None = None,
    dependence: Dependence = INDEPENDENT,
) -> tuple[Blend, list[Blend]]:
    """Return the blend that `ensembles.choice.choose` takes, and all that were tried.

    The chosen blend is the first one, or the mean of all whose honest scores cannot be told from
    the best; such a mean is the last of those tried. A choice by honest scores is part of the
    honest score: each fold is predicted by the blend that would have been chosen on its inner
    folds, and `honest_score` is the score of these predictions.

    Args:
        members: the out-of-fold predictions to blend.
        target: [n] or [n, targets], on the metric's scale, or a `Truth` of it.
        folds: those of the members.
        metric: what is compared.
        methods: names in `METHODS`; None tries those that suit the metric.
        baseline: as in `blend`.
        dependence: as in `blend`.

    Raises:
        UsageError: as `blend`.
    """
    blending = Blending(members, target, folds, metric, baseline, dependence)
    names = blending.usual() if methods is None else list(methods)
    tried = [blending.by(name) for name in names]
    if len(tried) == 1:
        return tried[0], tried
    chosen, honest_choice = blending.choice(tried)
    if chosen not in tried:
        tried.append(chosen)
    return honest_choice, tried
