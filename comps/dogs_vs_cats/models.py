"""The model zoo: declarations alone, cheap models first."""

from __future__ import annotations

from comps.base import Family, Model
from comps.dogs_vs_cats import estimators
from comps.dogs_vs_cats.features import tree_features

MODELS = (
    Model(
        "class-share",
        Family.BASELINE,
        "sklearn",
        build=estimators.class_share,
        seconds=0.1,
        about="the share of dogs: what every model has to beat",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        {
            "rounds": 400,
            "learning_rate": 0.05,
            "num_leaves": 8,
            "feature_fraction": 0.1,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "min_data_in_leaf": 20,
            "lambda_l2": 10.0,
            "max_bin": 63,
        },
        tree_features,
        patience=100,
        seconds=20.0,
        about="gradient boosting on gradients and colours",
    ),
)
