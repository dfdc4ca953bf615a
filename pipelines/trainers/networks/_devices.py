"""The devices of a fold program: how batches are divided among them, and what memory they have."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.stages import Compiled

from comps.base import Array
from pipelines.basics.hardware import DIVIDED

# What other processes may come to need, and what is not counted, such as code.
_SHARE = 0.8


class Devices:
    """The first device that this process sees, or all of them, each with a part of every batch.

    All of them only where the environment asks for it (`hardware.DIVIDED`): weights and rows are
    copied to all, gradients are added up, as `keras.distribution`'s DataParallel does for `fit`.
    The number that is used divides the batch evenly. The order of the sums depends on it.

    Args:
        batch_size: rows of a step.
    """

    def __init__(self, batch_size: int) -> None:
        seen = jax.devices()
        devices = seen if DIVIDED.items() <= os.environ.items() else seen[:1]
        self.used = max(n for n in range(1, len(devices) + 1) if batch_size % n == 0)
        self._mesh = Mesh(np.array(devices[: self.used]), ("batch",))
        self.everywhere = NamedSharding(self._mesh, PartitionSpec())  # type: ignore[no-untyped-call]

    def copied(self, values: object) -> Any:
        """Put arrays on every device."""
        return jax.device_put(values, self.everywhere)

    def divided(self, values: Array) -> jax.Array:
        """Put an array on the devices, each with a part of its last axis."""
        axes = [None] * (values.ndim - 1)
        whole = values.shape[-1] % self.used
        spec = PartitionSpec(*axes, None if whole else "batch")  # type: ignore[no-untyped-call]
        placed: jax.Array = jax.device_put(values, NamedSharding(self._mesh, spec))
        return placed


def bytes_of(compiled: Compiled) -> float:
    """Return the bytes that a compiled JAX function needs beside its arguments."""
    needed = compiled.memory_analysis()
    if needed is None:
        return 0.0
    return float(
        needed.temp_size_in_bytes + needed.output_size_in_bytes - needed.alias_size_in_bytes
    )


def free_bytes() -> float:
    """Return the free bytes of the device; infinity where it does not report them."""
    device = jax.devices()[0]
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return _SHARE * float(stats["bytes_limit"] - stats["bytes_in_use"])
    return _SHARE * _available_bytes() if device.platform == "cpu" else math.inf


def _available_bytes() -> float:
    """Return the bytes that Linux reports as available to new programs; infinity elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return math.inf
    values = dict(line.split(":", 1) for line in lines)
    return float(values["MemAvailable"].split()[0]) * 1024
