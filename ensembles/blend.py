"""Blending members, with the score on the rows that were fitted and an honest one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, UsageError
from ensembles.weights import SOLVERS, Floats, convex_weights
from pipelines.folds import Folds
from pipelines.oof import OutOfFold

Fit = Callable[[Floats, Floats, Metric], Floats]


@dataclass(frozen=True, eq=False)
class Blend:
    """A weighted mean of members.

    Attributes:
        method: how the weights were found.
        members: names of the models.
        weights: [members] float64, non-negative, sum 1.
        fitted_score: on the rows that the weights were fitted on; too good.
        honest_score: on each fold with weights fitted on the other folds.
        honest: [n] or [n, classes] float64, the predictions that `honest_score` is of; NaN
            where the members predict nothing.
        test: [m] or [m, classes] float64 test predictions, on the metric's scale.
    """

    method: str
    members: tuple[str, ...]
    weights: Floats
    fitted_score: float
    honest_score: float
    honest: Floats
    test: Floats


def _equal(predictions: Floats, target: Floats, metric: Metric) -> Floats:
    del target, metric
    n_members = predictions.shape[1]
    return np.full(n_members, 1 / n_members)


def _best_single(predictions: Floats, target: Floats, metric: Metric) -> Floats:
    scores = [metric.score(target, member) for member in np.moveaxis(predictions, 1, 0)]
    weights = np.zeros(len(scores))
    weights[metric.best(scores)] = 1.0
    return weights


def _convex(predictions: Floats, target: Floats, metric: Metric) -> Floats:
    return convex_weights(metric.loss, predictions, target).weights


# From the simplest: of equal honest scores, the first is chosen.
METHODS: Mapping[str, Fit] = {"best": _best_single, "equal": _equal, "convex": _convex}


def check_members(members: Sequence[OutOfFold]) -> None:
    """Check that members can be blended.

    Raises:
        UsageError: if there is none, one is there twice, or their data, folds or covered
            rows differ.
    """
    if not members:
        raise UsageError("There is nothing to blend: no model has out-of-fold predictions.")
    names = [member.model for member in members]
    if len(set(names)) != len(names):
        raise UsageError(f"A model is named twice among the members: {', '.join(names)}.")
    first = members[0]
    for other in members[1:]:
        for what in ("data_fingerprint", "folds_fingerprint"):
            if getattr(other, what) != getattr(first, what):
                raise UsageError(
                    f"'{first.model}' and '{other.model}' cannot be blended: their "
                    f"{what.partition('_')[0]} differ. Train both on the same "
                    f"{what.partition('_')[0]}."
                )
        if not np.array_equal(other.covered, first.covered):
            raise UsageError(
                f"'{first.model}' and '{other.model}' cannot be blended: they predict "
                "different training rows."
            )


def blend(
    method: str, members: Sequence[OutOfFold], target: Floats, folds: Folds, metric: Metric
) -> Blend:
    """Fit the weights of a method on out-of-fold predictions.

    Args:
        method: a name in `METHODS`.
        members: the out-of-fold predictions to blend.
        target: [n], on the metric's scale.
        folds: those of the members; the honest score leaves out one after the other.
        metric: what the weights should be good at.

    Raises:
        UsageError: if the members do not go together or the method is unknown.
    """
    check_members(members)
    if folds.fingerprint != members[0].folds_fingerprint:
        raise UsageError("The members were trained on other folds than the honest score needs.")
    if method not in METHODS:
        raise UsageError(f"There is no method {method!r}. Known: {', '.join(METHODS)}.")
    fit = METHODS[method]
    covered = members[0].covered
    rows = np.stack([member.valid[covered] for member in members], axis=1)
    goal = target[covered]
    weights = fit(rows, goal, metric)
    honest = np.full(members[0].valid.shape, np.nan)
    honest[covered] = _honest_predictions(fit, rows, goal, folds.fold_of_row()[covered], metric)
    return Blend(
        method=method,
        members=tuple(member.model for member in members),
        weights=weights,
        fitted_score=metric.score(goal, _weighted(rows, weights)),
        honest_score=metric.score(goal, honest[covered]),
        honest=honest,
        test=_weighted(np.stack([member.test for member in members], axis=1), weights),
    )


def _honest_predictions(
    fit: Fit, rows: Floats, target: Floats, fold_of_row: NDArray[np.int64], metric: Metric
) -> Floats:
    """Predict each fold with weights that were fitted on the others."""
    predictions = np.empty((len(rows), *rows.shape[2:]))
    for fold in np.unique(fold_of_row):
        inside = fold_of_row == fold
        weights = fit(rows[~inside], target[~inside], metric)
        predictions[inside] = _weighted(rows[inside], weights)
    return predictions


def _weighted(rows: Floats, weights: Floats) -> Floats:
    """Return the weighted mean over axis 1 of [n, members] or [n, members, classes]."""
    mean: Floats = np.tensordot(rows, weights, axes=(1, 0))
    return mean


def best_blend(
    members: Sequence[OutOfFold],
    target: Floats,
    folds: Folds,
    metric: Metric,
    methods: Sequence[str] | None = None,
) -> tuple[Blend, list[Blend]]:
    """Return the blend of the best honest score, and all that were tried.

    Args:
        members: the out-of-fold predictions to blend.
        target: [n], on the metric's scale.
        folds: those of the members.
        metric: what is compared.
        methods: names in `METHODS`; None tries those that fit the metric.
    """
    if methods is None:
        methods = [name for name in METHODS if name != "convex" or metric.loss in SOLVERS]
    tried = [blend(method, members, target, folds, metric) for method in methods]
    return tried[metric.best([candidate.honest_score for candidate in tried])], tried
