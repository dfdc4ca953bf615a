"""The parameters of a network's training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from comps.base import JSON, Model, Params, UsageError, unknown_name

if TYPE_CHECKING:
    import keras


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
        """Return the epochs after which predictions are wanted; the last is one of them."""
        return sorted({*range(self.stride, self.epochs + 1, self.stride), self.epochs})

    def steps(self, rows: int) -> int:
        """Return the optimizer steps of the whole training on so many rows."""
        return self.epochs * batches_of(rows, self.batch_size)[0]


def batches_of(rows: int, size: int) -> tuple[int, int]:
    """Return the number of batches of a fold of so many rows, and their size.

    A batch is filled up to its size: one of more rows than there are would be mostly filling.

    >>> batches_of(rows=70, size=32), batches_of(rows=20, size=32)
    ((3, 32), (1, 20))
    """
    own = min(size, rows)
    return -(-rows // own), own


def builder(model: Model) -> Callable[..., keras.Model]:
    """Return what builds the network of a model.

    Raises:
        UsageError: if it names nothing.
    """
    if model.build is None:
        raise UsageError(f"Model '{model.name}' names no function that builds its network.")
    return model.build


def copy_seed(*path: int) -> int:
    """Return a 32-bit seed for a place such as (seed, fold, copy); near places get far seeds."""
    return int(np.random.SeedSequence(path).generate_state(1)[0])
