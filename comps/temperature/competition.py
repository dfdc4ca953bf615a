"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from comps.base import Competition, Family, Task
from comps.metrics import MEAN_ABSOLUTE_ERROR
from comps.temperature.features import linear_features, tree_features
from comps.temperature.lags import last_known
from comps.temperature.loader import HORIZON, WINDOW, load
from comps.temperature.models import MODELS
from comps.temperature.readings import TARGET, TIME

TEMPERATURE = Competition(
    name="temperature",
    title="Temperature 24 hours ahead (Jena climate, or a station of your own)",
    task=Task.REGRESSION,
    metric=MEAN_ABSOLUTE_ERROR,
    load=load,
    models=MODELS,
    sample=Path(__file__).parent / "sample" / "weather_JFK_2013.csv",
    archive="jena_climate_2009_2016.csv or its zip",
    id_column=TIME,
    target_columns=(TARGET,),
    scheme="expanding",
    n_folds=5,
    # The window of the first row that is predicted holds no hour that was trained to forecast.
    gap=np.timedelta64(WINDOW + HORIZON, "h"),
    valid_range=(-100.0, 70.0),
    offset=last_known,
    transformers={
        Family.LINEAR: linear_features,
        Family.KERNEL: linear_features,
        Family.OTHER: linear_features,
        Family.FOREST: tree_features,
        Family.BOOSTING: tree_features,
        Family.NETWORK: linear_features,
    },
)

COMPETITION = TEMPERATURE
