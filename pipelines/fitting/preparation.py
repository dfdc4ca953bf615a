"""Preparing the rows of a fold: features fitted on its training rows alone."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Model, Transformer, UsageError, take
from pipelines.basics.fingerprint import with_contents
from pipelines.basics.seeds import derive_seed
from pipelines.fitting.residual import Residual
from pipelines.fitting.views import View, ViewCache
from pipelines.folds import Folds, Held, Rows, describe
from pipelines.trainers import FoldData


@dataclass(frozen=True, eq=False)
class Preparation:
    """Makes the transformed features of each fit of one repeat for one model.

    Attributes:
        competition: gives the task and the metric's scale.
        dataset: the rows.
        model: gives the transformer.
        folds: the rows of each fold.
        repeat: which repeat of `folds`.
        seed: the run's seed.
        views: a cache of transformed features for the next model; a transformer whose attribute
            `keep_view` is False does not use it.
        residual: the forecast that is subtracted from the target before a model learns it.
    """

    competition: Competition
    dataset: Dataset
    model: Model
    folds: Folds
    repeat: int
    seed: int
    views: ViewCache
    residual: Residual = field(default_factory=Residual)

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """The training target on the metric's scale, [n] float64."""
        return self.competition.scaled_target(self.dataset)

    @property
    def n_classes(self) -> int:
        """Number of classes in the whole training target; 0 for regression."""
        return self.competition.n_classes(self.dataset)

    @cached_property
    def goal(self) -> NDArray[np.float64]:
        """The values that models learn, [n] float64: the target or its residual."""
        return self.residual.target(self.target)

    def data(self, held: Held) -> FoldData:
        """Return the transformed features of a fit, with the target of its training rows.

        Raises:
            UsageError: if the training rows lack a class.
        """
        train, valid = self.folds.rows(self.repeat, held)
        goal = self.goal[train]
        self._check_classes(goal, held)
        features = self.model.view()
        if getattr(features, "keep_view", True):
            key = self._view_key(held)
            view = self.views.get(key, lambda: self._view(features, train, valid, goal))
        else:
            view = self._view(features, train, valid, goal)
        return FoldData(view[0], goal, view[1], view[2], self._seed(held))

    def held_rows(self, held: Held) -> Rows:
        """Return the row numbers that a fit predicts."""
        return self.folds.rows(self.repeat, held)[1]

    def held_targets(self, held: Held) -> list[NDArray[np.float64]]:
        """Return the targets of each fold that is held out, in the order of `held_rows`."""
        return [self.target[self.folds.pairs[self.repeat][fold][1]] for fold in held]

    def _seed(self, held: Held) -> int:
        # A model of all rows counts as the fold behind the last.
        names = held or (self.folds.n_folds,)
        return derive_seed(self.seed, self.model.name, self.repeat, *names)

    def _view_key(self, held: Held) -> tuple[Hashable, ...]:
        scale = self.competition.metric.scale.name, self.residual.train is not None
        features = _Same(self.model.features)
        data = self.dataset.fingerprint, self.folds.fingerprint
        params = json.dumps(with_contents(self.model.view_params()), sort_keys=True)
        return (*data, *scale, features, params, self.repeat, held)

    def _view(
        self,
        features: Transformer | None,
        train: NDArray[np.int64],
        valid: NDArray[np.int64],
        target: NDArray[np.float64],
    ) -> View:
        rows = self.dataset.train
        parts = take(rows, train), take(rows, valid), self.dataset.test
        if features is None:
            return parts
        view = (
            features.fit_transform(parts[0], target),
            features.transform(parts[1]),
            features.transform(parts[2]),
        )
        for array in _arrays(view):
            # Models share a view: what works in place must fail, not change the next model.
            array.setflags(write=False)
        return view

    def _check_classes(self, target: NDArray[np.float64], held: Held) -> None:
        lacking = sorted(set(range(self.n_classes)) - set(target.astype(np.int64).tolist()))
        if self.n_classes and lacking:
            raise UsageError(
                f"There is no training row of class {lacking[0]} outside {describe(held)}. Use "
                "fewer folds, or the scheme 'stratified', which gives every fold its share of each "
                "class."
            )


@dataclass(frozen=True, eq=False)
class _Same:
    """Equal for the same object only: two partials of one function make different features."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _arrays(view: object) -> Iterator[Array]:
    """Yield the arrays in transformed features; users of tables and sparse matrices copy them."""
    if isinstance(view, np.ndarray):
        yield view
    elif isinstance(view, Mapping):
        for part in view.values():
            yield from _arrays(part)
    elif isinstance(view, tuple):
        for part in view:
            yield from _arrays(part)
