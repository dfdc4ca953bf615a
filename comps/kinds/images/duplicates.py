"""Find duplicate photographs, also recompressed or slightly changed ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Side of the thumbnail that is hashed and compared, in pixels.
THUMBNAIL = 32
BITS = 12
DIFFERENCE = 24.0
# Where more images than this are the same as others, they are alike by nature.
_MOST_SAME = 0.1
# Images that tell whether they are; all pairs of thousands that are alike fill the memory.
_TRIED = 2000


def thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey thumbnails, [n, 32, 32] uint8, of images [n, side, side, 3]."""
    from PIL import Image

    grey = np.empty((len(pixels), THUMBNAIL, THUMBNAIL), dtype=np.uint8)
    for row, image in enumerate(pixels):
        small = Image.fromarray(image).convert("L")
        if small.size != (THUMBNAIL, THUMBNAIL):
            small = small.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
        grey[row] = np.asarray(small)
    return grey


def perceptual_hashes(grey: NDArray[np.uint8]) -> Hashes:
    """Return a 64-bit hash of each grey thumbnail, [n] uint64; alike images differ in few bits.

    A bit says whether one of the 8 x 8 slowest cosines of the image is above their median
    (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010; the
    package imagehash does the same, one image at a time).

    >>> grey = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    >>> first, second = perceptual_hashes(grey)
    >>> int(np.bitwise_count(first ^ second))
    36
    """
    from scipy.fft import dctn

    slow = dctn(grey.astype(np.float32), axes=(1, 2))[:, :8, :8].reshape(len(grey), 64)
    bits = slow > np.median(slow, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def duplicates(pixels: NDArray[np.uint8], rows: int = 1024) -> NDArray[np.int64]:
    """Return the pairs of images that are the same photograph, [pairs, 2] int64, sorted.

    Two images are taken for one photograph if their hashes differ in at most `BITS` bits and
    their grey thumbnails by at most `DIFFERENCE` in the mean. Both limits were chosen by looking
    at pairs of 8,000 images of 32 x 32 pixels: nearly all pairs within them are one photograph
    (other frame, brightness or compression), and hashes alone would be wrong in most pairs.

    Args:
        pixels: [n, side, side, 3] uint8.
        rows: that are looked at together.
    """
    blocks = [thumbnails(pixels[start : start + rows]) for start in range(0, len(pixels), rows)]
    grey = np.concatenate(blocks) if blocks else thumbnails(pixels)
    pairs = close_pairs(perceptual_hashes(grey), BITS)
    first, second = (grey[pairs[:, side]].astype(np.int16) for side in (0, 1))
    same = np.abs(first - second).mean(axis=(1, 2)) <= DIFFERENCE
    kept: NDArray[np.int64] = pairs[same]
    return kept


def close_pairs(hashes: Hashes, bits: int, rows: int = 256) -> NDArray[np.int64]:
    """Return the pairs of rows whose hashes differ in at most so many bits, [pairs, 2], sorted.

    All pairs are compared: 300 million of 25,000 hashes take three seconds, and bands of equal
    bits save nothing at distances like 12, where each would be 5 bits wide.

    >>> close_pairs(np.array([0, 7, 1 << 40, 255], dtype=np.uint64), bits=3).tolist()
    [[0, 1], [0, 2]]
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(hashes), rows):
        block = hashes[start : start + rows, None] ^ hashes[None, start:]
        pairs = np.argwhere(np.bitwise_count(block) <= bits) + start
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def groups(pairs: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return [n_rows] group numbers: rows that pairs connect, however far, share one.

    >>> groups(np.array([[0, 2], [2, 3]]), 5).tolist()
    [0, 1, 0, 0, 2]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_rows, n_rows))
    labels: NDArray[np.int64] = connected_components(edges, directed=False)[1].astype(np.int64)
    return labels


def same_images(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the pairs of images that are the same, [pairs, 2] int64, of images of any kind.

    They are those of `duplicates`, unless more than a tenth of the images would be one: drawings
    and scans are alike by nature. Then images are the same if each pixel is.

    Args:
        pixels: [n, side, side, 3] uint8.
    """
    step = -(-len(pixels) // _TRIED)
    for part in (pixels[::step], pixels)[step == 1 :]:
        pairs = duplicates(part)
        if len(np.unique(pairs)) > _MOST_SAME * len(part):
            return _equal(pixels)
    return pairs


def _equal(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the pairs of an image and the first one that is equal to it."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(image.tobytes(), row), row) for row, image in enumerate(pixels)]
    found: NDArray[np.int64] = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[found[:, 0] < found[:, 1]]
