"""Layers of the networks for tables. Keras is imported with this module: import it lazily."""

from __future__ import annotations

import math

import keras
from keras import KerasTensor, layers, ops
from keras.initializers import Constant, RandomNormal, RandomUniform

# Of a batch: None where it is not known yet.
Shape = tuple[int | None, ...]
_PACKAGE = "table"


def uniform(inputs: int) -> RandomUniform:
    """Return the initializer that PyTorch's dense layers have, and TabM with them."""
    return RandomUniform(-(inputs**-0.5), inputs**-0.5)


@keras.saving.register_keras_serializable(_PACKAGE)
class PiecewiseLinear(layers.Layer):  # type: ignore[misc]
    """Embeds ranks from 0 to 1: [rows, columns] become [rows, columns, units].

    Gorishniy et al., "On embeddings for numerical features in tabular deep learning" (2022): a
    number is written as how far it fills each bin between two quantiles, and a matrix of each
    column makes `units` numbers of that. Bins between quantiles are of equal width in ranks.

    Args:
        bins: of each column.
        units: outputs of each column.
    """

    def __init__(self, bins: int, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.bins, self.units = bins, units

    def build(self, shape: Shape) -> None:
        """Add a matrix for each column."""
        self.kernel = self.add_weight(
            shape=(shape[1], self.bins, self.units), initializer=RandomNormal(0, 0.3), name="kernel"
        )

    def call(self, ranks: KerasTensor) -> KerasTensor:
        """Return the embeddings."""
        filled = ops.clip(self.bins * ranks[:, :, None] - ops.arange(self.bins), 0, 1)
        return ops.einsum("rcb,cbu->rcu", filled, self.kernel)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return [rows, columns, units]."""
        return (*shape, self.units)


@keras.saving.register_keras_serializable(_PACKAGE)
class ColumnScales(layers.Layer):  # type: ignore[misc]
    """Multiplies each column by a learned number, which learns six times as fast as others.

    Adam takes steps of the learning rate, whatever the gradient's size: a weight that is stored
    as a sixth of what it stands for changes six times as fast.
    """

    factor = 6.0

    def build(self, shape: Shape) -> None:
        """Add a weight for each column."""
        start = Constant(1 / self.factor)
        self.scale = self.add_weight(shape=shape[-1:], initializer=start, name="scale")

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Return the scaled columns."""
        return rows * (self.factor * self.scale)


@keras.saving.register_keras_serializable(_PACKAGE)
class ScaledDense(layers.Layer):  # type: ignore[misc]
    """A dense layer whose weights begin with deviation 1 and are divided by the root of inputs.

    This is called the neural tangent parametrisation. One learning rate then suits all widths.
    Biases are stored as ten times what they stand for, and learn at a tenth of the rate.

    Args:
        units: outputs.
        zeros: whether weights begin at zero: of the last layer.
    """

    def __init__(self, units: int, *, zeros: bool = False, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units, self.zeros = units, zeros

    def build(self, shape: Shape) -> None:
        """Add a matrix and a bias."""
        weights, biases = (
            ("zeros", "zeros") if self.zeros else (RandomNormal(0, 1), RandomNormal(0, 5))
        )
        self.kernel = self.add_weight(
            shape=(shape[-1], self.units), initializer=weights, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer=biases, name="bias")

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Return [rows, units]."""
        return ops.matmul(rows, self.kernel) * self.kernel.shape[0] ** -0.5 + 0.1 * self.bias

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return [rows, units]."""
        return (*shape[:-1], self.units)


@keras.saving.register_keras_serializable(_PACKAGE)
class MemberScales(layers.Layer):  # type: ignore[misc]
    """Makes each member's own inputs of a row: [rows, columns] become [rows, members, columns].

    Here the members of TabM begin to differ: each looks at the columns with random weights. Of
    columns that are embedded, [rows, columns, units], the units have one weight; they come out
    side by side.

    Args:
        members: their number.
    """

    def __init__(self, members: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.members = members

    def build(self, shape: Shape) -> None:
        """Add a weight for each member and column."""
        self.scale = self.add_weight(
            shape=(self.members, *shape[1:2], *(1 for _ in shape[2:])),
            initializer=RandomNormal(0, 1),
            name="scale",
        )

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Return [rows, members, columns * units]."""
        scaled = rows[:, None] * self.scale
        return ops.reshape(scaled, (-1, self.members, math.prod(scaled.shape[2:])))

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return [rows, members, columns * units]."""
        return (shape[0], self.members, math.prod(size or 0 for size in shape[1:]))


@keras.saving.register_keras_serializable(_PACKAGE)
class MemberDense(layers.Layer):  # type: ignore[misc]
    """A dense layer of all members: one matrix, and factors of inputs and outputs for each member.

    Gorishniy et al., "TabM" (2024), after Wen et al., "BatchEnsemble" (2020): the factors make
    another matrix for each member, different from the common one by rank one.

    Args:
        units: outputs.
    """

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: Shape) -> None:
        """Add the common matrix, and factors and a bias for each member."""
        _, members, inputs = shape
        start = uniform(inputs or 1)
        own = (members, self.units)
        self.kernel = self.add_weight(shape=(inputs, self.units), initializer=start, name="kernel")
        self.inner = self.add_weight(shape=(members, inputs), initializer="ones", name="inner")
        self.outer = self.add_weight(shape=own, initializer="ones", name="outer")
        self.bias = self.add_weight(shape=own, initializer=start, name="bias")

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Return [rows, members, units]."""
        _, members, inputs = rows.shape
        # One product of rows of all members: XLA takes much longer for a product of three axes.
        flat = ops.matmul(ops.reshape(rows * self.inner, (-1, inputs)), self.kernel)
        return ops.reshape(flat, (-1, members, self.units)) * self.outer + self.bias

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return [rows, members, units]."""
        return (*shape[:-1], self.units)


@keras.saving.register_keras_serializable(_PACKAGE)
class MemberOutputs(layers.Layer):  # type: ignore[misc]
    """A dense layer of which each member has its own: the last one of TabM.

    Args:
        units: outputs.
    """

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: Shape) -> None:
        """Add a matrix and a bias for each member."""
        _, members, inputs = shape
        start = uniform(inputs or 1)
        self.kernel = self.add_weight(
            shape=(members, inputs, self.units), initializer=start, name="kernel"
        )
        self.bias = self.add_weight(shape=(members, self.units), initializer=start, name="bias")

    def call(self, rows: KerasTensor) -> KerasTensor:
        """Return [rows, members, units]."""
        return ops.einsum("rmi,miu->rmu", rows, self.kernel) + self.bias

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return [rows, members, units]."""
        return (*shape[:-1], self.units)


@keras.saving.register_keras_serializable(_PACKAGE)
class MeanOfMembers(layers.Layer):  # type: ignore[misc]
    """Makes the prediction of the outputs of members, and passes these on in training.

    The prediction [rows, units] is the mean of the members' values or probabilities. In training,
    the loss is to be computed of each member's own outputs, [rows, members, units], before the
    activation: a mean would let members rely on each other, and logarithms of probabilities are
    less exact.

    Args:
        activation: makes a member's prediction of its outputs.
    """

    def __init__(self, activation: str, **kwargs: object) -> None:
        # What Keras saved of it names its type, too.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.activation = keras.activations.get(activation)

    def call(self, outputs: KerasTensor, training: bool = False) -> KerasTensor:
        """Return [rows, units]; in training [rows, members, units]."""
        return outputs if training else ops.mean(self.activation(outputs), axis=1)

    def compute_output_spec(self, outputs: KerasTensor, training: bool = False) -> KerasTensor:
        """Return the shape of predictions."""
        del training
        return KerasTensor((outputs.shape[0], outputs.shape[-1]), dtype="float32")
