"""Predictions of each model with its stopping point chosen without the fold that is scored.

Whatever is chosen by scores (the stopping point, members, weights) is chosen too well for the rows
that were scored. An honest score therefore leaves out a fold, the outer one, chooses on what is
left, the inner folds, and only then scores the outer one. Stored out-of-fold predictions are not
quite enough: the model that predicted an inner fold was trained on the outer one, so that its
curve, and even the sign of its errors, depend on the outer targets. `Estimate` names the ways to
deal with this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Metric, Target, Truth, UsageError
from pipelines.folds import Folds, Held, Rows
from pipelines.results.fold_result import FoldResult
from pipelines.results.stopping import stopping_stage, waited_for

Floats = NDArray[np.float64]
Results = Mapping[Held, FoldResult]


class Estimate(StrEnum):
    """The kind of an honest score: which models predicted the inner folds."""

    # Inner folds are predicted by models that were trained without the outer fold.
    NESTED = "nested"
    # Inner folds are predicted by the ordinary models of the folds, which saw the outer fold.
    CROSS_FITTED = "cross-fitted"
    # Folds grow with time: the choice for a block is made on earlier blocks, which is exact.
    TIME_ORDERED = "time-ordered"


def inner_folds(folds: Folds, estimate: Estimate, outer: int) -> list[int]:
    """Return the folds whose predictions decide what is chosen for an outer fold.

    >>> from pipelines.folds import FoldSpec
    >>> pairs = [(np.delete(np.arange(4), row), np.array([row])) for row in range(4)]
    >>> four = Folds(FoldSpec("kfold", 4), 4, [pairs])
    >>> inner_folds(four, Estimate.NESTED, 0), inner_folds(four, Estimate.CROSS_FITTED, 0)
    ([1, 3], [1, 2, 3])
    """
    if estimate is Estimate.TIME_ORDERED:
        return list(range(outer))
    if estimate is Estimate.CROSS_FITTED:
        return [fold for fold in range(folds.n_folds) if fold != outer]
    partners = {fold for held in folds.neighbours if outer in held for fold in held}
    return sorted(partners - {outer})


@dataclass(frozen=True, eq=False)
class Inner:
    """One model's predictions of the inner folds of each outer fold, and of the outer folds.

    Attributes:
        estimate: how they were made.
        steps: [folds] int64, the step chosen without each outer fold; 0 where there was nothing
            to choose by.
        inner: [folds, n] or [folds, n, classes] float32: in the first place k the rows of the
            inner folds of outer fold k at its step, NaN elsewhere. None where no step was chosen
            otherwise than on all folds: then they are the out-of-fold predictions.
        outer: [n] or [n, classes] float64: the rows of each fold by its ordinary models, at the
            step that was chosen without it; NaN where there was none.
    """

    estimate: Estimate
    steps: NDArray[np.int64]
    inner: NDArray[np.float32] | None
    outer: Floats


def join(folds: Folds, repeats: Sequence[Results], step: int) -> Floats:
    """Return the predictions of all rows at a step, the mean over the repeats; NaN where none.

    Returns:
        [n] or [n, classes] float64 on the metric's scale.
    """
    tail = repeats[0][0,].valid.shape[2:]
    joined = np.full((len(repeats), folds.n_rows, *tail), np.nan)
    for repeat, results in enumerate(repeats):
        for held in folds.single:
            result = results[held]
            joined[repeat, folds.rows(repeat, held)[1]] = result.valid[result.stage(step)]
    mean: Floats = joined.mean(axis=0)
    return mean


def stored_inner(
    metric: Metric,
    patience: int | None,
    folds: Folds,
    repeats: Sequence[Results],
    step: int,
    truth: Target,
) -> Inner:
    """Return the predictions of the inner folds by the ordinary models of the folds.

    The estimate is time-ordered, and exact, where folds grow with time. Elsewhere it is
    cross-fitted, and not quite exact: an inner fold was predicted by a model that had been trained
    on the outer one.

    Args:
        metric: what stages are chosen by.
        patience: of the model.
        folds: the rows of each fold.
        repeats: results of the folds of each repeat; the first decides on the steps.
        step: that is chosen on all folds.
        truth: [n] or [n, targets], on the metric's scale: behind a gap, the curve of an earlier
            block is that of the rows whose targets are known by then.
    """
    estimate = Estimate.TIME_ORDERED if folds.growing else Estimate.CROSS_FITTED
    truth = Truth.of(truth)
    joined = {step: join(folds, repeats, step)}

    def at(wanted: int, rows: Rows) -> Array:
        if wanted not in joined:
            joined[wanted] = join(folds, repeats, wanted)
        return joined[wanted][rows]

    def curve_of(result: FoldResult, rows: Rows, known: NDArray[np.bool_]) -> Floats:
        if known.all():
            return result.curve
        scores = [metric.score(truth[rows[known]], values[known]) for values in result.valid]
        return np.array(scores, dtype=np.float64)

    def sources(outer: int) -> list[_Source]:
        found = []
        for fold in inner_folds(folds, estimate, outer):
            result, rows = repeats[0][fold,], folds.rows(0, (fold,))[1]
            known = np.ones(len(rows), dtype=bool)
            if folds.growing:
                known = folds.trained_on(outer)[rows]
                if not known.any():
                    continue
            curve = waited_for(metric, result.steps, curve_of(result, rows, known), patience)
            found.append(_Source(rows, curve, result.steps, at))
        return found

    return _chosen(estimate, metric, folds, sources, at, step)


def nested_inner(
    metric: Metric,
    patience: int | None,
    folds: Folds,
    repeats: Sequence[Results],
    pairs: Results,
) -> Inner:
    """Return the predictions of the inner folds by models without the outer fold: nested.

    A model without folds j and k predicts j for the outer fold k, and k for j. For k, its curve
    counts as far as the patience on the rows of j would have let it go.

    Args:
        metric: what stages are chosen by.
        patience: of the model.
        folds: the rows of each fold.
        repeats: results of the folds of each repeat, which predict the outer folds.
        pairs: results of the first repeat without each of `folds.neighbours`.
    """

    def source(held: Held, fold: int) -> _Source:
        result, place = pairs[held], held.index(fold)
        rows = [folds.rows(0, (each,))[1] for each in held]
        first = sum(map(len, rows[:place]))
        curve = waited_for(metric, result.steps, result.curves[place], patience)

        def at(step: int, own: Rows) -> Array:
            return result.valid[result.stage(step), first : first + len(own)]

        return _Source(rows[place], curve, result.steps, at)

    def sources(outer: int) -> list[_Source]:
        return [
            source(held, fold) for held in pairs if outer in held for fold in held if fold != outer
        ]

    def outer_at(step: int, rows: Rows) -> Array:
        return join(folds, repeats, step)[rows]

    return _chosen(Estimate.NESTED, metric, folds, sources, outer_at, None)


@dataclass(frozen=True, eq=False)
class _Source:
    """The predictions of an inner fold.

    Attributes:
        rows: of the fold.
        curve: [s] the metric on them, up to the stage where patience runs out.
        steps: [s or more].
        at: `(step, rows) -> predictions` of these rows.
    """

    rows: Rows
    curve: Floats
    steps: NDArray[np.int64]
    at: Callable[[int, Rows], Array]


def _chosen(
    estimate: Estimate,
    metric: Metric,
    folds: Folds,
    sources: Callable[[int], list[_Source]],
    outer_at: Callable[[int, Rows], Array],
    usual: int | None,
) -> Inner:
    """Choose the step of each outer fold on its inner folds, and predict both there."""
    steps = np.zeros(folds.n_folds, dtype=np.int64)
    found: list[tuple[int, Rows, Array]] = []
    outer_found: list[tuple[Rows, Array]] = []
    for outer in range(folds.n_folds):
        parts = sources(outer)
        if not parts:
            continue
        curves = [part.curve for part in parts]
        try:
            stage, _ = stopping_stage(metric, curves)
        except UsageError:
            # The metric is not defined on the inner folds, such as the AUC of one class.
            stage = min(map(len, curves)) - 1
        steps[outer] = step = int(parts[0].steps[stage])
        found += [(outer, part.rows, part.at(step, part.rows)) for part in parts]
        rows = folds.rows(0, (outer,))[1]
        outer_found.append((rows, outer_at(step, rows)))
    tail = outer_found[0][1].shape[1:]
    outer_values = np.full((folds.n_rows, *tail), np.nan)
    for rows, values in outer_found:
        outer_values[rows] = values
    if usual is not None and np.isin(steps, (0, usual)).all():
        return Inner(estimate, steps, None, outer_values)
    inner = np.full((folds.n_folds, folds.n_rows, *tail), np.nan, dtype=np.float32)
    for outer, rows, values in found:
        inner[outer, rows] = values
    return Inner(estimate, steps, inner, outer_values)
