"""Preparing the rows of a fold: features fitted on its training rows alone."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    Dataset,
    Features,
    Model,
    RowSet,
    Task,
    Transformer,
    Truth,
    UsageError,
    take,
)
from pipelines.basics.fingerprint import with_contents
from pipelines.basics.seeds import derive_seed
from pipelines.fitting.residual import Residual
from pipelines.fitting.views import View, ViewCache
from pipelines.folds import Folds, Held, Rows, describe, more_even
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
        """The training target on the metric's scale, [n] or [n, targets] float64."""
        return self.competition.scaled_target(self.dataset)

    @property
    def n_classes(self) -> int:
        """Number of classes in the whole training target; 0 for regression, 2 of labels."""
        return self.competition.n_classes(self.dataset)

    @cached_property
    def goal(self) -> NDArray[np.float64]:
        """The values that models learn, of the form of the target: itself or its residual."""
        return self.residual.target(self.target)

    @property
    def n_targets(self) -> int:
        """Number of targets, or of labels."""
        return int(self.target[0].size)

    def view(self, held: Held) -> View:
        """Return the transformed features of a fit.

        Raises:
            UsageError: if the training rows lack a class, or no label differs among them.
        """
        train, valid = self.folds.rows(self.repeat, held)
        goal = self.goal[train]
        self._check_classes(train, held)
        features = self.model.view()
        if not getattr(features, "keep_view", True):
            return self._view(features, train, valid, goal)
        return self.views.get(self.view_key(held), lambda: self._view(features, train, valid, goal))

    def data(self, held: Held, view: View, *, tested: bool = True) -> FoldData:
        """Return what a trainer takes of a fit: features, target and weights of training rows.

        Args:
            held: the folds that it holds out.
            view: its transformed features.
            tested: whether test rows are predicted while it trains; else there is one test row,
                which trainers expect, and whose predictions are not used.
        """
        train, _ = self.folds.rows(self.repeat, held)
        weights = self.dataset.weights
        weight = None if weights is None else weights[train]
        test = test_view(view, self.dataset) if tested else _first_test(view, self.dataset)
        return FoldData(view.train, self.goal[train], view.valid, test, self._seed(held), weight)

    def held_rows(self, held: Held) -> Rows:
        """Return the row numbers that a fit predicts."""
        return self.folds.rows(self.repeat, held)[1]

    def held_truths(self, held: Held) -> list[Truth]:
        """Return what each fold that is held out is scored against, as `held_rows` orders them."""
        truth = self.competition.truth(self.dataset)
        return [truth[self.folds.pairs[self.repeat][fold][1]] for fold in held]

    def _seed(self, held: Held) -> int:
        # A model of all rows counts as the fold behind the last.
        names = held or (self.folds.n_folds,)
        return derive_seed(self.seed, self.model.name, self.repeat, *names)

    def view_key(self, held: Held) -> tuple[Hashable, ...]:
        """Return what decides the transformed features of a fit."""
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
        parts = take(rows, train), take(rows, valid)
        if features is None:
            return View(*parts, None)
        return View(
            _fixed(features.fit_transform(parts[0], target)),
            _fixed(features.transform(parts[1])),
            features,
        )

    def _check_classes(self, train: Rows, held: Held) -> None:
        if self.competition.task is Task.MULTILABEL:
            if (self.target[train] == self.target[train[0]]).all():
                raise UsageError(
                    f"All training rows outside {describe(held)} have the same labels, so that "
                    "there is nothing to learn. Rows with other labels are needed in several folds."
                )
            return
        lacking = np.setdiff1d(np.arange(self.n_classes), self.target[train])
        if len(lacking):
            raise UsageError(
                f"There is no training row of class {self._label(lacking[0])} outside "
                f"{describe(held)}. {self._advice(lacking[0])}"
            )

    def _label(self, code: int) -> object:
        return self.competition.labels(self.dataset)[code]

    def _advice(self, code: int) -> str:
        """Return what to do where training rows lack a class."""
        groups, own = self.dataset.units, np.flatnonzero(self.target == code)
        return more_even(
            self.folds.spec.scheme,
            len(own if groups is None else np.unique(groups[own])),
            grouped=groups is not None,
            otherwise="Leave the class out, or join it with another one.",
        )


def test_view(view: View, dataset: Dataset) -> Features:
    """Return the features of the test rows; they are made when they are first asked for."""
    if view.test is None:
        view.test = transformed(view.transformer, dataset.test)
    return view.test


def _first_test(view: View, dataset: Dataset) -> Features:
    if view.first_test is None:
        view.first_test = transformed(view.transformer, take(dataset.test, np.arange(1)))
    return view.first_test


def transformed(transformer: Transformer | None, rows: RowSet) -> Features:
    """Return the features of rows, which cannot be written to; None passes rows as they are."""
    return rows if transformer is None else _fixed(transformer.transform(rows))


def _fixed(features: Features) -> Features:
    """Forbid to write: models share features; what works in place must fail, not change them."""
    for array in _arrays(features):
        array.setflags(write=False)
    return features


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
