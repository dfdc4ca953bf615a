"""A scikit-learn estimator, as one stage."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comps.base import Array, Features, Model, Task, UsageError
from pipelines.basics.kept_objects import dump_object, load_object
from pipelines.trainers._base import Context, FoldData, FoldModel, SelectiveTrainer, Stage
from pipelines.trainers._own_code import packages_of
from pipelines.trainers._per_target import per_target, restored_per_target
from pipelines.trainers._sklearn_weights import weight_name

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class SklearnTrainer:
    """Fits the estimator that `model.build(**model.params)` returns.

    Every parameter called `random_state` or `n_jobs`, nested ones too, is set by the
    harness, so that results follow from the run's seed and threads stay within the cores:
    estimators within one that has `n_jobs` get one thread each, because threads multiply.

    Several targets are learned by an estimator each, unless it says that it learns nothing but
    several targets, as `ClassifierChain` and `MultiOutputRegressor` do. Weights of rows reach an
    estimator whose `fit` takes them; others are trained without.
    """

    together = False
    staged = False
    on_gpu: ClassVar[Mapping[str, str]] = {}
    backend = None

    def prepare(self) -> None:
        """Import scikit-learn's common part. See `Trainer`."""
        import sklearn.compose
        import sklearn.linear_model  # noqa: F401

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Fit once and yield one stage. See `Trainer`."""
        several = folds[0].target.ndim > 1 and _learns_several_alone(_built(model))
        return (self._at_once if several else self._one_by_one)(model, folds, context)

    def takes_weights(self, model: Model) -> bool:
        """Return whether the estimator of a model takes weights of rows.

        One that cannot be built takes whatever there is: training it says what is wrong.
        """
        try:
            return weight_name(_built(model)) is not None
        except UsageError:
            return True

    def _at_once(
        self, model: Model, folds: Sequence[FoldData], context: Context
    ) -> Iterator[Stage]:
        """Fit one estimator to all targets, and yield its stage."""
        (fold,) = folds
        estimator = _built(model)
        estimator.set_params(**_managed(estimator.get_params(), fold.seed, context.threads))
        name = None if fold.weight is None else weight_name(estimator)
        with warnings.catch_warnings():
            # Some estimators still have the parameter and complain that it is set.
            warnings.filterwarnings("ignore", "'n_jobs' has no effect", FutureWarning)
            _fit(estimator, fold, {name: fold.weight} if name else {})
        kept = SklearnModel(estimator, model, context.task)
        valid, test = (kept.predict(rows) for rows in (fold.valid, fold.test))
        yield Stage(1, [valid], [test], size=[_size(estimator)], models=[kept])

    _one_by_one = per_target(_at_once)

    @restored_per_target
    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return a model from skops' format. See `Trainer`."""
        # What builds it may import its modules first: none is imported because a file names it.
        _built(model)
        estimator: Any = load_object(files[_FILE], packages_of(model))
        return SklearnModel(estimator, model, context.task)


_FILE = "estimator.skops"


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """A fitted estimator. See `FoldModel`."""

    estimator: BaseEstimator
    model: Model
    task: Task

    def retain(self, steps: Collection[int], last: int) -> None:
        """Do nothing: there is one stage. See `FoldModel`."""

    def holds(self, step: int) -> bool:
        """See `FoldModel`."""
        del step
        return True

    def at(self, step: int) -> SklearnModel:
        """Return it as it is. See `FoldModel`."""
        del step
        return self

    def predict(self, rows: Features) -> Array:
        """Return values or probabilities. See `FoldModel`."""
        import joblib

        # Forests add up their trees in the order in which threads end: the last bit would vary.
        with joblib.parallel_config(backend="sequential"):
            return _predict(self.model, self.estimator, rows, self.task)

    def files(self) -> dict[str, bytes]:
        """Return skops' format. See `FoldModel`."""
        return {_FILE: dump_object(self.estimator, packages_of(self.model))}


def _fit(estimator: Any, fold: FoldData, weights: Mapping[str, Any]) -> None:
    """Fit an estimator. What it holds and does not show, such as a splitter, draws by the seed."""
    # NumPy's global generator is what scikit-learn draws from where it is told nothing else.
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(fold.seed % 2**32)  # noqa: NPY002
    try:
        _fit_once(estimator, fold, weights)
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _fit_once(estimator: Any, fold: FoldData, weights: Mapping[str, Any]) -> None:
    try:
        estimator.fit(fold.train, fold.target, **weights)
    except ValueError as error:
        # Features that models share are read-only, which forests of scikit-learn 1.9 refuse where
        # a value is missing.
        if "read-only" not in str(error) or not isinstance(fold.train, np.ndarray):
            raise
        estimator.fit(fold.train.copy(), fold.target, **weights)


def _built(model: Model) -> Any:
    """Return the unfitted estimator of a model.

    Raises:
        UsageError: if the model names no function that builds it, or that fails.
    """
    if model.build is None:
        raise UsageError(f"Model '{model.name}' names no function that builds its estimator.")
    try:
        return model.build(**model.params)
    except TypeError as error:
        raise UsageError(f"Model '{model.name}' cannot be built: {error}.") from error


def _learns_several_alone(estimator: Any) -> bool:
    """Whether an estimator refuses a single target, as chains and multi-output wrappers do."""
    from sklearn.utils import get_tags

    return (
        hasattr(estimator, "__sklearn_tags__") and not get_tags(estimator).target_tags.single_output
    )


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


def _managed(params: Mapping[str, Any], seed: int, threads: int) -> dict[str, Any]:
    managed: dict[str, Any] = {}
    for name, value in params.items():
        *holders, own = name.split("__")
        outer = ("__".join([*holders[:depth], "n_jobs"]) for depth in range(len(holders)))
        if own == "random_state":
            managed[name] = seed
        elif own == "n_jobs":
            managed[name] = 1 if any(holder in params for holder in outer) else threads
        elif _is_unseeded_splitter(value):
            managed[name] = copy(value)
            managed[name].random_state = seed
    return managed


def _is_unseeded_splitter(value: Any) -> bool:
    """Whether a value shuffles rows otherwise each time; it has no parameters that can be set."""
    shuffles = getattr(value, "shuffle", hasattr(value, "n_splits"))
    unseeded = getattr(value, "random_state", 0) is None
    return bool(shuffles and unseeded and not hasattr(value, "get_params"))


def _predict(model: Model, estimator: BaseEstimator, rows: Features, task: Task) -> Array:
    if task is Task.REGRESSION:
        prediction: Array = estimator.predict(rows)
        return prediction
    if not hasattr(estimator, "predict_proba"):
        raise UsageError(
            f"Model '{model.name}' predicts no probabilities of classes: it has no predict_proba. "
            "Of a classifier, sklearn.calibration.CalibratedClassifierCV makes them."
        )
    probabilities: Array | list[Array] = estimator.predict_proba(rows)
    if isinstance(probabilities, list):  # of each label
        return np.stack(list(map(_of_one, probabilities, estimator.classes_)), axis=1)
    return probabilities[:, 1] if task is Task.BINARY else probabilities


def _of_one(label: Array, classes: Array) -> Array:
    """Return the probabilities of a label, [rows], which may be the same in all training rows."""
    found: Array = label[:, 1] if label.shape[1] > 1 else np.full(len(label), float(classes[0]))
    return found


if TYPE_CHECKING:
    _: SelectiveTrainer = SklearnTrainer()
