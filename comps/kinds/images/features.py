"""Features of images. They learn nothing and are computed once for all images.

- None (a model without `features`): the images as they are, [side, side, 3] uint8, for networks.
- `tree_features()`: gradients by direction in two sizes of cell, and colours, for boosting.

Transformers are imported when they are made: declaring models stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Family

if TYPE_CHECKING:
    from comps.kinds.images.pixel_features import PerImage


def tree_features() -> PerImage:
    """Return a transformer to a float32 matrix of `gradients_and_colours`."""
    from comps.kinds.images.pixel_features import PerImage

    return PerImage(gradients_and_colours)


def gradients_and_colours(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return [images, features] float32 for [images, side, side, 3] uint8.

    Cells are an eighth and a quarter of the side, so that the number of features hardly depends
    on it: fur and ears, and the posture.
    """
    from comps.kinds.images.pixel_features import colour_features, hog_features

    side = pixels.shape[1]
    parts = [hog_features(pixels, cell=side // cells) for cells in (8, 4)]
    return np.concatenate([*parts, colour_features(pixels)], axis=1)


#: The features of a model of the user's that names none.
TRANSFORMERS: Mapping[Family, Callable[[], PerImage]] = {
    Family.LINEAR: tree_features,
    Family.KERNEL: tree_features,
    Family.OTHER: tree_features,
    Family.FOREST: tree_features,
    Family.BOOSTING: tree_features,
}
