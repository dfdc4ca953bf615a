"""The models of series: those of tables, which correct the seasonal naive forecast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from comps.base import Family, Loss, Metric, Model, Task
from comps.kinds.table.zoo import table_models
from comps.metrics import MEAN_ABSOLUTE_ERROR

# Trained unless told otherwise. Forests take minutes for the tens of thousands of rows that series
# have, and neighbours and smooth curves of as many columns are worse than lines and trees.
_USUAL = ("ridge", "lightgbm", "xgboost", "catboost", "mlp")


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
        replace(model, default=model.name in _USUAL)
        for model in found
        if model.family is not Family.BASELINE
    ]
    return (series_baseline(), *correcting(others))


def correcting(models: Iterable[Model]) -> tuple[Model, ...]:
    """Return models that learn the difference to the seasonal naive forecast, unless they say."""
    return tuple(replace(model, params={"residual": True, **model.params}) for model in models)
