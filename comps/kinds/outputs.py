"""The last layer and the loss of a network, by what is predicted. Keras is imported in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from comps.base import Task

if TYPE_CHECKING:
    import keras

ACTIVATIONS: Mapping[Task, str] = {
    Task.BINARY: "sigmoid",
    Task.MULTILABEL: "sigmoid",
    Task.MULTICLASS: "softmax",
    Task.REGRESSION: "linear",
}


def answer(hidden: keras.KerasTensor, task: str, outputs: int) -> keras.KerasTensor:
    """Return the last layer: [rows, outputs] of the last features.

    Args:
        hidden: [rows, features].
        task: what is predicted, see `comps.base.Task`: the probability of class 1 of two, or of
            each class, or of each label; or values.
        outputs: 1 of two classes.
    """
    from keras import layers

    return layers.Dense(outputs, activation=ACTIVATIONS[Task(task)], dtype="float32")(hidden)


def loss_of(task: str, smoothing: float = 0.0) -> keras.losses.Loss:
    """Return cross-entropy, of values the squared error.

    Args:
        task: what is predicted.
        smoothing: the share of a label that is spread over all classes (Szegedy et al., 2016); of
            no account for values.
    """
    from keras import losses

    if task == Task.REGRESSION:
        return losses.MeanSquaredError()
    if task != Task.MULTICLASS:
        return losses.BinaryCrossentropy(label_smoothing=smoothing)
    if not smoothing:
        return losses.SparseCategoricalCrossentropy()
    from comps.kinds.smoothing import SmoothedCrossentropy

    return SmoothedCrossentropy(smoothing)
