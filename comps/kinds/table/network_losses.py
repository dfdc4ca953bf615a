"""Losses of the networks for tables, of each member's outputs. Keras is imported when one is made.

Each takes the target as the harness gives it and outputs [rows, members, units] before the
activation; it returns the loss of each row and member, [rows, members] or with units behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from comps.base import Task

if TYPE_CHECKING:
    from keras import KerasTensor

Loss: TypeAlias = "Callable[[KerasTensor, KerasTensor], KerasTensor]"


def loss_of(task: Task, *, smoothing: float, absolute: bool) -> Loss:
    """Return the loss of a task.

    Args:
        task: what is predicted.
        smoothing: the share of a label that is spread over all classes (Szegedy et al., 2016).
        absolute: of values, the absolute error instead of the squared one.
    """
    from keras import ops

    def of_values(target: KerasTensor, outputs: KerasTensor) -> KerasTensor:
        error = outputs - ops.reshape(target, (-1, 1, outputs.shape[-1]))
        return ops.abs(error) if absolute else ops.square(error)

    def of_labels(target: KerasTensor, outputs: KerasTensor) -> KerasTensor:
        wanted = target[:, None, :] * (1 - smoothing) + smoothing / 2
        return ops.softplus(outputs) - outputs * wanted

    def of_classes(target: KerasTensor, outputs: KerasTensor) -> KerasTensor:
        classes = outputs.shape[-1]
        codes = ops.cast(ops.reshape(target, (-1,)), "int32")
        wanted = ops.one_hot(codes, classes) * (1 - smoothing) + smoothing / classes
        return -ops.sum(wanted[:, None, :] * ops.log_softmax(outputs), axis=-1)

    return {
        Task.REGRESSION: of_values,
        Task.BINARY: of_labels,
        Task.MULTILABEL: of_labels,
        Task.MULTICLASS: of_classes,
    }[task]
