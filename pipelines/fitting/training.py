"""Training one model for some fits of a repeat: features inside each, staged predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from comps.base import Array, Competition, Dataset, Metric, Model, Truth
from pipelines.fitting.preparation import Preparation
from pipelines.fitting.residual import Residual
from pipelines.fitting.views import ViewCache
from pipelines.folds import Folds, Held, Rows
from pipelines.results.fold_result import FoldResult
from pipelines.results.stopping import bounded_patience, out_of_patience
from pipelines.trainers import (
    Context,
    FoldData,
    Stage,
    Trainer,
    alike_groups,
    load_trainer,
    prepared_at_once,
)

OnStage = Callable[[int, float], None]


OnResult = Callable[[FoldResult], None]


def ignore_stage(step: int, score: float) -> None:
    """Ignore a stage."""
    del step, score


def ignore_result(result: FoldResult) -> None:
    """Ignore a result."""
    del result


def train_folds(
    competition: Competition,
    dataset: Dataset,
    model: Model,
    folds: Folds,
    repeat: int,
    held: Sequence[Held],
    *,
    seed: int = 0,
    threads: int = 1,
    on_stage: OnStage = ignore_stage,
    on_result: OnResult = ignore_result,
    views: ViewCache | None = None,
) -> list[FoldResult]:
    """Train some fits of a model in one repeat, and return their results.

    The result of a fit depends on nothing that is trained beside it.

    Args:
        competition: gives the task and the metric.
        dataset: the rows.
        model: what to train.
        folds: the rows of each fold.
        repeat: which repeat of `folds`.
        held: the folds that each fit holds out. Trainers that train folds together get all those
            at once that are alike.
        seed: the run's seed.
        threads: the most threads that are used.
        on_stage: called with the step and the mean score over the fits in training.
        on_result: called with each result as soon as it is ready.
        views: a cache of transformed features for the next model; None keeps none.

    Returns:
        A result for each of `held`, in that order.
    """
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    residual, model = Residual.split(competition, dataset, model)
    kept = views or ViewCache(max_bytes=0)
    prepared = Preparation(competition, dataset, model, folds, repeat, seed, kept, residual)
    trained = model.without_view_params()
    patience = bounded_patience(model.patience, folds.n_rows, folds.growing)
    context = Context(
        competition.task, prepared.n_classes, threads, folds.growing, prepared.n_targets
    )
    results: dict[Held, FoldResult] = {}
    for group in _groups(trainer, trained, prepared, held):
        recorder = _Recorder(competition.metric.guide, patience, repeat, group, on_stage)
        for result in recorder.record(trainer.stages(trained, group.data, context), residual):
            on_result(result)
            results[result.held] = result
    return [results[part] for part in held]


@dataclass(frozen=True, eq=False)
class _Group:
    """Fits that are trained together, with their rows.

    Attributes:
        held: the folds that each holds out.
        data: what the trainer gets of each.
        rows: [v] row numbers that each predicts.
        truths: what predictions of the folds that each holds out are scored against.
        seconds: that preparing took.
    """

    held: Sequence[Held]
    data: Sequence[FoldData]
    rows: Sequence[Rows]
    truths: Sequence[list[Truth]]
    seconds: float


def _groups(
    trainer: Trainer, model: Model, prepared: Preparation, held: Sequence[Held]
) -> Iterator[_Group]:
    """Yield the groups of fits that are trained together, each prepared when it is needed."""
    for batch in prepared_at_once(trainer, held):
        started = time.perf_counter()
        data = [prepared.data(part) for part in batch]
        seconds = time.perf_counter() - started
        for places in alike_groups(trainer, model, data):
            parts = [batch[place] for place in places]
            yield _Group(
                parts,
                [data[place] for place in places],
                [prepared.held_rows(part) for part in parts],
                [prepared.held_truths(part) for part in parts],
                seconds * len(places) / len(batch),
            )


class _Recorder:
    """Collects the stages of a group and scores them against the held-out targets."""

    def __init__(
        self,
        metric: Metric,
        patience: int | None,
        repeat: int,
        group: _Group,
        on_stage: OnStage,
    ) -> None:
        self.group, self.repeat, self.on_stage = group, repeat, on_stage
        self.records = [_Record(metric, patience, truths) for truths in group.truths]
        self.fit_seconds, self.other_seconds = 0.0, group.seconds

    def record(self, stages: Iterator[Stage], residual: Residual) -> list[FoldResult]:
        """Take stages until every fit is out of patience, or has no more of them."""
        started = time.perf_counter()
        for stage in stages:
            self.fit_seconds += time.perf_counter() - started
            started = time.perf_counter()
            self._add(residual.stage(stage, self.group.rows))
            self.other_seconds += time.perf_counter() - started
            if all(record.over for record in self.records):
                break
            started = time.perf_counter()
        return self._results()

    def _add(self, stage: Stage) -> None:
        scores = []
        for place, record in enumerate(self.records):
            if not record.over:
                scores += record.add(stage, place)
        if scores:
            self.on_stage(stage.step, float(np.mean(scores)))

    def _results(self) -> list[FoldResult]:
        """Return the results of the group; its time is divided evenly."""
        share = 1 / len(self.records)
        return [
            FoldResult(
                self.repeat,
                held,
                np.array(record.steps, dtype=np.int64),
                np.array(record.curves, dtype=np.float64).reshape(len(held), len(record.steps)),
                np.array(record.losses, dtype=np.float64),
                np.stack(record.valid),
                np.stack(record.test),
                self.fit_seconds * share,
                self.other_seconds * share,
                np.array(record.sizes, dtype=np.float64),
            )
            for held, record in zip(self.group.held, self.records, strict=True)
        ]


class _Record:
    """The stages of one fit, until none of the folds that it holds out gets better.

    Attributes:
        over: whether patience has run out. This limits the time; the stopping point is chosen
            later, on all folds.
    """

    def __init__(self, metric: Metric, patience: int | None, truths: Sequence[Truth]) -> None:
        self.metric, self.patience, self.truths = metric, patience, truths
        self.steps: list[int] = []
        self.curves: list[list[float]] = [[] for _ in truths]
        self.losses: list[float] = []
        self.sizes: list[float] = []
        self.valid: list[Array] = []
        self.test: list[Array] = []
        self.over = False

    def add(self, stage: Stage, place: int) -> list[float]:
        """Record a stage of the fit at a place of its group; return its scores."""
        self.steps.append(stage.step)
        self.losses.append(stage.loss[place] if stage.loss else math.nan)
        self.sizes.append(stage.size[place] if stage.size else math.nan)
        # Scored as it is stored: a table of folds and one of models must not differ.
        valid = np.asarray(stage.valid[place], dtype=np.float32)
        self.valid.append(valid)
        self.test.append(np.asarray(stage.test[place], dtype=np.float32))
        ends = np.cumsum([len(truth) for truth in self.truths])
        parts = np.split(valid, ends[:-1]) if self.truths else []
        for curve, truth, part in zip(self.curves, self.truths, parts, strict=True):
            curve.append(self.metric.score(truth, part))
        self.over = bool(self.curves) and all(
            out_of_patience(self.metric, self.steps, curve, self.patience) is not None
            for curve in self.curves
        )
        return [curve[-1] for curve in self.curves]
