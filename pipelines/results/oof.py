"""`OutOfFold`: one model's predictions for rows that it was not trained on, and for the test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import JSON, Array, Competition, Dataset, Metric, Model, Params, Target
from pipelines.folds import ALL_ROWS, Folds, Held
from pipelines.results.fold_result import FoldResult
from pipelines.results.inner import Estimate, Inner, Results, join, nested_inner, stored_inner
from pipelines.results.stopping import stopping_stage, waited_for


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Out-of-fold and test predictions of one model, on the metric's scale.

    Attributes:
        model: name of the member: the model's, with its changed parameters.
        key: of its stored results; follows from data, folds, configuration, seed and code.
        score: metric of `valid` on the covered rows.
        fold_scores: [repeats, folds] float64, the metric in each fold at `step`.
        step: rounds or epochs at the best point of the mean curve over the folds of the first
            repeat; the others follow it.
        steps: [s] int64 stages that every fold of the first repeat reached.
        curve: [s] float64, mean over these folds, of the metric's guide.
        valid: [n], [n, classes] or [n, targets] float64; mean over the repeats; NaN where not
            covered.
        covered: [n] bool; rows of a time-ordered scheme may never be predicted.
        test: [m], [m, classes] or [m, targets] float64; mean over repeats and folds. Where folds
            grow with time, by models of all rows.
        fit_seconds: spent in the trainer, all folds together.
        other_seconds: spent on features and scores.
        config: the model's configuration.
        train_ids: [n] ids.
        test_ids: [m] ids.
        data_fingerprint: of the files.
        folds_fingerprint: of the folds.
        size: bytes of a fold's model at `step`, the mean over the folds; None where not known.
        stored: predictions of each fold's inner folds by the ordinary models of the folds; None of
            imported members, of which nothing was chosen.
        nested: the same by models without each pair of neighbouring folds; None where these were
            not trained.
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
    config: Mapping[str, JSON]
    train_ids: Array
    test_ids: Array
    data_fingerprint: str
    folds_fingerprint: str
    size: float | None = None
    stored: Inner | None = None
    nested: Inner | None = None

    @property
    def n_repeats(self) -> int:
        """Number of repeats that the predictions are the mean of."""
        return len(self.fold_scores)

    def __repr__(self) -> str:
        """Return the member, its score and the form of its predictions."""
        rows = f"{int(self.covered.sum())} of {len(self.covered)} rows"
        repeats = f", mean of {self.n_repeats} repeats" if self.n_repeats > 1 else ""
        return f"OutOfFold({self.model}: {self.score:.5g} on {rows}{repeats})"

    @property
    def imported(self) -> bool:
        """Whether another tool made the predictions; see `pipelines.results.imported`."""
        return bool(self.config.get("imported", False))

    _ARRAYS = ("fold_scores", "steps", "curve", "valid", "covered", "test", "train_ids", "test_ids")
    _INNER = ("stored", "nested")

    def to_file(self) -> tuple[dict[str, JSON], dict[str, Array]]:
        """Return a JSON value and arrays, for `from_file` to read."""
        arrays: dict[str, Array] = {name: getattr(self, name) for name in self._ARRAYS}
        meta = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in (*self._ARRAYS, *self._INNER)
        }
        for name in self._INNER:
            inner: Inner | None = getattr(self, name)
            if inner is not None:
                meta[name] = str(inner.estimate)
                values = {"steps": inner.steps, "outer": inner.outer, "inner": inner.inner}
                arrays |= {f"{name}-{k}": v for k, v in values.items() if v is not None}
        return meta, arrays

    @classmethod
    def from_file(cls, meta: Params, arrays: Mapping[str, Array]) -> OutOfFold:
        """Return the predictions that `to_file` wrote."""
        values = {**meta, **{name: arrays[name] for name in cls._ARRAYS}}
        for name in cls._INNER:
            if name in meta:
                parts = [arrays.get(f"{name}-{part}") for part in ("steps", "inner", "outer")]
                values[name] = Inner(Estimate(meta[name]), *parts)  # type: ignore[arg-type]
        return cls(**values)


def assemble(
    competition: Competition,
    dataset: Dataset,
    model: Model,
    key: str,
    folds: Folds,
    repeats: Sequence[Results],
    pairs: Results | None = None,
) -> OutOfFold:
    """Return a model's out-of-fold predictions: the results of all folds at one stopping point.

    The point is the best of the mean curve over the folds of the first repeat: a fold's own best
    would make the out-of-fold score look better than the model is.

    Args:
        competition: gives the metric.
        dataset: the rows that were trained on.
        model: what was trained.
        key: of the stored results.
        folds: the rows of each fold.
        repeats: the results of one or more complete repeats; of all rows, too, where folds grow
            with time and test rows are predicted.
        pairs: the results without each pair of neighbouring folds, if there are any.
    """
    metric, truth = competition.metric, competition.truth(dataset)
    first = [repeats[0][held] for held in folds.single]
    guide = metric.guide
    step, curve = stopping_point(guide, model.patience, first)
    valid = join(folds, repeats, step)
    covered = np.asarray(np.isfinite(valid).reshape(len(truth), -1).all(axis=1))
    flat = [result for results in repeats for result in results.values()]
    in_folds = [[results[held] for held in folds.single] for results in repeats]
    knowing = [results[held] for results in repeats for held in predicting(folds)]
    return OutOfFold(
        model=model.member,
        key=key,
        score=metric.score(truth[covered], valid[covered]),
        fold_scores=np.array(
            [[_fold_score(metric, truth, folds, r, step) for r in fits] for fits in in_folds]
        ),
        step=step,
        steps=first[0].steps[: len(curve)],
        curve=curve,
        valid=valid,
        covered=covered,
        test=np.mean([_tested(result, step) for result in knowing], axis=0),
        fit_seconds=sum(result.fit_seconds for result in flat),
        other_seconds=sum(result.other_seconds for result in flat),
        config=model.config(),
        train_ids=dataset.train_ids,
        test_ids=dataset.test_ids,
        data_fingerprint=dataset.fingerprint,
        folds_fingerprint=folds.fingerprint,
        size=_mean_size(flat, step),
        stored=stored_inner(guide, model.patience, folds, repeats, step, truth),
        nested=nested_inner(guide, model.patience, folds, repeats, pairs) if pairs else None,
    )


def stopping_point(
    guide: Metric, patience: int | None, results: Sequence[FoldResult]
) -> tuple[int, NDArray[np.float64]]:
    """Return the step at the best point of the mean curve over some folds, and that curve.

    Args:
        guide: what stages are chosen by.
        patience: of the model.
        results: of the folds of the first repeat.
    """
    curves = [waited_for(guide, r.steps, r.curve, patience) for r in results]
    best, curve = stopping_stage(guide, curves)
    return int(results[0].steps[best]), curve


def predicting(folds: Folds) -> list[Held]:
    """Return the fits of a repeat that predict the test rows: where folds grow, that of all rows.

    >>> from pipelines.folds import FoldSpec
    >>> pairs = [(np.array([1]), np.array([0])), (np.array([0]), np.array([1]))]
    >>> predicting(Folds(FoldSpec("kfold", 2), 2, [pairs]))
    [(0,), (1,)]
    """
    return [ALL_ROWS] if folds.growing else folds.single


def _tested(result: FoldResult, step: int) -> NDArray[np.float64]:
    found = result.tested(step)
    assert found is not None, "test rows are predicted before results are assembled"
    return found.astype(np.float64)


def _fold_score(
    metric: Metric, target: Target, folds: Folds, result: FoldResult, step: int
) -> float:
    """Return the metric in a fold at a step: its curve has it, unless the guide is another."""
    stage = result.stage(step)
    if metric.guide is metric:
        return float(result.curve[stage])
    return metric.score(target[folds.rows(result.repeat, result.held)[1]], result.valid[stage])


def _mean_size(results: Sequence[FoldResult], step: int) -> float | None:
    mean = float(np.mean([result.size[result.stage(step)] for result in results]))
    return None if math.isnan(mean) else mean
