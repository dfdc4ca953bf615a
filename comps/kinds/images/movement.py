"""Small movements of drawings as Keras layers, which it imports: import it lazily."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from comps.base import Params

# Control points of a bend lie so many pixels apart, and each moves its surroundings by a bell of
# this deviation: Simard et al. found 4 pixels to be best on these images.
_SPACING = 4


@keras.saving.register_keras_serializable(package="images")
class RandomMovement(keras.layers.Layer):  # type: ignore[misc]
    """Turn, stretch, slant, shift and bend each image at random, in training alone.

    All of it is one map of positions, and so one interpolation: Keras' layers for rotation, zoom
    and translation in a row take three, which blur, and none of them bends. Bends are the
    elastic distortions of Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis" (2003).

    Args:
        turn: largest angle, in degrees.
        zoom: largest change of width and of height, each its own, as a share.
        slant: largest sideways shift of a row, as a share of its distance from the centre.
        shift: largest shift each way, in pixels.
        bend: standard deviation of the place of a pixel, in pixels.
        seed: of the random numbers; None draws one.

    It takes and returns images [batch, height, width, channels] float32; what comes in from
    outside is 0.

    >>> layer = RandomMovement(10, 0.1, 0.1, 2.0, 1.0)
    >>> images = keras.random.uniform((3, 8, 8, 1))
    >>> bool(ops.all(layer(images, training=False) == images))
    True
    """

    def __init__(
        self,
        turn: float,
        zoom: float,
        slant: float,
        shift: float,
        bend: float,
        seed: int | None = None,
        **options: object,
    ) -> None:
        super().__init__(**options)
        self.turn, self.zoom, self.slant, self.shift = turn, zoom, slant, shift
        self.bend, self.seed = bend, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Return images of the same shape."""
        if not training:
            return images
        count = ops.shape(images)[0]
        _, height, width, _ = images.shape
        draws = keras.random.uniform((6, count, 1, 1), -1.0, 1.0, seed=self.generator)
        turn, wide, high, slant, right, down = (draws[number] for number in range(6))
        angle = turn * math.radians(self.turn)
        wide, high, slant = 1 + self.zoom * wide, 1 + self.zoom * high, self.slant * slant
        # A pixel (x, y) from the centre shows what lies at (wide (x' + slant y'), high y') from
        # it, (x', y') being (x, y) turned.
        x = np.arange(width, dtype=np.float32) - (width - 1) / 2
        y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
        turned_x = ops.cos(angle) * x - ops.sin(angle) * y
        turned_y = ops.sin(angle) * x + ops.cos(angle) * y
        columns = wide * (turned_x + slant * turned_y) + self.shift * right + (width - 1) / 2
        rows = high * turned_y + self.shift * down + (height - 1) / 2
        if self.bend:
            columns = columns + self._bent(count, height, width)
            rows = rows + self._bent(count, height, width)
        return _looked_up(images, rows, columns)

    def _bent(self, count: int, height: int, width: int) -> KerasTensor:
        """Return smooth random displacements [count, height, width], in pixels."""
        down, across = _bells(height), _bells(width)
        shape = (count, down.shape[1], across.shape[1])
        points = keras.random.normal(shape, stddev=self.bend, seed=self.generator)
        return ops.matmul(ops.matmul(down, points), across.T)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        names = ("turn", "zoom", "slant", "shift", "bend", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="images")
class MeanOverShifts(keras.layers.Layer):  # type: ignore[misc]
    """Predict with the mean over an image and its shifts by a pixel; train on the image alone.

    Args:
        network: maps images to predictions; its weights are this layer's.
        shift: pixels, up, down, left and right; 0 predicts from the image alone.

    >>> image = keras.Input((4, 4, 1))
    >>> network = keras.Model(image, keras.layers.Flatten()(image))
    >>> one = np.zeros((1, 4, 4, 1), dtype=np.float32)
    >>> one[0, 1, 1] = 5.0
    >>> np.asarray(MeanOverShifts(network)(one)).reshape(4, 4).tolist()[:2]
    [[0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]]
    """

    def __init__(self, network: keras.Model, shift: int = 1, **options: object) -> None:
        super().__init__(**options)
        self.network, self.shift = network, shift

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Return the network's outputs, [batch, ...]."""
        total = self.network(images, training=training)
        if training or not self.shift:
            return total
        # Digits have a margin: what is rolled over the edge is ground.
        for axis in (1, 2):
            for way in (-self.shift, self.shift):
                total = total + self.network(ops.roll(images, way, axis=axis), training=False)
        return total / 5

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "shift": self.shift}

    @classmethod
    def from_config(cls, config: Params) -> MeanOverShifts:
        """Return the layer."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _bells(size: int) -> NDArray[np.float32]:
    """Return [size, points] float32: how far each control point moves each pixel of a line.

    The squares of a row sum to 1, so that a pixel's deviation is that of the points.
    """
    points = np.arange(-_SPACING, size + _SPACING, _SPACING)
    distance = (np.arange(size)[:, None] - points) / _SPACING
    bells = np.exp(-0.5 * distance**2)
    unit: NDArray[np.float32] = (bells / np.linalg.norm(bells, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _looked_up(images: KerasTensor, rows: KerasTensor, columns: KerasTensor) -> KerasTensor:
    """Return the interpolated brightness of images at positions [batch, height, width]."""
    count = ops.shape(images)[0]
    _, height, width, channels = images.shape
    # A border of ground, so that places outside need no case of their own.
    padded = ops.reshape(ops.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]), (count, -1, channels))
    rows = ops.clip(rows + 1, 0, height + 0.999)
    columns = ops.clip(columns + 1, 0, width + 0.999)
    top, left = ops.floor(rows), ops.floor(columns)
    low, right = (rows - top)[..., None], (columns - left)[..., None]
    corner = ops.cast(top * (width + 2) + left, "int32")

    def at(offset: int) -> KerasTensor:
        places = ops.reshape(corner + offset, (count, -1, 1))
        values = ops.take_along_axis(padded, places, axis=1)
        return ops.reshape(values, (count, height, width, channels))

    upper = at(0) * (1 - right) + at(1) * right
    lower = at(width + 2) * (1 - right) + at(width + 3) * right
    return upper * (1 - low) + lower * low
