"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

from comps.base import Competition, Family, Prediction, Task
from comps.digits.features import kernel_features, stroke_features
from comps.digits.loader import IMAGE_ID, LABEL, load
from comps.digits.models import MODELS
from comps.metrics import ACCURACY, LOG_LOSS
from comps.reading.other_test import OtherTest

_ARCHIVE = "digit-recognizer.zip"

DIGITS = Competition(
    name="digits",
    title="Digit Recognizer",
    task=Task.MULTICLASS,
    metric=ACCURACY,
    also=(LOG_LOSS,),
    load=load,
    with_test=OtherTest(load, "train.csv", "test.csv", "sample_submission.csv", "ImageId"),
    models=MODELS,
    sample=Path(__file__).parent / "sample" / _ARCHIVE,
    archive=_ARCHIVE,
    id_column=IMAGE_ID,
    target_columns=(LABEL,),
    scheme="stratified",
    n_folds=5,
    submits=Prediction.LABEL,
    transformers={
        Family.LINEAR: kernel_features,
        Family.KERNEL: kernel_features,
        Family.OTHER: kernel_features,
        Family.FOREST: stroke_features,
        Family.BOOSTING: stroke_features,
    },
)

COMPETITION = DIGITS
