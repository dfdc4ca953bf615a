"""CatBoost, an extra. It predicts stage by stage only after it has trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from comps.base import JSON, Array, Features, MissingPackageError, Model, Params, Task
from pipelines.trainers._base import Context, FoldData, Stage, Trainer
from pipelines.trainers._boosting import split_params, strides
from pipelines.trainers._per_target import per_target

if TYPE_CHECKING:
    import catboost

_LOSSES = {Task.REGRESSION: "RMSE", Task.BINARY: "Logloss", Task.MULTICLASS: "MultiClass"}


class CatBoostTrainer:
    """Trains with CatBoost's own parameter names, and `rounds` and `stride`."""

    together = False
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
        """Train all rounds, then yield a stage every `stride` of them. See `Trainer`."""
        import catboost

        (fold,) = folds
        params, rounds, stride = split_params(model.params)
        estimator = catboost.CatBoost(
            {
                **_loss(params, context),
                "iterations": rounds,
                "random_seed": fold.seed,
                "thread_count": context.threads,
                "allow_writing_files": False,
                "logging_level": "Silent",
            }
        )
        estimator.fit(
            fold.train, fold.target, sample_weight=fold.weight, cat_features=_categories(fold.train)
        )
        kind = _kind(params, context)
        staged = [
            _staged(estimator, rows, stride, kind, context) for rows in (fold.valid, fold.test)
        ]
        sizes = _sizes(estimator, rounds)
        for (_, stop), valid, test in zip(strides(rounds, stride), *staged, strict=True):
            yield Stage(stop, [valid], [test], size=[sizes(stop)])


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
