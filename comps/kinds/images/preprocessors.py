"""The layers that turn photographs of any size into the input of a network, as a Keras model.

See `comps.base.Model.preprocessor`; Keras is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


def image_preprocessor(view: None, shapes: Shapes) -> keras.Model:
    """Return [rows, height, width, 3], 0 to 255, to "image" [rows, side, side, 3].

    All images of one call have one size; every call may have its own.
    """
    import keras

    from comps.kinds.images.image_layers import Squeezed

    del view
    side, _, channels = shapes["image"]
    photograph = keras.Input((None, None, channels), name="photograph")
    return keras.Model(photograph, {"image": Squeezed(side)(photograph)})


def drawing_preprocessor(view: None, shapes: Shapes) -> keras.Model:
    """Return [rows, height, width], 0 to 255, to "image" [rows, height, width, 1].

    Drawings have the size of the network's input. Like every Keras model of one input it also
    takes [rows, height, width, 1].
    """
    import keras

    del view
    drawing = keras.Input(shapes["image"][:2], dtype="uint8", name="drawing")
    return keras.Model(drawing, {"image": keras.layers.Reshape(shapes["image"])(drawing)})
