"""Training one model on the folds of one repeat: features inside the fold, staged predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Metric, Model, Task
from pipelines.folds import Folds
from pipelines.refit import stages_with_refit
from pipelines.residual import Residual
from pipelines.seeds import derive_seed
from pipelines.trainers import Context, FoldData, Stage, load_trainer
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
        valid: [s, v] or [s, v, classes] float32, predictions on the metric's scale.
        test: [s, m] or [s, m, classes] float32. In the last of folds that grow with time, by a
            model of all rows.
        fit_seconds: spent in the trainer.
        other_seconds: spent on features and scores.
    """

    repeat: int
    fold: int
    steps: NDArray[np.int64]
    curve: NDArray[np.float64]
    valid: NDArray[np.float32]
    test: NDArray[np.float32]
    fit_seconds: float
    other_seconds: float


def take(rows: Any, index: NDArray[np.int64]) -> Any:
    """Return some rows of a DataFrame or an array."""
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]


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
) -> list[FoldResult]:
    """Train a model on some folds of a repeat.

    Args:
        competition: gives the task and the metric.
        dataset: the rows.
        model: what to train.
        folds: who trains on which rows.
        repeat: which repeat of `folds`.
        numbers: which folds of it; trainers that train folds together get all at once.
        seed: the run's seed.
        threads: at most so many threads are used.
        on_stage: called with the step and the mean score over the folds in training.
        views: where transformed rows are kept for the next model; None keeps none.

    Returns:
        A result for each of `numbers`, in that order.
    """
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    context = Context(competition.task, _n_classes(competition, dataset), threads)
    target = competition.metric.scale.forward(dataset.target)
    residual, model = Residual.split(competition, dataset, model)
    batches = [tuple(numbers)] if trainer.together else [(number,) for number in numbers]
    results = []
    for batch in batches:
        started = time.perf_counter()
        goal = residual.target(target)
        data = [
            _fold_data(dataset, model, goal, folds, repeat, fold, seed, views) for fold in batch
        ]
        whole = None
        if folds.growing and batch[-1] == folds.n_folds - 1:
            whole = _fold_data(dataset, model, goal, folds, repeat, folds.n_folds, seed, views)
        held_rows = [folds.pairs[repeat][fold][1] for fold in batch]
        held_out = [target[rows] for rows in held_rows]
        recorder = _Recorder(competition.metric, held_out, time.perf_counter() - started)
        started = time.perf_counter()
        for stage in stages_with_refit(trainer, model, data, whole, context):
            recorder.fit_seconds += time.perf_counter() - started
            on_stage(stage.step, recorder.add(residual.stage(stage, held_rows)))
            if recorder.out_of_patience(model.patience):
                break
            started = time.perf_counter()
        results += recorder.results(repeat, batch)
    return results


def _n_classes(competition: Competition, dataset: Dataset) -> int:
    return 0 if competition.task is Task.REGRESSION else int(dataset.target.max()) + 1


class _Recorder:
    """Collects the stages of some folds and scores them against the held-out targets."""

    def __init__(
        self, metric: Metric, targets: Sequence[NDArray[np.float64]], other_seconds: float
    ) -> None:
        self.metric, self.targets = metric, targets
        self.steps: list[int] = []
        self.curves: list[list[float]] = [[] for _ in targets]
        self.valid: list[list[Array]] = [[] for _ in targets]
        self.test: list[list[Array]] = [[] for _ in targets]
        self.fit_seconds, self.other_seconds = 0.0, other_seconds

    def add(self, stage: Stage) -> float:
        """Record a stage and return its mean score."""
        started = time.perf_counter()
        self.steps.append(stage.step)
        for number, target in enumerate(self.targets):
            self.curves[number].append(self.metric.score(target, stage.valid[number]))
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
                np.stack(self.valid[number]),
                np.stack(self.test[number]),
                self.fit_seconds * share,
                self.other_seconds * share,
            )
            for number, fold in enumerate(batch)
        ]


def _fold_data(
    dataset: Dataset,
    model: Model,
    target: NDArray[np.float64],
    folds: Folds,
    repeat: int,
    fold: int,
    seed: int,
    views: ViewCache | None,
) -> FoldData:
    """Return the rows of a fold as the model's transformer, fitted in the fold, makes them.

    One fold more than there are trains on all rows, and predicts one of them for form's sake.
    """
    everything = np.arange(len(target)), np.arange(1)
    train, valid = folds.pairs[repeat][fold] if fold < folds.n_folds else everything

    def make() -> tuple[Any, Any, Any]:
        parts = take(dataset.train, train), take(dataset.train, valid), dataset.test
        if model.features is None:
            return parts
        features = model.features()
        return (
            features.fit_transform(parts[0], target[train]),
            features.transform(parts[1]),
            features.transform(parts[2]),
        )

    key = (dataset.fingerprint, folds.fingerprint, model.config()["features"], repeat, fold)
    view = make() if views is None else views.get(key, make)
    own_seed = derive_seed(seed, model.name, repeat, fold)
    return FoldData(view[0], target[train], view[1], view[2], own_seed)
