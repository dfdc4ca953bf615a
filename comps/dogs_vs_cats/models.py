"""The model zoo: that of any photographs.

Nothing was chosen by the test part; what was tried is in this folder's README.
"""

from __future__ import annotations

from comps.base import Family, Model, Task
from comps.baselines import class_share
from comps.kinds.images.zoo import image_models

MODELS = (
    Model(
        "class-share",
        Family.BASELINE,
        "sklearn",
        build=class_share,
        seconds=0.1,
        about="the share of dogs: what every model has to beat",
    ),
    *image_models(Task.BINARY, 2, 1),
)
