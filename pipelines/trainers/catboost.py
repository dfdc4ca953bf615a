"""CatBoost, an extra. It predicts stage by stage only after it has trained.

It is therefore trained in parts, each of which goes on from the one before: after any of them the
fold may be out of patience.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from comps.base import JSON, Array, Features, MissingPackageError, Model, Params, Task
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage, Trainer
from pipelines.trainers._boosting import check_rounds, split_params, strides
from pipelines.trainers._per_target import per_target, restored_per_target

if TYPE_CHECKING:
    import catboost

_LOSSES = {Task.REGRESSION: "RMSE", Task.BINARY: "Logloss", Task.MULTICLASS: "MultiClass"}


class CatBoostTrainer:
    """Trains with CatBoost's own parameter names, and `rounds` and `stride`.

    The learning rate is 0.03 unless it is given: CatBoost would take another one for each part.
    """

    together = False
    staged = True
    on_gpu: ClassVar[Mapping[str, str]] = {"task_type": "GPU"}
    backend = None

    def prepare(self) -> None:
        """Import CatBoost. See `Trainer`."""
        try:
            import catboost  # noqa: F401
        except ImportError as error:
            raise MissingPackageError("catboost", "catboost") from error

    @per_target
    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Train part by part, and yield a stage every `stride` rounds of each. See `Trainer`."""
        import catboost

        (fold,) = folds
        params, rounds, stride = split_params(model.params)
        check_rounds(model, _ROUNDS)
        if not {"learning_rate", "eta"} & {*params}:
            params = {**params, "learning_rate": _RATE}
        # On a GPU, training cannot go on from a model.
        parts = [(0, rounds)] if params.get("task_type") == "GPU" else _parts(rounds, stride)
        fixed = {
            **_loss(params, context),
            "thread_count": context.threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        kind, categories, known = _kind(params, context), _categories(fold.train), None
        kept = CatBoostModel(catboost.CatBoost(), kind, context)
        for part, (start, end) in enumerate(parts):
            # The same seed would draw the same rows and columns in each part.
            seed = {"random_seed": fold.seed + part}
            estimator = catboost.CatBoost({**fixed, **seed, "iterations": end - start})
            estimator.fit(
                fold.train,
                fold.target,
                sample_weight=fold.weight,
                cat_features=categories,
                init_model=known,
            )
            known, sizes = estimator, _sizes(estimator, end)
            kept.booster = estimator
            staged = [
                islice(_staged(estimator, rows, stride, kind, context), start // stride, None)
                for rows in (fold.valid, fold.test)
            ]
            for (_, stop), valid, test in zip(strides(end - start, stride), *staged, strict=True):
                size = sizes(start + stop)
                yield Stage(start + stop, [valid], [test], size=[size], models=[kept])

    @restored_per_target
    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return a model from CatBoost's binary format. See `Trainer`."""
        import catboost

        params, *_ = split_params(model.params)
        booster = catboost.CatBoost().load_model(blob=files[_FILE])
        return CatBoostModel(booster, _kind(params, context), context)


_FILE = "catboost.cbm"


@dataclass(eq=False)
class CatBoostModel:
    """A booster up to a round; None stands for all. See `FoldModel`.

    Attributes:
        booster: what was trained last.
        kind: CatBoost's name of the prediction type.
        context: of the run.
        rounds: the last round.
    """

    booster: catboost.CatBoost
    kind: str
    context: Context
    rounds: int | None = None

    def retain(self, steps: Collection[int], last: int) -> None:
        """Do nothing: all rounds are there. See `FoldModel`."""

    def holds(self, step: int) -> bool:
        """See `FoldModel`."""
        del step
        return True

    def at(self, step: int) -> CatBoostModel:
        """See `FoldModel`."""
        return replace(self, rounds=min(step, self.booster.tree_count_))

    def predict(self, rows: Features) -> Array:
        """Return values or probabilities. See `FoldModel`."""
        prediction: Array = self.booster.predict(
            rows,
            prediction_type=self.kind,
            ntree_end=self.rounds or 0,
            thread_count=self.context.threads,
        )
        return prediction[:, 1] if self.context.task is Task.BINARY else prediction

    def contributions(self, rows: Features) -> Array:
        """Return SHAP values, [rows, features + 1], or [rows, classes, features + 1]."""
        import catboost

        pool = catboost.Pool(rows, cat_features=_categories(rows))
        found: Array = self._cut().get_feature_importance(pool, type="ShapValues")
        return found

    def gains(self) -> Array:
        """Return by how many per cent predictions change with each feature, [features]."""
        found: Array = self._cut().get_feature_importance(type="PredictionValuesChange")
        return found

    def files(self) -> dict[str, bytes]:
        """Return CatBoost's binary format. See `FoldModel`."""
        # Into memory, which is not public: a full disk must not end a fold.
        return {_FILE: self._cut()._serialize_model()}

    def _cut(self) -> catboost.CatBoost:
        """Return the booster without the rounds behind the last one."""
        own = self.booster
        if self.rounds is not None and self.rounds < own.tree_count_:
            own = own.copy()
            own.shrink(self.rounds)
        return own


# Rounds of the first part.
_FIRST = 200
# As CatBoost takes it where it does not derive one from the number of rounds.
_RATE = 0.03
# What `rounds` and `patience` say, in CatBoost's names.
_ROUNDS = (
    "iterations",
    "num_boost_round",
    "n_estimators",
    "num_trees",
    "early_stopping_rounds",
    "od_wait",
    "od_type",
)


def _parts(rounds: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yield `(first round, last round + 1)` of each part: as many rounds as all parts before it.

    The predictions of all rounds are computed at each, which so takes at most twice the time.

    >>> list(_parts(1000, 25)), list(_parts(100, 40))
    ([(0, 200), (200, 400), (400, 800), (800, 1000)], [(0, 100)])
    """
    start, end = 0, max(1, _FIRST // stride) * stride
    while start < rounds:
        yield start, min(end, rounds)
        start, end = end, 2 * end


def _categories(rows: Features) -> list[str] | None:
    """Return the columns of a table that hold categories; CatBoost has to be told."""
    if not hasattr(rows, "dtypes"):
        return None
    return [name for name, kind in rows.dtypes.items() if kind == "category"]


def _sizes(estimator: catboost.CatBoost, rounds: int) -> Callable[[int], float]:
    """Return a function from rounds to the bytes of the model, linear between one round and all.

    CatBoost's trees are symmetric and of one depth, unless parameters say otherwise.
    """
    short = estimator.copy()
    short.shrink(1)
    # Into memory, which is not public: a full disk must not end a fold.
    first, last = len(short._serialize_model()), len(estimator._serialize_model())
    return lambda stop: first + (last - first) * (stop - 1) / max(1, rounds - 1)


def _loss(params: Params, context: Context) -> dict[str, JSON]:
    """Return parameters with a loss, which CatBoost also calls `objective`."""
    named = {"loss_function", "objective"} & {*params}
    return {**params} if named else {"loss_function": _LOSSES[context.task], **params}


def _kind(params: Params, context: Context) -> str:
    """Return CatBoost's name of the prediction type; for values, that of its own regressor."""
    if context.task is not Task.REGRESSION:
        return "Probability"
    loss = str(params.get("loss_function", params.get("objective", "")))
    return "Exponent" if loss.startswith(("Poisson", "Tweedie")) else "RawFormulaVal"


def _staged(
    estimator: catboost.CatBoost, rows: Features, stride: int, kind: str, context: Context
) -> Iterator[Array]:
    for prediction in estimator.staged_predict(
        rows, prediction_type=kind, eval_period=stride, thread_count=context.threads
    ):
        yield prediction[:, 1] if context.task is Task.BINARY else prediction


if TYPE_CHECKING:
    _: Trainer = CatBoostTrainer()
