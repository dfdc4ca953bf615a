"""Features of the digits competition: one factory for each view of the images.

- `tree_features()`: histograms of gradients and coarse pixels, for boosting.
- `pixel_features()`: the pixels as a table.
- `kernel_features()`: fine histograms of gradients, for models that compare by distance.

Each returns a new transformer that takes `comps.base.Images`. None of them learns anything, so
each is computed once for all images and indexed in every fold. Networks take the images as they
are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from comps.image_features import PerImage


def tree_features() -> PerImage:
    """Return a view as a dense float32 matrix of 520 columns; see `strokes.tree_table`."""
    from comps.digits.strokes import tree_table
    from comps.image_features import PerImage

    return PerImage(tree_table)


def kernel_features() -> PerImage:
    """Return a view as a dense float32 matrix of 1,296 columns; see `strokes.kernel_table`."""
    from comps.digits.strokes import kernel_table
    from comps.image_features import PerImage

    return PerImage(kernel_table)


def pixel_features() -> PerImage:
    """Return a view as a dense uint8 matrix of 784 columns, 0 to 255."""
    from comps.image_features import PerImage

    return PerImage(flat)


def flat(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return [images, pixels]: the same memory as a table."""
    return pixels.reshape(len(pixels), -1)
