"""The tiny competition with two prices, with two labels, and with weights of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from comps.base import (
    IDENTITY,
    Competition,
    Dataset,
    Family,
    Loss,
    Metric,
    Model,
    Prediction,
    Task,
    log_loss,
    root_mean_squared_error,
)
from comps.baselines import class_share
from pipelines.folds import Folds
from tests.support import (
    CATBOOST,
    FOREST,
    LIGHTGBM,
    MEAN,
    NETWORK,
    RIDGE,
    TINY,
    XGBOOST,
    TinyFeatures,
    load_tiny,
)

REGRESSORS = (RIDGE, FOREST, LIGHTGBM, XGBOOST, CATBOOST, NETWORK)


def load_prices(path: Path) -> Dataset:
    """Return the tiny houses with two targets: the price, and one that falls with the area."""
    dataset = load_tiny(path)
    rent = 5 - 0.02 * dataset.train["area"].to_numpy() + np.log(dataset.target) / 9
    return replace(
        dataset,
        target=np.stack([np.log1p(dataset.target), rent], axis=1),
        fingerprint=f"{dataset.fingerprint}-prices",
    )


def load_labels(path: Path) -> Dataset:
    """Return the tiny houses with two labels: dear, and large or dear."""
    dataset = load_tiny(path)
    dear = dataset.target > np.quantile(dataset.target, 0.7)
    large = dataset.train["area"].to_numpy() > 100
    return replace(
        dataset,
        target=np.stack([dear, dear | large], axis=1).astype(np.float64),
        fingerprint=f"{dataset.fingerprint}-labels",
    )


def build_double(
    shapes: Mapping[str, tuple[int, ...]], *, labels: bool, units: int, rate: float
) -> Any:
    """Return a network of two outputs."""
    import keras

    rows = keras.Input(shapes["rows"], name="rows")
    hidden = keras.layers.Dense(units, activation="relu")(rows)
    outputs = keras.layers.Dense(2, activation="sigmoid" if labels else None)(hidden)
    model = keras.Model({"rows": rows}, outputs)
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy" if labels else "mse")
    return model


def double(labels: bool) -> Model:
    """Return a network that learns two targets."""
    params = {"epochs": 3, "batch_size": 16, "copies": 1, "units": 4, "rate": 0.1}
    return replace(NETWORK, build=build_double, params={**params, "labels": labels})


PRICES = replace(
    TINY,
    name="prices",
    metric=Metric(
        "rmse", "RMSE", root_mean_squared_error, False, scale=IDENTITY, loss=Loss.SQUARED_ERROR
    ),
    load=load_prices,
    models=(MEAN, RIDGE, FOREST, LIGHTGBM, XGBOOST, CATBOOST, double(labels=False)),
    target_columns=("price", "rent"),
)
LOGISTIC = Model("logistic", Family.LINEAR, "sklearn", {"C": 1.0}, TinyFeatures, LogisticRegression)
LABELS = replace(
    TINY,
    name="labels",
    task=Task.MULTILABEL,
    metric=Metric(
        "log_loss", "log loss", log_loss, False, Prediction.PROBABILITY, loss=Loss.LOG_LOSS
    ),
    load=load_labels,
    models=(
        Model("class-share", Family.BASELINE, "sklearn", build=class_share),
        LOGISTIC,
        LIGHTGBM,
        XGBOOST,
        CATBOOST,
        double(labels=True),
    ),
    target_columns=("dear", "large"),
    submits=Prediction.PROBABILITY,
)
BOTH: tuple[Competition, ...] = (PRICES, LABELS)


def held(folds: Folds, fold: int) -> Any:
    """Return the rows that a fold predicts."""
    return folds.pairs[0][fold][1]
