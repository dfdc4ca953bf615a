"""The outer folds of an honest score, each with the predictions that choices are made by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, Target
from ensembles.sample import Floats, Sample, stack
from pipelines.folds import Folds
from pipelines.results.inner import Estimate, Inner, inner_folds
from pipelines.results.oof import OutOfFold


@dataclass(frozen=True, eq=False)
class OuterFold:
    """A fold that is scored, and the inner predictions by which everything is chosen for it.

    Attributes:
        rows: [v] int64, numbers of its rows among all training rows.
        sample: members' predictions of the inner folds; no target of the outer fold is in it, and
            in a nested estimate no model that was trained on one.
        inside: [rows of the sample that are used] int64, their numbers among all training rows.
        fold_of_row: [rows of the sample that are used] int64, the inner fold of each.
        own: [v, members] or [v, members, columns], of the outer rows; None where these are rows of
            the sample that are not used, and are copied when they are asked for.
    """

    rows: NDArray[np.int64]
    sample: Sample
    inside: NDArray[np.int64]
    fold_of_row: NDArray[np.int64]
    own: NDArray[np.floating] | None

    @property
    def predictions(self) -> NDArray[np.floating]:
        """[v, members] or [v, members, columns], of the outer rows."""
        return self.sample.predictions[self.rows] if self.own is None else self.own


def estimate_of(members: Sequence[OutOfFold], folds: Folds) -> Estimate:
    """Return the best estimate that all members allow.

    Where folds grow with time, choices are made on earlier blocks. Elsewhere it is nested if
    every member has models without each pair of folds; imported members have none.
    """
    if folds.growing:
        return Estimate.TIME_ORDERED
    nested = all(member.nested is not None for member in members)
    return Estimate.NESTED if nested else Estimate.CROSS_FITTED


def outer_folds(
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    estimate: Estimate,
    whole: Sample | None = None,
) -> list[OuterFold]:
    """Return the folds that can be scored, in their order.

    The first block of folds that grow with time is not among them: nothing comes before it.

    Args:
        members: of the same data and folds.
        target: [n], [n, targets] or a `Truth`, all training rows.
        folds: those of the members.
        estimate: see `estimate_of`.
        whole: the members' predictions of all rows, where these are stacked already.
    """
    fold_of_row = np.where(members[0].covered, folds.fold_of_row(), -1)
    values = [_inner_of(member, estimate) for member in members]
    shared = None
    if all(inner is None or inner.inner is None for inner in values):
        # Nothing was chosen otherwise without some fold: all folds look at the same predictions.
        shared = whole or Sample(stack((member.valid for member in members), len(members)), target)
    found = []
    for outer in range(folds.n_folds):
        rows = np.flatnonzero(fold_of_row == outer)
        inside = np.isin(fold_of_row, inner_folds(folds, estimate, outer))
        if estimate is Estimate.TIME_ORDERED:
            # Behind a gap: targets of the last rows are not known yet.
            inside &= folds.trained_on(outer)
        if not inside.any():
            continue
        if shared is not None:
            sample = shared.only(inside)
        else:
            parts = (
                _inner_part(member, inner, outer, inside)
                for member, inner in zip(members, values, strict=True)
            )
            sample = Sample(stack(parts, len(members)), target[inside])
        # Of imported members nothing was chosen for a fold: they are not there twice.
        own = None if not any(values) else _outer_part(members, values, rows)
        found.append(OuterFold(rows, sample, np.flatnonzero(inside), fold_of_row[inside], own))
    return found


def _outer_part(
    members: Sequence[OutOfFold], values: Sequence[Inner | None], rows: NDArray[np.int64]
) -> NDArray[np.floating]:
    parts = (
        (member.valid if inner is None else inner.outer)[rows]
        for member, inner in zip(members, values, strict=True)
    )
    return stack(parts, len(members))


def _inner_of(member: OutOfFold, estimate: Estimate) -> Inner | None:
    return member.nested if estimate is Estimate.NESTED else member.stored


def _inner_part(
    member: OutOfFold, inner: Inner | None, outer: int, inside: NDArray[np.bool_]
) -> Floats:
    """Return a member's predictions of the inner rows of an outer fold."""
    if inner is None or inner.inner is None:
        return member.valid[inside]
    part: Floats = inner.inner[outer][inside].astype(np.float64)
    return part


def comparable(metric: Metric, predictions: Floats, fold_of_row: NDArray[np.int64]) -> Floats:
    """Return predictions on one level in all folds, for a metric of the order of rows alone.

    Models of different folds need not agree on a level, which lowers the AUC of all rows together.
    Ranks within each fold, as shares of it, have no level; for other metrics nothing is changed.

    Args:
        metric: that scores them.
        predictions: [n]; or [n, columns], each of which is ranked by itself: of classes, each is
            set against all others, and several labels have the mean of their scores.
        fold_of_row: [n].

    >>> from comps.metrics import ROC_AUC
    >>> comparable(ROC_AUC, np.array([0.1, 0.2, 0.8, 0.7]), np.array([0, 0, 1, 1])).tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    if not metric.order_alone:
        return predictions
    from scipy.stats import rankdata

    ranks = np.empty(predictions.shape)
    for fold in np.unique(fold_of_row):
        rows = fold_of_row == fold
        ranks[rows] = rankdata(predictions[rows], axis=0) / rows.sum()
    return ranks


def kept_members(
    metric: Metric, sample: Sample, fold_of_row: NDArray[np.int64], baseline: int | None
) -> tuple[int, ...]:
    """Return the places of the members that beat the baseline, or its own place if none does.

    Args:
        metric: by which they are compared; being better by its guide is enough, too.
        sample: the rows to look at.
        fold_of_row: the fold of each of them.
        baseline: its place among the members; None keeps all.
    """
    if baseline is None:
        return tuple(range(sample.n_members))
    target = sample.target if sample.rows is None else sample.target[sample.rows]
    better: set[int] = set()
    for judged in dict.fromkeys((metric, metric.guide)):
        scores = [
            judged.score(target, comparable(judged, member, fold_of_row))
            for member in sample.each()
        ]
        better |= {
            n for n, score in enumerate(scores) if judged.better(score, than=scores[baseline])
        }
    return tuple(sorted(better)) or (baseline,)
