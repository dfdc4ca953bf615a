"""Networks of `keras.applications` with weights from a file of the user's.

Nothing is downloaded. Keras is imported when a network is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, unknown_name

if TYPE_CHECKING:
    import keras

_FILES = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Application:
    """The module, image size and weights of a network.

    Attributes:
        module: of `keras.applications`, with its preprocessing.
        least_side: of the images that it takes, in pixels; smaller ones are enlarged.
        weights: where Keras' file of weights without the top lies.
    """

    module: str
    least_side: int
    weights: str


APPLICATIONS: Mapping[str, Application] = {
    "VGG16": Application(
        "vgg16", 32, f"{_FILES}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    "Xception": Application(
        "xception", 71, f"{_FILES}/xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    "MobileNetV2": Application(
        "mobilenet_v2",
        32,
        f"{_FILES}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
}

Prepare = Callable[["keras.KerasTensor"], "keras.KerasTensor"]


def load_application(name: str, weights: str | None, side: int) -> tuple[keras.Model, Prepare]:
    """Return a network without its top, and its preprocessing of images (0 to 255).

    Args:
        name: one of `APPLICATIONS`.
        weights: the file.
        side: of the images.

    Raises:
        UsageError: if there is no network of that name.
        DataError: if no file is given, or it is missing or holds the weights of another network.
    """
    if name not in APPLICATIONS:
        raise unknown_name("network with pretrained weights called", name, APPLICATIONS)
    known = APPLICATIONS[name]
    if not weights:
        raise DataError(
            f"{name} needs a file with its weights, and none was given. Download {known.weights} "
            "where there is a network and say where it is: --weights PATH."
        )
    if not Path(weights).is_file():
        raise DataError(f"There is no file {weights} with the weights of {name}. See --weights.")
    import keras

    side = max(side, known.least_side)
    build = getattr(keras.applications, name)
    try:
        base = build(weights=weights, include_top=False, input_shape=(side, side, 3))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{weights} does not hold the weights of {name} without its top ({reason}). Keras' own "
            f"file is {known.weights}."
        ) from error
    preprocess = getattr(keras.applications, known.module).preprocess_input

    def prepare(images: keras.KerasTensor) -> keras.KerasTensor:
        if images.shape[1] < side:
            images = keras.layers.Resizing(side, side)(images)
        return preprocess(images)

    return base, prepare


@lru_cache(maxsize=4)
def feature_extractor(
    name: str, weights: str | None
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return a function of [n, side, side, 3] uint8 to the mean of the last maps, [n, channels].

    The same function for the same arguments, so that `Images.per_image` computes it once.
    """

    def extract(pixels: NDArray[np.uint8], rows: int = 256) -> NDArray[np.float32]:
        import keras

        base, prepare = load_application(name, weights, pixels.shape[1])
        image = keras.Input(pixels.shape[1:])
        maps = base(prepare(image), training=False)
        network = keras.Model(image, keras.layers.GlobalAveragePooling2D()(maps))
        parts = [
            np.asarray(network.predict_on_batch(pixels[start : start + rows]))
            for start in range(0, len(pixels), rows)
        ]
        return np.concatenate(parts)

    return extract
