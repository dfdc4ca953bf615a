"""The definition of the competition."""

from __future__ import annotations

import math
from pathlib import Path

from comps.base import Competition, Family, Task
from comps.house_prices.features import linear_features, network_features, tree_features
from comps.house_prices.loader import load
from comps.house_prices.models import MODELS
from comps.metrics import RMSLE
from comps.reading.other_test import OtherTest

_ARCHIVE = "house-prices-advanced-regression-techniques.zip"

HOUSE_PRICES = Competition(
    name="house-prices",
    title="House Prices: Advanced Regression Techniques",
    task=Task.REGRESSION,
    metric=RMSLE,
    load=load,
    with_test=OtherTest(load, "train.csv", "test.csv", "sample_submission.csv", "Id"),
    models=MODELS,
    sample=Path(__file__).parent / "sample" / _ARCHIVE,
    archive=_ARCHIVE,
    id_column="Id",
    target_columns=("SalePrice",),
    # Prices are skewed: equal shares of cheap and dear houses steady the fold scores.
    scheme="stratified",
    n_folds=5,
    valid_range=(math.ulp(0.0), math.inf),
    transformers={
        Family.LINEAR: linear_features,
        Family.KERNEL: linear_features,
        Family.OTHER: linear_features,
        Family.FOREST: tree_features,
        Family.BOOSTING: tree_features,
        Family.NETWORK: network_features,
    },
)

COMPETITION = HOUSE_PRICES
