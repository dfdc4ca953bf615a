"""The models of series: those of tables, which correct the seasonal naive forecast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from comps.base import Family, Loss, Metric, Model, Params, Task
from comps.kinds.table.zoo import table_models
from comps.metrics import MEAN_ABSOLUTE_ERROR

# Trained unless told otherwise. Forests take minutes for the tens of thousands of rows that series
# have, and neighbours and smooth curves of as many columns are worse than lines and trees.
_USUAL = ("ridge", "lightgbm", "xgboost", "catboost", "mlp")
# Little of a forecast's error can be learned: of 20 series of 2,000 hours, stages after 175 to 300
# rounds were the best. Where folds follow time, all rounds are trained.
_MOST_ROUNDS = 400
# Lags are alike, and levels leave the range of the past: of four sets of series, penalties from 300
# to 1000 were the best.
_PENALTY = 1000.0


def nothing(**params: Any) -> Any:
    """Return a regressor that predicts zero: the forecast is not corrected."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="constant", constant=0.0, **params)


def series_baseline() -> Model:
    """Return what every model has to beat: the value one season before."""
    return Model(
        "seasonal-naive",
        Family.BASELINE,
        "sklearn",
        {"residual": True},
        build=nothing,
        seconds=0.1,
        quick=True,
        about="the value one season before: what every model has to beat",
    )


def series_models(metric: Metric) -> tuple[Model, ...]:
    """Return the baseline and the usual models, cheap ones first.

    Args:
        metric: what models learn where they can. Errors in percent are of the target, which a
            model of differences does not see: it learns absolute errors.
    """
    learned = MEAN_ABSOLUTE_ERROR if metric.loss is Loss.PERCENTAGE_ERROR else metric
    found = table_models(Task.REGRESSION, 0, 1, learned)
    others = [
        replace(_suited(model), default=model.name in _USUAL)
        for model in found
        if model.family is not Family.BASELINE
    ]
    return (series_baseline(), *correcting(others))


def _suited(model: Model) -> Model:
    """Return a model with fewer rounds, or a higher penalty, if it has either."""
    rounds: Params = {"rounds": _MOST_ROUNDS} if "rounds" in model.params else {}
    penalty: Params = {"alpha": _PENALTY} if model.name == "ridge" else {}
    return replace(model, params={**model.params, **rounds, **penalty})


def correcting(models: Iterable[Model]) -> tuple[Model, ...]:
    """Return models that learn the difference to the seasonal naive forecast, unless they say."""
    return tuple(replace(model, params={"residual": True, **model.params}) for model in models)
