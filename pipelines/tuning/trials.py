"""Running a search: trials on an engine, their folds scored by cross-validation."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from comps.base import Model, WorkbenchError
from pipelines.engines import Done, Engine, Event, Failed, Progress, Started
from pipelines.engines.jobs import FoldScore, Job, Run
from pipelines.results.inner import join
from pipelines.results.oof import stopping_point
from pipelines.store import Experiment, RunStore
from pipelines.trainers import divided, load_trainer
from pipelines.tuning._base import Search, State, Trial, TrialResult

# A search in which everything fails from the start is wrong in itself.
MOST_FAILURES = 5


@dataclass(frozen=True)
class Running:
    """How far a trial is that runs.

    Attributes:
        trial: its configuration.
        job: the folds that are fitted at the moment.
        step: rounds or epochs of these; 0 where they have just begun.
        score: the mean over them at this step; NaN before there is one.
        scores: of each fold that has ended.
        folds: of the whole trial, over all repeats.
        fitted: folds that are fitted, those that are being fitted by the share of their steps.
    """

    trial: Trial
    job: Job
    step: int
    score: float
    scores: Sequence[float]
    folds: int
    fitted: float


OnResult = Callable[[TrialResult], None]
OnRunning = Callable[[Running], None]


def ignore_result(result: TrialResult) -> None:
    """Ignore a result."""
    del result


def ignore_running(running: Running) -> None:
    """Ignore how far a trial is."""
    del running


def run_trials(
    experiment: Experiment,
    model: Model,
    search: Search,
    *,
    engine: Engine,
    folder: Path,
    n_trials: int,
    deadline: float | None = None,
    on_result: OnResult = ignore_result,
    on_running: OnRunning = ignore_running,
) -> list[TrialResult]:
    """Try configurations until the study has `n_trials`, or the time is over.

    Args:
        experiment: the rows and the folds on which all trials are scored.
        model: what is tuned; gives the parameters that are not searched.
        search: proposes configurations.
        engine: executes the folds; it stays open.
        folder: for the folds of running trials, which are deleted when the trials end.
        n_trials: of the whole study, those of earlier searches included.
        deadline: on the clock of `time.monotonic`; trials that run then are withdrawn.
        on_result: called after each trial has ended and is kept.
        on_running: called when folds of a trial begin and go on.

    Returns:
        The trials that ended now.

    Raises:
        WorkbenchError: if every trial fails, with the reason of the first.
    """
    running = _Trials(experiment, model, search, engine, folder, n_trials, deadline)
    ended: list[TrialResult] = []
    try:
        for event in engine.run(running.next_job, deadline):
            result = None
            if isinstance(event, Done):
                result = running.done(event.job, event.scores, event.seconds)
            elif isinstance(event, Failed):
                result = running.failed(event.job, event.reason)
            now = running.now(event)
            if now is not None:
                on_running(now)
            if result is not None:
                ended.append(result)
                on_result(result)
                _check_failures(search.results())
    finally:
        running.close()
    return ended


def _check_failures(results: Sequence[TrialResult]) -> None:
    failed = [result for result in results if result.state is State.FAILED]
    if len(failed) == len(results) == MOST_FAILURES:
        raise WorkbenchError(f"The first {MOST_FAILURES} trials failed: {failed[0].reason}")


@dataclass
class _Active:
    """A running trial."""

    trial: Trial
    store: RunStore
    model: Model
    waiting: list[Job]
    running: int = 0
    scores: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    # Of each job that runs, the folds that its steps are worth.
    begun: dict[str, float] = field(default_factory=dict)


class _Trials:
    """Hands out the folds of trials as jobs, and joins their scores."""

    def __init__(
        self,
        experiment: Experiment,
        model: Model,
        search: Search,
        engine: Engine,
        folder: Path,
        n_trials: int,
        deadline: float | None,
    ) -> None:
        self.experiment, self.model, self.search = experiment, model, search
        self.engine, self.folder, self.n_trials = engine, folder, n_trials
        self.deadline = deadline
        self.active: dict[Path, _Active] = {}
        self.spent = False

    def next_job(self, slot: int = 0) -> Job | None:
        """Return the next fold or program of a trial.

        With pruning, the folds of a trial are fitted one after the other, and each slot has a
        trial of its own. Without, a trial has all slots, so that the search knows its score
        before it proposes the next one.
        """
        del slot
        idle = [active for active in self.active.values() if active.waiting]
        if self.search.prunes:
            idle = [active for active in idle if not active.running]
        while not idle and (begun := self._begin()) is not None:
            idle = [begun] if begun.waiting else []
        if not idle:
            idle = [active for active in self.active.values() if active.waiting]
        if not idle:
            return None
        idle[0].running += 1
        return idle[0].waiting.pop(0)

    def _begin(self) -> _Active | None:
        """Begin a new trial, unless there are enough or the time is over."""
        over = self.deadline is not None and time.monotonic() >= self.deadline
        begun = len(self.search.results()) + self.search.open_trials()
        if self.spent or over or begun >= self.n_trials:
            return None
        trial = self.search.ask()
        if trial is None:
            self.spent = not self.active
            return None
        model = self.model.with_params(trial.params)
        store = RunStore(self.folder / f"trial-{trial.number}")
        experiment = self.experiment
        run = Run.of(experiment, store, self.engine.threads, test=False)
        folds = experiment.folds
        jobs = [
            Job(run, model, f"{trial.number}", repeat, held)
            for repeat in range(folds.n_repeats)
            for held in divided(
                load_trainer(model.trainer), folds.single, folds.growing, self.engine.accelerators
            )
        ]
        active = _Active(trial, store, model, jobs)
        self.active[store.root] = active
        return active

    def done(self, job: Job, scores: Sequence[FoldScore], seconds: float) -> TrialResult | None:
        """Record fitted folds; return the result of the trial if it has ended."""
        active = self.active.get(job.run.store)
        if active is None:
            return None
        active.running -= 1
        active.seconds += seconds
        active.begun.pop(job.part, None)
        hopeless = False
        for score in scores:
            fold = job.repeat * self.experiment.folds.n_folds + score.held[0]
            active.scores[fold] = score.score
            hopeless = self.search.hopeless(active.trial, fold, score.score) or hopeless
        if active.waiting and hopeless:
            return self._end(active, State.PRUNED)
        if active.waiting or active.running:
            return None
        return self._end(active, State.COMPLETE)

    def now(self, event: Event) -> Running | None:
        """Return how far the trial of an event is; None if nothing has begun or goes on."""
        active = self.active.get(event.job.run.store)
        if active is None or not isinstance(event, (Started, Progress)):
            return None
        step, score = (event.step, event.score) if isinstance(event, Progress) else (0, math.nan)
        job, folds = event.job, self.experiment.folds
        active.begun[job.part] = len(job.held) * _share(job.model, step)
        ended = [active.scores[fold] for fold in sorted(active.scores)]
        fitted = len(ended) + sum(active.begun.values())
        count = folds.n_folds * folds.n_repeats
        return Running(active.trial, job, step, score, ended, count, fitted)

    def failed(self, job: Job, reason: str) -> TrialResult | None:
        """Record a failed fold, which fails its trial; return the trial's result."""
        active = self.active.get(job.run.store)
        return None if active is None else self._end(active, State.FAILED, reason)

    def _end(self, active: _Active, state: State, reason: str = "") -> TrialResult:
        score, step = self._score(active) if state is State.COMPLETE else (None, None)
        result = TrialResult(
            active.trial,
            state,
            score,
            tuple(active.scores[fold] for fold in sorted(active.scores)),
            step,
            active.seconds,
            reason,
        )
        self.search.tell(result)
        del self.active[active.store.root]
        shutil.rmtree(active.store.root, ignore_errors=True)
        return result

    def _score(self, active: _Active) -> tuple[float, int]:
        """Return the out-of-fold score of a trial by the guide, and its stopping point."""
        folds, guide = self.experiment.folds, self.experiment.competition.metric.guide
        results = [
            {
                held: active.store.read_fold(
                    active.model.name, f"{active.trial.number}", repeat, held
                )
                for held in folds.single
            }
            for repeat in range(folds.n_repeats)
        ]
        first = list(results[0].values())
        step, _ = stopping_point(guide, active.model.patience, first)
        # Test rows are not predicted; where folds grow, there is no model of all rows that could.
        valid = join(folds, results, step)
        truth = self.experiment.competition.truth(self.experiment.dataset)
        covered = np.asarray(np.isfinite(valid).reshape(len(truth), -1).all(axis=1))
        return guide.score(truth[covered], valid[covered]), step

    def close(self) -> None:
        """Withdraw the running trials."""
        for active in self.active.values():
            self.search.forget(active.trial)
        self.active.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def _share(model: Model, step: int) -> float:
    """Return the share of its steps that a fit has made; 0 where their number is not known."""
    most = next((model.params[name] for name in ("epochs", "rounds") if name in model.params), 0)
    return min(1.0, step / most) if most else 0.0
