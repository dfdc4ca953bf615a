"""XGBoost, round by round, so that the harness can stop it."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comps.base import JSON, Array, Features, Model, Task, UsageError
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage, Trainer
from pipelines.trainers._boosting import (
    check_rounds,
    checked_prediction,
    margin_to_prediction,
    split_params,
    strides,
)
from pipelines.trainers._per_target import per_target, restored_per_target

if TYPE_CHECKING:
    import xgboost

_OBJECTIVES = {
    Task.REGRESSION: "reg:squarederror",
    Task.BINARY: "binary:logistic",
    Task.MULTICLASS: "multi:softprob",
}


class XGBoostTrainer:
    """Trains with XGBoost's own parameter names, and `rounds` and `stride`.

    Predictions of objectives with a link function (`count:poisson`, `reg:gamma`, ...) are in the
    target's unit, as those of XGBoost's `predict`. Boosters that change earlier trees (`dart`), or
    have none (`gblinear`), are refused: predictions are summed stride by stride.
    """

    together = False
    staged = True
    on_gpu: ClassVar[Mapping[str, str]] = {"device": "cuda"}
    backend = None

    def prepare(self) -> None:
        """Import XGBoost. See `Trainer`."""
        import xgboost  # noqa: F401

    @per_target
    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` rounds. See `Trainer`."""
        import xgboost

        (fold,) = folds
        params, rounds, stride = split_params(model.params)
        _check_booster(model)
        params = {"objective": _OBJECTIVES[context.task], **params, **_managed(fold, context)}
        train = xgboost.QuantileDMatrix(
            fold.train,
            fold.target,
            weight=fold.weight,
            nthread=context.threads,
            max_bin=params.get("max_bin", 256),
        )
        booster = xgboost.Booster(params, [train])
        _check_names(booster, model, fold.train)
        usual = params["objective"] == _OBJECTIVES[context.task]
        link = None if usual else _link(params, train, fold.train)
        valid = xgboost.DMatrix(fold.valid, nthread=context.threads)
        test = xgboost.DMatrix(fold.test, nthread=context.threads)
        kept, size = [XGBoostModel(booster, context.threads)], 0
        for start, stop in strides(rounds, stride):
            for iteration in range(start, stop):
                booster.update(train, iteration)
            predictions = [
                _advance(booster, rows, start, stop, link, context) for rows in (valid, test)
            ]
            # The new trees alone: the sum has a head for each stage, 2 % more than the whole.
            size += len(booster[start:stop].save_raw("ubj"))
            yield Stage(stop, [predictions[0]], [predictions[1]], size=[size], models=kept)

    @restored_per_target
    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return a model from XGBoost's UBJSON. See `Trainer`."""
        import xgboost

        del model
        booster = xgboost.Booster({"nthread": context.threads, "verbosity": 0})
        booster.load_model(bytearray(files[_FILE]))
        return XGBoostModel(booster, context.threads)


_FILE = "xgboost.ubj"


@dataclass(frozen=True, eq=False)
class XGBoostModel:
    """A booster up to a round; None stands for all. See `FoldModel`."""

    booster: xgboost.Booster
    threads: int
    rounds: int | None = None

    def retain(self, steps: Collection[int], last: int) -> None:
        """Do nothing: all rounds are there. See `FoldModel`."""

    def holds(self, step: int) -> bool:
        """See `FoldModel`."""
        del step
        return True

    def at(self, step: int) -> XGBoostModel:
        """See `FoldModel`."""
        return replace(self, rounds=min(step, self.booster.num_boosted_rounds()))

    def predict(self, rows: Features) -> Array:
        """Return values or probabilities. See `FoldModel`."""
        import xgboost

        own = (0, self.rounds or 0)
        if isinstance(rows, np.ndarray):
            # A DMatrix would take twice the memory of the array.
            return np.asarray(self.booster.inplace_predict(rows, iteration_range=own))
        matrix = xgboost.DMatrix(rows, nthread=self.threads)
        prediction: Array = self.booster.predict(matrix, iteration_range=own)
        return prediction

    def contributions(self, rows: Features) -> Array:
        """Return SHAP values, [rows, features + 1], or [rows, classes, features + 1]."""
        import xgboost

        matrix = xgboost.DMatrix(rows, nthread=self.threads)
        rounds = (0, self.rounds or 0)
        found: Array = self.booster.predict(matrix, pred_contribs=True, iteration_range=rounds)
        return found

    def gains(self) -> Array:
        """Return the loss that each feature took away, [features]."""
        own = self.booster if self.rounds is None else self.booster[: self.rounds]
        found = own.get_score(importance_type="total_gain")
        names = self.booster.feature_names or [f"f{i}" for i in range(own.num_features())]
        return np.array([found.get(name, 0.0) for name in names])

    def files(self) -> dict[str, bytes]:
        """Return XGBoost's UBJSON. See `FoldModel`."""
        own = self.booster if self.rounds is None else self.booster[: self.rounds]
        return {_FILE: bytes(own.save_raw("ubj"))}


# What `rounds` and `patience` say, in the names of XGBoost's other interfaces.
_ROUNDS = ("n_estimators", "num_boost_round", "num_round", "early_stopping_rounds")


def _check_booster(model: Model) -> None:
    check_rounds(model, _ROUNDS)
    kind = model.params.get("booster", "gbtree")
    if kind != "gbtree":
        raise UsageError(
            f"Model '{model.name}' has the booster {kind!r}, whose rounds cannot be scored one "
            "after the other. Leave 'booster' out."
        )


def _check_names(booster: xgboost.Booster, model: Model, rows: Any) -> None:
    """Refuse a parameter that XGBoost only warns of when it first reads its parameters."""
    import xgboost

    with warnings.catch_warnings(record=True) as caught, xgboost.config_context(verbosity=1):
        warnings.simplefilter("always")
        booster.set_param({"verbosity": 1, "validate_parameters": True})
        booster.predict(xgboost.DMatrix(rows[:1]))
        booster.set_param({"verbosity": 0})
    for warning in caught:
        unused = re.search(r"Parameters: \{(.*?)\} are not used", str(warning.message))
        if unused:
            raise UsageError(
                f"XGBoost does not know or use {unused[1].strip()}, a parameter of model "
                f"'{model.name}'."
            )


def _advance(
    booster: xgboost.Booster,
    rows: xgboost.DMatrix,
    start: int,
    stop: int,
    link: xgboost.Booster | None,
    context: Context,
) -> Array:
    """Predict with the new trees alone, on top of the margin of the earlier ones.

    Args:
        booster: all trees so far.
        rows: whose margin is kept.
        start: first round of the new trees.
        stop: the round behind them.
        link: a booster without trees, whose objective transforms margins; None for the usual one.
        context: of the run.
    """
    margin: Array = booster.predict(rows, output_margin=True, iteration_range=(start, stop))
    rows.set_base_margin(margin)
    if link is None:
        return margin_to_prediction(margin, context.task)
    return checked_prediction(link.predict(rows), context, _objective_of(link))


def _link(params: dict[str, JSON], train: xgboost.DMatrix, rows: Any) -> xgboost.Booster:
    """Return a booster without trees, which turns margins of rows into predictions."""
    import xgboost

    link = xgboost.Booster(params, [train])
    # A booster draws from the generator of the thread, and seeds it when it first predicts. That
    # has to be over when another one trains.
    link.predict(xgboost.DMatrix(rows[:1]))
    return link


def _objective_of(booster: xgboost.Booster) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def _managed(fold: FoldData, context: Context) -> dict[str, JSON]:
    managed: dict[str, JSON] = {
        "seed": fold.seed,
        "nthread": context.threads,
        "verbosity": 0,
        "tree_method": "hist",
    }
    if context.n_targets > 1:
        # Boosters of a thread draw from one generator: what one draws would depend on the others.
        managed["seed_per_iteration"] = True
    return {**managed, "num_class": context.n_classes} if context.n_classes > 2 else managed


if TYPE_CHECKING:
    _: Trainer = XGBoostTrainer()
