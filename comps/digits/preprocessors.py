"""The layers that turn drawings into the input of a network, as a Keras model.

See `comps.base.Model.preprocessor`; Keras is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


def image_preprocessor(view: None, shapes: Shapes) -> keras.Model:
    """Return [rows, 28, 28], 0 to 255, bright ink on a dark ground, to "image" [rows, 28, 28, 1].

    Like every Keras model of one input it also takes [rows, 28, 28, 1].
    """
    import keras

    del view
    drawing = keras.Input(shapes["image"][:2], dtype="uint8", name="drawing")
    return keras.Model(drawing, {"image": keras.layers.Reshape(shapes["image"])(drawing)})
