"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

from comps.base import Competition, Prediction, Task
from comps.kinds.text.features import TRANSFORMERS
from comps.metrics import ACCURACY, ROC_AUC
from comps.reading.other_test import OtherTest
from comps.sentiment.loader import SAMPLE, TEST, TRAIN, kaggle_files, load
from comps.sentiment.models import MODELS

_ARCHIVE = "word2vec-nlp-tutorial.zip"

SENTIMENT = Competition(
    name="sentiment",
    title="Bag of Words Meets Bags of Popcorn",
    task=Task.BINARY,
    metric=ROC_AUC,
    load=load,
    with_test=OtherTest(load, TRAIN, TEST, SAMPLE, "id", kaggle_files),
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
    transformers=TRANSFORMERS,
)

COMPETITION = SENTIMENT
