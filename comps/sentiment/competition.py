"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

from comps.base import Competition, Family, Prediction, Task
from comps.metrics import ACCURACY, ROC_AUC
from comps.sentiment.features import linear_features, tree_features
from comps.sentiment.loader import load
from comps.sentiment.models import MODELS

_ARCHIVE = "word2vec-nlp-tutorial.zip"

SENTIMENT = Competition(
    name="sentiment",
    title="Bag of Words Meets Bags of Popcorn",
    task=Task.BINARY,
    metric=ROC_AUC,
    load=load,
    models=MODELS,
    sample=Path(__file__).parent / "sample" / _ARCHIVE,
    archive=_ARCHIVE,
    id_column="id",
    target_columns=("sentiment",),
    scheme="stratified",
    n_folds=5,
    submits=Prediction.PROBABILITY,
    also=(ACCURACY,),
    valid_range=(0.0, 1.0),
    transformers={
        Family.LINEAR: linear_features,
        Family.KERNEL: linear_features,
        Family.OTHER: linear_features,
        Family.FOREST: tree_features,
        Family.BOOSTING: tree_features,
    },
)

COMPETITION = SENTIMENT
