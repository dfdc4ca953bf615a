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
# Of the moving mean and deviation of batch normalisation: a fold has too few steps for 0.99.
_MOMENTUM = 0.9


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
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-3,
) -> keras.Model:
    """Return a small residual convnet that sees each image moved a little each time.

    Pairs of convolutions with batch normalisation and a way around them (He et al. 2016). A
    convolution of stride 2 opens each stage, so that nothing but the stem works at the full
    28 x 28: that decides the time on a CPU.

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
        learning_rate: at its highest; see `_one_cycle`.
        weight_decay: of AdamW; biases and normalisation are spared.
    """
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
    return _compiled(image, hidden, _one_cycle(steps, learning_rate, weight_decay))


def strided(
    shapes: Shapes,
    steps: int,
    *,
    filters: Sequence[int] = (16, 32, 48, 64),
    units: int = 128,
    dropout: float = 0.3,
    turn: float = 10.0,
    zoom: float = 0.1,
    slant: float = 0.1,
    shift: float = 2.0,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-3,
) -> keras.Model:
    """Return a plain convnet whose 5 x 5 convolutions of stride 2 take the place of pooling.

    After the network that Chris Deotte published for this competition ("25 Million Images!",
    2018), with about half the filters: two 3 x 3 convolutions without padding and one of
    5 x 5 and stride 2, twice, and a dense layer. It sees each image moved a little each time.

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        filters: of the 3 x 3 and the 5 x 5 convolutions of the first half, then of the second.
        units: of the dense layer.
        dropout: after each half and the dense layer.
        turn: see `augmentation.RandomMovement`, as the next three.
        zoom: share.
        slant: share.
        shift: pixels.
        learning_rate: at its highest; see `_one_cycle`.
        weight_decay: of AdamW; biases and normalisation are spared.
    """
    from keras import layers

    from comps.digits.augmentation import RandomMovement

    image, hidden = _scaled(shapes)
    hidden = RandomMovement(turn, zoom, slant, shift)(hidden)
    for narrow, wide in zip(filters[::2], filters[1::2], strict=True):
        for _ in range(2):
            hidden = _convolution(hidden, narrow, padding="valid")
        hidden = _convolution(hidden, wide, size=5, strides=2)
        hidden = layers.Dropout(dropout)(hidden)
    hidden = layers.Dense(units, use_bias=False, kernel_initializer="he_normal")(
        layers.Flatten()(hidden)
    )
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(hidden))
    hidden = layers.Dropout(dropout)(hidden)
    return _compiled(image, hidden, _one_cycle(steps, learning_rate, weight_decay))


def _one_cycle(steps: int, learning_rate: float, weight_decay: float) -> Any:
    """Return AdamW whose rate rises over a fifth of the steps and falls along a cosine.

    Smith and Topin, "Super-convergence" (2019), for few epochs at a high rate.
    """
    import keras

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
    return optimizer


def _convolution(
    hidden: Any,
    filters: int,
    *,
    size: int = 3,
    strides: int = 1,
    padding: str = "same",
    activate: bool = True,
) -> Any:
    """Return a convolution, normalised over the batch."""
    from keras import layers

    hidden = layers.Conv2D(
        filters, size, strides, padding, use_bias=False, kernel_initializer="he_normal"
    )(hidden)
    hidden = layers.BatchNormalization(momentum=_MOMENTUM)(hidden)
    return layers.ReLU()(hidden) if activate else hidden


def _scaled(shapes: Shapes) -> tuple[Any, Any]:
    """Return the input of images and their pixels as 0 to 1."""
    import keras

    ((name, shape),) = shapes.items()
    image = keras.Input(shape, name=name, dtype="uint8")
    return {name: image}, keras.layers.Rescaling(1 / 255)(image)


def _compiled(image: Any, hidden: Any, optimizer: Any) -> keras.Model:
    """Return the model with a probability for each digit as its output."""
    import keras

    output = keras.layers.Dense(_DIGITS, activation="softmax")(hidden)
    model = keras.Model(image, output)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy())
    return model
