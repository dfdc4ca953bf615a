"""Blends of members, each with its fitted and its honest score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.base import Metric, Target, UsageError
from ensembles.by_target import Fit
from ensembles.choice import blocks_in_time, choose, mean_of
from ensembles.fitted import Fitted, averaged
from ensembles.methods import METHODS, Method, methods_for, parts_of
from ensembles.outer import comparable, estimate_of, kept_members, outer_folds
from ensembles.sample import Floats, Sample, sample_of, stack
from pipelines.folds import Folds
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold


@dataclass(frozen=True, eq=False)
class Blend:
    """One prediction, made from those of the members.

    Attributes:
        method: a name in `METHODS`, or several with plus signs, for the mean of these blends.
        members: names of the models.
        weights: [members] float64, non-negative, sum 1: the share of each member.
        fitted_score: on the rows that the blend was fitted on; too good.
        honest_score: of `honest`. For a metric of the order of rows alone, the mean within folds,
            because models of different folds need not agree on a level.
        estimate: how the honest score was made; see `pipelines.results.inner`.
        honest: [n], [n, classes] or [n, targets] float64: each fold predicted with everything
            chosen on its inner folds, the method too where it was chosen by its score; NaN where
            nothing is predicted.
        pooled_score: of `honest` over all rows at once, the folds together.
        test: [m], [m, classes] or [m, targets] float64 test predictions, on the metric's scale.
        gap: how much lower the mean loss of other weights could be at most, where that is known.
    """

    method: str
    members: tuple[str, ...]
    weights: Floats
    fitted_score: float
    honest_score: float
    estimate: Estimate
    honest: Floats
    pooled_score: float
    test: Floats
    gap: float | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The methods that are averaged; one, if the blend is not a mean of blends."""
        return parts_of(self.method)


def check_members(members: Sequence[OutOfFold]) -> None:
    """Check that members can be blended.

    Raises:
        UsageError: if there is none, one is duplicate, or their data, folds or covered rows
            differ.
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
    method: str,
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    baseline: str | None = None,
) -> Blend:
    """Return the blend of out-of-fold predictions by a method.

    Args:
        method: a name in `METHODS`, or several, as in "top+convex": the mean of these blends.
        members: the out-of-fold predictions to blend.
        target: [n] or [n, targets], on the metric's scale, or a `Truth` of it.
        folds: those of the members; the honest score leaves out one after the other.
        metric: what the blend should be good at.
        baseline: the member that others have to beat to be blended; None blends all.

    Raises:
        UsageError: if the members cannot be blended, or the method is unknown or does not suit.
    """
    return _Blending(members, target, folds, metric, baseline).by(method)


def best_blend(
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    methods: Sequence[str] | None = None,
    baseline: str | None = None,
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

    Raises:
        UsageError: as `blend`.
    """
    blending = _Blending(members, target, folds, metric, baseline)
    names = blending.usual() if methods is None else list(methods)
    tried = [blending.by(name) for name in names]
    if len(tried) == 1:
        return tried[0], tried
    chosen, honest_choice = blending.choice(tried)
    if chosen not in tried:
        tried.append(chosen)
    return honest_choice, tried


class _Blending:
    """Members that can be blended, stacked once for all methods."""

    def __init__(
        self,
        members: Sequence[OutOfFold],
        target: Target,
        folds: Folds,
        metric: Metric,
        baseline: str | None,
    ) -> None:
        check_members(members)
        if folds.fingerprint != members[0].folds_fingerprint:
            raise UsageError("The members were trained on other folds than the honest score needs.")
        self.members, self.metric, self.target = members, metric, target
        names = [member.model for member in members]
        self.baseline = names.index(baseline) if baseline in names else None
        self.fold_of_row = folds.fold_of_row()
        self.growing = folds.growing
        self.sample = sample_of(members, target)
        self.test = stack((member.test for member in members), len(members))
        self.estimate = estimate_of(members, folds)
        self.outer = outer_folds(members, target, folds, self.estimate)
        covered = self.fold_of_row[members[0].covered]
        self.kept = kept_members(metric, self.sample, covered, self.baseline)
        self.kept_outer = [
            kept_members(metric, one.sample, one.fold_of_row, self.baseline) for one in self.outer
        ]
        self._parts: dict[str, tuple[Fitted, Floats]] = {}

    def usual(self) -> list[str]:
        """Return the methods that are tried when none is named; one member needs no blending."""
        if max(map(len, (self.kept, *self.kept_outer))) == 1:
            return ["equal"]
        return methods_for(self.metric, self.sample.columns)

    def by(self, name: str) -> Blend:
        """Return the blend by a method, or the mean of several blends."""
        fits, predictions = zip(*(self._part(part) for part in parts_of(name)), strict=True)
        fitted = averaged(fits)
        sample, kept = self.sample.of(self.kept), list(self.kept)
        honest = mean_of(predictions, range(len(predictions)))
        honest_score, pooled = self._scores(honest)
        return Blend(
            method=name,
            members=tuple(self.members[place].model for place in kept),
            weights=fitted.weights,
            fitted_score=self.metric.score(self.sample.target, fitted.predict(sample.predictions)),
            honest_score=honest_score,
            estimate=self.estimate,
            honest=honest,
            pooled_score=pooled,
            test=fitted.predict(self.test[:, kept]),
            gap=fitted.gap,
        )

    def choice(self, tried: Sequence[Blend]) -> tuple[Blend, Blend]:
        """Return the chosen blend, and the same with the choice inside its honest score."""
        honest = [blend.honest for blend in tried]
        joined = np.full_like(honest[0], np.nan)
        for place, outer in enumerate(self.outer):
            chosen = self._choice_for(place, tried)
            joined[outer.rows] = mean_of([values[outer.rows] for values in honest], chosen)
        scored = np.concatenate([outer.rows for outer in self.outer])
        chosen = self._choose(honest, np.sort(scored))
        one = tried[chosen[0]]
        if len(chosen) > 1:
            one = self.by("+".join(tried[number].method for number in chosen))
        score, pooled = self._scores(joined)
        return one, replace(one, honest=joined, honest_score=score, pooled_score=pooled)

    def _choice_for(self, place: int, tried: Sequence[Blend]) -> tuple[int, ...]:
        """Return the blends that are chosen for an outer fold, by its inner folds alone."""
        outer = self.outer[place]
        if self.estimate is Estimate.NESTED:
            sample = outer.sample.of(self.kept_outer[place])
            predictions = [
                mean_of(
                    [
                        honest_predictions(
                            self._method(part).fit, sample, outer.fold_of_row, self.metric
                        )
                        for part in blend.parts
                    ],
                    range(len(blend.parts)),
                )
                for blend in tried
            ]
            levelled = [comparable(self.metric, p, outer.fold_of_row) for p in predictions]
            return choose(self.metric, sample.whole()[1], levelled)
        others = self.outer[:place] if self.growing else [o for o in self.outer if o is not outer]
        if not others:
            return (0,)
        return self._choose(
            [blend.honest for blend in tried], np.sort(np.concatenate([o.rows for o in others]))
        )

    def _choose(self, honest: Sequence[Floats], rows: NDArray[np.int64]) -> tuple[int, ...]:
        """Return the blends that are chosen by their honest predictions of some rows."""
        folds = self.fold_of_row[rows]
        groups = blocks_in_time(folds) if self.growing else None
        levelled = [comparable(self.metric, values[rows], folds) for values in honest]
        return choose(self.metric, self.target[rows], levelled, groups)

    def _part(self, name: str) -> tuple[Fitted, Floats]:
        """Return a method fitted on all rows, and its honest predictions, NaN where there are none.

        For each outer fold it is fitted on the inner folds.
        """
        if name not in self._parts:
            fit = self._method(name).fit
            honest = np.full(self.members[0].valid.shape, np.nan)
            for outer, kept in zip(self.outer, self.kept_outer, strict=True):
                fitted = fit(outer.sample.of(kept), self.metric)
                honest[outer.rows] = fitted.predict(outer.predictions[:, list(kept)])
            self._parts[name] = fit(self.sample.of(self.kept), self.metric), honest
        return self._parts[name]

    def _scores(self, honest: Floats) -> tuple[float, float]:
        """Return the score of honest predictions, and that of all folds together."""
        rows = [outer.rows for outer in self.outer]
        everything = np.sort(np.concatenate(rows))
        pooled = self.metric.score(self.target[everything], honest[everything])
        if not self.metric.order_alone:
            return pooled, pooled
        within = [self.metric.score(self.target[fold], honest[fold]) for fold in rows]
        return float(np.nanmean(within)), pooled

    def _method(self, name: str) -> Method:
        if name not in METHODS:
            raise UsageError(f"There is no method {name!r}. Known: auto, {', '.join(METHODS)}.")
        if not METHODS[name].suits(self.metric, self.sample.columns):
            suiting = [
                other
                for other, method in METHODS.items()
                if method.suits(self.metric, self.sample.columns)
            ]
            raise UsageError(
                f"The method {name!r} does not suit {self.metric.label} here. "
                f"These do: auto, {', '.join(suiting)}."
            )
        return METHODS[name]


def honest_predictions(
    fit: Fit, sample: Sample, fold_of_row: NDArray[np.int64], metric: Metric
) -> Floats:
    """Return predictions of each fold by a blend that was fitted on the other folds.

    Args:
        fit: of a method.
        sample: all rows.
        fold_of_row: [n], of the rows of the sample.
        metric: what the blend should be good at.

    Returns:
        [n] or [n, columns].
    """
    predictions = np.empty((len(sample.predictions), *sample.predictions.shape[2:]))
    for fold in np.unique(fold_of_row):
        inside = fold_of_row == fold
        fitted = fit(sample.only(~inside), metric)
        predictions[inside] = fitted.predict(sample.predictions[inside])
    return predictions
