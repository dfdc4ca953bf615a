"""Blends in levels: members to blends, these to a blend, and honest at each level.

A blend of blends is fitted on predictions of blends, which were fitted on targets themselves. For
an honest prediction of fold k, no weight of any level may follow from a target of k, not even
through the rows that the level above is fitted on. So the predictions of a fold j that the level
above is fitted on come from blends without both j and k, and so on for each further level. Members
themselves are predictions of the folds' ordinary models, at the stopping point that was chosen
without k: the estimate is cross-fitted, or in time time-ordered, as it is of a blend of one level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.base import Cuts, Metric, Prediction, Target, UsageError, decided
from ensembles.blended import Blend
from ensembles.blending import check_members
from ensembles.choice import choose
from ensembles.cuts import fit_cuts
from ensembles.fitted import Fitted, averaged
from ensembles.left_out import INDEPENDENT, Dependence
from ensembles.methods import AUTO, METHODS, methods_for
from ensembles.outer import comparable
from ensembles.sample import Columns, Floats, Sample, stack
from pipelines.folds import Folds
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold

# Folds without whose targets something is fitted.
Without = frozenset[int]


@dataclass(frozen=True)
class Level:
    """A blend of members, or of blends that are named before it.

    Attributes:
        name: of the blend.
        parts: names of what it is made of.
        method: one of `ensembles.METHODS`, or "auto": the best by their honest scores, which are
            made without the folds that the blend is made without.
    """

    name: str
    parts: tuple[str, ...]
    method: str


def blend_levels(
    levels: Sequence[Level],
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    dependence: Dependence = INDEPENDENT,
) -> list[Blend]:
    """Return the blend of each level, in their order, each with its own honest score.

    Args:
        levels: each of members and of levels before it; the last one is the blend of all.
        members: of the same data and folds; those that no level names are left out.
        target: [n], [n, targets] or a `Truth`, all training rows.
        folds: those of the members.
        metric: what blends should be good at.
        dependence: what rows have in common, of which errors of what is chosen follow.

    Raises:
        UsageError: if a level names something unknown, or a method does not suit.
    """
    check_members(members)
    tree = _Tree(levels, members, target, folds, metric, dependence)
    return [tree.blend(level) for level in levels]


@dataclass(frozen=True, eq=False)
class _FittedTree:
    """A blend of a level with the blends below it, as one blend of the members.

    Attributes:
        top: its name.
        fits: of each level, with the names of its parts.
        members: names, in the order of the predictions.
    """

    top: str
    fits: Mapping[str, tuple[Fitted, tuple[str, ...]]]
    members: tuple[str, ...]
    gap: None = None

    @property
    def weights(self) -> Floats:
        """[members], the share of each: the products of the weights on its ways to the top."""
        shares = dict.fromkeys(self.members, 0.0)

        def share(name: str, weight: float) -> None:
            if name in shares:
                shares[name] += weight
                return
            fitted, parts = self.fits[name]
            for part, own in zip(parts, fitted.weights, strict=True):
                share(part, weight * float(own))

        share(self.top, 1.0)
        return np.array(list(shares.values()))

    def predict(self, predictions: NDArray[np.floating]) -> Floats:
        """See `Fitted`."""
        places = {name: place for place, name in enumerate(self.members)}

        def of(name: str) -> Floats:
            if name in places:
                return predictions[:, places[name]].astype(np.float64, copy=False)
            fitted, parts = self.fits[name]
            return fitted.predict(stack(map(of, parts), len(parts)))

        return of(self.top)


class _Tree:
    """Fits of levels, each made once for each set of folds that it does without."""

    def __init__(
        self,
        levels: Sequence[Level],
        members: Sequence[OutOfFold],
        target: Target,
        folds: Folds,
        metric: Metric,
        dependence: Dependence,
    ) -> None:
        self.levels = {level.name: level for level in levels}
        self.members = {member.model: member for member in members}
        self.target, self.metric, self.guide = target, metric, metric.guide
        self.dependence = dependence.along(folds)
        self.growing, self.n_folds = folds.growing, folds.n_folds
        covered = members[0].covered
        of_row = np.where(covered, folds.fold_of_row(), -1)
        self.rows = [np.flatnonzero(of_row == fold) for fold in range(folds.n_folds)]
        self.fold_of_row = of_row
        self._trained_on = [folds.trained_on(fold) for fold in range(folds.n_folds)]
        first = members[0].valid
        self.tail = first.shape[1:]
        self.columns = Columns.of(first[:, None], target)
        # Stopping points that were chosen without a fold make a fit depend on which is scored.
        self._stopped = any(
            member.stored is not None and member.stored.inner is not None for member in members
        )
        self._fits: dict[tuple[str, Without, int | None], Fitted | None] = {}
        self._check(levels)
        usual = methods_for(self.guide, self.columns, in_time=self.growing)
        # What a choice is among: a blend of each method, which no level names.
        self._trials = {
            level.name: [
                replace(level, name=f"{level.name}: {name}", method=name) for name in usual
            ]
            for level in levels
            if level.method == AUTO
        }
        for trials in self._trials.values():
            self.levels |= {trial.name: trial for trial in trials}
        self._choices: dict[tuple[str, Without, int | None], list[str]] = {}

    def _check(self, levels: Sequence[Level]) -> None:
        known = set(self.members)
        for level in levels:
            lacking = [part for part in level.parts if part not in known]
            if lacking or not level.parts:
                what = ", ".join(lacking) or "no member"
                raise UsageError(
                    f"The blend {level.name!r} names {what}, which is neither a member nor a blend "
                    "before it."
                )
            if level.name in known:
                raise UsageError(f"{level.name!r} is the name of a member or blend already.")
            suit = [n for n, m in METHODS.items() if m.suits(self.guide, self.columns)]
            if level.method not in (AUTO, *suit):
                raise UsageError(
                    f"The method {level.method!r} of the blend {level.name!r} does not suit "
                    f"{self.metric.label}. These do: {AUTO}, {', '.join(suit)}."
                )
            known.add(level.name)
        self._check_depth(levels)

    def _check_depth(self, levels: Sequence[Level]) -> None:
        """Check that a fold is left to fit the lowest level on, without one for each above it."""
        depth = dict.fromkeys(self.members, 0)
        for level in levels:
            depth[level.name] = 1 + max(depth[part] for part in level.parts)
            if depth[level.name] >= self.n_folds:
                raise UsageError(
                    f"The blend {level.name!r} is {depth[level.name]} levels high, and the folds "
                    f"are {self.n_folds}: for an honest score, each level does without one more. "
                    f"Train on {depth[level.name] + 1} folds or more (--folds)."
                )

    def blend(self, level: Level) -> Blend:
        """Return the blend of a level with its honest score."""
        honest = self._by_fold(level.name, frozenset(), None)
        whole = self._whole(level.name)
        several = self.columns is Columns.TARGETS
        names = tuple(dict.fromkeys(self._members_of(level.name)))
        tree = _FittedTree(level.name, whole, names)
        rows = np.flatnonzero(self.fold_of_row >= 0)
        judged = tree.predict(stack((self.members[name].valid[rows] for name in names), len(names)))
        labels, cuts = None, None
        if self.metric.needs is Prediction.LABEL:
            cuts = self._cuts(honest, frozenset())
            labels = self._labels(level.name, honest, several)
            judged = decided(cuts, judged, several=several)
        score, pooled = self._scores(honest if labels is None else labels)
        return Blend(
            method=f"{level.name}: {'+'.join(self._methods(level, frozenset(), None))}",
            members=names,
            weights=tree.weights,
            fitted_score=self.metric.score(self.target[rows], judged),
            honest_score=score,
            estimate=Estimate.TIME_ORDERED if self.growing else Estimate.CROSS_FITTED,
            honest=honest,
            pooled_score=pooled,
            test=tree.predict(stack((self.members[name].test for name in names), len(names))),
            cuts=cuts,
            decided=labels,
            fitted=tree,
        )

    def _members_of(self, name: str) -> list[str]:
        if name in self.members:
            return [name]
        return [one for part in self.levels[name].parts for one in self._members_of(part)]

    def _whole(self, name: str) -> dict[str, tuple[Fitted, tuple[str, ...]]]:
        """Return the fits on all rows of a level and of those below it."""
        if name in self.members:
            return {}
        level = self.levels[name]
        found: dict[str, tuple[Fitted, tuple[str, ...]]] = {}
        for part in level.parts:
            found |= self._whole(part)
        fitted = self._fit(name, frozenset(), None)
        if fitted is None:
            raise UsageError(f"There are too few folds before the last for the blend {name!r}.")
        return {**found, name: (fitted, level.parts)}

    def _and(self, without: Without, fold: int) -> Without:
        """Return the folds to do without for a fold: in time, all that come behind it, too."""
        return without | (frozenset(range(fold, self.n_folds)) if self.growing else {fold})

    def _inside(self, without: Without) -> NDArray[np.bool_]:
        """Return the rows whose targets may be used without some folds, [n] bool.

        In time, targets of the rows in a gap before these folds are not known yet, either.
        """
        inside: NDArray[np.bool_] = ~np.isin(self.fold_of_row, [-1, *without])
        return inside & self._trained_on[min(without)] if self.growing and without else inside

    def _by_fold(self, name: str, without: Without, scored: int | None) -> Floats:
        """Return [n] or [n, columns]: each other fold by a blend without it; NaN elsewhere.

        Args:
            name: of a level.
            without: folds to do without.
            scored: the fold that an honest prediction is made for; None where that is each fold
                in turn.
        """
        found = np.full((len(self.fold_of_row), *self.tail), np.nan)
        for fold in range(self.n_folds):
            if fold not in without:
                honest = fold if scored is None else scored
                found[self.rows[fold]] = self._applied(name, self._and(without, fold), fold, honest)
        return found

    def _applied(self, name: str, without: Without, fold: int, scored: int) -> Floats:
        """Return the predictions of a fold by what was fitted without some; NaN if nothing."""
        rows = self.rows[fold]
        if name in self.members:
            stored = self.members[name].stored
            if stored is not None and fold == scored:
                return stored.outer[rows]
            return self._stopped_without(name, scored)[rows]
        fitted = self._fit(name, without, scored)
        if fitted is None:
            return np.full((len(rows), *self.tail), np.nan)
        parts = self.levels[name].parts
        below = stack((self._applied(part, without, fold, scored) for part in parts), len(parts))
        known = _known(below)
        found = np.full((len(rows), *self.tail), np.nan)
        if known.any():
            found[known] = fitted.predict(below[known])
        return found

    def _stopped_without(self, name: str, scored: int | None) -> Floats:
        """Return a member's predictions at the stopping point that was chosen without a fold."""
        member = self.members[name]
        if scored is None or member.stored is None or member.stored.inner is None:
            return member.valid
        found: Floats = member.stored.inner[scored].astype(np.float64)
        return found

    def _fit(self, name: str, without: Without, scored: int | None) -> Fitted | None:
        """Return the blend of a level, fitted without some folds; None where no row is left."""
        key = name, without, scored if self._stopped else None
        if key not in self._fits:
            self._fits[key] = self._fitted(self.levels[name], without, scored)
        return self._fits[key]

    def _fitted(self, level: Level, without: Without, scored: int | None) -> Fitted | None:
        predictions = stack(
            (
                self._stopped_without(part, scored)
                if part in self.members
                else self._by_fold(part, without, scored)
                for part in level.parts
            ),
            len(level.parts),
        )
        inside = self._inside(without)
        blends = [place for place, part in enumerate(level.parts) if part in self.levels]
        if blends:
            inside &= _known(predictions[:, blends])
        if not inside.any():
            return None
        sample = Sample(predictions, self.target, inside)
        methods = self._methods(level, without, scored)
        return averaged([METHODS[name].fit(sample, self.guide) for name in methods])

    def _methods(self, level: Level, without: Without, scored: int | None) -> list[str]:
        """Return the methods whose mean a level is; a choice is made without some folds."""
        if level.method != AUTO:
            return [level.method]
        key = level.name, without, scored if self._stopped else None
        if key not in self._choices:
            self._choices[key] = self._chosen(level, without, scored)
        return self._choices[key]

    def _chosen(self, level: Level, without: Without, scored: int | None) -> list[str]:
        trials = self._trials[level.name]
        honest = [self._by_fold(trial.name, without, scored) for trial in trials]
        known = np.all([_known(values) for values in honest], axis=0)
        rows = np.flatnonzero(known & self._inside(without))
        if not len(rows):
            # In time, nothing comes before the first fold that is fitted on: the simplest it is.
            return [trials[0].method]
        parts = self.fold_of_row[rows]
        levelled = [comparable(self.guide, values[rows], parts) for values in honest]
        chosen = choose(self.guide, self.target[rows], levelled, self.dependence.of_rows(rows))
        return [trials[number].method for number in chosen]

    def _labels(self, name: str, honest: Floats, several: bool) -> Floats:
        """Return the labels of each fold, whose cut points were fitted without it."""
        labels = np.full_like(honest, np.nan)
        for fold, rows in enumerate(self.rows):
            without = self._and(frozenset(), fold)
            rows = rows[_known(honest)[rows]]
            cuts = self._cuts(self._by_fold(name, without, fold), without)
            labels[rows] = decided(cuts, honest[rows], several=several)
        return labels

    def _cuts(self, predictions: Floats, without: Without) -> Cuts | None:
        rows = np.flatnonzero(_known(predictions) & self._inside(without))
        if not len(rows):
            return None
        parts, groups = self.fold_of_row[rows], self.dependence.of_rows(rows)
        return fit_cuts(self.metric, self.target[rows], predictions[rows], parts, groups)

    def _scores(self, judged: Floats) -> tuple[float, float]:
        """Return the score of honest predictions, and that of all folds together."""
        known = _known(judged)
        rows = [rows[known[rows]] for rows in self.rows]
        everything = np.sort(np.concatenate(rows))
        pooled = self.metric.score(self.target[everything], judged[everything])
        if not self.metric.order_alone:
            return pooled, pooled
        within = [self.metric.score(self.target[fold], judged[fold]) for fold in rows if len(fold)]
        return float(np.nanmean(within)), pooled


def _known(predictions: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which rows are predicted, [n] bool."""
    known: NDArray[np.bool_] = np.isfinite(predictions).reshape(len(predictions), -1).all(axis=1)
    return known
