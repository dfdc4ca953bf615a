"""Training one model on the folds of one repeat: features inside the fold, staged predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Metric, Model
from pipelines.folds import Folds
from pipelines.preparation import Preparation
from pipelines.refit import stages_with_refit
from pipelines.residual import Residual
from pipelines.trainers import Context, Stage, load_trainer
from pipelines.views import ViewCache

OnStage = Callable[[int, float], None]


def ignore_stage(step: int, score: float) -> None:
    """Take no notice of a stage."""
    del step, score


@dataclass(frozen=True, eq=False)
class FoldResult:
    """Staged predictions of one model in one fold.

    Attributes:
        repeat: number of the repeat.
        fold: number of the fold.
        steps: [s] int64, rounds or epochs of each stage, ascending.
        curve: [s] float64, the metric on the validation rows at each stage.
        loss: [s] float64, the training loss of a network at each stage; NaN where there is none.
        valid: [s, v] or [s, v, classes] float32, predictions on the metric's scale.
        test: [s, m] or [s, m, classes] float32. In the last of folds that grow with time, by a
            model of all rows.
        fit_seconds: spent in the trainer.
        other_seconds: spent on features and scores.
        size: [s] float64, bytes of the model at each stage as its library saves it, NaN where
            not known; None in results of versions that did not look.
    """

    repeat: int
    fold: int
    steps: NDArray[np.int64]
    curve: NDArray[np.float64]
    loss: NDArray[np.float64]
    valid: NDArray[np.float32]
    test: NDArray[np.float32]
    fit_seconds: float
    other_seconds: float
    size: NDArray[np.float64] | None = None


def train_folds(
    competition: Competition,
    dataset: Dataset,
    model: Model,
    folds: Folds,
    repeat: int,
    numbers: Sequence[int],
    *,
    seed: int = 0,
    threads: int = 1,
    on_stage: OnStage = ignore_stage,
    views: ViewCache | None = None,
    refit: bool = True,
) -> list[FoldResult]:
    """Train a model on some folds of a repeat.

    Args:
        competition: gives the task and the metric.
        dataset: the rows.
        model: what to train.
        folds: who trains on which rows.
        repeat: which repeat of `folds`.
        numbers: which folds of it; trainers that train folds together get all at once. The
            number behind the last one is all rows, whose scores are NaN.
        seed: the run's seed.
        threads: at most so many threads are used.
        on_stage: called with the step and the mean score over the folds in training.
        views: where transformed rows are kept for the next model; None keeps none.
        refit: whether, of folds that grow with time, a model of all rows predicts the test rows.

    Returns:
        A result for each of `numbers`, in that order.
    """
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    residual, model = Residual.split(competition, dataset, model)
    kept = views or ViewCache(max_bytes=0)
    prepared = Preparation(competition, dataset, model, folds, repeat, seed, kept, residual)
    trained = model.without_view_params()
    context = Context(competition.task, prepared.n_classes, threads)
    batches = [tuple(numbers)] if trainer.together else [(number,) for number in numbers]
    results = []
    for batch in batches:
        started = time.perf_counter()
        data = [prepared.data(fold) for fold in batch]
        last = batch[-1] == folds.n_folds - 1
        whole = prepared.data(folds.n_folds) if refit and folds.growing and last else None
        held_rows = [prepared.held_rows(fold) for fold in batch]
        held_out = [
            prepared.target[rows] if fold < folds.n_folds else None
            for fold, rows in zip(batch, held_rows, strict=True)
        ]
        recorder = _Recorder(competition.metric, held_out, time.perf_counter() - started)
        started = time.perf_counter()
        for stage in stages_with_refit(trainer, trained, data, whole, context):
            recorder.fit_seconds += time.perf_counter() - started
            on_stage(stage.step, recorder.add(residual.stage(stage, held_rows)))
            if recorder.out_of_patience(model.patience):
                break
            started = time.perf_counter()
        results += recorder.results(repeat, batch)
    return results


class _Recorder:
    """Collects the stages of some folds and scores them against the held-out targets."""

    def __init__(
        self,
        metric: Metric,
        targets: Sequence[NDArray[np.float64] | None],
        other_seconds: float,
    ) -> None:
        self.metric, self.targets = metric, targets
        self.steps: list[int] = []
        self.curves: list[list[float]] = [[] for _ in targets]
        self.losses: list[list[float]] = [[] for _ in targets]
        self.sizes: list[list[float]] = [[] for _ in targets]
        self.valid: list[list[Array]] = [[] for _ in targets]
        self.test: list[list[Array]] = [[] for _ in targets]
        self.fit_seconds, self.other_seconds = 0.0, other_seconds

    def add(self, stage: Stage) -> float:
        """Record a stage and return its mean score."""
        started = time.perf_counter()
        self.steps.append(stage.step)
        unknown = [math.nan] * len(self.targets)
        losses, sizes = stage.loss or unknown, stage.size or unknown
        for number, target in enumerate(self.targets):
            self.losses[number].append(losses[number])
            self.sizes[number].append(sizes[number])
            score = math.nan if target is None else self.metric.score(target, stage.valid[number])
            self.curves[number].append(score)
            self.valid[number].append(np.asarray(stage.valid[number], dtype=np.float32))
            self.test[number].append(np.asarray(stage.test[number], dtype=np.float32))
        self.other_seconds += time.perf_counter() - started
        return float(np.mean([curve[-1] for curve in self.curves]))

    def out_of_patience(self, patience: int | None) -> bool:
        """Whether the mean curve of these folds has not improved for `patience` steps.

        This bounds the time; which step is used is decided later, on all folds.
        """
        if patience is None:
            return False
        curve = np.mean(self.curves, axis=0)
        if np.isnan(curve).all():
            return False
        return self.steps[-1] - self.steps[self.metric.best(curve)] >= patience

    def results(self, repeat: int, batch: Sequence[int]) -> list[FoldResult]:
        """Return what was collected; the time is shared evenly among the folds."""
        share = 1 / len(batch)
        return [
            FoldResult(
                repeat,
                fold,
                np.array(self.steps, dtype=np.int64),
                np.array(self.curves[number], dtype=np.float64),
                np.array(self.losses[number], dtype=np.float64),
                np.stack(self.valid[number]),
                np.stack(self.test[number]),
                self.fit_seconds * share,
                self.other_seconds * share,
                np.array(self.sizes[number], dtype=np.float64),
            )
            for number, fold in enumerate(batch)
        ]
