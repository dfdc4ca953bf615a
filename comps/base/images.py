"""`Images`: rows that are pictures in one shared array, which is not copied for a fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from comps.base.values import Array

PixelFunction = Callable[[NDArray[np.uint8]], Array]


@dataclass(frozen=True, eq=False)
class Images:
    """Rows [height, width, channels] as their positions in one array.

    Training and test rows of a competition lie in the same array, decoded once and often
    memory-mapped; every subset of them, a fold's too, is a list of positions.

    Attributes:
        pixels: [all, height, width, channels] uint8.
        index: [n] int64, positions in `pixels`.

    Raises:
        ValueError: if `pixels` is of another form, or a position lies outside.

    >>> pixels = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)
    >>> images = Images(pixels, np.array([2, 0]))
    >>> images[np.array([1])].gathered()[0, :, :, 0].tolist()
    [[0, 1], [2, 3]]
    """

    pixels: NDArray[np.uint8]
    index: NDArray[np.int64]
    _computed: dict[PixelFunction, Array] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8:
            raise ValueError(
                "Pixels must be uint8 [images, height, width, channels]. "
                f"Received: {self.pixels.dtype} {self.pixels.shape}."
            )
        if len(self.index) and not 0 <= self.index.min() <= self.index.max() < len(self.pixels):
            raise ValueError(
                f"Positions must lie in 0..{len(self.pixels) - 1}. "
                f"Received: {self.index.min()} to {self.index.max()}."
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.index)

    def __getitem__(self, rows: NDArray[np.int64]) -> Images:
        """Return some rows over the same array."""
        return replace(self, index=self.index[rows])

    @property
    def nbytes(self) -> int:
        """Bytes in memory beside the shared array."""
        return self.index.nbytes

    def gathered(self) -> NDArray[np.uint8]:
        """Return [n, height, width, channels], a copy."""
        copy: NDArray[np.uint8] = self.pixels[self.index]
        return copy

    def per_image(self, features: PixelFunction) -> Array:
        """Return [n, ...] features that learn nothing, computed once for all images.

        Args:
            features: `pixels [all, height, width, channels] -> [all, ...]`; what it returns is
                kept as long as some `Images` over the array exist, for every fold and model.
        """
        if features not in self._computed:
            self._computed[features] = features(self.pixels)
        return self._computed[features][self.index]
