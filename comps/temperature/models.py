"""The model zoo: declarations alone, cheap models first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comps.base import Family, Model, Params, spaces
from comps.temperature import estimators, networks
from comps.temperature.features import linear_features, network_features, tree_features

if TYPE_CHECKING:
    import keras

_CELLS: Params = {
    "cell": "LSTM",
    "units": [16],
    "recurrent_dropout": 0.0,
    "dropout": 0.0,
    "bidirectional": False,
}


def _book(
    name: str,
    build: Callable[..., keras.Model],
    epochs: int,
    params: Params,
    seconds: float,
    about: str,
    trainer: str = "keras-jax",
) -> Model:
    """Return a network of the book, which learns the temperature itself."""
    recipe = {"residual": False, "epochs": epochs, "batch_size": 256, "copies": 1, "stride": 1}
    return Model(
        name,
        Family.NETWORK,
        trainer,
        recipe | {"learning_rate": 1e-3} | dict(params),
        network_features,
        build,
        seconds=seconds,
        space=spaces.network,
        default=False,
        about=f"the book's: {about}",
    )


MODELS = (
    Model(
        "common-sense",
        Family.BASELINE,
        "sklearn",
        {"residual": True},
        build=estimators.nothing,
        seconds=0.1,
        about="the temperature of 24 hours before: what every model has to beat",
    ),
    Model(
        "ridge",
        Family.LINEAR,
        "sklearn",
        {"residual": True, "alpha": 3000.0},
        linear_features,
        estimators.ridge,
        seconds=1.0,
        space=spaces.scales,
        quick=True,
        about="linear regression on lags, differences and means",
    ),
    Model(
        "svr",
        Family.KERNEL,
        "sklearn",
        {"residual": True, "rows": 4000, "C": 1.0, "gamma": 1e-3, "epsilon": 0.5},
        linear_features,
        estimators.svr,
        seconds=10.0,
        space=spaces.scales,
        about="support vector regression on the same features",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        {
            "residual": True,
            "rounds": 600,
            "stride": 10,
            "extra_trees": True,
            "learning_rate": 0.03,
            "num_leaves": 16,
            "feature_fraction": 0.1,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": 100,
            "lambda_l2": 10.0,
        },
        tree_features,
        patience=200,
        seconds=5.0,
        space=spaces.boosting,
        quick=True,
        about="gradient boosting with random cuts",
    ),
    Model(
        "xgboost",
        Family.BOOSTING,
        "xgboost",
        {
            "residual": True,
            "rounds": 400,
            "stride": 10,
            "eta": 0.03,
            "max_depth": 3,
            "subsample": 0.7,
            "colsample_bytree": 0.1,
            "min_child_weight": 50.0,
            "reg_lambda": 10.0,
        },
        tree_features,
        patience=150,
        seconds=5.0,
        space=spaces.boosting,
        about="gradient boosting with small trees",
    ),
    Model(
        "mlp",
        Family.NETWORK,
        "keras-jax",
        {
            "residual": True,
            "epochs": 20,
            "batch_size": 128,
            "copies": 4,
            "stride": 1,
            "units": [64, 64],
            "dropout": 0.5,
            "noise": 1.0,
            "learning_rate": 1e-3,
            "weight_decay": 1.0,
        },
        linear_features,
        networks.mlp,
        seconds=15.0,
        space=spaces.network,
        about="a linear model and a heavily regularised network, of lags",
    ),
    _book("dense", networks.dense, 10, {"units": 16}, 10.0, "a dense layer of 16"),
    _book(
        "conv1d",
        networks.conv1d,
        10,
        {"filters": 8, "widths": [24, 12, 6]},
        60.0,
        "convolutions",
        trainer="keras-tensorflow",
    ),
    _book("lstm", networks.recurrent, 10, {**_CELLS} | {"units": [16]}, 40.0, "LSTM of 16"),
    _book(
        "lstm-dropout",
        networks.recurrent,
        50,
        {**_CELLS} | {"units": [32], "recurrent_dropout": 0.25, "dropout": 0.5},
        300.0,
        "LSTM of 32 with recurrent dropout",
    ),
    _book(
        "gru-stacked",
        networks.recurrent,
        50,
        {**_CELLS} | {"cell": "GRU", "units": [32, 32], "recurrent_dropout": 0.5, "dropout": 0.5},
        600.0,
        "two layers of GRU of 32 with recurrent dropout",
    ),
    _book(
        "lstm-bidirectional",
        networks.recurrent,
        10,
        {**_CELLS} | {"units": [16], "bidirectional": True},
        80.0,
        "LSTM of 16 that reads windows from both ends",
    ),
    Model(
        "gru-residual",
        Family.NETWORK,
        "keras-jax",
        {
            "residual": True,
            "epochs": 10,
            "batch_size": 256,
            "copies": 1,
            "stride": 1,
            "cell": "GRU",
            "units": [16],
            "recurrent_dropout": 0.0,
            "dropout": 0.5,
            "bidirectional": False,
            "learning_rate": 1e-3,
        },
        network_features,
        networks.recurrent,
        seconds=60.0,
        space=spaces.network,
        default=False,
        about="GRU of 16 that corrects the common-sense forecast",
    ),
)
