"""Training one model for some fits of a repeat: features inside each, staged predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Metric, Model
from pipelines.folds import Folds, Held, Rows
from pipelines.preparation import Preparation
from pipelines.residual import Residual
from pipelines.stopping import bounded_patience, out_of_patience
from pipelines.trainers import Context, FoldData, Stage, Trainer, alike_groups, load_trainer
from pipelines.views import ViewCache

OnStage = Callable[[int, float], None]


def ignore_stage(step: int, score: float) -> None:
    """Take no notice of a stage."""
    del step, score


@dataclass(frozen=True, eq=False)
class FoldResult:
    """Staged predictions of one fit of a model.

    Attributes:
        repeat: number of the repeat.
        held: the folds that were held out: one; two neighbours for the nested score; none for a
            model of all rows, which predicts the test rows where folds grow with time.
        steps: [s] int64, rounds or epochs of each stage, ascending.
        curves: [held, s] float64, the metric on the rows of each fold held out, at each stage.
        loss: [s] float64, the training loss of a network at each stage; NaN where there is none.
        valid: [s, v] or [s, v, classes] float32, predictions on the metric's scale; the rows of
            one fold after those of the other.
        test: [s, m] or [s, m, classes] float32.
        fit_seconds: spent in the trainer.
        other_seconds: spent on features and scores.
        size: [s] float64, bytes of the model at each stage as its library saves it, NaN where
            not known.
    """

    repeat: int
    held: Held
    steps: NDArray[np.int64]
    curves: NDArray[np.float64]
    loss: NDArray[np.float64]
    valid: NDArray[np.float32]
    test: NDArray[np.float32]
    fit_seconds: float
    other_seconds: float
    size: NDArray[np.float64]

    @property
    def curve(self) -> NDArray[np.float64]:
        """The metric at each stage, [s], the mean over the folds held out that have one."""
        defined = [curve for curve in self.curves if not np.isnan(curve).all()]
        return np.mean(defined, axis=0) if defined else np.full(len(self.steps), np.nan)

    def stage(self, step: int) -> int:
        """Return the index of the stage of so many rounds or epochs, or of the last before.

        A fit may have run out of patience earlier.
        """
        return max(0, int(np.searchsorted(self.steps, step, side="right")) - 1)


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
    views: ViewCache | None = None,
) -> list[FoldResult]:
    """Train a model for some fits of a repeat.

    The result of a fit depends on nothing that is trained beside it.

    Args:
        competition: gives the task and the metric.
        dataset: the rows.
        model: what to train.
        folds: who trains on which rows.
        repeat: which repeat of `folds`.
        held: the folds that each fit holds out. Trainers that train folds together get all those
            at once that are alike.
        seed: the run's seed.
        threads: at most so many threads are used.
        on_stage: called with the step and the mean score over the fits in training.
        views: where transformed rows are kept for the next model; None keeps none.

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
    context = Context(competition.task, prepared.n_classes, threads, folds.growing)
    results: dict[Held, FoldResult] = {}
    for group in _groups(trainer, trained, prepared, held):
        recorder = _Recorder(competition.metric, patience, repeat, group, on_stage)
        results |= recorder.record(trainer.stages(trained, group.data, context), residual)
    return [results[part] for part in held]


@dataclass(frozen=True, eq=False)
class _Group:
    """Fits that are trained at once: what they hold out, and their rows.

    Attributes:
        held: the folds that each holds out.
        data: what the trainer gets of each.
        rows: [v] row numbers that each predicts.
        targets: of the folds that each holds out.
        seconds: that preparing took.
    """

    held: Sequence[Held]
    data: Sequence[FoldData]
    rows: Sequence[Rows]
    targets: Sequence[list[NDArray[np.float64]]]
    seconds: float


def _groups(
    trainer: Trainer, model: Model, prepared: Preparation, held: Sequence[Held]
) -> Iterator[_Group]:
    """Yield what is trained at once; where that is one fit at a time, prepare it no sooner."""
    for batch in [list(held)] if trainer.together else [[part] for part in held]:
        started = time.perf_counter()
        data = [prepared.data(part) for part in batch]
        seconds = time.perf_counter() - started
        for places in alike_groups(trainer, model, data):
            parts = [batch[place] for place in places]
            yield _Group(
                parts,
                [data[place] for place in places],
                [prepared.held_rows(part) for part in parts],
                [prepared.held_targets(part) for part in parts],
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
        self.records = [_Record(metric, patience, targets) for targets in group.targets]
        self.fit_seconds, self.other_seconds = 0.0, group.seconds

    def record(self, stages: Iterator[Stage], residual: Residual) -> dict[Held, FoldResult]:
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

    def _results(self) -> dict[Held, FoldResult]:
        """Return what was collected; the time is shared evenly."""
        share = 1 / len(self.records)
        return {
            held: FoldResult(
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
        }


class _Record:
    """The stages of one fit, until none of the folds that it holds out gets better.

    Attributes:
        over: whether more stages are of no use. This bounds the time; which step is used is
            decided later, on all folds.
    """

    def __init__(
        self, metric: Metric, patience: int | None, targets: Sequence[NDArray[np.float64]]
    ) -> None:
        self.metric, self.patience, self.targets = metric, patience, targets
        self.steps: list[int] = []
        self.curves: list[list[float]] = [[] for _ in targets]
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
        ends = np.cumsum([len(target) for target in self.targets])
        parts = np.split(valid, ends[:-1]) if self.targets else []
        for curve, target, part in zip(self.curves, self.targets, parts, strict=True):
            curve.append(self.metric.score(target, part))
        self.over = bool(self.curves) and all(
            out_of_patience(self.metric, self.steps, curve, self.patience) is not None
            for curve in self.curves
        )
        return [curve[-1] for curve in self.curves]
