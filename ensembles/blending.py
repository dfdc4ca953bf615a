"""Blending by any method: every choice that scores make is made inside the honest score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.base import Cuts, Metric, Prediction, Target, UsageError, decided
from ensembles.blended import Blend
from ensembles.by_target import Fit
from ensembles.choice import choose, mean_of
from ensembles.cuts import fit_cuts
from ensembles.fitted import Fitted, averaged
from ensembles.left_out import INDEPENDENT, Dependence
from ensembles.methods import METHODS, Method, methods_for, parts_of
from ensembles.outer import OuterFold, comparable, estimate_of, kept_members, outer_folds
from ensembles.sample import Columns, Floats, Sample, sample_of, stack
from pipelines.folds import Folds
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold

# Of more rows than this, a choice looks at blends that were fitted once for each fold. Below it, as
# levels do, once for each pair of folds: for five folds, at four times the time.
_MANY_ROWS = 50_000


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


@dataclass(frozen=True, eq=False)
class _Honest:
    """Honest predictions of the mean of some methods.

    Attributes:
        parts: the methods.
        values: [n] or [n, columns], NaN where nothing is predicted.
    """

    parts: tuple[str, ...]
    values: Floats


@dataclass(frozen=True, eq=False)
class _Inner:
    """The rows that decide what is chosen for an outer fold.

    Attributes:
        target: of these rows.
        parts: [rows] the fold of each.
        groups: [rows] that are left out at a time, see `difference_error`; None for any.
        predictions: of each of some blends, [rows] or [rows, columns].
    """

    target: Target
    parts: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    predictions: Sequence[Floats]


class Blending:
    """Members that can be blended, stacked once for all methods."""

    def __init__(
        self,
        members: Sequence[OutOfFold],
        target: Target,
        folds: Folds,
        metric: Metric,
        baseline: str | None,
        dependence: Dependence = INDEPENDENT,
    ) -> None:
        check_members(members)
        if folds.fingerprint != members[0].folds_fingerprint:
            raise UsageError("The members were trained on other folds than the honest score needs.")
        self.members, self.metric, self.target = members, metric, target
        # Blends are fitted, and chosen among, by what is a guide before there are cut points.
        self.guide = metric.guide
        names = [member.model for member in members]
        self.baseline = names.index(baseline) if baseline in names else None
        self.fold_of_row = folds.fold_of_row()
        self.growing, self.dependence = folds.growing, dependence.along(folds)
        self.sample = sample_of(members, target)
        self.test = stack((member.test for member in members), len(members))
        self.several = self.sample.columns is Columns.TARGETS
        self.estimate = estimate_of(members, folds)
        whole = self.sample if members[0].covered.all() else None
        self.outer = outer_folds(members, target, folds, self.estimate, whole)
        self.known = [
            folds.trained_on(int(self.fold_of_row[one.rows[0]])) if folds.growing else None
            for one in self.outer
        ]
        self.many = int(members[0].covered.sum()) > _MANY_ROWS
        covered = self.fold_of_row[members[0].covered]
        self.kept = kept_members(metric, self.sample, covered, self.baseline)
        self.kept_outer = [
            kept_members(metric, one.sample, one.fold_of_row, self.baseline) for one in self.outer
        ]
        self._parts: dict[str, tuple[Fitted, Floats]] = {}
        self._inner_parts: dict[tuple[int, str], Floats] = {}

    def usual(self) -> list[str]:
        """Return the methods that are tried when none is named; one member needs no blending."""
        if max(map(len, (self.kept, *self.kept_outer))) == 1:
            return ["equal"]
        return methods_for(self.guide, self.sample.columns, in_time=self.growing)

    def by(self, name: str) -> Blend:
        """Return the blend by a method, or the mean of several blends."""
        fits, predictions = zip(*(self._part(part) for part in parts_of(name)), strict=True)
        fitted = averaged(fits)
        sample, kept = self.sample.of(self.kept), list(self.kept)
        honest = _Honest(parts_of(name), mean_of(predictions, range(len(predictions))))
        labels = self._labels(honest.values, [[honest]] * len(self.outer))
        cuts = self._cuts(honest.values)
        on_fitted = fitted.predict(sample.predictions)
        if labels is not None:
            on_fitted = decided(cuts, on_fitted, several=self.several)
        honest_score, pooled = self._scores(honest.values if labels is None else labels)
        return Blend(
            method=name,
            members=tuple(self.members[place].model for place in kept),
            weights=fitted.weights,
            fitted_score=self.metric.score(self.sample.target, on_fitted),
            honest_score=honest_score,
            estimate=self.estimate,
            honest=honest.values,
            pooled_score=pooled,
            test=fitted.predict(self.test[:, kept]),
            gap=fitted.gap,
            cuts=cuts,
            decided=labels,
            fitted=fitted,
        )

    def choice(self, tried: Sequence[Blend]) -> tuple[Blend, Blend]:
        """Return the chosen blend, and the same with the choice inside its honest score."""
        honest = [_Honest(blend.parts, blend.honest) for blend in tried]
        joined = np.full_like(tried[0].honest, np.nan)
        chosen_by_fold = []
        for place, outer in enumerate(self.outer):
            inner = self._inner(place, honest)
            chosen = (0,) if inner is None else self._choose(inner)
            joined[outer.rows] = mean_of([one.values[outer.rows] for one in honest], chosen)
            chosen_by_fold.append([honest[number] for number in chosen])
        everywhere = self._rows_of(honest, self.outer)
        chosen = (0,) if everywhere is None else self._choose(everywhere)
        one = tried[chosen[0]]
        if len(chosen) > 1:
            one = self.by("+".join(tried[number].method for number in chosen))
        labels = self._labels(joined, chosen_by_fold)
        score, pooled = self._scores(joined if labels is None else labels)
        return one, replace(
            one, honest=joined, honest_score=score, pooled_score=pooled, decided=labels
        )

    def _labels(self, honest: Floats, blends: Sequence[Sequence[_Honest]]) -> Floats | None:
        """Return the labels of each outer fold, as `decided`; None where none are needed.

        Their cut points are fitted on its inner folds.

        Args:
            honest: [n] or [n, columns].
            blends: those whose mean predicts each outer fold.
        """
        if self.metric.needs is not Prediction.LABEL:
            return None
        labels = np.full_like(honest, np.nan)
        for place, outer in enumerate(self.outer):
            inner, cuts = self._inner(place, blends[place]), None
            if inner is not None:
                mean = mean_of(inner.predictions, range(len(inner.predictions)))
                cuts = fit_cuts(self.metric, inner.target, mean, inner.parts, inner.groups)
            labels[outer.rows] = decided(cuts, honest[outer.rows], several=self.several)
        return labels

    def _cuts(self, honest: Floats) -> Cuts | None:
        """Return cut points fitted on the honest predictions of all rows."""
        inner = self._rows_of([_Honest((), honest)], self.outer)
        if inner is None:
            return None
        (predictions,) = inner.predictions
        return fit_cuts(self.metric, inner.target, predictions, inner.parts, inner.groups)

    def _inner(self, place: int, blends: Sequence[_Honest]) -> _Inner | None:
        """Return the rows that decide for an outer fold, as some blends predict them.

        Predictions are those of its inner folds, each by blends that were fitted on the others;
        None where there are no such rows. Of very many rows, and of two folds, they are the honest
        predictions of these folds, which the outer one has a part in: weights of so many rows
        hardly follow it, and of two folds nothing else is left to fit on.
        """
        outer = self.outer[place]
        single = outer.fold_of_row.min() == outer.fold_of_row.max()
        if self.growing or (self.estimate is Estimate.CROSS_FITTED and (self.many or single)):
            others = (
                self.outer[:place] if self.growing else [o for o in self.outer if o is not outer]
            )
            return self._rows_of(blends, others, self.known[place]) if others else None
        predictions = [
            mean_of([self._inner_part(place, part) for part in one.parts], range(len(one.parts)))
            for one in blends
        ]
        groups = self.dependence.of_rows(outer.inside)
        return _Inner(self.target[outer.inside], outer.fold_of_row, groups, predictions)

    def _inner_part(self, place: int, part: str) -> Floats:
        """Return what a method predicts for the inner folds, each fitted on the others."""
        if (place, part) not in self._inner_parts:
            outer = self.outer[place]
            sample = outer.sample.of(self.kept_outer[place])
            self._inner_parts[place, part] = honest_predictions(
                self._method(part).fit, sample, outer.fold_of_row, self.guide
            )
        return self._inner_parts[place, part]

    def _rows_of(
        self,
        blends: Sequence[_Honest],
        outer: Sequence[OuterFold],
        known: NDArray[np.bool_] | None = None,
    ) -> _Inner | None:
        """Return the rows of some outer folds, with the honest predictions of some blends.

        Of all rows those that are `known`, if that is given; None where there are none.
        """
        rows = np.sort(np.concatenate([one.rows for one in outer]))
        rows = rows if known is None else rows[known[rows]]
        if not len(rows):
            return None
        folds = self.fold_of_row[rows]
        groups = self.dependence.of_rows(rows)
        return _Inner(self.target[rows], folds, groups, [one.values[rows] for one in blends])

    def _choose(self, inner: _Inner) -> tuple[int, ...]:
        """Return the blends that are chosen by their predictions of some rows."""
        levelled = [comparable(self.guide, values, inner.parts) for values in inner.predictions]
        return choose(self.guide, inner.target, levelled, inner.groups)

    def _part(self, name: str) -> tuple[Fitted, Floats]:
        """Return a method fitted on all rows, and its honest predictions, NaN where there are none.

        For each outer fold it is fitted on the inner folds.
        """
        if name not in self._parts:
            fit = self._method(name).fit
            honest = np.full(self.members[0].valid.shape, np.nan)
            for outer, kept in zip(self.outer, self.kept_outer, strict=True):
                fitted = fit(outer.sample.of(kept), self.guide)
                honest[outer.rows] = fitted.predict(outer.predictions[:, list(kept)])
            self._parts[name] = fit(self.sample.of(self.kept), self.guide), honest
        return self._parts[name]

    def _scores(self, judged: Floats) -> tuple[float, float]:
        """Return the score of honest predictions, and that of all folds together."""
        rows = [outer.rows for outer in self.outer]
        everything = np.sort(np.concatenate(rows))
        pooled = self.metric.score(self.target[everything], judged[everything])
        if not self.metric.order_alone:
            return pooled, pooled
        within = [self.metric.score(self.target[fold], judged[fold]) for fold in rows]
        return float(np.nanmean(within)), pooled

    def _method(self, name: str) -> Method:
        if name not in METHODS:
            raise UsageError(f"There is no method {name!r}. Known: auto, {', '.join(METHODS)}.")
        if not METHODS[name].suits(self.guide, self.sample.columns):
            suiting = [
                other
                for other, method in METHODS.items()
                if method.suits(self.guide, self.sample.columns)
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
        sample: members' predictions.
        fold_of_row: [n], of the rows of the sample that are used.
        metric: what the blend should be good at.

    Returns:
        [n] or [n, columns].
    """
    used = np.arange(len(sample.target)) if sample.rows is None else np.flatnonzero(sample.rows)
    predictions = np.empty((len(used), *sample.predictions.shape[2:]))
    for fold in np.unique(fold_of_row):
        inside = fold_of_row == fold
        others = np.ones(len(sample.target), dtype=bool)
        others[used[inside]] = False
        fitted = fit(sample.only(others), metric)
        predictions[inside] = fitted.predict(sample.predictions[used[inside]])
    return predictions
