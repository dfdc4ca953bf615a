"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

from comps.base import Competition, Prediction, Task
from comps.digits.loader import IMAGE_ID, LABEL, load
from comps.digits.models import MODELS
from comps.metrics import ACCURACY, LOG_LOSS

_ARCHIVE = "digit-recognizer.zip"

DIGITS = Competition(
    name="digits",
    title="Digit Recognizer",
    task=Task.MULTICLASS,
    metric=ACCURACY,
    also=(LOG_LOSS,),
    load=load,
    models=MODELS,
    sample=Path(__file__).parent / "sample" / _ARCHIVE,
    archive=_ARCHIVE,
    id_column=IMAGE_ID,
    target_columns=(LABEL,),
    scheme="stratified",
    n_folds=5,
    submits=Prediction.LABEL,
)

COMPETITION = DIGITS
