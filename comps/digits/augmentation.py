"""Small random movements of digits as one Keras layer. It imports Keras: import it lazily."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="digits")
class RandomMovement(keras.layers.Layer):  # type: ignore[misc]
    """Turn, stretch, slant and shift each image at random, in training alone.

    One affine map an image, and so one interpolation: Keras' layers for rotation, zoom and
    translation in a row take three, which blur and take three times as long.

    Args:
        turn: largest angle, in degrees.
        zoom: largest change of width and of height, each its own, as a share.
        slant: largest sideways shift of a row, as a share of its distance from the centre.
        shift: largest shift each way, in pixels.
        seed: of the random numbers; None draws one.

    It takes and returns images [batch, height, width, channels] float32; what comes in from
    outside is 0.

    >>> layer = RandomMovement(10, 0.1, 0.1, 2.0)
    >>> images = keras.random.uniform((3, 8, 8, 1))
    >>> bool(ops.all(layer(images, training=False) == images))
    True
    >>> layer(images, training=True).shape == images.shape
    True
    """

    def __init__(
        self,
        turn: float,
        zoom: float,
        slant: float,
        shift: float,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.turn, self.zoom, self.slant, self.shift, self.seed = turn, zoom, slant, shift, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return images of the same shape."""
        if not training:
            return images
        count, height, width = ops.shape(images)[:3]
        draws = keras.random.uniform((6, count), -1.0, 1.0, seed=self.generator)
        turn, wide, high, slant, right, down = (draws[number] for number in range(6))
        angle = turn * math.radians(self.turn)
        cosine, sine = ops.cos(angle), ops.sin(angle)
        wide, high, slant = 1 + self.zoom * wide, 1 + self.zoom * high, self.slant * slant
        # Output (x, y) from the centre shows what lies at (a x + b y, c x + d y) from it.
        a, b = wide * cosine, wide * (slant * cosine - sine)
        c, d = high * sine, high * (slant * sine + cosine)
        x, y = (width - 1) / 2, (height - 1) / 2
        zero = ops.zeros_like(a)
        transforms = ops.stack(
            [
                *(a, b, x - a * x - b * y + self.shift * right),
                *(c, d, y - c * x - d * y + self.shift * down),
                *(zero, zero),
            ],
            axis=1,
        )
        return ops.image.affine_transform(images, transforms, interpolation="bilinear")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        own = {name: getattr(self, name) for name in ("turn", "zoom", "slant", "shift", "seed")}
        return {**super().get_config(), **own}
