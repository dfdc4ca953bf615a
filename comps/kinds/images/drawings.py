"""Networks of small drawings, such as digits. Keras is imported when one is built.

Each builder takes the shape of a row of each input by name ("image": [28, 28, 1], uint8) and
the number of optimizer steps of the whole training, and returns a compiled model whose output
is what `task` and `outputs` say, see `outputs.answer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.kinds.outputs import answer, loss_of
from comps.optimizers import one_cycle

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]

# Of the moving mean and deviation of batch normalisation: a fold has too few steps for 0.99.
_MOMENTUM = 0.9


def dense(
    shapes: Shapes,
    steps: int,
    *,
    units: Sequence[int] = (512,),
    dropout: float = 0.0,
    task: str = "multiclass",
    outputs: int = 10,
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
    network = keras.Model(image, answer(hidden, task, outputs))
    return _compiled(network, keras.optimizers.RMSprop(), task)


def convnet(
    shapes: Shapes,
    steps: int,
    *,
    filters: Sequence[int] = (32, 64, 128),
    residual_connections: bool = False,
    dropout: float = 0.0,
    learning_rate: float = 1e-3,
    task: str = "multiclass",
    outputs: int = 10,
) -> keras.Model:
    """Return the book's convnet: 3 x 3 convolutions with max pooling between, RMSprop.

    Chollet, "Deep Learning with Python", 2nd edition, listings 8-1 to 8-4; with the default
    filters it has 104,202 parameters.

    Args:
        shapes: of a row of each input, by name.
        steps: unused.
        filters: of the convolutions.
        residual_connections: whether there is a way around each convolution but the first
            (listing 9-2).
        dropout: before the output.
        learning_rate: of RMSprop.
        task: what is predicted, see `comps.base.Task`.
        outputs: classes of more than two, or values or labels.
    """
    import keras
    from keras import layers

    del steps
    image, hidden = _scaled(shapes)
    for number, count in enumerate(filters):
        around = hidden
        if number:
            around = hidden = layers.MaxPooling2D(2)(hidden)
        hidden = layers.Conv2D(count, 3, activation="relu")(hidden)
        if residual_connections and number:
            # A convolution without padding loses a pixel at each edge.
            around = layers.Conv2D(count, 1)(layers.Cropping2D(1)(around))
            hidden = layers.Add()([hidden, around])
    hidden = layers.Flatten()(hidden)
    if dropout:
        hidden = layers.Dropout(dropout)(hidden)
    model = keras.Model(image, answer(hidden, task, outputs))
    return _compiled(model, keras.optimizers.RMSprop(learning_rate), task)


def residual(
    shapes: Shapes,
    steps: int,
    *,
    margin: int = 2,
    filters: Sequence[int] = (16, 32, 48, 64),
    residual_connections: bool = True,
    units: int = 128,
    dropout: float = 0.3,
    turn: float = 10.0,
    zoom: float = 0.1,
    slant: float = 0.1,
    shift: float = 1.0,
    bend: float = 0.5,
    mean_over: int = 1,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-3,
    task: str = "multiclass",
    outputs: int = 10,
) -> keras.Model:
    """Return a small residual convnet that sees each image moved a little each time.

    Two halves and a dense layer; in each half two 3 x 3 convolutions without padding, the second
    with a way around it (He et al. 2016), then one of 5 x 5 and stride 2 in the place of pooling,
    all with batch normalisation. The layout, with about half the filters, is that of the network
    which Chris Deotte published for this competition ("25 Million Images!", 2018); it shrinks an
    image early, which decides the time on a CPU.

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        margin: pixels at each edge that are cut off after the movement. Kaggle's digits are 20
            pixels high or wide and centred by mass; a margin of 2 cuts more than a twentieth of
            the ink of 0.4 % of them, and saves a quarter of the time.
        filters: of the 3 x 3 and the 5 x 5 convolutions of the first half, then of the second.
        residual_connections: whether there is that way around.
        units: of the dense layer.
        dropout: after each half and the dense layer.
        turn: see `movement.RandomMovement`, as the next four.
        zoom: share.
        slant: share.
        shift: pixels.
        bend: pixels.
        mean_over: shift of the images over which predictions are averaged, see
            `movement.MeanOverShifts`; 0 averages nothing.
        learning_rate: at its highest, after a fifth of the steps.
        weight_decay: of AdamW; biases and normalisation are spared.
        task: as in `convnet`.
        outputs: as in `convnet`.
    """
    import keras

    from comps.kinds.images.movement import MeanOverShifts, RandomMovement

    image, pixels = _scaled(shapes)
    trunk = _trunk(pixels.shape[1:], margin, filters, residual_connections, units, dropout)
    network = keras.Model(trunk[0], answer(trunk[1], task, outputs))
    moved = RandomMovement(turn, zoom, slant, shift, bend)(pixels)
    model = keras.Model(image, MeanOverShifts(network, mean_over)(moved))
    cycle = one_cycle(steps, learning_rate, weight_decay, begin=0.04, rise=1 / 5, end=1e-3)
    return _compiled(model, cycle, task)


def _trunk(
    shape: tuple[int, ...],
    margin: int,
    filters: Sequence[int],
    residual_connections: bool,
    units: int,
    dropout: float,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input and the last features of `residual`: the layers that learn."""
    import keras
    from keras import layers

    pixels = keras.Input(shape)
    hidden = layers.Cropping2D(margin)(pixels)
    for narrow, wide in zip(filters[::2], filters[1::2], strict=True):
        hidden = _convolution(hidden, narrow)
        around = layers.Cropping2D(1)(hidden)
        hidden = _convolution(hidden, narrow, activate=False)
        hidden = layers.ReLU()(layers.Add()([hidden, around]) if residual_connections else hidden)
        hidden = _convolution(hidden, wide, size=5, strides=2, padding="same")
        hidden = layers.Dropout(dropout)(hidden)
    hidden = layers.Flatten()(hidden)
    hidden = layers.Dense(units, use_bias=False, kernel_initializer="he_normal")(hidden)
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(hidden))
    return pixels, layers.Dropout(dropout)(hidden)


def _convolution(
    hidden: keras.KerasTensor,
    filters: int,
    *,
    size: int = 3,
    strides: int = 1,
    padding: str = "valid",
    activate: bool = True,
) -> keras.KerasTensor:
    """Return a convolution, normalised over the batch."""
    from keras import layers

    hidden = layers.Conv2D(
        filters, size, strides, padding, use_bias=False, kernel_initializer="he_normal"
    )(hidden)
    hidden = layers.BatchNormalization(momentum=_MOMENTUM)(hidden)
    return layers.ReLU()(hidden) if activate else hidden


def _scaled(shapes: Shapes) -> tuple[dict[str, keras.KerasTensor], keras.KerasTensor]:
    """Return the input of images and their pixels as 0 to 1."""
    import keras

    ((name, shape),) = shapes.items()
    image = keras.Input(shape, name=name, dtype="uint8")
    return {name: image}, keras.layers.Rescaling(1 / 255)(image)


def _compiled(model: keras.Model, optimizer: keras.Optimizer, task: str) -> keras.Model:
    model.compile(optimizer, loss_of(task))
    return model
