"""Cross-validation: models x folds on an engine, from and into the run store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from comps.base import Competition, Dataset, Family, Model
from pipelines.engines import Cancelled, Done, Engine, Event, Failed
from pipelines.folds import Folds
from pipelines.jobs import Job, Run
from pipelines.oof import OutOfFold, assemble
from pipelines.queue import JobQueue, Status
from pipelines.store import RunStore, error_log, result_key
from pipelines.trainers import load_trainer


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
    """What came of it.

    Attributes:
        oofs: out-of-fold predictions by model, in the order of the models.
        failures: reason by model, for models that could not be trained.
        left_out: models that had to be left out or stopped because the time was over.
        fitted: folds fitted now.
        stored: folds taken from the store.
    """

    oofs: dict[str, OutOfFold] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    fitted: int = 0
    stored: int = 0


def cross_validate(
    experiment: Experiment,
    models: Sequence[Model],
    *,
    store: RunStore,
    engine: Callable[[], Engine],
    reporter: Reporter,
    deadline: float | None = None,
    on_stored: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Train models on folds; take from the store what is there.

    The caller holds `store.writing()`.

    Args:
        experiment: the rows and the folds.
        models: in the order in which they should be trained.
        store: where results are looked up and kept, one file a fold.
        engine: makes what executes the jobs; not called when everything is stored.
        reporter: is told what happens.
        deadline: on the clock of `time.monotonic`. Models with at least one complete
            repeat by then are returned.
        on_stored: called after each job whose results are in the store.

    Returns:
        The out-of-fold predictions of every model that has a complete repeat. A model that
        fails is reported there; the others go on.
    """
    outcome = CrossValidation()
    missing = {model.member: _missing(experiment, model, store) for model in models}
    total = len(models) * experiment.folds.n_repeats * experiment.folds.n_folds
    if any(missing.values()):
        running = engine()
        try:
            ordered = models if deadline is not None else _longest_programs_first(models)
            jobs = _jobs(experiment, ordered, missing, store, running)
            to_fit = sum(len(job.folds) for job in jobs)
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


Missing = Mapping[str, set[tuple[int, int]]]


def _missing(experiment: Experiment, model: Model, store: RunStore) -> set[tuple[int, int]]:
    """Return `(repeat, fold)` of the folds of a model that are not in the store."""
    key, folds = experiment.key(model), experiment.folds
    if store.has_oof(model.name, key, folds.n_repeats):
        return set()
    return {
        (repeat, fold)
        for repeat in range(folds.n_repeats)
        for fold in range(folds.n_folds)
        if not store.has_fold(model.name, key, repeat, fold)
    }


def _jobs(
    experiment: Experiment,
    models: Sequence[Model],
    missing: Missing,
    store: RunStore,
    engine: Engine,
) -> list[Job]:
    """Return the jobs, one repeat of all models after the other.

    A part of a program's folds could differ in the last bit from the same folds beside the
    others, and a resumed run must give the same bytes: a program is run again as a whole.
    """
    run = Run(
        competition=experiment.competition,
        data=experiment.data,
        data_fingerprint=experiment.dataset.fingerprint,
        store=store.root,
        spec=experiment.folds.spec,
        folds=store.write_folds(experiment.folds),
        seed=experiment.seed,
        threads=engine.threads,
    )
    return [
        Job(run, model, experiment.key(model), repeat, folds)
        for repeat in range(experiment.folds.n_repeats)
        for model in models
        for folds in programs(model, experiment.folds.n_folds, engine.accelerators)
        if any((repeat, fold) in missing[model.member] for fold in folds)
    ]


# On a processor one program takes little more than one core. Programs of three folds give a second
# core its share of the usual five; smaller ones would compile more often than they gain. The
# number must not hang on the cores of a machine: the same seed gives the same bytes on each.
_FOLDS_A_PROGRAM = 3


def programs(model: Model, n_folds: int, accelerators: int) -> list[tuple[int, ...]]:
    """Return the folds of each job of a repeat.

    A fold is a job; what trains folds together gets them in threes, or divided among the
    accelerators.

    >>> from comps.base import Family
    >>> programs(Model("mlp", Family.NETWORK, "keras-jax"), n_folds=5, accelerators=0)
    [(0, 1, 2), (3, 4)]
    """
    if not load_trainer(model.trainer).together:
        count = n_folds
    else:
        count = min(accelerators, n_folds) or -(-n_folds // _FOLDS_A_PROGRAM)
    return [tuple(part.tolist()) for part in np.array_split(np.arange(n_folds), count)]


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
    awaited = Counter(job.model.member for job in queue.pending)
    for event in engine.run(queue.next_job, deadline):
        if isinstance(event, Done):
            queue.finished(event)
            on_stored()
            outcome.fitted += len(event.job.folds)
            awaited[event.job.model.member] -= 1
        elif isinstance(event, Failed):
            queue.failed(event.job)
            outcome.failures.setdefault(event.job.model.member, event.reason)
            if event.details:
                store.write_text(error_log(event.job.model.name, event.job.key), event.details)
        elif isinstance(event, Cancelled):
            queue.cancelled(event.job)
        reporter.event(event, queue.status())
        if isinstance(event, Done) and awaited[event.job.model.member] == 0:
            _collect(experiment, event.job.model, store, outcome)
            reporter.finished(outcome.oofs[event.job.model.member])
    outcome.left_out = [job.model.member for job in [*queue.left_out, *queue.pending]]


def _collect(
    experiment: Experiment, model: Model, store: RunStore, outcome: CrossValidation
) -> None:
    """Read or make the out-of-fold predictions over the complete repeats of a model."""
    key, folds = experiment.key(model), experiment.folds
    if store.has_oof(model.name, key, folds.n_repeats):
        found = store.read_oof(model.name, key, folds.n_repeats)
        # What is declared may have changed since, and with it the member's name.
        outcome.oofs[model.member] = replace(found, model=model.member)
        return
    complete = 0
    while complete < folds.n_repeats and all(
        store.has_fold(model.name, key, complete, fold) for fold in range(folds.n_folds)
    ):
        complete += 1
    if complete == 0:
        return
    results = [
        [store.read_fold(model.name, key, repeat, fold) for fold in range(folds.n_folds)]
        for repeat in range(complete)
    ]
    oof = assemble(experiment.competition, experiment.dataset, model, key, folds, results)
    store.write_oof(oof)
    outcome.oofs[model.member] = oof
