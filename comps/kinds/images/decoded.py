"""All images of a competition, decoded once to squares of one size, and what is known of them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted, some
from comps.kinds.images import duplicates
from comps.kinds.images.decoding import decode, shorter_side
from comps.kinds.images.image_cache import Pixels, Shape

# Kaggle's photographs of dogs are mostly 500 x 375; at 96 x 96 all 37,500 take 1 GB of disk, and
# the book's networks keep a few places of their last feature map.
LARGEST_SIDE = 96
SMALLEST_SIDE = 16
# Images whose headers tell the size of them all.
_MEASURED = 500
# Images that a thread decodes in one go.
_CHUNK = 64
# Changes when the same files would be decoded to other pixels or other knowledge of them.
_FORMAT = 2
# What an image is follows from its content; the ending says that it is meant to be one.
_ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")


@dataclass(frozen=True)
class ImageFile:
    """An image file that is still to be read.

    Attributes:
        name: by which it is known, such as the file's without its ending.
        where: file and path within it, for messages.
        read: returns the content.
    """

    name: str
    where: str
    read: Callable[[], bytes]


def is_image(path: str) -> bool:
    """Whether a file is called as images are.

    >>> is_image("train/cat.0.JPG"), is_image("train/readme.txt")
    (True, False)
    """
    return path.lower().endswith(_ENDINGS)


def cache_key(source: str) -> str:
    """Return the key of decoded images.

    Args:
        source: what changes with the files.
    """
    limits = duplicates.BITS, duplicates.DIFFERENCE, LARGEST_SIDE, SMALLEST_SIDE, _FORMAT
    return f"{source}-{zlib.crc32(str(limits).encode()):08x}"


def side_of(images: Sequence[ImageFile]) -> int:
    """Return the side to decode to, in pixels.

    It is the median of the shorter sides of 500 images, rounded down to a multiple of 8, between
    `SMALLEST_SIDE` and `LARGEST_SIDE`. What cannot be read has none.
    """
    step = -(-len(images) // _MEASURED)
    sides = []
    for image in images[::step]:
        with suppress(DataError):
            sides.append(shorter_side(image.read(), image.where))
    if not sides:
        return SMALLEST_SIDE
    return int(np.clip(np.median(sides) // 8 * 8, SMALLEST_SIDE, LARGEST_SIDE))


def decode_all(
    train: Sequence[ImageFile], test: Sequence[ImageFile], allocate: Callable[[Shape], Pixels]
) -> tuple[Pixels, list[str]]:
    """Decode all images, training rows first.

    Args:
        train: they alone decide the size.
        test: may be none.
        allocate: returns the array to decode into, see `image_cache.cached`.

    Returns:
        That array, [images, side, side, 3]; and of each image the size and the CRC-32 of its file.

    Raises:
        DataError: that names the images which cannot be decoded.
    """
    images, side = [*train, *test], side_of(train)
    pixels = allocate((len(images), side, side, 3))
    return pixels, decode_into(pixels, images)


def decode_into(pixels: Pixels, images: Sequence[ImageFile]) -> list[str]:
    """Decode images into an array, [images, side, side, 3] uint8.

    Returns:
        Of each image the size and the CRC-32 of its file.

    Raises:
        DataError: that names the images which cannot be decoded.
    """
    import joblib

    side = pixels.shape[1]
    stamps = [""] * len(images)
    broken: dict[int, DataError] = {}

    def decode_chunk(start: int) -> None:
        for row, image in enumerate(images[start : start + _CHUNK], start):
            try:
                content = image.read()
                stamps[row] = f"{len(content)} {zlib.crc32(content)}"
                pixels[row] = decode(content, image.where, side)
            except DataError as error:
                broken[row] = error

    # Pillow decodes without Python's lock: threads share the array and the open zip.
    joblib.Parallel(n_jobs=joblib.cpu_count(), prefer="threads")(
        joblib.delayed(decode_chunk)(start) for start in range(0, len(images), _CHUNK)
    )
    if broken:
        first, *others = sorted(broken)
        names = some(images[row].where for row in others)
        more = (
            f" {counted(len(others), 'further image')} cannot be read: {names}." if others else ""
        )
        raise DataError(f"{broken[first]}{more}")
    return stamps


def fingerprint(beside: bytes, names: Iterable[str], stamps: Iterable[str]) -> str:
    """Return a text that is equal for equal images and files beside them, however packed.

    Args:
        beside: content of what lies beside the images.
        names: of the images.
        stamps: as `decode_all` returns them.
    """
    digest = hashlib.sha256(beside)
    for name, stamp in zip(names, stamps, strict=True):
        digest.update(f"{name} {stamp}\n".encode())
    return digest.hexdigest()[:16]


def notes_of(
    side: int, groups: NDArray[np.int64], target: NDArray[np.float64], others: Sequence[str]
) -> tuple[str, ...]:
    """Return what the user should know of decoded images.

    Args:
        side: in pixels.
        groups: [n] of the training images: one for those that show the same.
        target: [n] or [n, targets].
        others: files among the images that are none.
    """
    notes = [f"Images are scaled to {side} x {side} pixels."]
    sizes = np.bincount(groups)
    if (sizes > 1).any():
        notes.append(
            f"{sizes[sizes > 1].sum()} of {len(groups)} training images are duplicates, in "
            f"{counted(int((sizes > 1).sum()), 'group')}; a group is never divided between folds."
        )
    columns = target.reshape(len(groups), -1)
    answers = np.unique(np.column_stack([groups, columns]), axis=0)[:, 0].astype(np.int64)
    torn = int((np.bincount(answers) > 1).sum())
    if torn:
        verb = "holds" if torn == 1 else "hold"
        notes.append(f"{torn} of these groups {verb} images of different labels.")
    if others:
        one, many = "file among the images is no image", "files among the images are no images"
        notes.append(f"{counted(len(others), one, many)}, and left out: {some(others)}.")
    return tuple(notes)
