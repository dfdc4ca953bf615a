"""Images: decoded once, their features, models, duplicates, and layers of exported networks."""

from comps.kinds.images.zoo import image_models

__all__ = ["image_models"]
