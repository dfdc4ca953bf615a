"""Features of images that learn nothing, for trees and kernels: oriented gradients, colours.

They are computed for all images at once, by array operations over chunks: on 70,000 digits that
takes seconds where a call an image takes minutes, and every worker process computes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Array, Images

# So few pixels a chunk that its arrays stay in the cache of a core: four times as fast as millions.
_CHUNK_PIXELS = 1 << 17


class PerImage(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of `Images` that learn nothing: a function of the pixels, computed once.

    Args:
        function: a module-level function, `pixels [all, height, width, channels] uint8` to
            `[all, features]`. See `Images.per_image`.

    >>> pixels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    >>> PerImage(brightness).fit_transform(Images(pixels, np.array([1]))).tolist()
    [[5.5]]
    """

    # What `Images` keeps for all rows is quickly taken again; kept for a fold too, it doubles.
    keep_view = False

    def __init__(self, function: Callable[[NDArray[np.uint8]], Array]) -> None:
        self.function = function

    def fit(self, X: Images, y: object = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: Images) -> Array:
        """Return [n, features], a copy."""
        return X.per_image(self.function)


def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return [images, channels] float32: the mean of each channel, 0 to 255."""
    mean: NDArray[np.float32] = pixels.mean(axis=(1, 2), dtype=np.float32)
    return mean


def hog_features(
    pixels: NDArray[np.uint8],
    *,
    cell: int = 4,
    block: int = 2,
    orientations: int = 9,
    signed: bool = False,
) -> NDArray[np.float32]:
    """Return histograms of oriented gradients, float32 [images, features].

    Dalal and Triggs, "Histograms of oriented gradients for human detection" (2005): gradients
    by central differences, zero at the border; of several channels, the strongest one at each
    pixel; votes by magnitude, shared linearly between the two nearest directions; blocks of
    cells, one cell apart, normalised to length 1, clipped at 0.2 and normalised again.

    Args:
        pixels: [images, height, width, channels].
        cell: pixels of a side of a cell; what is left over at the right and below is dropped.
        block: cells of a side of a block.
        orientations: directions of a histogram.
        signed: whether a gradient and its opposite are two directions.

    Raises:
        ValueError: if an image is smaller than a block.

    >>> stripes = np.zeros((1, 8, 8, 1), dtype=np.uint8)
    >>> stripes[:, :, ::4] = 255
    >>> hog_features(stripes, orientations=4).reshape(4, 4).argmax(axis=1).tolist()
    [0, 0, 0, 0]
    """
    _, height, width, _ = pixels.shape
    rows, columns = height // cell - block + 1, width // cell - block + 1
    if min(rows, columns) < 1:
        raise ValueError(
            f"Images must be at least {cell * block} pixels wide and high for blocks of "
            f"{block} cells of {cell} pixels. Received: {height} x {width}."
        )

    def histograms(chunk: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _normalised_blocks(_cell_histograms(chunk, cell, orientations, signed), block)

    return _in_chunks(histograms, pixels, rows * columns * block * block * orientations)


def colour_features(
    pixels: NDArray[np.uint8], *, grid: int = 4, bins: int = 16
) -> NDArray[np.float32]:
    """Return features of colours and places, float32 [images, channels * (bins + 2 * grid**2)].

    For each channel: the shares of the image in equal ranges of brightness, then the mean and the
    deviation in each field of a grid, in shares of full brightness.

    Args:
        pixels: [images, height, width, channels].
        grid: fields down and across.
        bins: ranges of brightness.

    >>> grey = np.full((1, 8, 8, 3), 51, dtype=np.uint8)
    >>> (10 * colour_features(grey, grid=1, bins=2)).round().astype(int).tolist()
    [[10, 0, 10, 0, 10, 0, 2, 2, 2, 0, 0, 0]]
    """

    def colours(chunk: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = [_colour_shares(chunk, bins)]
        for field in _fields(chunk, grid):
            parts += [field.mean(axis=(1, 2)), field.std(axis=(1, 2))]
        return np.concatenate(parts, axis=1)

    return _in_chunks(colours, pixels, pixels.shape[-1] * (bins + 2 * grid * grid))


def _in_chunks(
    features: Callable[[NDArray[np.uint8]], Array], pixels: NDArray[np.uint8], width: int
) -> NDArray[np.float32]:
    """Return [images, width]: the features of a few images at a time, one below the other."""
    found = np.empty((len(pixels), width), dtype=np.float32)
    step = max(_CHUNK_PIXELS // (pixels.shape[1] * pixels.shape[2]), 1)
    for start in range(0, len(pixels), step):
        found[start : start + step] = features(pixels[start : start + step])
    return found


def _colour_shares(pixels: NDArray[np.uint8], bins: int) -> NDArray[np.float64]:
    """Return [images, channels * bins]."""
    n_images, height, width, channels = pixels.shape
    owner = np.arange(n_images)[:, None, None, None] * channels + np.arange(channels)
    levels = pixels.astype(np.int64) * bins // 256
    counts = np.bincount((owner * bins + levels).ravel(), minlength=n_images * channels * bins)
    shares: NDArray[np.float64] = counts.reshape(n_images, -1) / (height * width)
    return shares


def _fields(pixels: NDArray[np.uint8], grid: int) -> Iterator[NDArray[np.float32]]:
    """Yield the fields of a grid, row by row, [images, down, across, channels], 0 to 1."""
    values = pixels.astype(np.float32) / np.float32(255)
    for rows in np.array_split(values, grid, axis=1):
        yield from np.array_split(rows, grid, axis=2)


def _cell_histograms(
    pixels: NDArray[np.uint8], cell: int, orientations: int, signed: bool
) -> NDArray[np.float32]:
    """Return [images, cell rows, cell columns, orientations] float32."""
    n_images, height, width, _ = pixels.shape
    rows, columns = height // cell, width // cell
    down, right = (
        gradient[:, : rows * cell, : columns * cell] for gradient in _strongest_gradient(pixels)
    )
    circle = 2 * np.pi if signed else np.pi
    # Half a turn further, the angle is the same direction unless the sign counts.
    position = np.arctan2(down, right) * np.float32(orientations / circle) % orientations
    lower = position.astype(np.int64)
    share = position - lower
    magnitude = np.hypot(down, right)
    cells = (
        np.arange(n_images)[:, None, None] * (rows * columns)
        + (np.arange(rows * cell) // cell)[:, None] * columns
        + np.arange(columns * cell) // cell
    ) * orientations
    histogram = np.zeros(n_images * rows * columns * orientations)
    for bins, votes in (
        (lower % orientations, magnitude * (1 - share)),
        ((lower + 1) % orientations, magnitude * share),
    ):
        histogram += np.bincount((cells + bins).ravel(), votes.ravel(), len(histogram))
    return histogram.astype(np.float32).reshape(n_images, rows, columns, orientations)


def _strongest_gradient(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradients down and to the right, each [images, height, width] float32."""
    values: NDArray[np.float32] = pixels.astype(np.float32) / np.float32(255)
    down, right = np.zeros_like(values), np.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    right[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    if pixels.shape[-1] == 1:
        return down[..., 0], right[..., 0]
    strongest = (down**2 + right**2).argmax(axis=-1)[..., None]
    return (
        np.take_along_axis(down, strongest, axis=-1)[..., 0],
        np.take_along_axis(right, strongest, axis=-1)[..., 0],
    )


def _normalised_blocks(cells: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Return [images, features] of all blocks side by side."""
    rows, columns = cells.shape[1] - block + 1, cells.shape[2] - block + 1
    corners = [(down, right) for down in range(block) for right in range(block)]
    blocks = np.concatenate(
        [cells[:, down : down + rows, right : right + columns] for down, right in corners], axis=-1
    )
    clipped = np.minimum(_unit_length(blocks), np.float32(0.2))
    return _unit_length(clipped).reshape(len(blocks), -1)


def _unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors along the last axis at length 1; vectors near zero are not enlarged."""
    squares = (vectors**2).sum(axis=-1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.sqrt(squares + np.float32(1e-10))
    return unit
