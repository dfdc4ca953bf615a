"""The parameters of a network's training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from comps.base import JSON, Model, Params, Task, UsageError, unknown_name
from pipelines.trainers._base import Context

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Plan:
    """The parameters of a network's training; the others go to its builder.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows of a step.
        copies: networks a fold, which differ in their seed; their predictions are averaged.
        stride: epochs between two stages.
        precision: "float32", or "mixed": layers compute in half precision, weights, outputs and
            losses stay in float32.
    """

    epochs: int
    batch_size: int
    copies: int = 1
    stride: int = 1
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "copies", "stride"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"'{name}' must be a positive whole number, not {value!r}.")
        if self.precision not in ("float32", "mixed"):
            raise unknown_name("precision", self.precision, ("float32", "mixed"))

    @classmethod
    def split(cls, params: Params) -> tuple[Plan, dict[str, JSON]]:
        """Return the plan and the builder's own parameters."""
        names = cls.__dataclass_fields__
        own = {name: value for name, value in params.items() if name in names}
        return cls(**own), {name: value for name, value in params.items() if name not in names}

    def size(self, network: keras.Model) -> int:
        """Return the bytes of the weights of all copies of a network; they are float32."""
        return 4 * self.copies * int(network.count_params())

    def stages(self) -> list[int]:
        """Return the epochs after which rows are predicted; the last is one of them."""
        return sorted({*range(self.stride, self.epochs + 1, self.stride), self.epochs})

    def steps(self, rows: int) -> int:
        """Return the optimizer steps of the whole training on a number of rows."""
        return self.epochs * batches_of(rows, self.batch_size)[0]


def batches_of(rows: int, size: int) -> tuple[int, int]:
    """Return the number of batches for a number of rows, and their size.

    A batch is filled up to its size: a batch larger than the fold would be mostly filling.

    >>> batches_of(rows=70, size=32), batches_of(rows=20, size=32)
    ((3, 32), (1, 20))
    """
    own = min(size, rows)
    return -(-rows // own), own


def builder(model: Model, context: Context) -> Callable[..., keras.Model]:
    """Return `(shapes, steps, **params) -> network`, by the function that a model names.

    The function may leave out `steps`, and a network of one input need not call it as the rows
    are called. What it returns is checked.

    Raises:
        UsageError: if the model names none.
    """
    if model.build is None:
        raise UsageError(f"Model '{model.name}' names no function that builds its network.")
    build = model.build
    units = context.n_classes if context.task is Task.MULTICLASS else context.n_targets
    takes_steps = "steps" in inspect.signature(build).parameters

    def build_network(shapes: Shapes, steps: int, **params: JSON) -> keras.Model:
        own = build(shapes, steps, **params) if takes_steps else build(shapes, **params)
        _check_network(model.name, own, units)
        return _with_named_input(own, shapes)

    return build_network


def _check_network(name: str, network: object, units: int) -> None:
    """Check what a function that builds a network returned.

    Raises:
        UsageError: if it is no compiled Keras model of one output with so many units.
    """
    import keras

    if not isinstance(network, keras.Model):
        raise UsageError(
            f"The function of model '{name}' must return a compiled Keras model; a "
            f"{type(network).__name__} came."
        )
    if getattr(network, "optimizer", None) is None or not network.loss:
        raise UsageError(
            f"The network of model '{name}' is not compiled: call network.compile(optimizer, loss) "
            "in its function."
        )
    if not network.built:
        raise UsageError(
            f"The network of model '{name}' has no weights yet: its first layer must be "
            "keras.Input(shapes['rows'])."
        )
    outputs = getattr(network, "outputs", None)
    if outputs and (len(outputs) != 1 or outputs[0].shape[-1] != units):
        found = " and ".join(str(output.shape[-1]) for output in outputs)
        raise UsageError(
            f"The network of model '{name}' must have one output of {units} units: the value, the "
            "probability of class 1, or one for each of more classes, targets or labels. It has "
            f"{found}."
        )


def _with_named_input(network: keras.Model, shapes: Shapes) -> keras.Model:
    """Return a network that takes its one input by the name of the rows.

    Raises:
        UsageError: if a network of several rows has one input.
    """
    import keras

    inputs = getattr(network, "inputs", None)
    if isinstance(getattr(network, "input", None), dict) or not inputs or len(inputs) > 1:
        return network
    if inputs[0].name in shapes:
        return network
    if len(shapes) > 1:
        raise UsageError(
            f"The rows have the inputs {', '.join(shapes)}, and the network a single one. Name "
            "each input: keras.Input(shapes[name], name=name)."
        )
    named = keras.Model({next(iter(shapes)): inputs[0]}, network.outputs[0])
    if getattr(network, "optimizer", None) is not None:
        named.compile(network.optimizer, network.loss)
    return named


def copy_seed(*path: int) -> int:
    """Return a 32-bit seed for a place such as (seed, fold, copy); near places get far seeds."""
    return int(np.random.SeedSequence(path).generate_state(1)[0])
