"""Images: decoded once, their features, models, duplicates, and layers of exported networks."""

from comps.kinds.images.competition import (
    image_competition,
    infer_images,
    suggested_image_metrics,
)
from comps.kinds.images.places import Said
from comps.kinds.images.zoo import image_models

__all__ = [
    "Said",
    "image_competition",
    "image_models",
    "infer_images",
    "suggested_image_metrics",
]
