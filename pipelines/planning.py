"""Which fits a cross-validation needs, and how they are divided into jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Model
from pipelines.engines import Engine
from pipelines.folds import ALL_ROWS, Held
from pipelines.jobs import Job, Run
from pipelines.store import RunStore
from pipelines.trainers import load_trainer, program_width

if TYPE_CHECKING:
    from pipelines.crossval import Experiment

Fits = set[tuple[int, Held]]


class FitPlan:
    """Which fits a model needs, and the jobs that make them.

    Args:
        experiment: the rows and the folds.
        store: where results are looked up.
        nested: whether pairs of folds are wanted.
    """

    def __init__(self, experiment: Experiment, store: RunStore, nested: bool) -> None:
        self.experiment, self.store, self.folds = experiment, store, experiment.folds
        # The order of the jobs of each repeat.
        self.kinds = [self.folds.single]
        if self.folds.growing:
            self.kinds.append([ALL_ROWS])
        self.pairs = self.folds.neighbours if nested else []

    @property
    def count(self) -> int:
        """Fits of one model."""
        return self.folds.n_repeats * sum(map(len, self.kinds)) + len(self.pairs)

    def missing(self, model: Model) -> Fits:
        """Return the fits of a model that are not in the store."""
        key, store = self.experiment.key(model), self.store
        stored = store.find_oof(model.name, key, self.folds.n_repeats)
        if stored is not None and (stored.nested is not None or not self.pairs):
            return set()
        fits = [(0, part) for part in self.pairs]
        if stored is None:
            repeats = range(self.folds.n_repeats)
            fits += [(repeat, part) for repeat in repeats for kind in self.kinds for part in kind]
        return {fit for fit in fits if not store.has_fold(model.name, key, *fit)}

    def jobs(
        self, models: Sequence[Model], missing: Mapping[str, Fits], engine: Engine
    ) -> list[Job]:
        """Return the jobs, one repeat of all models after the other, pairs behind the first.

        A part of a program could be trained alone, but compiling it costs as much as the whole.
        """
        experiment = self.experiment
        run = Run(
            competition=experiment.competition,
            data=experiment.data,
            data_fingerprint=experiment.dataset.fingerprint,
            store=self.store.root,
            spec=self.folds.spec,
            folds=self.store.write_folds(self.folds),
            seed=experiment.seed,
            threads=engine.threads,
        )
        return [
            Job(run, model, experiment.key(model), repeat, held)
            for repeat, kinds in self._rounds()
            for model in models
            for kind in kinds
            for held in programs(model, kind, self.folds.growing, engine.accelerators)
            if any((repeat, part) in missing[model.member] for part in held)
        ]

    def _rounds(self) -> list[tuple[int, list[list[Held]]]]:
        """Return the repeat and the kinds of fits of each round through the models."""
        rounds = [(repeat, self.kinds) for repeat in range(self.folds.n_repeats)]
        return [rounds[0], (0, [self.pairs]), *rounds[1:]]


def programs(
    model: Model, held: Sequence[Held], growing: bool, accelerators: int
) -> list[tuple[Held, ...]]:
    """Return the fits of each job of a repeat, all of one kind.

    A fit is a job; what trains folds together gets as many as its programs have, or fewer where
    there are more accelerators.

    >>> from comps.base import Family
    >>> held = [(0,), (1,), (2,), (3,), (4,)]
    >>> programs(Model("mlp", Family.NETWORK, "keras-jax"), held, growing=False, accelerators=0)
    [((0,), (1,), (2,)), ((3,), (4,))]
    """
    if not held:
        return []
    count = len(held)
    if load_trainer(model.trainer).together:
        width = program_width(accelerators > 0, growing)
        count = max(-(-len(held) // width), min(accelerators, len(held)))
    return [
        tuple(held[place] for place in part) for part in np.array_split(np.arange(len(held)), count)
    ]
