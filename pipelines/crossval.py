"""Cross-validation: models x folds on an engine, from and into the run store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from comps.base import Competition, Dataset, Family, Model
from pipelines.engines import Cancelled, Done, Engine, Event, Failed
from pipelines.folds import ALL_ROWS, Folds, Held
from pipelines.jobs import Job, Run
from pipelines.oof import OutOfFold, assemble
from pipelines.queue import JobQueue, Status
from pipelines.store import RunStore, error_log, result_key
from pipelines.trainers import load_trainer, program_width
from pipelines.training import FoldResult


class Reporter(Protocol):
    """Is told what happens; it decides what to show."""

    def planned(self, to_fit: int, stored: int) -> None:
        """So many folds are to be fitted, so many are in the store."""

    def event(self, event: Event, status: Status) -> None:
        """A job began, went on, or ended."""

    def finished(self, oof: OutOfFold) -> None:
        """A model has its out-of-fold predictions."""

    def note(self, text: str) -> None:
        """Something that the user should know."""


@dataclass(frozen=True)
class Experiment:
    """What is cross-validated.

    Attributes:
        competition: its definition.
        dataset: its rows.
        data: the path that the rows were loaded from.
        folds: the rows of each fold; all repeats are wanted.
        seed: the run's seed.
    """

    competition: Competition
    dataset: Dataset
    data: Path
    folds: Folds
    seed: int = 0

    def key(self, model: Model) -> str:
        """Return the key of a model's results in the store."""
        return result_key(self.competition, self.dataset, self.folds, model, self.seed)


@dataclass
class CrossValidation:
    """Outcome of a cross-validation.

    Attributes:
        oofs: out-of-fold predictions by model, in the order of the models.
        failures: reason by model, for models that could not be trained.
        logs: file by model that failed, with the traceback where there is one.
        not_nested: reason by model, for models that have no nested score although it was asked
            for; those for which there was no time are not among them.
        left_out: models that had to be left out or stopped because the time was over.
        fitted: fits made now.
        stored: fits taken from the store.
        seconds: of the jobs made now, added up by what they fitted: "folds", "pairs" of folds for
            the nested score, "all" rows. Jobs run side by side.
    """

    oofs: dict[str, OutOfFold] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)
    not_nested: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    fitted: int = 0
    stored: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


def cross_validate(
    experiment: Experiment,
    models: Sequence[Model],
    *,
    store: RunStore,
    engine: Callable[[], Engine],
    reporter: Reporter,
    nested: bool = False,
    deadline: float | None = None,
    on_stored: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Train models on folds; take from the store what is there.

    The caller holds `store.writing()`.

    Args:
        experiment: the rows and the folds.
        models: in the order in which they should be trained.
        store: where results are looked up and kept, one file a fit.
        engine: makes what executes the jobs; not called when everything is stored.
        reporter: is told what happens.
        nested: whether models without each pair of neighbouring folds are trained too, which the
            nested score needs; see `pipelines.inner`.
        deadline: on the clock of `time.monotonic`. Models with at least one complete
            repeat by then are returned.
        on_stored: called after each job whose results are in the store.

    Returns:
        The out-of-fold predictions of every model that has a complete repeat. A model that
        fails is reported there; the others go on.
    """
    outcome = CrossValidation()
    plan = _Plan(experiment, store, nested)
    missing = {model.member: plan.missing(model) for model in models}
    total = len(models) * plan.count
    if any(missing.values()):
        running = engine()
        try:
            ordered = models if deadline is not None else _longest_programs_first(models)
            jobs = plan.jobs(ordered, missing, running)
            to_fit = sum(len(job.held) for job in jobs)
            outcome.stored = total - to_fit
            reporter.planned(to_fit, outcome.stored)
            queue = JobQueue(jobs, running.slots, deadline, running.accelerators)
            _execute(experiment, queue, store, running, reporter, deadline, on_stored, outcome)
        finally:
            running.close()
    else:
        outcome.stored = total
        reporter.planned(0, total)
    for model in models:
        if model.member not in outcome.oofs:
            _collect(experiment, model, store, outcome)
    outcome.oofs = {
        model.member: outcome.oofs[model.member] for model in models if model.member in outcome.oofs
    }
    outcome.left_out = [
        model.member
        for model in models
        if model.member in outcome.left_out and model.member not in outcome.failures
    ]
    return outcome


Fits = set[tuple[int, Held]]


class _Plan:
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


def _longest_programs_first(models: Sequence[Model]) -> list[Model]:
    """Put what cannot be divided among workers first: beside it there is room for the rest.

    Only without a deadline; with one, cheap models go first.
    """
    return sorted(
        models,
        key=lambda model: (
            model.family != Family.BASELINE,
            not load_trainer(model.trainer).together,
        ),
    )


def _execute(
    experiment: Experiment,
    queue: JobQueue,
    store: RunStore,
    engine: Engine,
    reporter: Reporter,
    deadline: float | None,
    on_stored: Callable[[], None],
    outcome: CrossValidation,
) -> None:
    awaited = Counter((job.model.member, job.kind != "pairs") for job in queue.pending)
    for event in engine.run(queue.next_job, deadline):
        job = event.job
        if isinstance(event, Done):
            queue.finished(event)
            on_stored()
            outcome.fitted += len(job.held)
            outcome.seconds[job.kind] += event.seconds
            awaited[job.model.member, job.kind != "pairs"] -= 1
        elif isinstance(event, Failed):
            queue.failed(job)
            reasons = outcome.not_nested if job.kind == "pairs" else outcome.failures
            if job.model.member not in reasons:
                reasons[job.model.member] = event.reason
                log = error_log(job.model.name, job.key)
                outcome.logs[job.model.member] = store.write_text(
                    log, event.details or event.reason
                )
        elif isinstance(event, Cancelled):
            queue.cancelled(job)
        reporter.event(event, queue.status())
        complete = isinstance(event, Done) and not awaited[job.model.member, job.kind != "pairs"]
        if complete and _collect(experiment, job.model, store, outcome) and job.kind != "pairs":
            reporter.finished(outcome.oofs[job.model.member])
    outcome.left_out = [
        job.model.member for job in [*queue.left_out, *queue.pending] if job.kind != "pairs"
    ]


def _collect(
    experiment: Experiment, model: Model, store: RunStore, outcome: CrossValidation
) -> bool:
    """Read or make the out-of-fold predictions over the complete repeats of a model, if any."""
    key, folds = experiment.key(model), experiment.folds
    stored = store.find_oof(model.name, key, folds.n_repeats)
    nested = stored is not None and stored.nested is not None
    pairs = {} if nested else store.find_folds(model.name, key, 0, folds.neighbours)
    if stored is not None and not pairs:
        # What is declared may have changed since, and with it the member's name.
        outcome.oofs[model.member] = replace(stored, model=model.member)
        return True
    wanted = [*folds.single, ALL_ROWS] if folds.growing else folds.single
    repeats: list[Mapping[Held, FoldResult]] = []
    while len(repeats) < folds.n_repeats and (
        results := store.find_folds(model.name, key, len(repeats), wanted)
    ):
        repeats.append(results)
    if not repeats:
        return False
    dataset, competition = experiment.dataset, experiment.competition
    oof = assemble(competition, dataset, model, key, folds, repeats, pairs)
    store.write_oof(oof)
    outcome.oofs[model.member] = oof
    return True
