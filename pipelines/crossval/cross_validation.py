"""Cross-validation: models are trained on folds by an engine, unless results are stored."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from comps.base import Family, Model
from pipelines.crossval.planning import FitPlan
from pipelines.engines import Cancelled, Done, Engine, Event, Failed
from pipelines.engines.jobs import Job
from pipelines.engines.queue import JobQueue, Policy, QueueStatus
from pipelines.folds import ALL_ROWS, Held
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import NOT_IN_BLEND
from pipelines.results.oof import OutOfFold, assemble, predicting, stopping_point
from pipelines.store import Experiment, RunStore, error_log
from pipelines.trainers import load_trainer, takes_weights


class Reporter(Protocol):
    """Receives the events of a cross-validation, and decides what to show."""

    def planned(self, to_fit: int, stored: int) -> None:
        """Report how many fits are to be made and how many are stored."""

    def event(self, event: Event, status: QueueStatus) -> None:
        """Report that a job began, went on, or ended."""

    def finished(self, oof: OutOfFold) -> None:
        """Report that a model has its out-of-fold predictions."""

    def note(self, text: str) -> None:
        """Report something that the user should know."""


@dataclass
class CrossValidation:
    """Outcome of a cross-validation.

    Attributes:
        oofs: out-of-fold predictions by model, in the order of the models.
        failures: reason by model, for models that could not be trained.
        logs: file by model that failed, with the traceback where there is one.
        not_nested: reason by model, for models that have no nested score although it was asked
            for; those for which there was no time are not among them.
        not_kept: reason by model, for models whose fits could not be kept.
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
    not_kept: dict[str, str] = field(default_factory=dict)
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
    policy: Policy | None = None,
    on_stored: Callable[[], None] = lambda: None,
    keep: str = "none",
) -> CrossValidation:
    """Cross-validate models; results that are stored are not computed again.

    The caller holds `store.writing()`.

    Args:
        experiment: the rows and the folds.
        models: in the order in which they should be trained.
        store: where results are looked up and kept, one file a fit.
        engine: makes what executes the jobs; not called when everything is stored.
        reporter: receives the events.
        nested: whether models without each pair of neighbouring folds are trained too, which the
            nested score needs; see `pipelines.results.inner`.
        deadline: on the clock of `time.monotonic`. Models with at least one complete
            repeat by then are returned.
        policy: what decides the order until the deadline; None takes that of the models.
        on_stored: called after each job whose results are in the store.
        keep: which trained models are kept: "all", those of the "blend", or "none".

    Returns:
        The out-of-fold predictions of every model that has a complete repeat. A model that
        fails is reported there; the others go on.
    """
    outcome = CrossValidation()
    if experiment.dataset.weights is not None:
        _note_unweighted(models, reporter)
    plan = FitPlan(experiment, store, nested, keep)
    missing = {model.member: plan.missing(model) for model in models}
    total = len(models) * plan.count
    if deadline is not None and time.monotonic() > deadline:
        # Members that lack pairs of folds alone have all that they need.
        lacking = {name for name, fits in missing.items() if any(len(held) < 2 for _, held in fits)}
        outcome.left_out = [model.member for model in models if model.member in lacking]
        total -= sum(map(len, missing.values()))
        missing = {}
    # Those that were stopped before they predicted the test rows.
    untested = [m for m in models if missing and not plan.joined(m) and plan.untested(m)[1]]
    if any(missing.values()) or untested:
        running = engine()
        try:
            ordered = models if deadline is not None else _longest_programs_first(models)
            jobs = plan.jobs(ordered, missing, running)
            to_fit = sum(len(job.held) for job in jobs)
            outcome.stored = total - to_fit
            reporter.planned(to_fit, outcome.stored)
            queue = JobQueue(jobs, running.slots, deadline, running.accelerators, policy)
            for model in untested:
                queue.add_first(plan.tests(model, running))
            _execute(plan, queue, running, reporter, deadline, on_stored, outcome)
        finally:
            running.close()
    else:
        outcome.stored = total
        reporter.planned(0, total)
    for model in models:
        oof = outcome.oofs.get(model.member)
        if oof is None or oof.n_repeats < experiment.folds.n_repeats:
            _collect(experiment, model, store, outcome)
    outcome.oofs = {
        model.member: outcome.oofs[model.member] for model in models if model.member in outcome.oofs
    }
    for model in models if keep != "none" else ():
        held = predicting(experiment.folds)[0]
        kept = store.find_kept(model.name, experiment.key(model), 0, held)
        if kept is not None and kept.reason not in (None, NOT_IN_BLEND):
            outcome.not_kept[model.member] = str(kept.reason)
    outcome.left_out = [
        model.member
        for model in models
        if model.member in outcome.left_out and model.member not in outcome.failures
    ]
    return outcome


def _note_unweighted(models: Sequence[Model], reporter: Reporter) -> None:
    """Say which models are trained without the weights of rows."""
    unweighted = [model.member for model in models if not takes_weights(model)]
    if unweighted:
        reporter.note(
            "Trained without the weights of rows, which their estimators do not take: "
            f"{', '.join(unweighted)}."
        )


def _longest_programs_first(models: Sequence[Model]) -> list[Model]:
    """Return the models with those first that cannot be divided among workers.

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
    plan: FitPlan,
    queue: JobQueue,
    engine: Engine,
    reporter: Reporter,
    deadline: float | None,
    on_stored: Callable[[], None],
    outcome: CrossValidation,
) -> None:
    experiment, store = plan.experiment, plan.store
    awaited = Counter(map(_part_of, queue.pending))
    # A repeat predicts the test rows when its own fits are there: a deadline may end the others.
    fits_left = Counter(_repeat_of(job) for job in queue.pending if _part_of(job)[1] == "fits")
    asked = {fit for job in queue.pending if job.kind == "test" for fit in _fits_of(job)}
    for event in engine.run(queue.next_job, deadline):
        job = event.job
        if isinstance(event, Done):
            queue.finished(event)
            on_stored()
            outcome.fitted += len(job.held) if job.kind != "test" else 0
            outcome.seconds[job.kind] += event.seconds
            awaited[_part_of(job)] -= 1
            if _part_of(job)[1] == "fits":
                fits_left[_repeat_of(job)] -= 1
                if not fits_left[_repeat_of(job)]:
                    tests = plan.tests(job.model, engine, asked)
                    asked.update(fit for test in tests for fit in _fits_of(test))
                    awaited.update(map(_part_of, tests))
                    queue.add_first(tests)
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
        if job.kind != "test" or isinstance(event, Failed):
            reporter.event(event, queue.status())
        member = job.model.member
        parts = ["pairs"] if job.kind == "pairs" else ["fits", "test"]
        complete = isinstance(event, Done) and not any(awaited[member, part] for part in parts)
        if complete and _collect(experiment, job.model, store, outcome) and job.kind != "pairs":
            reporter.finished(outcome.oofs[member])
    outcome.left_out = [
        job.model.member for job in [*queue.left_out, *queue.pending] if job.kind != "pairs"
    ]


def _part_of(job: Job) -> tuple[str, str]:
    """Return the member of a job and the part of its work that it belongs to."""
    kind = job.kind
    return job.model.member, kind if kind in ("pairs", "test") else "fits"


def _repeat_of(job: Job) -> tuple[str, int]:
    return job.model.member, job.repeat


def _fits_of(job: Job) -> Iterator[tuple[str, int, Held]]:
    """Yield the member, the repeat and the folds of each fit of a job."""
    return ((job.model.member, job.repeat, held) for held in job.held)


def _collect(
    experiment: Experiment, model: Model, store: RunStore, outcome: CrossValidation
) -> bool:
    """Read or make the out-of-fold predictions over the complete repeats of a model, if any."""
    key, folds = experiment.key(model), experiment.folds
    wanted = [*folds.single, ALL_ROWS] if folds.growing else folds.single
    stored = _stored(store, model.name, key, folds.n_repeats, wanted)
    nested = stored is not None and stored.nested is not None
    pairs = {} if nested else store.find_folds(model.name, key, 0, folds.neighbours)
    if stored is not None and not pairs:
        # What is declared may have changed since, and with it the member's name.
        outcome.oofs[model.member] = replace(stored, model=model.member)
        return True
    repeats: list[Mapping[Held, FoldResult]] = []
    while len(repeats) < folds.n_repeats and (
        results := store.find_folds(model.name, key, len(repeats), wanted)
    ):
        repeats.append(results)
    if not repeats and stored is not None:
        # The files of its fits are gone; what was made of them is not.
        outcome.oofs[model.member] = replace(stored, model=model.member)
        return True
    if not repeats:
        return False
    first = [repeats[0][held] for held in folds.single]
    step, _ = stopping_point(experiment.competition.metric.guide, model.patience, first)
    untested = [
        any(results[held].tested(step) is None for held in predicting(folds)) for results in repeats
    ]
    repeats = repeats[: untested.index(True)] if any(untested) else repeats
    if not repeats:
        return False
    dataset, competition = experiment.dataset, experiment.competition
    oof = assemble(competition, dataset, model, key, folds, repeats, pairs)
    store.write_oof(oof)
    outcome.oofs[model.member] = oof
    return True


def _stored(
    store: RunStore, model: str, key: str, n_repeats: int, wanted: Sequence[Held]
) -> OutOfFold | None:
    """Return the predictions over the most repeats that are complete, if they are stored.

    Fits are many and large: they are not read to make what is there.
    """
    known = [count for count in store.repeats_of(model, key) if count <= n_repeats]
    if not known:
        return None
    count = known[0]
    files = (store.fold_path(model, key, count, held) for held in wanted)
    if count < n_repeats and all(file.exists() for file in files):
        return None
    return store.find_oof(model, key, count)
