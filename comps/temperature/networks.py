"""The networks of the competition. Keras is imported when one is built.

The book's are those of Chollet, "Deep Learning with Python", 2nd edition, chapter 10: RMSprop
and squared error. Each builder takes the shape of a row of each input by name and the number
of optimizer steps of the whole training, and returns a compiled model. The target that they
meet is standardised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


def dense(
    shapes: Shapes, steps: int, *, units: int = 16, learning_rate: float = 1e-3
) -> keras.Model:
    """Return a hidden layer over all values of a window (listing 10-10)."""
    from keras import layers

    del steps
    window = _window(shapes)
    hidden = layers.Dense(units, activation="relu")(layers.Flatten()(window))
    return _compiled(window, hidden, learning_rate)


def conv1d(
    shapes: Shapes,
    steps: int,
    *,
    filters: int = 8,
    widths: Sequence[int] = (24, 12, 6),
    learning_rate: float = 1e-3,
) -> keras.Model:
    """Return convolutions over time with pooling in between (section 10.2.4)."""
    from keras import layers

    del steps
    hidden = window = _window(shapes)
    for number, width in enumerate(widths):
        hidden = layers.MaxPooling1D(2)(hidden) if number else hidden
        hidden = layers.Conv1D(filters, width, activation="relu")(hidden)
    return _compiled(window, layers.GlobalAveragePooling1D()(hidden), learning_rate)


def recurrent(
    shapes: Shapes,
    steps: int,
    *,
    cell: str = "LSTM",
    units: Sequence[int] = (16,),
    recurrent_dropout: float = 0.0,
    dropout: float = 0.0,
    bidirectional: bool = False,
    learning_rate: float = 1e-3,
) -> keras.Model:
    """Return LSTM or GRU layers (listings 10-12, 10-22, 10-23 and 10-24).

    Args:
        shapes: of a row of each input, by name.
        steps: unused.
        cell: "LSTM" or "GRU".
        units: of each layer.
        recurrent_dropout: on the state, the same mask at all steps of a window.
        dropout: before the output.
        bidirectional: whether a layer reads the window from both ends.
        learning_rate: of RMSprop.
    """
    from keras import layers

    del steps
    hidden = window = _window(shapes)
    make = {"LSTM": layers.LSTM, "GRU": layers.GRU}[cell]
    for number, count in enumerate(units):
        layer = make(
            count, recurrent_dropout=recurrent_dropout, return_sequences=number < len(units) - 1
        )
        hidden = (layers.Bidirectional(layer) if bidirectional else layer)(hidden)
    if dropout:
        hidden = layers.Dropout(dropout)(hidden)
    return _compiled(window, hidden, learning_rate)


def mlp(
    shapes: Shapes,
    steps: int,
    *,
    units: Sequence[int] = (64, 64),
    dropout: float = 0.5,
    noise: float = 1.0,
    learning_rate: float = 1e-3,
    weight_decay: float = 1.0,
) -> keras.Model:
    """Return a linear model of the lags plus a heavily regularised network; both begin at zero.

    Squared error on half a year of hours that resemble each other overfits within an epoch;
    noise on the inputs, dropout, decay and few epochs hold it back. The rate of AdamW falls to
    nothing along a cosine.

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        units: of the hidden layers.
        dropout: after each hidden layer.
        noise: deviation of Gaussian noise on the inputs, in training alone; inputs have 1.
        learning_rate: at the beginning.
        weight_decay: of AdamW.
    """
    import keras
    from keras import layers

    ((name, shape),) = shapes.items()
    inputs = keras.Input(shape, name=name)
    noisy = hidden = layers.GaussianNoise(noise)(inputs)
    for count in units:
        hidden = layers.Dense(count, "silu", kernel_initializer="lecun_normal")(hidden)
        hidden = layers.Dropout(dropout)(hidden)
    curved = layers.Dense(1, kernel_initializer="zeros", dtype="float32")(hidden)
    linear = layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype="float32")(noisy)
    model = keras.Model({name: inputs}, layers.Add(dtype="float32")([curved, linear]))
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=max(steps, 1))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    model.compile(optimizer, keras.losses.Huber(1.0))
    return model


def _window(shapes: Shapes) -> keras.KerasTensor:
    import keras

    return keras.Input(shapes["window"], name="window")


def _compiled(
    window: keras.KerasTensor, hidden: keras.KerasTensor, learning_rate: float
) -> keras.Model:
    import keras

    model = keras.Model({"window": window}, keras.layers.Dense(1, dtype="float32")(hidden))
    model.compile(keras.optimizers.RMSprop(learning_rate), keras.losses.MeanSquaredError())
    return model
