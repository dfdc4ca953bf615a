"""Layers that our networks need beside Keras' own.

A file that `pipelines.export_network` wrote is read after this module was imported:

    import keras
    import comps.kinds.images.image_layers
    network = keras.saving.load_model("dogs-vs-cats.keras")
    network(photograph[None])  # [height, width, 3], 0 to 255
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from comps.base import Params

# A file names it, too: it is read after this module was imported.
from comps.kinds.smoothing import SmoothedCrossentropy as SmoothedCrossentropy

# Of a batch: None where it is not known yet.
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("images")
class RandomFrame(layers.Layer):  # type: ignore[misc]
    """Cut another frame out of each image: mirrored or not, moved, zoomed in or out.

    Rows and columns are interpolated one after the other, each by a matrix product, which takes a
    CPU less than a hundredth of what the convolutions take; Keras' own affine layers look up every
    pixel. What lies outside repeats the edge. It acts in training alone.

    Args:
        shift: at most, as a share of the side.
        zoom: the frame's height and width are 1 - zoom to 1 + zoom of the image's, each its own.
        seed: of the random choices.
    """

    def __init__(
        self, shift: float = 0.1, zoom: float = 0.1, seed: int | None = None, **options: object
    ) -> None:
        super().__init__(**options)
        self.shift, self.zoom, self.seed = shift, zoom, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Return images of the same shape, [batch, height, width, channels]."""
        if not training:
            return images
        count = ops.shape(images)[0]
        rows = self._weights(count, images.shape[1], mirrored=False)
        columns = self._weights(count, images.shape[2], mirrored=True)
        moved = ops.einsum("bij,bjwc->biwc", rows, images)
        return ops.einsum("bkw,biwc->bikc", columns, moved)

    def _weights(self, count: int, length: int, *, mirrored: bool) -> KerasTensor:
        """Return [batch, length, length]: the weight of each old row in each new row."""

        def uniform(low: float, high: float) -> KerasTensor:
            return keras.random.uniform((count, 1), low, high, seed=self.generator)

        centre = (length - 1) / 2
        scale = uniform(1 - self.zoom, 1 + self.zoom)
        if mirrored:
            scale = scale * ops.sign(uniform(-1.0, 1.0))
        offset = uniform(-self.shift, self.shift) * length
        positions = ops.arange(length, dtype="float32")
        wanted = ops.clip((positions - centre) * scale + centre + offset, 0.0, length - 1.0)
        return ops.maximum(1.0 - ops.abs(wanted[:, :, None] - positions), 0.0)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        own = {"shift": self.shift, "zoom": self.zoom, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("images")
class RandomColour(layers.Layer):  # type: ignore[misc]
    """Change contrast and brightness of each image, and of each channel a little, in training.

    Args:
        amount: contrast is multiplied by 1 - amount to 1 + amount; half as much is added to
            brightness, and to each channel on its own a quarter.
        seed: of the random choices.
    """

    def __init__(self, amount: float = 0.2, seed: int | None = None, **options: object) -> None:
        super().__init__(**options)
        self.amount, self.seed = amount, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Return images of the same shape, [batch, height, width, channels]."""
        if not training:
            return images
        count, channels = ops.shape(images)[0], images.shape[3]

        def uniform(size: int, reach: float) -> KerasTensor:
            shape = (count, 1, 1, size)
            return keras.random.uniform(shape, -reach, reach, seed=self.generator)

        contrast = 1.0 + uniform(1, self.amount)
        light = uniform(1, self.amount / 2) + uniform(channels, self.amount / 4)
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return (images - mean) * contrast + mean + light

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        return {**super().get_config(), "amount": self.amount, "seed": self.seed}


@keras.saving.register_keras_serializable("images")
class ViewsAveraged(layers.Layer):  # type: ignore[misc]
    """Predict ten views of an image and take the mean; in training see the image alone.

    The views are the image as it is and moved along the diagonals, and the mirror image of each.

    Args:
        body: the network that predicts.
        shift: pixels, both ways; what comes in at an edge is the edge mirrored.
    """

    def __init__(self, body: keras.Model, shift: int = 1, **options: object) -> None:
        super().__init__(**options)
        self.body, self.shift = body, shift

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Return the outputs of the body."""
        if training:
            return self.body(images, training=True)
        shift, (height, width) = self.shift, images.shape[1:3]
        wide = ops.pad(images, [(0, 0), (shift, shift), (shift, shift), (0, 0)], mode="symmetric")
        corners = [(row, column) for row in (0, 2 * shift) for column in (0, 2 * shift)]
        predictions = []
        for row, column in [(shift, shift), *corners]:
            view = wide[:, row : row + height, column : column + width]
            predictions += [self.body(part, training=False) for part in (view, view[:, :, ::-1])]
        return sum(predictions) / len(predictions)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        body = keras.saving.serialize_keras_object(self.body)
        return {**super().get_config(), "body": body, "shift": self.shift}

    @classmethod
    def from_config(cls, config: Params) -> ViewsAveraged:
        """Build the body again."""
        body = keras.saving.deserialize_keras_object(config["body"])
        return cls(**{**config, "body": body})


@keras.saving.register_keras_serializable("images")
class CosineBasis(keras.initializers.Initializer):  # type: ignore[misc]
    """Filters that are products of cosines along rows, columns and colours.

    They are the first of the discrete cosine transform in space, and for the colours the grey
    value, red against blue, and green against both: an orthonormal basis, near to the principal
    components of patches of photographs (Ahmed, Natarajan and Rao 1974, and Ohta, Kanade and Sakai
    1980 for colours).

    >>> filters = np.asarray(CosineBasis()((4, 4, 3, 12))).reshape(48, 12)
    >>> bool(np.allclose(filters.T @ filters, np.eye(12), atol=1e-6))
    True
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> KerasTensor:
        """Return [size, size, 3, 3 * frequencies ** 2]."""
        size, frequencies = shape[0], math.isqrt(shape[3] // 3)
        angles = np.pi * np.outer(np.arange(frequencies), np.arange(size) + 0.5) / size
        space = np.cos(angles)
        colours = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
        space /= np.linalg.norm(space, axis=1, keepdims=True)
        colours /= np.linalg.norm(colours, axis=1, keepdims=True)
        filters = np.einsum("ui,vj,cd->ijduvc", space, space, colours).reshape(shape)
        return ops.convert_to_tensor(filters, dtype=dtype or "float32")

    def get_config(self) -> dict[str, object]:
        """Return the arguments, of which there are none."""
        return {}


@keras.saving.register_keras_serializable("images")
class Squeezed(layers.Layer):  # type: ignore[misc]
    """Squeeze images of any size to a square, as `decoding.decode` does it with decoded pixels.

    Pillow averages over rows after it averaged over columns, and keeps whole numbers in between;
    so does this. Images that have the size already pass as they are.

    Args:
        side: in pixels.
    """

    def __init__(self, side: int, **options: object) -> None:
        super().__init__(**options)
        self.side = side

    def call(self, images: KerasTensor) -> KerasTensor:
        """Return [batch, side, side, channels], 0 to 255, of [batch, height, width, channels]."""
        height, width = images.shape[1:3]
        if None not in (height, width):
            return images if height == width == self.side else self._resized(images)
        height, width = ops.shape(images)[1:3]
        same = ops.logical_and(ops.equal(height, self.side), ops.equal(width, self.side))
        shape = (-1, self.side, self.side, images.shape[3])
        return ops.cond(same, lambda: ops.reshape(images, shape), lambda: self._resized(images))

    def _resized(self, images: KerasTensor) -> KerasTensor:
        height, width = ops.shape(images)[1:3]
        images = ops.einsum("kw,bhwc->bhkc", self._weights(width), images)
        images = ops.floor(images + 0.5)
        images = ops.einsum("kh,bhwc->bkwc", self._weights(height), images)
        return ops.floor(images + 0.5)

    def _weights(self, length: int | KerasTensor) -> KerasTensor:
        """Return [side, length]: the weight of each old row in each new row.

        A triangle, which widens where the image shrinks (Pillow's filter `BILINEAR`).
        """
        scale = ops.cast(length, "float32") / self.side
        centres = (ops.arange(self.side, dtype="float32") + 0.5) * scale
        places = ops.arange(length, dtype="float32") + 0.5
        distances = ops.abs(places - centres[:, None]) / ops.maximum(scale, 1.0)
        weights = ops.maximum(1.0 - distances, 0.0)
        return weights / ops.sum(weights, axis=1, keepdims=True)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the squares."""
        return (shape[0], self.side, self.side, shape[3])

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        return {**super().get_config(), "side": self.side}
