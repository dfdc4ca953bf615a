"""LightGBM, round by round, so that the harness can stop it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from comps.base import JSON, Array, Features, Model, Params, Task, unknown_name
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage, Trainer
from pipelines.trainers._boosting import (
    checked_prediction,
    margin_to_prediction,
    split_params,
    strides,
)
from pipelines.trainers._per_target import per_target, restored_per_target

if TYPE_CHECKING:
    import lightgbm

_OBJECTIVES = {
    Task.REGRESSION: "regression",
    Task.BINARY: "binary",
    Task.MULTICLASS: "multiclass",
}


class LightGBMTrainer:
    """Trains with LightGBM's own parameter names, and `rounds` and `stride`.

    Predictions of objectives with a link function (`poisson`, `gamma`, `tweedie`, ...) are in the
    target's unit, as those of LightGBM's `predict`.

    Boosting types that change earlier trees (`dart`) or average them (`rf`) are not
    supported: predictions are summed stride by stride.
    """

    together = False
    staged = True
    on_gpu: ClassVar[Mapping[str, str]] = {"device": "gpu"}
    backend = None

    def prepare(self) -> None:
        """Import LightGBM. See `Trainer`."""
        import lightgbm  # noqa: F401

    @per_target
    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` rounds. See `Trainer`."""
        import lightgbm

        (fold,) = folds
        params, rounds, stride = split_params(model.params)
        _check_names(model)
        params = {**_objective(params, context), **_managed(fold, context)}
        predictor: type[_Sum | _Converted] = _Sum if _usual(params, context) else _Converted
        train = lightgbm.Dataset(fold.train, fold.target, weight=fold.weight, params=params)
        booster = lightgbm.Booster({**params, **predictor.params}, train)
        parts = [predictor(booster, train, part, context) for part in (fold.valid, fold.test)]
        kept, trees = [LightGBMModel(booster, context.threads)], 0
        for start, stop in strides(rounds, stride):
            for _ in range(start, stop):
                booster.update()
            valid, test = (part.after(start, stop) for part in parts)
            others, new = _bytes(booster.model_to_string(stop - start, start))
            trees += new
            yield Stage(stop, [valid], [test], size=[others + trees], models=kept)

    @restored_per_target
    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return a model from LightGBM's text. See `Trainer`."""
        import lightgbm

        del model
        text = files[_FILE].decode()
        return LightGBMModel(lightgbm.Booster(model_str=text), context.threads)


_FILE = "lightgbm.txt"


@dataclass(frozen=True, eq=False)
class LightGBMModel:
    """A booster up to a round; None stands for all. See `FoldModel`."""

    booster: lightgbm.Booster
    threads: int
    rounds: int | None = None

    def retain(self, steps: Collection[int]) -> None:
        """Do nothing: all rounds are there. See `FoldModel`."""

    def at(self, step: int) -> LightGBMModel:
        """See `FoldModel`."""
        return replace(self, rounds=step)

    def predict(self, rows: Features) -> Array:
        """Return values or probabilities. See `FoldModel`."""
        return np.asarray(
            self.booster.predict(rows, num_iteration=self.rounds or -1, num_threads=self.threads)
        )

    def contributions(self, rows: Features) -> Array:
        """Return SHAP values, [rows, features + 1], or [rows, classes, features + 1]."""
        found = np.asarray(
            self.booster.predict(rows, num_iteration=self.rounds or -1, pred_contrib=True)
        )
        classes = self.booster.num_model_per_iteration()
        return found if classes == 1 else found.reshape(len(found), classes, -1)

    def gains(self) -> Array:
        """Return the loss that each feature took away, [features]."""
        return np.asarray(self.booster.feature_importance("gain", iteration=self.rounds or -1))

    def files(self) -> dict[str, bytes]:
        """Return LightGBM's text. See `FoldModel`."""
        return {_FILE: self.booster.model_to_string(num_iteration=self.rounds or -1).encode()}


def _objective(params: Params, context: Context) -> dict[str, JSON]:
    """Return parameters with an objective; LightGBM has several names for this one."""
    from lightgbm.basic import _ConfigAliases

    (name,) = {*_ConfigAliases.get("objective")} & {*params} or {"objective"}
    rest = {key: value for key, value in params.items() if key != name}
    return {"objective": params.get(name, _OBJECTIVES[context.task]), **rest}


def _usual(params: Params, context: Context) -> bool:
    """Whether predictions follow from margins by `margin_to_prediction`."""
    changed = params.get("reg_sqrt", False) or "sigmoid" in params
    return params["objective"] == _OBJECTIVES[context.task] and not changed


class _Sum:
    """Predictions of some rows by sums over trees, which are kept from stage to stage."""

    params: ClassVar[Params] = {}

    def __init__(
        self, booster: lightgbm.Booster, train: lightgbm.Dataset, rows: Features, context: Context
    ) -> None:
        del train
        self.booster, self.rows, self.task = booster, rows, context.task
        self.margin = _zeros(len(rows), context)

    def after(self, start: int, stop: int) -> Array:
        """Return predictions after the trees of the rounds `start` to `stop` were added."""
        self.margin += self.booster.predict(
            self.rows, start_iteration=start, num_iteration=stop - start, raw_score=True
        )
        return margin_to_prediction(self.margin, self.task)


class _Converted:
    """Predictions of some rows for any objective, transformed by LightGBM itself.

    LightGBM keeps the sums of rows that it evaluates, and passes them to evaluation functions,
    transformed by the objective (for `poisson`, the exponential of the sum).
    """

    # LightGBM's own metrics would want the targets.
    params: ClassVar[Params] = {"metric": "None"}

    def __init__(
        self, booster: lightgbm.Booster, train: lightgbm.Dataset, rows: Features, context: Context
    ) -> None:
        self.booster, self.context = booster, context
        self.rows = train.create_valid(rows)
        self.prediction = _zeros(0, context)

    def after(self, start: int, stop: int) -> Array:
        """Return predictions after the trees of the rounds `start` to `stop` were added."""
        del start, stop
        self.booster.eval(self.rows, "rows", self._keep)
        objective = str(self.booster.params["objective"])
        return checked_prediction(self.prediction, self.context, objective)

    def _keep(self, predictions: Array, rows: object) -> tuple[str, float, bool]:
        """Keep a copy of what LightGBM evaluates; the value of this metric is not used."""
        del rows
        self.prediction = predictions.copy()
        return "kept", 0.0, True


def _bytes(text: str) -> tuple[int, int]:
    """Return the bytes of a saved model without its trees, and the bytes of its trees."""
    told = re.search(r"^tree_sizes=(.*)$", text, re.MULTILINE)
    trees = sum(map(int, told[1].split())) if told else 0
    return len(text) - trees, trees


def _check_names(model: Model) -> None:
    """Refuse a parameter that LightGBM would ignore without a message.

    Its table of names and aliases is not public; there is no other one.
    """
    from lightgbm.basic import _ConfigAliases

    aliases = _ConfigAliases._get_all_param_aliases()
    known = {"rounds", "stride", *aliases, *(name for names in aliases.values() for name in names)}
    for name in model.params:
        if name not in known:
            raise unknown_name("parameter of LightGBM called", name, known)


def _managed(fold: FoldData, context: Context) -> dict[str, JSON]:
    # Row-wise histograms and `deterministic` give the same trees for any number of threads.
    managed: dict[str, JSON] = {
        "seed": fold.seed,
        "num_threads": context.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return {**managed, "num_class": context.n_classes} if context.n_classes > 2 else managed


def _zeros(rows: int, context: Context) -> Array:
    return np.zeros((rows, context.n_classes) if context.n_classes > 2 else rows)


if TYPE_CHECKING:
    _: Trainer = LightGBMTrainer()
