"""Features of digits that are not learned: the directions of their strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.kinds.images.pixel_features import hog_features

# Few enough that the arrays of a chunk stay in the cache of a core.
_CHUNK_IMAGES = 256


def stroke_table(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return directions of strokes of digits set upright, uint8 [images, 1008], 255 for 1.

    Histograms of gradients: the first 576 columns are blocks of four cells of 5 pixels in the
    middle of the image, where up and down are one direction; the others are blocks of four
    cells of 7 pixels, where they are two. A byte tells them finely enough, and four bytes
    would take 280 MB for 70,000 images in every process.
    """
    upright = deskewed(pixels)
    middle = upright[:, 2:27, 2:27]
    fine = hog_features(middle, cell=5)
    coarse = hog_features(upright, cell=7, orientations=12, signed=True)
    table: NDArray[np.uint8] = np.rint(255 * np.concatenate([fine, coarse], axis=1)).astype(
        np.uint8
    )
    return table


def deskewed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the digits set upright, of the same shape.

    Each row is moved sideways in proportion to its distance from the centre of mass, so that
    the covariance of the ink's row and column becomes zero. LeCun et al., "Gradient-based
    learning applied to document recognition" (1998), did so before they measured distances.

    Args:
        pixels: [images, height, width, 1]; an image of one brightness, or whose ink lies in one
            row, stays as it is.

    >>> slanted = np.zeros((1, 5, 5, 1), dtype=np.uint8)
    >>> slanted[0, [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]] = 200
    >>> deskewed(slanted)[0, :, 2, 0].tolist()
    [200, 200, 200, 200, 200]
    """
    found = np.empty_like(pixels)
    for start in range(0, len(pixels), _CHUNK_IMAGES):
        chunk = slice(start, start + _CHUNK_IMAGES)
        found[chunk, ..., 0] = _sheared(pixels[chunk, ..., 0], *_slant(pixels[chunk, ..., 0]))
    return found


def _slant(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return columns of slant for each row, and the row of the centre of mass, both [images]."""
    ink = images.astype(np.float32)
    mass = np.maximum(ink.sum(axis=(1, 2)), 1)
    rows, columns = (np.arange(size, dtype=np.float32) for size in ink.shape[1:])
    by_row, by_column = ink.sum(axis=2), ink.sum(axis=1)
    row, column = by_row @ rows / mass, by_column @ columns / mass
    variance = by_row @ rows**2 / mass - row**2
    covariance = (ink @ columns) @ rows / mass - row * column
    flat = variance < 1e-3
    return np.where(flat, 0, covariance / np.where(flat, 1, variance)), row


def _sheared(
    images: NDArray[np.uint8], slant: NDArray[np.float32], centre: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return [images, height, width]: each row moved against its slant, between two pixels."""
    _, height, width = images.shape
    shift = slant[:, None] * (np.arange(height, dtype=np.float32) - centre[:, None])
    whole = np.floor(shift)
    share = (shift - whole)[..., None]
    left = np.arange(width) + whole[..., None].astype(np.int64)
    ink = images.astype(np.float32)

    def looked_up(columns: NDArray[np.int64]) -> NDArray[np.float32]:
        values = np.take_along_axis(ink, columns.clip(0, width - 1), axis=2)
        inside: NDArray[np.float32] = values * ((columns >= 0) & (columns < width))
        return inside

    mixed = looked_up(left) * (1 - share) + looked_up(left + 1) * share
    rounded: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return rounded
