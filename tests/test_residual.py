"""What a forecast that needs no training leaves over is learned, and put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from comps.base import Competition, Model, Task, UsageError
from pipelines.fitting.residual import Residual
from pipelines.fitting.training import train_folds
from pipelines.fitting.views import ViewCache
from pipelines.store import Experiment
from tests.several import PRICES
from tests.support import RIDGE, TINY, TinyFeatures, digest, kfold


def forecast(rows: Any) -> NDArray[np.float64]:
    """Say that a house costs so much for its area alone, on the logarithmic scale."""
    found: NDArray[np.float64] = np.log1p(900.0 * rows["area"].to_numpy())
    return found


WITH_FORECAST = replace(TINY, offset=forecast)
CORRECTION = replace(RIDGE, params={**RIDGE.params, "residual": True})


def predictions(
    experiment: Experiment, competition: Competition, model: Model, views: ViewCache | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what a model without the second fold says of it and of the test rows."""
    (result,) = train_folds(
        competition, experiment.dataset, model, experiment.folds, 0, [(1,)], views=views
    )
    return result.valid[0], result.test[0]


def test_a_model_of_the_residual_is_that_of_a_naive_loop(experiment: Experiment) -> None:
    dataset = experiment.dataset
    train, valid = experiment.folds.pairs[0][1]
    target = np.log1p(dataset.target)
    rows = dataset.train.iloc[train]
    features = TinyFeatures().fit(rows)
    left = Ridge(1.0).fit(features.transform(rows), target[train] - forecast(rows))
    found = predictions(experiment, WITH_FORECAST, CORRECTION)
    for some, values in ((dataset.train.iloc[valid], found[0]), (dataset.test, found[1])):
        wanted = left.predict(features.transform(some)) + forecast(some)
        np.testing.assert_allclose(values, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "model", [RIDGE, replace(CORRECTION, params={**RIDGE.params, "residual": False})]
)
def test_without_the_parameter_the_forecast_plays_no_part(
    experiment: Experiment, model: Model
) -> None:
    plain = predictions(experiment, TINY, RIDGE)
    assert digest(*predictions(experiment, WITH_FORECAST, model)) == digest(*plain)
    assert digest(*predictions(experiment, WITH_FORECAST, CORRECTION)) != digest(*plain)


def test_the_library_never_sees_the_parameter(experiment: Experiment) -> None:
    for value in (True, False):
        model = CORRECTION.with_params({"residual": value})
        _, rest = Residual.split(WITH_FORECAST, experiment.dataset, model)
        assert rest.params == RIDGE.params


def test_features_of_a_residual_and_of_the_target_are_kept_apart(experiment: Experiment) -> None:
    views = ViewCache(max_bytes=10_000_000)
    for model in (RIDGE, CORRECTION, RIDGE):
        shared = predictions(experiment, WITH_FORECAST, model, views)
        assert digest(*shared) == digest(*predictions(experiment, WITH_FORECAST, model))


@pytest.mark.parametrize(
    "competition", [TINY, replace(WITH_FORECAST, task=Task.BINARY)], ids=["none", "classes"]
)
def test_what_has_no_forecast_of_values_is_refused(
    experiment: Experiment, competition: Competition
) -> None:
    with pytest.raises(UsageError, match="has no forecast to take it from"):
        Residual.split(competition, experiment.dataset, CORRECTION)


def two_forecasts(rows: Any) -> NDArray[np.float64]:
    """Say two targets by the area alone."""
    return np.stack([forecast(rows), rows["area"].to_numpy() / 100], axis=1)


def test_the_residuals_of_several_targets_are_those_of_each(tiny_data: Path) -> None:
    competition = replace(PRICES, offset=two_forecasts)
    dataset = competition.load(tiny_data)
    train, valid = kfold(len(dataset.target)).pairs[0][1]
    experiment = Experiment(competition, dataset, tiny_data, kfold(len(dataset.target)))
    found = predictions(experiment, competition, CORRECTION)[0]
    rows, predicted = dataset.train.iloc[train], dataset.train.iloc[valid]
    features = TinyFeatures().fit(rows)
    for target in range(2):
        left = dataset.target[train, target] - two_forecasts(rows)[:, target]
        own = Ridge(1.0).fit(features.transform(rows), left).predict(features.transform(predicted))
        np.testing.assert_allclose(
            found[:, target], own + two_forecasts(predicted)[:, target], rtol=1e-5
        )


def test_a_forecast_of_another_shape_is_refused(tiny_data: Path) -> None:
    competition = replace(PRICES, offset=forecast)
    message = r"must have the shape of its target, \(120, 2\); it has \(120,\)"
    with pytest.raises(UsageError, match=message):
        Residual.split(competition, competition.load(tiny_data), CORRECTION)
