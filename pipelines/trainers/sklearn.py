"""A scikit-learn estimator, as one stage."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from comps.base import Array, Features, Model, Params, Task, UsageError
from pipelines.trainers._base import Context, FoldData, Stage, Trainer

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class SklearnTrainer:
    """Fits the estimator that `model.build(**model.params)` returns.

    Every parameter called `random_state` or `n_jobs`, nested ones too, is set by the
    harness, so that results follow from the run's seed and threads stay within the cores:
    estimators within one that has `n_jobs` get one thread each, because threads multiply.
    """

    together = False
    on_gpu: ClassVar[Mapping[str, str]] = {}
    backend = None

    def prepare(self) -> None:
        """Import scikit-learn's common part. See `Trainer`."""
        import sklearn.compose
        import sklearn.linear_model  # noqa: F401

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Fit once and yield one stage. See `Trainer`."""
        import joblib

        (fold,) = folds
        if model.build is None:
            raise UsageError(f"Model '{model.name}' names no function that builds its estimator.")
        try:
            estimator = model.build(**model.params)
        except TypeError as error:
            raise UsageError(f"Model '{model.name}' cannot be built: {error}.") from error
        estimator.set_params(**_managed(estimator.get_params(), fold.seed, context.threads))
        with warnings.catch_warnings():
            # Some estimators still have the parameter and complain that it is set.
            warnings.filterwarnings("ignore", "'n_jobs' has no effect", FutureWarning)
            estimator.fit(fold.train, fold.target)
        # Forests add up their trees in the order in which threads end: the last bit would vary.
        with joblib.parallel_config(backend="sequential"):
            predictions = [
                _predict(model, estimator, rows, context.task) for rows in (fold.valid, fold.test)
            ]
        yield Stage(1, predictions[:1], predictions[1:], size=[_size(estimator)])


class _Counter:
    """A file that counts its bytes, for a forest may not fit in memory twice."""

    size = 0

    def write(self, content: bytes) -> int:
        self.size += memoryview(content).nbytes
        return len(content)


def _size(estimator: BaseEstimator) -> float:
    """Return the bytes of an estimator as scikit-learn's users save it; NaN if it cannot be."""
    counter = _Counter()
    try:
        pickle.dump(estimator, counter, protocol=5)
    except Exception:  # of whatever kind: it has been trained, and its size decides nothing
        return math.nan
    return counter.size


def _managed(params: Params, seed: int, threads: int) -> dict[str, int]:
    managed: dict[str, int] = {}
    for name in params:
        *holders, own = name.split("__")
        outer = ("__".join([*holders[:depth], "n_jobs"]) for depth in range(len(holders)))
        if own == "random_state":
            managed[name] = seed
        elif own == "n_jobs":
            managed[name] = 1 if any(holder in params for holder in outer) else threads
    return managed


def _predict(model: Model, estimator: BaseEstimator, rows: Features, task: Task) -> Array:
    if task is Task.REGRESSION:
        prediction: Array = estimator.predict(rows)
        return prediction
    if not hasattr(estimator, "predict_proba"):
        raise UsageError(
            f"Model '{model.name}' predicts no probabilities of classes: it has no predict_proba. "
            "Of a classifier, sklearn.calibration.CalibratedClassifierCV makes them."
        )
    probabilities: Array = estimator.predict_proba(rows)
    return probabilities[:, 1] if task is Task.BINARY else probabilities


if TYPE_CHECKING:
    _: Trainer = SklearnTrainer()
