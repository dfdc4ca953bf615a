"""The model zoo: declarations alone, cheap models first."""

from __future__ import annotations

from comps.base import Family, Model
from comps.temperature import estimators
from comps.temperature.features import linear_features, tree_features

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
        about="linear regression on lags, differences and means",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        {
            "residual": True,
            "rounds": 400,
            "stride": 10,
            "learning_rate": 0.03,
            "num_leaves": 8,
            "feature_fraction": 0.3,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "min_data_in_leaf": 100,
            "lambda_l2": 10.0,
        },
        tree_features,
        patience=150,
        seconds=5.0,
        about="gradient boosting with small trees",
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
            "colsample_bytree": 0.3,
            "min_child_weight": 50.0,
            "reg_lambda": 10.0,
        },
        tree_features,
        patience=150,
        seconds=5.0,
        about="gradient boosting with small trees",
    ),
)
