"""Find duplicate photographs, also recompressed or slightly changed ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Side of the thumbnail that is hashed and compared, in pixels.
THUMBNAIL = 32
BITS = 12
DIFFERENCE = 24.0
# Where more images than this are the same as others, they are alike by nature.
_MOST_SAME = 0.1
# Images that tell whether they are, before all pairs of thousands that are alike are looked at.
_TRIED = 2000
# Pairs whose thumbnails are compared at once: 16 MB of them.
_COMPARED = 8192


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
    """Return each image that shows the photograph of an earlier one, with the first that does.

    Two images are taken for one photograph if their hashes differ in at most `BITS` bits and
    their grey thumbnails by at most `DIFFERENCE` in the mean. Both limits were chosen by looking
    at pairs of 8,000 images of 32 x 32 pixels: nearly all pairs within them are one photograph
    (other frame, brightness or compression), and hashes alone would be wrong in most pairs.

    Args:
        pixels: [n, side, side, 3] uint8.
        rows: that are looked at together.

    Returns:
        [pairs, 2] int64, fewer than n: the first image and the later one, sorted by the later.
        Images that others connect, however far, count as one photograph.
    """
    return _with_alike(pixels, _equal(pixels), rows)


def _with_alike(
    pixels: NDArray[np.uint8], equal: NDArray[np.int64], rows: int = 1024
) -> NDArray[np.int64]:
    """Return `duplicates`; of equal images, which are known, only the first is looked at."""
    one = np.setdiff1d(np.arange(len(pixels)), equal[:, 1])
    grey = np.empty((len(one), THUMBNAIL, THUMBNAIL), dtype=np.uint8)
    hashes = np.empty(len(one), dtype=np.uint64)
    for start in range(0, len(one), rows):
        block = slice(start, start + rows)
        grey[block] = thumbnails(pixels[one[block]])
        hashes[block] = perceptual_hashes(grey[block])
    return _chained(np.concatenate([equal, one[_alike(grey, hashes)]]), len(pixels))


def _alike(grey: NDArray[np.uint8], hashes: Hashes) -> NDArray[np.int64]:
    """Return pairs that connect the thumbnails which are alike, fewer than there are thumbnails.

    There may be millions of pairs; those that other pairs connect already are not compared.
    """
    found, labels = np.empty((0, 2), dtype=np.int64), np.arange(len(grey))
    for close in close_pairs(hashes, BITS):
        for start in range(0, len(close), _COMPARED):
            pairs = close[start : start + _COMPARED]
            pairs = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
            difference = grey[pairs[:, 0]].astype(np.int16)
            difference -= grey[pairs[:, 1]]
            same = np.abs(difference, out=difference).mean(axis=(1, 2)) <= DIFFERENCE
            if same.any():
                found = _chained(np.concatenate([found, pairs[same]]), len(grey))
                labels = groups(found, len(grey))
    return found


def close_pairs(hashes: Hashes, bits: int, rows: int = 256) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of rows whose hashes differ in at most so many bits, [pairs, 2], sorted.

    All pairs are compared: 300 million of 25,000 hashes take three seconds, and bands of equal
    bits save nothing at distances like 12, where each would be 5 bits wide.

    Args:
        hashes: [n].
        bits: in which they may differ.
        rows: whose pairs with later rows are yielded together.

    >>> hashes = np.array([0, 7, 1 << 40, 255], dtype=np.uint64)
    >>> [pairs.tolist() for pairs in close_pairs(hashes, bits=3)]
    [[[0, 1], [0, 2]]]
    """
    for start in range(0, len(hashes), rows):
        block = hashes[start : start + rows, None] ^ hashes[None, start:]
        yield np.argwhere(np.triu(np.bitwise_count(block) <= bits, 1)) + start


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


def _chained(pairs: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return pairs that connect the same rows: the first row of a group with each of the others.

    >>> _chained(np.array([[0, 2], [2, 3], [0, 3]]), 5).tolist()
    [[0, 2], [0, 3]]
    """
    _, first, group = np.unique(groups(pairs, n_rows), return_index=True, return_inverse=True)
    found: NDArray[np.int64] = np.column_stack([first[group], np.arange(n_rows)])
    return found[found[:, 0] < found[:, 1]]


def same_images(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return each image that is the same as an earlier one, with the first, of images of any kind.

    They are those of `duplicates`, unless more than a tenth of the images would be one: drawings
    and scans are alike by nature. Then images are the same if each pixel is.

    Args:
        pixels: [n, side, side, 3] uint8.

    Returns:
        As `duplicates`.
    """
    equal = _equal(pixels)
    if _are_many(equal, len(pixels)):
        return equal
    some = pixels[:: -(-len(pixels) // _TRIED)]
    if len(some) < len(pixels) and _are_many(duplicates(some), len(some)):
        return equal
    pairs = _with_alike(pixels, equal)
    return equal if _are_many(pairs, len(pixels)) else pairs


def _are_many(pairs: NDArray[np.int64], n_rows: int) -> bool:
    """Whether so many images are the same as others that they must be alike by nature."""
    return len(np.unique(pairs)) > _MOST_SAME * n_rows


def _equal(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return each image that is equal to an earlier one, with the first, [pairs, 2] int64.

    >>> _equal(np.array([7, 5, 7], dtype=np.uint8).reshape(3, 1, 1, 1)).tolist()
    [[0, 2]]
    """
    first: dict[bytes, int] = {}
    # Digests, as the images themselves would fill the memory.
    digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels)
    pairs = [(first.setdefault(digest, row), row) for row, digest in enumerate(digests)]
    found: NDArray[np.int64] = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[found[:, 0] < found[:, 1]]
