"""Training one model for some fits of a repeat: features inside each, staged predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from comps.base import Array, Competition, Dataset, Metric, Model, Truth
from pipelines.fitting.keeping import Keeping, lacks_test, most_stages
from pipelines.fitting.preparation import Preparation
from pipelines.fitting.residual import Residual
from pipelines.fitting.views import ViewCache
from pipelines.folds import Folds, Held, Rows
from pipelines.results.fold_result import FoldResult
from pipelines.results.stopping import bounded_patience, out_of_patience
from pipelines.trainers import (
    Context,
    FoldData,
    FoldModel,
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
    keep: bool = False,
) -> list[FoldResult]:
    """Train some fits of a model in one repeat, and return their results.

    The result of a fit depends on nothing that is trained beside it.

    With `keep`, results have the trained model. One that has several stages predicts no test rows:
    its stopping point is chosen first, see `pipelines.engines.jobs`. One that cannot be kept
    predicts them at each stage, as all do without `keep`.

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
        keep: whether trained models are kept.

    Returns:
        A result for each of `held`, in that order.
    """
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    residual, model = Residual.split(competition, dataset, model)
    kept = views or ViewCache(max_bytes=0)
    prepared = Preparation(competition, dataset, model, folds, repeat, seed, kept, residual)
    keeping = Keeping(trainer, model, prepared) if keep else None
    trained = model.without_view_params()
    patience = bounded_patience(model.patience, folds.n_rows, folds.growing)
    context = Context(
        competition.task, prepared.n_classes, threads, folds.growing, prepared.n_targets
    )
    results: dict[Held, FoldResult] = {}

    def train(parts: Sequence[Held], keeping: Keeping | None) -> Iterator[FoldResult]:
        for group in _groups(trainer, trained, prepared, parts, keeping):
            recorder = _Recorder(competition.metric.guide, patience, repeat, group, on_stage)
            stages = trainer.stages(trained, group.data, context)
            yield from recorder.record(stages, residual, keeping)

    for result in train(held, keeping):
        if lacks_test(result):
            # It could not be kept, which is known at the end: train it again, with the test rows.
            (again,) = train([result.held], None)
            result = replace(again, kept=result.kept)
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
    trainer: Trainer,
    model: Model,
    prepared: Preparation,
    held: Sequence[Held],
    keeping: Keeping | None,
) -> Iterator[_Group]:
    """Yield the groups of fits that are trained together, each prepared when it is needed."""
    for batch in prepared_at_once(trainer, held):
        started = time.perf_counter()
        views = [prepared.view(part) for part in batch]
        if keeping is not None:
            for part, view in zip(batch, views, strict=True):
                keeping.take(part, view.transformer)
        data = [
            prepared.data(part, view, tested=keeping is None or keeping.tested(part))
            for part, view in zip(batch, views, strict=True)
        ]
        del views
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

    def record(
        self, stages: Iterator[Stage], residual: Residual, keeping: Keeping | None
    ) -> list[FoldResult]:
        """Take stages until every fit is out of patience, or has no more of them."""
        started = time.perf_counter()
        for stage in stages:
            self.fit_seconds += time.perf_counter() - started
            started = time.perf_counter()
            self._add(residual.stage(stage, self.group.rows), keeping)
            self.other_seconds += time.perf_counter() - started
            if all(record.over for record in self.records):
                break
            started = time.perf_counter()
        return self._results(keeping)

    def _add(self, stage: Stage, keeping: Keeping | None) -> None:
        scores = []
        for place, record in enumerate(self.records):
            if not record.over:
                tested = keeping is None or keeping.tested(self.group.held[place])
                scores += record.add(stage, place, tested=tested)
            if stage.models:
                most = 0 if keeping is None else most_stages(stage, place)
                stage.models[place].retain(record.best_steps(most), record.steps[-1])
        # A model of all rows has none; that it goes on is told all the same.
        self.on_stage(stage.step, float(np.mean(scores)) if scores else math.nan)

    def _results(self, keeping: Keeping | None) -> list[FoldResult]:
        """Return the results of the group; its time is divided evenly."""
        started = time.perf_counter()
        kept = [
            None if keeping is None else keeping.packed(held, record.model)
            for held, record in zip(self.group.held, self.records, strict=True)
        ]
        self.other_seconds += time.perf_counter() - started
        share = 1 / len(self.records)
        return [
            FoldResult(
                self.repeat,
                held,
                np.array(record.steps, dtype=np.int64),
                np.array(record.curves, dtype=np.float64).reshape(len(held), len(record.steps)),
                np.array(record.losses, dtype=np.float64),
                np.stack(record.valid),
                np.stack(record.test) if record.test else np.empty((0, 0), dtype=np.float32),
                self.fit_seconds * share,
                self.other_seconds * share,
                np.array(record.sizes, dtype=np.float64),
                np.array(record.steps if record.test else [], dtype=np.int64),
                own,
            )
            for held, record, own in zip(self.group.held, self.records, kept, strict=True)
        ]


class _Record:
    """The stages of one fit, until none of the folds that it holds out gets better.

    Attributes:
        over: whether patience has run out. This limits the time; the stopping point is chosen
            later, on all folds.
        model: what was trained; None where the trainer gives none.
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
        self.model: FoldModel | None = None

    def add(self, stage: Stage, place: int, *, tested: bool = True) -> list[float]:
        """Record a stage of the fit at a place of its group; return its scores.

        Args:
            stage: of the group.
            place: of the fit.
            tested: whether its predictions of the test rows are of use.
        """
        self.steps.append(stage.step)
        self.losses.append(stage.loss[place] if stage.loss else math.nan)
        self.sizes.append(stage.size[place] if stage.size else math.nan)
        # Scored as it is stored: a table of folds and one of models must not differ.
        valid = np.asarray(stage.valid[place], dtype=np.float32)
        self.valid.append(valid)
        if tested:
            self.test.append(np.asarray(stage.test[place], dtype=np.float32))
        self.model = stage.models[place] if stage.models else None
        ends = np.cumsum([len(truth) for truth in self.truths])
        parts = np.split(valid, ends[:-1]) if self.truths else []
        for curve, truth, part in zip(self.curves, self.truths, parts, strict=True):
            curve.append(self.metric.score(truth, part))
        self.over = bool(self.curves) and all(
            out_of_patience(self.metric, self.steps, curve, self.patience) is not None
            for curve in self.curves
        )
        return [curve[-1] for curve in self.curves]

    def best_steps(self, most: int) -> list[int]:
        """Return the steps of the best stages by the mean of the scores; all where there are few.

        Without scores, as of a model of all rows, the last ones.
        """
        if len(self.steps) <= most:
            return list(self.steps)
        mean = np.mean(self.curves, axis=0) if self.curves else np.full(len(self.steps), np.nan)
        keys = [self.metric.sort_key(value) for value in mean]
        worst = [math.inf if math.isnan(key) else key for key in keys]
        order = sorted(range(len(keys)), key=lambda i: (worst[i], -i))
        return [self.steps[i] for i in order[:most]]
