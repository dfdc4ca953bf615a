"""From a JPEG file to pixels of one size. Pillow is imported when an image is decoded."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError


def shorter_side(content: bytes, where: str) -> int:
    """Return the shorter side of an image in pixels; its header alone is looked at.

    Raises:
        DataError: if it is no image.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return min(image.size)
    except _unreadable() as error:
        raise _damaged(where, error) from error


def decode(content: bytes, where: str, side: int) -> NDArray[np.uint8]:
    """Return an image as [side, side, 3] uint8, red, green and blue.

    The image is squeezed to a square, as Keras' directory loader does it by default: cropping
    would cut off heads. A big JPEG is decoded at an eighth to a half of its size where that is
    still more than twice `side`; the rest of the way is averaged over (Pillow's bilinear filter
    widens with the factor), so that fine textures do not alias.

    Args:
        content: of the file.
        where: the file's name, for the message.
        side: in pixels.

    Raises:
        DataError: if the content is no image, or a damaged one.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (2 * side, 2 * side))
            coloured = image.convert("RGB")
    except _unreadable() as error:
        raise _damaged(where, error) from error
    if coloured.size != (side, side):
        coloured = coloured.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(coloured)


def _unreadable() -> tuple[type[Exception], ...]:
    from PIL import Image

    return OSError, SyntaxError, ValueError, Image.DecompressionBombError


def _damaged(where: str, error: Exception) -> DataError:
    return DataError(
        f"{where} is not a readable image ({error}). Download the files again, or leave it out."
    )
