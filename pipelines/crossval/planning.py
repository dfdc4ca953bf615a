"""The fits that a cross-validation needs, and how they are divided into jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from comps.base import Model
from pipelines.engines import Engine
from pipelines.engines.jobs import Job, Run
from pipelines.folds import ALL_ROWS, Held
from pipelines.results.kept import NOT_IN_BLEND
from pipelines.results.oof import predicting, stopping_point
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
        keep: which trained models are kept: "all", those of the "blend", or "none".
    """

    def __init__(
        self, experiment: Experiment, store: RunStore, nested: bool, keep: str = "none"
    ) -> None:
        self.keep = keep
        self.experiment, self.store, self.folds = experiment, store, experiment.folds
        # The order of the jobs of each repeat.
        self.kinds = [self.folds.single]
        if self.folds.growing:
            self.kinds.append([ALL_ROWS])
        self.pairs = self.folds.neighbours if nested else []
        self._made: Run | None = None

    @property
    def count(self) -> int:
        """Number of fits of one model."""
        return self.folds.n_repeats * sum(map(len, self.kinds)) + len(self.pairs)

    def missing(self, model: Model) -> Fits:
        """Return the fits of a model that are not in the store."""
        key, store = self.experiment.key(model), self.store
        stored = store.find_oof(model.name, key, self.folds.n_repeats)
        fits = []
        if stored is None or stored.nested is None:
            fits += [(0, part) for part in self.pairs]
        repeats = range(self.folds.n_repeats)
        own = [(repeat, part) for repeat in repeats for kind in self.kinds for part in kind]
        # The nested score needs those of single folds, too, of which one may have been lost.
        if stored is None or (self.pairs and stored.nested is None):
            fits += own
        lacking = {fit for fit in fits if not store.has_fold(model.name, key, *fit)}
        # Of a fit that is stored without its model, both are made again.
        return lacking | {fit for fit in own if self._lacks_model(model, key, *fit)}

    def _lacks_model(self, model: Model, key: str, repeat: int, held: Held) -> bool:
        if self.keep == "none":
            return False
        kept = self.store.find_kept(model.name, key, repeat, held)
        return kept is None or (self.keep == "all" and kept.reason == NOT_IN_BLEND)

    def untested(self, model: Model) -> tuple[int, list[tuple[int, list[Held]]]]:
        """Return the fits by repeat that are stored and have not predicted the test rows.

        The stopping point, at which they do, is that of the first repeat: it comes first.
        """
        key, store, folds = self.experiment.key(model), self.store, self.folds
        first = store.find_folds(model.name, key, 0, folds.single)
        if not first:
            return 0, []
        guide = self.experiment.competition.metric.guide
        step, _ = stopping_point(guide, model.patience, list(first.values()))
        found = []
        for repeat in range(folds.n_repeats):
            results = store.find_folds(model.name, key, repeat, predicting(folds))
            held = [part for part, result in results.items() if result.tested(step) is None]
            if held:
                found.append((repeat, held))
        return step, found

    def joined(self, model: Model) -> bool:
        """Whether the predictions of all folds are joined already."""
        key = self.experiment.key(model)
        return self.store.find_oof(model.name, key, self.folds.n_repeats) is not None

    def tests(
        self, model: Model, engine: Engine, asked: Collection[tuple[str, int, Held]] = ()
    ) -> list[Job]:
        """Return the jobs that predict the test rows by fits that have not done so.

        Args:
            model: whose repeats are looked at; those that are complete.
            engine: that will do the jobs.
            asked: fits that were asked already, by member, repeat and what they hold out.
        """
        step, found = self.untested(model)
        trainer = load_trainer(model.trainer)
        key, run, jobs = self.experiment.key(model), self._run(engine), list[Job]()
        for repeat, held in found:
            new = [part for part in held if (model.member, repeat, part) not in asked]
            jobs += [
                Job(run, model, key, repeat, parts, step)
                for parts in divided(trainer, new, self.folds.growing, engine.accelerators)
            ]
        return jobs

    def _run(self, engine: Engine) -> Run:
        """Return what jobs share, made once: each would write rows in memory to disk again."""
        if self._made is None:
            keep = self.keep != "none"
            self._made = Run.of(self.experiment, self.store, engine.threads, keep=keep)
        return self._made

    def jobs(
        self, models: Sequence[Model], missing: Mapping[str, Fits], engine: Engine
    ) -> list[Job]:
        """Return the jobs, one repeat of all models after the other, pairs after the first repeat.

        A part of a program could be trained alone, but compiling it costs as much as the whole.
        """
        run = self._run(engine)
        keys = {model.member: self.experiment.key(model) for model in models}
        return [
            Job(run, model, keys[model.member], repeat, held)
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
