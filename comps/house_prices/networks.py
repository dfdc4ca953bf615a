"""The networks of the competition. Keras is imported when one is built.

Each builder takes the shape of a row of each input by name and the number of optimizer steps
of the whole training, and returns a compiled model. The target that they meet is standardised
log1p(price).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.optimizers import one_cycle

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


def dense(
    shapes: Shapes, steps: int, *, units: Sequence[int] = (64, 64), learning_rate: float = 1e-3
) -> keras.Model:
    """Return the book's network: hidden layers, one output, RMSprop and squared error.

    Chollet, "Deep Learning with Python", 2nd edition, listing 4-24: two layers of 64.
    """
    import keras
    from keras import layers

    del steps
    inputs, hidden = _joined(shapes)
    for count in units:
        hidden = layers.Dense(count, activation="relu")(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden), name="dense")
    model.compile(keras.optimizers.RMSprop(learning_rate), keras.losses.MeanSquaredError())
    return model


def mlp(
    shapes: Shapes,
    steps: int,
    *,
    units: Sequence[int] = (96, 96, 96),
    linear: bool = True,
    dropout: float = 0.5,
    noise: float = 0.1,
    activation: str = "silu",
    learning_rate: float = 5e-3,
    weight_decay: float = 0.2,
) -> keras.Model:
    """Return a linear model plus a heavily regularised network.

    Each column has a learned scale in front, as in RealMLP (Holzmueller et al. 2024): with it the
    network weighs columns faster than with its first matrix alone. The price is mostly linear in
    the columns, so a linear term beside the network leaves it only the rest to learn; both begin
    at zero. The rate of AdamW rises over a twentieth of the steps
    and then falls to 1 % along a cosine.

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        units: of the hidden layers.
        linear: whether the linear term is there.
        dropout: after each hidden layer.
        noise: deviation of Gaussian noise on the inputs, in training alone.
        activation: of the hidden layers.
        learning_rate: at its highest.
        weight_decay: of AdamW; biases are spared.
    """
    import keras
    from keras import layers

    inputs, joined = _joined(shapes)
    scaled = layers.EinsumDense(
        "bf,f->bf", output_shape=joined.shape[1:], kernel_initializer="ones", name="scales"
    )(joined)
    noisy = hidden = layers.GaussianNoise(noise)(scaled)
    for count in units:
        hidden = layers.Dense(count, activation, kernel_initializer="lecun_normal")(hidden)
        hidden = layers.Dropout(dropout)(hidden)
    output = layers.Dense(1, kernel_initializer="zeros", dtype="float32")(hidden)
    if linear:
        line = layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype="float32")(noisy)
        output = layers.Add(dtype="float32")([output, line])
    model = keras.Model(inputs, output, name="mlp")
    cycle = one_cycle(steps, learning_rate, weight_decay, begin=0.01, rise=1 / 20, end=0.01)
    model.compile(cycle, keras.losses.MeanSquaredError())
    return model


def _joined(shapes: Shapes) -> tuple[dict[str, keras.KerasTensor], keras.KerasTensor]:
    """Return an input of each name, and all of them side by side."""
    import keras

    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    parts = list(inputs.values())
    return inputs, parts[0] if len(parts) == 1 else keras.layers.Concatenate()(parts)
