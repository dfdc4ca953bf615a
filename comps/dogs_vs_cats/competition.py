"""The definition of the competition."""

from __future__ import annotations

from pathlib import Path

from comps.base import Competition, Prediction, Task
from comps.dogs_vs_cats.loader import is_own, load
from comps.dogs_vs_cats.models import MODELS
from comps.kinds.images.features import TRANSFORMERS
from comps.kinds.images.other_images import OtherImages
from comps.metrics import ACCURACY, LOG_LOSS

_ARCHIVE = "dogs-vs-cats-redux-kernels-edition.zip"

DOGS_VS_CATS = Competition(
    name="dogs-vs-cats",
    title="Dogs vs. Cats (Redux: Kernels Edition, and the original)",
    task=Task.BINARY,
    metric=LOG_LOSS,
    load=load,
    with_test=OtherImages(load, is_own, "file name without ending", "id", ("label",)),
    models=MODELS,
    sample=Path(__file__).parent / "sample" / _ARCHIVE,
    archive=_ARCHIVE,
    id_column="id",
    target_columns=("label",),
    scheme="stratified",
    n_folds=5,
    submits=Prediction.PROBABILITY,
    also=(ACCURACY,),
    valid_range=(0.0, 1.0),
    transformers=TRANSFORMERS,
)

COMPETITION = DOGS_VS_CATS
