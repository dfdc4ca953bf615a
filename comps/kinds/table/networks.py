"""The networks for any table. Keras is imported when one is built.

Each builder takes the shape of a row of each input of `NetworkFeatures`, and the number of
optimizer steps of the whole training; it returns a compiled model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.base import Task
from comps.kinds.outputs import ACTIVATIONS
from comps.kinds.table.network_losses import loss_of
from comps.optimizers import restarted

if TYPE_CHECKING:
    import keras

# Factors of members begin at one: decay would make the product of factors and weights vanish.
_SPARED = ("bias", "scale", "inner", "outer")

Shapes = Mapping[str, tuple[int, ...]]


def mlp(
    shapes: Shapes,
    steps: int,
    *,
    task: str,
    outputs: int,
    units: Sequence[int],
    bins: int,
    embedded: int,
    dropout: float,
    learning_rate: float,
    weight_decay: float,
    cycles: int,
    smoothing: float,
    absolute: bool,
) -> keras.Model:
    """Return a network with the tricks of RealMLP.

    Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted
    trees on tabular data" (2024).

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        task: what is predicted.
        outputs: values, or classes of more than two, or labels.
        units: of the hidden layers.
        bins: in which a number is written.
        embedded: numbers that are made of the bins.
        dropout: after each hidden layer.
        learning_rate: at its highest.
        weight_decay: of AdamW; biases are spared.
        cycles: of the learning rate.
        smoothing: of labels, see `loss_of`.
        absolute: whether the loss is the absolute error.
    """
    import keras
    from keras import layers

    from comps.kinds.table.network_layers import (
        ColumnScales,
        MeanOfMembers,
        PiecewiseLinear,
        ScaledDense,
    )

    inputs = _inputs(shapes)
    parts = [inputs["levels"]]
    if "ranks" in inputs:
        ranks = PiecewiseLinear(bins, embedded)(inputs["ranks"])
        parts += [inputs["numbers"], layers.Flatten()(ranks)]
    hidden = ColumnScales()(_joined(parts))
    for count in units:
        hidden = ScaledDense(count)(hidden)
        hidden = layers.Activation("mish" if task == Task.REGRESSION else "selu")(hidden)
        hidden = layers.Dropout(dropout)(hidden)
    alone = layers.Reshape((1, outputs))(ScaledDense(outputs, zeros=True)(hidden))
    network = keras.Model(inputs, MeanOfMembers(ACTIVATIONS[Task(task)])(alone), name="mlp")
    network.compile(
        restarted(steps, learning_rate, weight_decay, cycles=cycles, beta_2=0.95),
        loss_of(Task(task), smoothing=smoothing, absolute=absolute),
    )
    return network


def tabm(
    shapes: Shapes,
    steps: int,
    *,
    task: str,
    outputs: int,
    members: int,
    units: Sequence[int],
    bins: int,
    embedded: int,
    dropout: float,
    learning_rate: float,
    weight_decay: float,
    cycles: int,
    smoothing: float,
    absolute: bool,
) -> keras.Model:
    """Return TabM: one network that is many, which share all but a few factors.

    Gorishniy, Kotelnikov and Babenko, "TabM: advancing tabular deep learning with
    parameter-efficient ensembling" (2024). Each member has a loss of its own; the prediction is
    the mean of theirs.

    Args:
        shapes: of a row of each input, by name.
        steps: optimizer steps of the whole training.
        task: what is predicted.
        outputs: values, or classes of more than two, or labels.
        members: their number.
        units: of the hidden layers.
        bins: in which a number is written.
        embedded: numbers that are made of the bins.
        dropout: after each hidden layer; members leave out the same units.
        learning_rate: at its highest.
        weight_decay: of AdamW; biases are spared.
        cycles: of the learning rate.
        smoothing: of labels, see `loss_of`.
        absolute: whether the loss is the absolute error.
    """
    import keras
    from keras import layers

    from comps.kinds.table.network_layers import (
        MeanOfMembers,
        MemberDense,
        MemberOutputs,
        MemberScales,
        PiecewiseLinear,
    )

    inputs = _inputs(shapes)
    parts = [inputs["levels"]]
    if "ranks" in inputs:
        parts += [inputs["numbers"], PiecewiseLinear(bins, embedded)(inputs["ranks"])]
    hidden = _joined([MemberScales(members)(part) for part in parts])
    for count in units:
        hidden = layers.Activation("relu")(MemberDense(count)(hidden))
        # A mask for all members: random numbers take longer than products.
        hidden = layers.Dropout(dropout, noise_shape=(None, 1, count))(hidden)
    own = MemberOutputs(outputs)(hidden)
    network = keras.Model(inputs, MeanOfMembers(ACTIVATIONS[Task(task)])(own), name="tabm")
    network.compile(
        restarted(steps, learning_rate, weight_decay, cycles=cycles, beta_2=0.999, spared=_SPARED),
        loss_of(Task(task), smoothing=smoothing, absolute=absolute),
    )
    return network


def _inputs(shapes: Shapes) -> dict[str, keras.KerasTensor]:
    import keras

    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def _joined(parts: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    import keras

    return parts[0] if len(parts) == 1 else keras.layers.Concatenate()(parts)
