"""`OutOfFold`: one model's predictions for rows that it was not trained on, and for the test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Metric, Model
from pipelines.folds import Folds
from pipelines.training import FoldResult


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Out-of-fold and test predictions of one model, on the metric's scale.

    Attributes:
        model: name of the member: the model's, with what was changed of it.
        key: of its stored results; follows from data, folds, configuration, seed and code.
        score: metric of `valid` on the covered rows.
        fold_scores: [repeats, folds] float64, the metric in each fold at `step`.
        step: rounds or epochs at the best point of the mean curve over all folds.
        steps: [s] int64 stages that every fold reached.
        curve: [s] float64, mean over all folds.
        valid: [n] or [n, classes] float64; mean over the repeats; NaN where not covered.
        covered: [n] bool; rows of a time-ordered scheme may never be predicted.
        test: [m] or [m, classes] float64; mean over repeats and folds. Of folds that grow with
            time, the last alone: it holds a model of all rows.
        fit_seconds: spent in the trainer, all folds together.
        other_seconds: spent on features and scores.
        config: the model's configuration.
        train_ids: [n] ids.
        test_ids: [m] ids.
        data_fingerprint: of the files.
        folds_fingerprint: of the folds.
        size: bytes of a fold's model at `step`, the mean over the folds; None where not known.
    """

    model: str
    key: str
    score: float
    fold_scores: NDArray[np.float64]
    step: int
    steps: NDArray[np.int64]
    curve: NDArray[np.float64]
    valid: NDArray[np.float64]
    covered: NDArray[np.bool_]
    test: NDArray[np.float64]
    fit_seconds: float
    other_seconds: float
    config: Mapping[str, Any]
    train_ids: NDArray[Any]
    test_ids: NDArray[Any]
    data_fingerprint: str
    folds_fingerprint: str
    size: float | None = None

    @property
    def n_repeats(self) -> int:
        """Number of repeats that the predictions are the mean of."""
        return len(self.fold_scores)

    @property
    def imported(self) -> bool:
        """Whether another tool made the predictions; see `pipelines.imported`."""
        return bool(self.config.get("imported", False))

    _ARRAYS = ("fold_scores", "steps", "curve", "valid", "covered", "test", "train_ids", "test_ids")

    def to_file(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return a JSON value and arrays, from which `from_file` makes an equal value."""
        arrays = {name: getattr(self, name) for name in self._ARRAYS}
        meta = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in arrays
        }
        return meta, arrays

    @classmethod
    def from_file(cls, meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> OutOfFold:
        """Return the value that `to_file` took apart."""
        values: dict[str, Any] = {**meta, **arrays}
        return cls(**values)


def assemble(
    competition: Competition,
    dataset: Dataset,
    model: Model,
    key: str,
    folds: Folds,
    results: Sequence[Sequence[FoldResult]],
) -> OutOfFold:
    """Join the results of all folds at one stopping point.

    The point is the best of the mean curve over all folds and repeats. A fold's own best
    would make the out-of-fold score look better than the model is.

    Args:
        competition: gives the metric.
        dataset: the rows that were trained on.
        model: what was trained.
        key: of the stored results.
        folds: who was trained on which rows.
        results: `results[repeat][fold]`, one or more complete repeats.
    """
    flat = [result for repeat in results for result in repeat]
    knowing = [repeat[-1] for repeat in results] if folds.growing else flat
    steps, curve, best = stopping_point(competition.metric, flat)
    target = competition.scaled_target(dataset)
    predictions = [_join(folds, repeat, best, len(target)) for repeat in results]
    valid = np.mean(predictions, axis=0)
    covered = ~np.isnan(valid).reshape(len(target), -1).any(axis=1)
    return OutOfFold(
        model=model.member,
        key=key,
        score=competition.metric.score(target[covered], valid[covered]),
        fold_scores=np.array([[fold.curve[best] for fold in repeat] for repeat in results]),
        step=int(steps[best]),
        steps=steps,
        curve=curve,
        valid=valid,
        covered=covered,
        test=np.mean([fold.test[best].astype(np.float64) for fold in knowing], axis=0),
        fit_seconds=sum(fold.fit_seconds for fold in flat),
        other_seconds=sum(fold.other_seconds for fold in flat),
        config=model.config(),
        train_ids=dataset.train_ids,
        test_ids=dataset.test_ids,
        data_fingerprint=dataset.fingerprint,
        folds_fingerprint=folds.fingerprint,
        size=_mean_size(flat, best),
    )


def stopping_point(
    metric: Metric, results: Sequence[FoldResult]
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Return the stages that all folds reached, their mean curve, and the index of its best.

    Raises:
        ValueError: if the mean curve has no number in it.
    """
    shared = min(len(result.steps) for result in results)
    curve = np.mean([result.curve[:shared] for result in results], axis=0)
    return results[0].steps[:shared], curve, metric.best(curve)


def _mean_size(results: Sequence[FoldResult], stage: int) -> float | None:
    sizes = [math.nan if result.size is None else result.size[stage] for result in results]
    mean = float(np.mean(sizes))
    return None if math.isnan(mean) else mean


def _join(
    folds: Folds, results: Sequence[FoldResult], stage: int, n_rows: int
) -> NDArray[np.float64]:
    shape = (n_rows, *results[0].valid.shape[2:])
    joined = np.full(shape, np.nan)
    for result in results:
        _, rows = folds.pairs[result.repeat][result.fold]
        joined[rows] = result.valid[stage]
    return joined
