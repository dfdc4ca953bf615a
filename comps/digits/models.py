"""The model zoo: declarations alone, cheap models first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comps.base import Family, Model
from comps.baselines import class_share
from comps.digits import estimators, networks
from comps.digits.features import kernel_features, pixel_features, stroke_features
from comps.digits.preprocessors import image_preprocessor

# Few columns a tree: 1,008 of them tell much the same, and the time grows with them.
_LIGHTGBM: Mapping[str, Any] = {
    "rounds": 200,
    "stride": 20,
    "learning_rate": 0.15,
    "lambda_l2": 1.0,
    "num_leaves": 8,
    "feature_fraction": 0.03,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "min_data_in_leaf": 10,
    "max_bin": 63,
}
_XGBOOST: Mapping[str, Any] = {
    "rounds": 200,
    "stride": 20,
    "eta": 0.2,
    "max_depth": 4,
    "subsample": 0.8,
    "colsample_bytree": 0.03,
    "max_bin": 64,
}

MODELS = (
    Model(
        "shares",
        Family.BASELINE,
        "sklearn",
        build=class_share,
        seconds=0.1,
        quick=True,
        about="the share of each digit: what every model has to beat",
    ),
    Model(
        "svc",
        Family.KERNEL,
        "sklearn",
        {"C": 10.0, "gamma": 0.04},
        kernel_features,
        estimators.svc,
        seconds=10.0,
        quick=True,
        about="a support vector machine on directions of strokes",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        _LIGHTGBM,
        stroke_features,
        seconds=30.0,
        about="gradient boosting on directions of strokes",
    ),
    Model(
        "xgboost",
        Family.BOOSTING,
        "xgboost",
        _XGBOOST,
        stroke_features,
        seconds=60.0,
        about="gradient boosting on directions of strokes",
    ),
    Model(
        "lightgbm-pixels",
        Family.BOOSTING,
        "lightgbm",
        _LIGHTGBM,
        pixel_features,
        seconds=30.0,
        default=False,
        about="gradient boosting on the pixels",
    ),
    Model(
        "xgboost-pixels",
        Family.BOOSTING,
        "xgboost",
        _XGBOOST,
        pixel_features,
        seconds=30.0,
        default=False,
        about="gradient boosting on the pixels",
    ),
    Model(
        "dense",
        Family.NETWORK,
        "keras-jax",
        {"epochs": 5, "batch_size": 128, "copies": 1, "stride": 1, "units": [512], "dropout": 0.0},
        build=networks.dense,
        seconds=15.0,
        default=False,
        about="the book's: a dense layer of 512",
        preprocessor=image_preprocessor,
    ),
    Model(
        "dense-dropout",
        Family.NETWORK,
        "keras-jax",
        {"epochs": 3, "batch_size": 128, "copies": 1, "stride": 1, "units": [512], "dropout": 0.5},
        build=networks.dense,
        seconds=15.0,
        default=False,
        about="the book's: a dense layer of 512 with dropout",
        preprocessor=image_preprocessor,
    ),
    Model(
        "convnet",
        Family.NETWORK,
        "keras-tensorflow",
        {"epochs": 10, "batch_size": 64, "copies": 1, "stride": 1, "filters": [32, 64, 128]},
        build=networks.convnet,
        seconds=60.0,
        default=False,
        about="the book's: convolutions of 32, 64 and 128",
        preprocessor=image_preprocessor,
    ),
    Model(
        "residual",
        Family.NETWORK,
        "keras-tensorflow",
        {
            "epochs": 15,
            "batch_size": 128,
            "copies": 1,
            "stride": 15,
            "margin": 2,
            "filters": [16, 32, 48, 64],
            "units": 128,
            "dropout": 0.3,
            "turn": 10.0,
            "zoom": 0.1,
            "slant": 0.1,
            "shift": 1.0,
            "bend": 0.5,
            "mean_over": 1,
            "learning_rate": 3e-3,
            "weight_decay": 1e-3,
        },
        build=networks.residual,
        seconds=250.0,
        about="a residual convnet that sees each image moved a little each time",
        preprocessor=image_preprocessor,
    ),
)
