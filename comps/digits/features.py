"""Features of the digits competition: a function for each kind of transformer.

- `stroke_features()`: directions of strokes, for boosting.
- `kernel_features()`: their main components, for models that compare by distance.
- `pixel_features()`: the pixels as a table.

Each returns a new transformer that takes `comps.base.Images`. Strokes and pixels learn nothing:
they are computed once for all images and indexed in every fold. Networks take the images as
they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from comps.kinds.images.pixel_features import PerImage

FINE_COLUMNS = 576


def stroke_features() -> PerImage:
    """Return a transformer to a dense uint8 matrix of 1,008 columns; see `strokes.stroke_table`."""
    from comps.digits.strokes import stroke_table
    from comps.kinds.images.pixel_features import PerImage

    return PerImage(stroke_table)


def kernel_features() -> Pipeline:
    """Return a transformer to a dense float32 matrix of 80 columns: main components of the strokes.

    A kernel compares images by their distance: in 80 dimensions, learned from the fold's
    training rows, it does so a dozen times as fast, and no worse.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(
        stroke_features(),
        FunctionTransformer(weighed),
        PCA(80, svd_solver="covariance_eigh"),
    )


def pixel_features() -> PerImage:
    """Return a transformer to a dense uint8 matrix of 784 columns, 0 to 255."""
    from comps.kinds.images.pixel_features import PerImage

    return PerImage(flat)


def flat(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return [images, pixels], over the same memory."""
    return pixels.reshape(len(pixels), -1)


def weighed(strokes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return histograms as float32 that fit a distance: the few coarse ones count twice."""
    weights = np.where(np.arange(strokes.shape[1]) < FINE_COLUMNS, 1, 2) / 255
    return strokes.astype(np.float32) * weights.astype(np.float32)
