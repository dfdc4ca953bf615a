"""The fits that a cross-validation needs, and how they are divided into jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.base import Model
from pipelines.engines import Engine
from pipelines.engines.jobs import Job, Run
from pipelines.folds import ALL_ROWS, Held
from pipelines.store import RunStore
from pipelines.trainers import divided, load_trainer

if TYPE_CHECKING:
    from pipelines.store import Experiment

Fits = set[tuple[int, Held]]


class FitPlan:
    """The fits that each model needs, and the jobs that make them.

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
        """Number of fits of one model."""
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
        """Return the jobs, one repeat of all models after the other, pairs after the first repeat.

        A part of a program could be trained alone, but compiling it costs as much as the whole.
        """
        experiment = self.experiment
        run = Run.of(experiment, self.store, engine.threads)
        return [
            Job(run, model, experiment.key(model), repeat, held)
            for repeat, kinds in self._rounds()
            for model in models
            for kind in kinds
            for held in divided(
                load_trainer(model.trainer), kind, self.folds.growing, engine.accelerators
            )
            if any((repeat, part) in missing[model.member] for part in held)
        ]

    def _rounds(self) -> list[tuple[int, list[list[Held]]]]:
        """Return the repeat and the kinds of fits of each round through the models."""
        rounds = [(repeat, self.kinds) for repeat in range(self.folds.n_repeats)]
        return [rounds[0], (0, [self.pairs]), *rounds[1:]]
