"""Networks of photographs. Keras is imported when one is built.

The book's are those of Chollet, "Deep Learning with Python", 2nd edition, chapters 8 and 9. Each
builder takes the shape of an image and the number of optimizer steps of the whole training, and
returns a compiled model: "image" [side, side, 3], 0 to 255, to what `task` and `outputs` say, see
`outputs.answer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.kinds.outputs import answer, loss_of
from comps.optimizers import one_cycle

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]

# The fewest rows of a map that a convolution without padding and a pooling leave something of.
_LEAST = 4


def convnet(
    shapes: Shapes,
    steps: int,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    last: int = 256,
    augment: bool = False,
    dropout: float = 0.0,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return the book's convolutions with pooling in between (listings 8-7 and 8-16).

    The book's images are 180 pixels wide. Of its four poolings and the convolution behind them a
    smaller image gets as many as its map has room for: three poolings and no more for 32 x 32, the
    whole network from 78 x 78 on.

    Args:
        shapes: of the input "image".
        steps: unused.
        filters: of the convolutions that are followed by pooling.
        last: filters of the convolution behind them.
        augment: mirror, rotate by up to a tenth of a turn, zoom by up to a fifth.
        dropout: before the output; the book's 0.5 goes with `augment`.
        learning_rate: of RMSprop.
        task: what is predicted, see `comps.base.Task`.
        outputs: classes of more than two, or values or labels.
    """
    from keras import layers

    del steps
    image = _image(shapes)
    hidden = layers.Rescaling(1 / 255)(_book_augmentation(image) if augment else image)
    for count in filters:
        if hidden.shape[1] < _LEAST:
            break
        hidden = layers.Conv2D(count, 3, activation="relu")(hidden)
        hidden = layers.MaxPooling2D(2)(hidden)
    else:
        if hidden.shape[1] >= _LEAST - 1:
            hidden = layers.Conv2D(last, 3, activation="relu")(hidden)
    hidden = layers.Flatten()(hidden)
    if dropout:
        hidden = layers.Dropout(dropout)(hidden)
    return _compiled(image, answer(hidden, task, outputs), _rmsprop(learning_rate), task)


def xception(
    shapes: Shapes,
    steps: int,
    *,
    filters: Sequence[int] = (32, 64, 128, 256, 512),
    augment: bool = True,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return the book's small Xception: separable convolutions with residuals (section 9.3.5)."""
    from keras import layers

    del steps
    image = _image(shapes)
    hidden = layers.Rescaling(1 / 255)(_book_augmentation(image) if augment else image)
    hidden = layers.Conv2D(32, 5, use_bias=False)(hidden)
    for count in filters:
        residual = layers.Conv2D(count, 1, strides=2, padding="same", use_bias=False)(hidden)
        for _ in range(2):
            hidden = layers.BatchNormalization()(hidden)
            hidden = layers.Activation("relu")(hidden)
            hidden = layers.SeparableConv2D(count, 3, padding="same", use_bias=False)(hidden)
        hidden = layers.MaxPooling2D(3, strides=2, padding="same")(hidden)
        hidden = layers.Add()([hidden, residual])
    hidden = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(hidden))
    return _compiled(image, answer(hidden, task, outputs), _rmsprop(learning_rate), task)


def whitened(
    shapes: Shapes,
    steps: int,
    *,
    filters: Sequence[int] = (32, 128, 128),
    shift: float = 0.12,
    zoom: float = 0.12,
    colour: float = 0.1,
    cutout: float = 0.2,
    dropout: float = 0.2,
    smoothing: float = 0.02,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.05,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return our convolutional network for few and small images.

    The layout is that of airbench94 (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    arXiv 2404.00498) with about half the filters: a first convolution that whitens little patches
    and is not trained, then stages of two convolutions with pooling behind the first, and the
    maximum over the map. There the first filters are principal components of patches; here they
    are cosines of space and colour, which come close to those of any photographs and need no data,
    and batch normalisation gives them equal variance. Larger images have larger patches with
    wider steps, so that the stages always see a map of about 32 x 32.

    The rate of AdamW rises over a seventh of the steps and falls to nothing along a cosine. A
    prediction is the mean over ten views of the image, see `image_layers.ViewsAveraged`.

    Args:
        shapes: of the input "image".
        steps: optimizer steps of the whole training.
        filters: of the convolutions of each stage.
        shift: see `image_layers.RandomFrame`.
        zoom: see `image_layers.RandomFrame`.
        colour: see `image_layers.RandomColour`.
        cutout: side of a square that is hidden, as a share of the image's (DeVries and Taylor,
            arXiv 1708.04552; here all of it lies in the image). 0 hides nothing.
        dropout: before the output.
        smoothing: of the labels.
        learning_rate: at its highest.
        weight_decay: of AdamW; biases and normalisations are spared.
        task: as in `convnet`.
        outputs: as in `convnet`.
    """
    import keras
    from keras import layers

    from comps.kinds.images.image_layers import RandomColour, RandomFrame, ViewsAveraged

    image = _image(shapes)
    changed = layers.Rescaling(1 / 64, offset=-2.0)(image)
    changed = RandomColour(colour)(RandomFrame(shift, zoom)(changed))
    # Keras takes the share of the area. Zero is the middle of the range, grey.
    changed = layers.RandomErasing(
        factor=(1.0, 1.0), scale=(cutout**2, cutout**2), fill_value=0.0, value_range=(-2.0, 2.0)
    )(changed)

    pixels = keras.Input(changed.shape[1:])
    patch_step = max(1, round(pixels.shape[1] / 32))
    hidden = _whitened_patches(pixels, patch_step)
    for width in filters:
        hidden = _normalised(layers.MaxPooling2D(2)(_convolution(hidden, width)))
        hidden = _normalised(_convolution(hidden, width))
    # A maximum is larger than a mean; training should start from odds that are nearly even.
    hidden = layers.Rescaling(0.3)(layers.GlobalMaxPooling2D()(hidden))
    output = answer(layers.Dropout(dropout)(hidden), task, outputs)
    body = keras.Model(pixels, output, name="body")

    cycle = one_cycle(steps, learning_rate, weight_decay, begin=0.1, rise=1 / 7)
    return _compiled(image, ViewsAveraged(body, patch_step)(changed), cycle, task, smoothing)


def pretrained(
    shapes: Shapes,
    steps: int,
    *,
    application: str = "VGG16",
    weights: str | None = None,
    augment: bool = False,
    units: int = 256,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    tuned: int = 0,
    tuning_rate: float = 1e-5,
    tuned_from: float = 0.5,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return a pretrained network with a head of our own (listings 8-19 to 8-28).

    The pretrained part is not trained, nor is its batch normalisation; or its last layers are
    trained with the head, slowly, after the head was trained alone.

    Args:
        shapes: of the input "image".
        steps: optimizer steps of the whole training.
        application: see `pretrained.APPLICATIONS`.
        weights: file of its weights, without its top.
        augment: as in `convnet`.
        units: of the head's hidden layer.
        dropout: behind it.
        learning_rate: of RMSprop, for the head.
        tuned: the number of last layers that are trained, too.
        tuning_rate: learning rate of everything, once they are.
        tuned_from: when, as a share of the steps.
        task: as in `convnet`.
        outputs: as in `convnet`.

    Raises:
        DataError: if there is no file of weights, or it holds others.
    """
    from keras import layers

    from comps.kinds.images.pretrained import load_application
    from comps.kinds.images.two_phases import TwoPhases

    image = _image(shapes)
    base, prepare = load_application(application, weights, shapes["image"][0])
    base.trainable = tuned > 0
    for layer in base.layers[: len(base.layers) - tuned]:
        layer.trainable = False
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    hidden = base(prepare(_book_augmentation(image) if augment else image), training=False)
    hidden = layers.Dense(units, activation="relu")(layers.Flatten()(hidden))
    output = answer(layers.Dropout(dropout)(hidden), task, outputs)
    if not tuned:
        return _compiled(image, output, _rmsprop(learning_rate), task)
    late = [variable.path for variable in base.trainable_variables]
    optimizer = TwoPhases(learning_rate, tuning_rate, late, begin=round(tuned_from * steps))
    return _compiled(image, output, optimizer, task)


def _whitened_patches(pixels: keras.KerasTensor, step: int) -> keras.KerasTensor:
    """Return the cosine features of patches of twice the step, with both signs."""
    from keras import layers

    from comps.kinds.images.image_layers import CosineBasis

    frequencies = min(2 * step, 4)
    patches = layers.Conv2D(
        3 * frequencies**2,
        2 * step,
        strides=step,
        use_bias=False,
        kernel_initializer=CosineBasis(),
        trainable=False,
    )(pixels)
    white = layers.BatchNormalization(momentum=0.9, center=False, scale=False)(patches)
    return layers.ReLU()(layers.Concatenate()([white, layers.Rescaling(-1.0)(white)]))


def _convolution(hidden: keras.KerasTensor, width: int) -> keras.KerasTensor:
    from keras import layers

    return layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(
        hidden
    )


def _normalised(hidden: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(hidden))


def _image(shapes: Shapes) -> keras.KerasTensor:
    import keras

    return keras.Input(shapes["image"], name="image")


def _book_augmentation(image: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    flipped = layers.RandomFlip("horizontal")(image)
    return layers.RandomZoom(0.2)(layers.RandomRotation(0.1)(flipped))


def _rmsprop(learning_rate: float) -> keras.optimizers.RMSprop:
    import keras

    return keras.optimizers.RMSprop(learning_rate)


def _compiled(
    image: keras.KerasTensor,
    output: keras.KerasTensor,
    optimizer: keras.Optimizer,
    task: str,
    smoothing: float = 0.0,
) -> keras.Model:
    import keras

    model = keras.Model({"image": image}, output)
    model.compile(optimizer, loss_of(task, smoothing))
    return model
