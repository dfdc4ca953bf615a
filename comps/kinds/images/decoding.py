"""From an image file to pixels of one size. Pillow is imported when an image is decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError

if TYPE_CHECKING:
    from PIL import Image

# A photograph of 100 million pixels is larger than any camera's, and takes 300 MB decoded.
_MOST_PIXELS = 100_000_000


def shorter_side(content: bytes, where: str) -> int:
    """Return the shorter side of an image in pixels; its header alone is looked at.

    Raises:
        DataError: if it is no image, or absurdly large.
    """
    with _opened(content, where) as image:
        return min(image.size)


def decode(content: bytes, where: str, side: int) -> NDArray[np.uint8]:
    """Return an image as [side, side, 3] uint8, red, green and blue.

    The image is turned as its camera says (EXIF), what is transparent is white, and 16 bits a
    channel become 8. It is squeezed to a square, as Keras' directory loader does it by default:
    cropping would cut off heads. A big JPEG is decoded at an eighth to a half of its size where
    that is still more than twice `side`; the rest of the way is averaged over (Pillow's bilinear
    filter widens with the factor), so that fine textures do not alias.

    Args:
        content: of the file.
        where: the file's name, for the message.
        side: in pixels.

    Raises:
        DataError: if the content is no image, a damaged or an absurdly large one.
    """
    from PIL import Image, ImageOps

    with _opened(content, where) as image:
        image.draft("RGB", (2 * side, 2 * side))
        coloured = _coloured(ImageOps.exif_transpose(image))
        if coloured.size != (side, side):
            coloured = coloured.resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(coloured)


def _coloured(image: Image.Image) -> Image.Image:
    """Return an image of any mode as one of red, green and blue."""
    from PIL import Image

    if image.mode[0] in "IF":
        # Pillow would cut off what is above 255.
        values = np.asarray(image, dtype=np.float64)
        most = values.max(initial=0)
        narrow = 1.0 if image.mode == "F" and most <= 1 else 255.0
        full = 65535.0 if image.mode.startswith("I;16") or most > 255 else narrow
        image = Image.fromarray((values.clip(0, full) * (255 / full)).round().astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        image = Image.alpha_composite(white, seen)
    return image.convert("RGB")


@contextmanager
def _opened(content: bytes, where: str) -> Iterator[Image.Image]:
    """Open an image, and turn what is wrong with it into a `DataError` that names it."""
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise _damaged(where, "the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of half its limit; ours is told as an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(content))
        with opened as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{where} is an image of more than {_MOST_PIXELS:,} pixels, which no camera takes. "
            "Make it smaller, or leave it out."
        ) from error
    except UnidentifiedImageError as error:
        raise _damaged(where, f"it begins with {content[:8]!r}, as no image does") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(where, error) from error


def _damaged(where: str, why: object) -> DataError:
    return DataError(
        f"{where} is not a readable image ({why}). Download the files again, or leave it out."
    )
