"""LightGBM, round by round, so that the harness can stop it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comps.base import JSON, Array, Features, Model, Params, Task, UsageError, unknown_name
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

    Boosting types that change earlier trees (`dart`) or average them (`rf`) are refused:
    predictions are summed stride by stride. A round that finds no split adds no tree, and a later
    one may, of other rows and columns: a stage is as many rounds as were tried.
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
        others = 0
        for start, stop in strides(rounds, stride):
            before = booster.current_iteration()
            for _ in range(start, stop):
                booster.update()
            after = kept[0].trained[stop] = booster.current_iteration()
            valid, test = (part.after(before, after) for part in parts)
            if after > before:
                others, new = _bytes(booster.model_to_string(after - before, before))
                trees += new
            yield Stage(stop, [valid], [test], size=[others + trees], models=kept)

    @restored_per_target
    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return a model from LightGBM's text. See `Trainer`."""
        import lightgbm

        del model
        text = files[_FILE].decode()
        trained = dict(json.loads(files[_TRAINED])) if _TRAINED in files else {}
        return LightGBMModel(lightgbm.Booster(model_str=text), context.threads, trained=trained)


_FILE, _TRAINED = "lightgbm.txt", "rounds.json"


@dataclass(frozen=True, eq=False)
class LightGBMModel:
    """A booster up to a round; None stands for all. See `FoldModel`.

    Attributes:
        booster: what was trained.
        threads: the most that predict.
        rounds: that predict, of those that added a tree.
        trained: how many of the rounds that were tried added a tree, by stage; a stage that is not
            there has as many as were tried.
    """

    booster: lightgbm.Booster
    threads: int
    rounds: int | None = None
    trained: dict[int, int] = field(default_factory=dict)

    def retain(self, steps: Collection[int], last: int) -> None:
        """Do nothing: all rounds are there. See `FoldModel`."""

    def holds(self, step: int) -> bool:
        """See `FoldModel`."""
        del step
        return True

    def at(self, step: int) -> LightGBMModel:
        """See `FoldModel`."""
        return replace(self, rounds=self.trained.get(step, step))

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
        return found if classes == 1 else found.reshape(found.shape[0], classes, -1)

    def gains(self) -> Array:
        """Return the loss that each feature took away, [features]."""
        return np.asarray(self.booster.feature_importance("gain", iteration=self.rounds or -1))

    def files(self) -> dict[str, bytes]:
        """Return LightGBM's text. See `FoldModel`."""
        text = self.booster.model_to_string(num_iteration=self.rounds or -1)
        fewer = any(added < tried for tried, added in self.trained.items())
        told = {_TRAINED: json.dumps([*self.trained.items()]).encode()}
        return {_FILE: text.encode()} | (told if fewer and self.rounds is None else {})


def _objective(params: Params, context: Context) -> dict[str, JSON]:
    """Return parameters with an objective; LightGBM has several names for this one."""
    from lightgbm.basic import _ConfigAliases

    name = next(iter({*_ConfigAliases.get("objective")} & {*params}), "objective")
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
        self.margin = _zeros(_count(rows), context)

    def after(self, start: int, stop: int) -> Array:
        """Return predictions after the trees of the rounds `start` to `stop` were added."""
        if stop > start:
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


# Ways of boosting whose trees stay as they are, and are summed.
_SUMMED = ("gbdt", "gbrt", "goss")


def _check_names(model: Model) -> None:
    """Refuse a parameter that LightGBM, or this trainer, would ignore without a message.

    Its table of names and aliases is not public; there is no other one.
    """
    from lightgbm.basic import _ConfigAliases

    aliases = _ConfigAliases._get_all_param_aliases()
    known = {"rounds", "stride", *aliases, *(name for names in aliases.values() for name in names)}
    for name in model.params:
        if name not in known:
            raise unknown_name("parameter of LightGBM called", name, known)
    for ours in ("num_iterations", "early_stopping_round"):
        check_rounds(model, aliases[ours])
    for names in aliases.values():
        twice = sorted({*names} & {*model.params})
        if len(twice) > 1:
            raise UsageError(
                f"{' and '.join(map(repr, twice))} of model '{model.name}' are one parameter of "
                "LightGBM. Leave one of them out."
            )
        if "boosting" in names and twice and model.params[twice[0]] not in _SUMMED:
            raise UsageError(
                f"Model '{model.name}' boosts by {model.params[twice[0]]!r}, which changes or "
                "averages earlier trees: its rounds cannot be scored one after the other. Leave "
                f"{twice[0]!r} out."
            )


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


def _count(rows: Any) -> int:
    """Return the number of rows; sparse ones have no length."""
    return int(rows.shape[0])


def _zeros(rows: int, context: Context) -> Array:
    return np.zeros((rows, context.n_classes) if context.n_classes > 2 else rows)


if TYPE_CHECKING:
    _: Trainer = LightGBMTrainer()
