"""Keras layers that take token numbers where the book's layers take one-hot vectors.

A dense layer of a multi-hot vector adds up the rows of its matrix that belong to the tokens
there are; a recurrent layer of a one-hot vector picks one row of its matrix. Both are looked
up here: the same function, the same weights to learn, a thousandth of the arithmetic.

Keras is imported with this module: import it lazily.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers, ops

# Of a batch: None where it is not known yet.
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("text")
class DenseOfTokens(layers.Layer):  # type: ignore[misc]
    """`Dense(units)` of a multi-hot (or weighted) vector, given as the tokens it consists of.

    Call it with tokens [rows, width] integers, of which 0 is none, and, for a weighted
    vector, weights [rows, width]; it returns [rows, units]. A token must not be twice in a
    row, unless its weights are meant to add up.

    Args:
        max_tokens: length of the vector; tokens are numbers from 1 to `max_tokens`.
        units: outputs.
        activation: of the outputs.
    """

    def __init__(
        self, max_tokens: int, units: int, activation: str | None = None, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.max_tokens = max_tokens
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, *shapes: Shape) -> None:
        """Add a matrix and a bias as Dense has them; there is no row for token 0."""
        del shapes
        self.kernel = self.add_weight(
            shape=(self.max_tokens, self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, tokens: KerasTensor, weights: KerasTensor | None = None) -> KerasTensor:
        """Add up the rows of the tokens."""
        there = ops.cast(ops.not_equal(tokens, 0), self.compute_dtype)
        weights = there if weights is None else weights * there
        rows = ops.take(self.kernel, ops.maximum(tokens - 1, 0), axis=0)
        return self.activation(ops.einsum("bt,btu->bu", weights, rows) + self.bias)

    def compute_output_shape(self, tokens: Shape, *weights: Shape) -> Shape:
        """Return [rows, units]."""
        del weights
        return (tokens[0], self.units)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        own = {
            "max_tokens": self.max_tokens,
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("text")
class LSTMCellOfRows(layers.LSTMCell):  # type: ignore[misc]
    """An LSTM cell whose input was multiplied by the input matrix before it comes.

    An embedding of `4 * units` columns before it is the input matrix of an LSTM that reads
    one-hot vectors.
    """

    def build(self, shape: Shape) -> None:
        """Add the recurrent matrix and the bias, as an LSTM cell without inputs has them."""
        super().build((*shape[:-1], 0))
        # Nothing is in it; TensorFlow warns of weights that a loss does not depend on.
        self.kernel.trainable = False

    def call(
        self, inputs: KerasTensor, states: Sequence[KerasTensor], training: bool = False
    ) -> tuple[KerasTensor, list[KerasTensor]]:
        """Take one step."""
        del training
        hidden, carry = states
        gates = inputs + ops.matmul(hidden, self.recurrent_kernel) + self.bias
        enter, forget, new, leave = ops.split(gates, 4, axis=1)
        carry = ops.sigmoid(forget) * carry + ops.sigmoid(enter) * ops.tanh(new)
        hidden = ops.sigmoid(leave) * ops.tanh(carry)
        return hidden, [hidden, carry]


@keras.saving.register_keras_serializable("text")
class Positions(layers.Layer):  # type: ignore[misc]
    """Adds a learned vector to each row of a sequence [rows, length, width], by its place."""

    def build(self, shape: Shape) -> None:
        """Add the vectors, which begin as embeddings do."""
        self.table = self.add_weight(shape=shape[1:], initializer="uniform", name="table")

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Add the vectors."""
        return rows + self.table
