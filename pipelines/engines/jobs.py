"""A job: one model, one repeat, one or more fits. The same on every engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import Competition, DataError, Dataset, Metric, Model, Task, take
from pipelines.engines._places import OnDisk, Place, Results
from pipelines.engines._shared_rows import shared
from pipelines.fitting.keeping import FittedModel
from pipelines.fitting.preparation import Preparation, test_view
from pipelines.fitting.residual import Residual
from pipelines.fitting.training import OnStage, ignore_stage, train_folds
from pipelines.fitting.views import ViewCache
from pipelines.folds import Folds, FoldSpec, Held, describe
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, accelerated

_ON_DISK = OnDisk()
# A worker is kept for many jobs: the transformed features of the last ones stay in memory.
_views = ViewCache()


@dataclass(frozen=True)
class Run:
    """Settings that all jobs of a run share; small enough to be sent with each job.

    Attributes:
        competition: its definition.
        data: the path that its loader takes.
        data_fingerprint: of the rows that the loader must find there.
        store: the folder of the run store.
        spec: how the folds were made.
        folds: the file with their row numbers.
        seed: the run's seed.
        threads: of each job.
        test: whether test rows are predicted; a trial of a search does not need them.
        keep: whether trained models are kept, at least until they have predicted the test rows.
        experiment: rows and folds as this process has them; they stay here when a job is sent.
    """

    competition: Competition
    data: Path
    data_fingerprint: str
    store: Path
    spec: FoldSpec
    folds: Path
    seed: int
    threads: int
    test: bool = True
    keep: bool = False
    experiment: Experiment | None = field(default=None, compare=False, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Return what goes to another process: all but the rows, which would go with each job."""
        return {**self.__dict__, "experiment": None}

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        store: RunStore,
        threads: int,
        *,
        test: bool = True,
        keep: bool = False,
    ) -> Run:
        """Return the settings of an experiment's jobs; the folds are written into the store.

        Raises:
            StoreError: if they cannot be written.
        """
        whole = experiment.competition
        return cls(
            # Without the other models, whose functions may import what this job has no need of.
            competition=replace(
                whole,
                models=(whole.baseline,),
                with_test=None,
                load=shared(whole.load, experiment.dataset),
            ),
            data=experiment.data,
            data_fingerprint=experiment.dataset.fingerprint,
            store=store.root,
            spec=experiment.folds.spec,
            folds=store.write_folds(experiment.folds),
            seed=experiment.seed,
            threads=threads,
            test=test,
            keep=keep,
            experiment=experiment,
        )


@dataclass(frozen=True)
class Job:
    """A piece of work for an engine.

    Attributes:
        run: what it shares with the other jobs.
        model: what to train.
        key: of its results in the store.
        repeat: number of the repeat.
        held: the folds that each of its fits holds out.
        step: of fits that are kept, the rounds or epochs at which they predict the test rows; None
            where they are to be trained.
    """

    run: Run
    model: Model
    key: str
    repeat: int
    held: tuple[Held, ...]
    step: int | None = None

    @property
    def kind(self) -> str:
        """The kind of its fits: "folds", "pairs" of folds for the nested score, or "all" rows.

        "test" where fits that are kept predict the test rows.
        """
        if self.step is not None:
            return "test"
        return ("all", "folds", "pairs")[len(self.held[0])]

    @cached_property
    def step_of(self) -> tuple[str, int, bool]:
        """What it shares with jobs of use only together: member, repeat, whether it is pairs."""
        return self.model.member, self.repeat, self.kind == "pairs"

    @cached_property
    def accelerated(self) -> bool:
        """Whether it is trained on an accelerator, if its slot owns one."""
        return accelerated(self.model)

    @property
    def label(self) -> str:
        """A text for messages: member, folds and repeat, counted from 1."""
        return f"{self.model.member} {self.part}"

    @property
    def part(self) -> str:
        """The same without the member."""
        if self.kind == "pairs":
            held = "without folds " + ", ".join(f"{a + 1}+{b + 1}" for a, b in self.held)
        elif len(self.held) == 1:
            held = describe(self.held[0])
        else:
            folds = [own[0] + 1 for own in self.held]
            runs = folds == list(range(folds[0], folds[-1] + 1))
            held = "folds " + (f"{folds[0]}-{folds[-1]}" if runs else ", ".join(map(str, folds)))
        return held + (f" repeat {self.repeat + 1}" if self.repeat else "")


@dataclass(frozen=True)
class FoldScore:
    """The score and the times of a finished fit, for progress.

    Attributes:
        held: the folds that it held out.
        score: the metric's guide at its best stage, while the stopping point is chosen on all
            folds. NaN for a model of all rows, or a fold that lacks a class.
        fit_seconds: spent in the trainer.
        other_seconds: spent on features and scores.
    """

    held: Held
    score: float
    fit_seconds: float
    other_seconds: float


def run_job(job: Job, on_stage: OnStage = ignore_stage, place: Place = _ON_DISK) -> list[FoldScore]:
    """Train the fits of a job, or predict the test rows by them, and store each result.

    Args:
        job: what to do.
        on_stage: called with the step and the mean score over the fits in training.
        place: where rows are and results go.

    Raises:
        WorkbenchError: for what the user can put right; any other error is the model's own.
    """
    if job.step is not None:
        predict_test(job, place, on_stage)
        return []
    run = job.run
    store = place.results(run)
    tested = run.test and job.kind != "pairs"
    dataset = place.dataset(run) if tested else _without_test(place.dataset(run))
    folds = place.folds(run, len(dataset.target))
    scores = []

    def keep(result: FoldResult) -> None:
        _check_predictions(job, result)
        store.write_fold(job.model, job.key, result)
        scores.append(_told(run.competition.metric.guide, result))

    train_folds(
        run.competition,
        dataset,
        job.model,
        folds,
        job.repeat,
        job.held,
        seed=run.seed,
        threads=run.threads,
        on_stage=on_stage,
        on_result=keep,
        views=_views,
        keep=run.keep and tested,
    )
    return scores


# A booster has few rounds behind its stopping point: what is there is not written again for these.
_MUCH_SMALLER = 0.8


def predict_test(job: Job, place: Place = _ON_DISK, on_stage: OnStage = ignore_stage) -> None:
    """Predict the test rows by the models of a job, at the step that was chosen, and store that.

    Of a model with several stages that which predicts is kept, if it is much smaller than all.

    Args:
        job: what to do.
        place: where rows are and results go.
        on_stage: called with the step and a score where a fit has to be made again.

    Raises:
        WorkbenchError: for what the user can put right.
    """
    run, step = job.run, job.step
    assert step is not None
    store, dataset = place.results(run), place.dataset(run)
    residual, model = Residual.split(run.competition, dataset, job.model)
    folds = place.folds(run, len(dataset.target))
    prepared = Preparation(
        run.competition, dataset, model, folds, job.repeat, run.seed, _views, residual
    )
    for held in job.held:
        kept = store.read_kept(job.model.name, job.key, job.repeat, held)
        context = Context(
            run.competition.task, kept.n_classes, run.threads, folds.growing, kept.n_targets
        )
        fitted = FittedModel(kept, model, context)
        if not fitted.model.holds(step):
            _train_again(job, held, kept, dataset, folds, store, on_stage)
            continue
        # What is kept at last predicts, to its last bit as it will later.
        final = fitted.at(step)
        view = _views.found(prepared.view_key(held))
        rows = fitted.features(dataset.test) if view is None else test_view(view, dataset)
        values = residual.added(fitted.model.predict(rows)).astype(np.float32)
        _check_values(job, held, [values], [values])
        store.write_tested(job.model.name, job.key, job.repeat, held, step, values)
        if final.reason is not None or final.size < _MUCH_SMALLER * kept.size:
            store.write_kept(job.model.name, job.key, job.repeat, held, final)


def _train_again(
    job: Job,
    held: Held,
    kept: Kept,
    dataset: Dataset,
    folds: Folds,
    store: Results,
    on_stage: OnStage,
) -> None:
    """Train a fit with the test rows: it has forgotten the stage that was chosen on all folds."""
    (result,) = train_folds(
        job.run.competition,
        dataset,
        job.model,
        folds,
        job.repeat,
        [held],
        seed=job.run.seed,
        threads=job.run.threads,
        on_stage=on_stage,
        views=_views,
    )
    _check_predictions(job, result)
    reason = "its weights at the stopping point were not among those that memory has room for"
    store.write_fold(
        job.model, job.key, replace(result, kept=replace(kept, files={}, reason=reason))
    )


def _check_predictions(job: Job, result: FoldResult) -> None:
    parts = [part for part in (result.valid, result.test) if len(part)]
    _check_values(job, result.held, [part[0] for part in parts], parts)


def _check_values(
    job: Job, held: Held, first: Sequence[NDArray[np.float32]], every: Sequence[NDArray[np.float32]]
) -> None:
    """Check the predictions of the first stage for NaN, and those of every stage for their range.

    Raises:
        DataError: if they cannot be predictions of the task.
    """
    if not all(np.isfinite(part).all() for part in first):
        raise DataError(
            f"Model '{job.model.member}' predicted NaN or infinity in {describe(held)}, "
            "from its first stage on. Its learning rate may be too high, or a feature may be "
            "infinite."
        )
    if job.run.competition.task is Task.REGRESSION:
        return
    # Rounding may lift a probability of one by a little.
    if any((part < 0).any() or (part > 1.01).any() for part in every):
        raise DataError(
            f"Model '{job.model.member}' predicted probabilities that are not between 0 and 1 in "
            f"{describe(held)}. The last layer of a network needs a sigmoid, or a softmax "
            "of more classes."
        )


def _told(metric: Metric, result: FoldResult) -> FoldScore:
    known = not np.isnan(result.curve).all()
    best = float(result.curve[metric.best(result.curve)]) if known else math.nan
    return FoldScore(result.held, best, result.fit_seconds, result.other_seconds)


def _without_test(dataset: Dataset) -> Dataset:
    """Return a data set with one test row, which trainers expect; its predictions are not used."""
    first = np.arange(1)
    return replace(
        dataset,
        test=take(dataset.test, first),
        test_ids=dataset.test_ids[first],
        fingerprint=f"{dataset.fingerprint}-without-test",
    )
