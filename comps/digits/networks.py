"""The networks of the competition. Keras is imported when one is built.

Each builder takes the shape of a row of each input by name ("image": [28, 28, 1], uint8) and
the number of optimizer steps of the whole training, and returns a compiled model whose output
is [rows, 10], a probability for each digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]

_DIGITS = 10


def dense(
    shapes: Shapes, steps: int, *, units: Sequence[int] = (512,), dropout: float = 0.0
) -> keras.Model:
    """Return the book's dense network: RMSprop and cross-entropy.

    Chollet, "Deep Learning with Python", 2nd edition, listings 2-1 to 2-7 (one layer of 512)
    and 7-18 (with dropout).
    """
    import keras
    from keras import layers

    del steps
    image, hidden = _scaled(shapes)
    hidden = layers.Flatten()(hidden)
    for count in units:
        hidden = layers.Dense(count, activation="relu")(hidden)
        if dropout:
            hidden = layers.Dropout(dropout)(hidden)
    return _compiled(image, hidden, keras.optimizers.RMSprop())


def convnet(shapes: Shapes, steps: int, *, filters: Sequence[int] = (32, 64, 128)) -> keras.Model:
    """Return the book's convnet: 3 x 3 convolutions with max pooling between, RMSprop.

    Chollet, "Deep Learning with Python", 2nd edition, listings 8-1 to 8-4; with the default
    filters it has 104,202 parameters.
    """
    import keras
    from keras import layers

    del steps
    image, hidden = _scaled(shapes)
    for number, count in enumerate(filters):
        if number:
            hidden = layers.MaxPooling2D(2)(hidden)
        hidden = layers.Conv2D(count, 3, activation="relu")(hidden)
    return _compiled(image, layers.Flatten()(hidden), keras.optimizers.RMSprop())


def residual(
    shapes: Shapes,
    steps: int,
    *,
    stem: int = 16,
    filters: Sequence[int] = (32, 64),
    blocks: int = 1,
    dropout: float = 0.2,
    turn: float = 10.0,
    zoom: float = 0.1,
    slant: float = 0.1,
    shift: float = 2.0,
    smoothing: float = 0.0,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-3,
) -> keras.Model:
    """Return a small residual convnet that sees each image moved a little each time.

    Pairs of convolutions with batch normalisation and a way around them (He et al. 2016). A
    convolution of stride 2 opens each stage, so that nothing but the stem works at the full
    28 x 28: that decides the time on a CPU. The rate of AdamW rises over a fifth of the steps
    and falls to almost nothing along a cosine (Smith and Topin, "Super-convergence", 2019).

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        stem: filters at full size.
        filters: of each stage, which halves height and width.
        blocks: residual blocks of a stage.
        dropout: before the output.
        turn: see `augmentation.RandomMovement`, as the next three.
        zoom: share.
        slant: share.
        shift: pixels.
        smoothing: share of the target that is spread over all digits.
        learning_rate: at its highest.
        weight_decay: of AdamW; biases and normalisation are spared.
    """
    import keras
    from keras import layers

    from comps.digits.augmentation import RandomMovement

    image, hidden = _scaled(shapes)
    hidden = RandomMovement(turn, zoom, slant, shift)(hidden)
    hidden = _convolution(hidden, stem)
    for count in filters:
        hidden = _convolution(hidden, count, strides=2)
        for _ in range(blocks):
            around = hidden
            hidden = _convolution(_convolution(hidden, count), count, activate=False)
            hidden = layers.ReLU()(layers.Add()([hidden, around]))
    hidden = layers.Dropout(dropout)(layers.Flatten()(hidden))
    rise = max(steps // 5, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.04 * learning_rate,
        decay_steps=max(steps - rise, 1),
        alpha=1e-3,
        warmup_target=learning_rate,
        warmup_steps=rise,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return _compiled(image, hidden, optimizer, smoothing)


def _convolution(hidden: Any, filters: int, *, strides: int = 1, activate: bool = True) -> Any:
    """Return a 3 x 3 convolution, normalised over the batch."""
    from keras import layers

    hidden = layers.Conv2D(
        filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"
    )(hidden)
    hidden = layers.BatchNormalization(momentum=0.9)(hidden)
    return layers.ReLU()(hidden) if activate else hidden


def _scaled(shapes: Shapes) -> tuple[Any, Any]:
    """Return the input of images and their pixels as 0 to 1."""
    import keras

    ((name, shape),) = shapes.items()
    image = keras.Input(shape, name=name, dtype="uint8")
    return {name: image}, keras.layers.Rescaling(1 / 255)(image)


def _compiled(image: Any, hidden: Any, optimizer: Any, smoothing: float = 0.0) -> keras.Model:
    """Return the model with a probability for each digit as its output."""
    import keras

    output = keras.layers.Dense(_DIGITS, activation="softmax", dtype="float32")(hidden)
    model = keras.Model(image, output)

    def smoothed(target: Any, prediction: Any) -> Any:
        """Return [rows] cross-entropy with a target that is a little unsure."""
        codes = keras.ops.one_hot(keras.ops.reshape(target, (-1,)), _DIGITS)
        return keras.losses.categorical_crossentropy(codes, prediction, label_smoothing=smoothing)

    loss = smoothed if smoothing else keras.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer, loss)
    return model
