"""A small network of each family, whose first weights do not depend on a backend's numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Network = Callable[[Any, Any], Any]


@cache
def first_weights() -> Any:
    """Return an initializer that draws the same numbers on every backend."""
    import keras

    # Bidirectional makes its second layer of the configuration of the first.
    @keras.saving.register_keras_serializable("tests")
    class Weights(keras.initializers.Initializer):  # type: ignore[misc]
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            values = np.random.default_rng(3).normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
            return keras.ops.convert_to_tensor(values, dtype=dtype)

    return Weights()


def dense(rows: Any, weights: Any) -> Any:
    """Dense layers."""
    from keras import layers

    hidden = layers.Dense(8, "tanh", kernel_initializer=weights)(layers.Flatten()(rows))
    return layers.Dense(6, "silu", kernel_initializer=weights)(hidden)


def convolutional(rows: Any, weights: Any) -> Any:
    """Convolutions, normalised over the batch, with a residual."""
    from keras import layers

    image = layers.Reshape((6, 6, 1))(rows)
    first = layers.Conv2D(4, 3, padding="same", kernel_initializer=weights)(image)
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(first))
    hidden = layers.SeparableConv2D(
        4, 3, padding="same", depthwise_initializer=weights, pointwise_initializer=weights
    )(hidden)
    hidden = layers.MaxPooling2D()(layers.Add()([first, hidden]))
    return layers.GlobalAveragePooling2D()(hidden)


def recurrent(rows: Any, weights: Any) -> Any:
    """An LSTM that reads both ways, then a GRU."""
    from keras import layers

    own = {"kernel_initializer": weights, "recurrent_initializer": weights}
    read = layers.LSTM(4, return_sequences=True, **own)
    return layers.GRU(5, **own)(layers.Bidirectional(read)(rows))


def attention(rows: Any, weights: Any) -> Any:
    """A Transformer's encoder."""
    from keras import layers

    attended = layers.MultiHeadAttention(2, 3, kernel_initializer=weights)(rows, rows)
    hidden = layers.LayerNormalization()(layers.Add()([rows, attended]))
    hidden = layers.Dense(6, "relu", kernel_initializer=weights)(hidden)
    return layers.GlobalMaxPooling1D()(hidden)


FAMILIES: Mapping[str, Network] = {
    "dense": dense,
    "convolutional": convolutional,
    "recurrent": recurrent,
    "attention": attention,
}
STEPS, COLUMNS = 9, 4


def rows(count: int, seed: int = 5) -> NDArray[np.float32]:
    """Return sequences, [count, STEPS, COLUMNS]."""
    drawn = np.random.default_rng(seed).normal(size=(count, STEPS, COLUMNS))
    return drawn.astype(np.float32)


def values(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what can be learned of sequences, [count, 1]."""
    return (rows[:, -3:, :1].mean(axis=1) - 0.5 * rows[:, :2, 1:2].mean(axis=1) ** 2) * 2.0


def build(
    shapes: Mapping[str, tuple[int, ...]], steps: int, *, family: str, optimizer: str = "adam"
) -> keras.Model:
    """Return the network of a family, for regression."""
    import keras

    del steps
    ((name, shape),) = shapes.items()
    inputs = keras.Input(shape, name=name)
    hidden = FAMILIES[family](inputs, first_weights())
    output = keras.layers.Dense(1, kernel_initializer=first_weights(), dtype="float32")(hidden)
    model = keras.Model({name: inputs}, output)
    model.compile(keras.optimizers.get(optimizer), "mse")
    return model
