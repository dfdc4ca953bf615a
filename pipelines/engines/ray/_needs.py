"""What a job takes of a machine: cores, GPUs or a part of one, memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from comps.base import UsageError, size_of, unknown_name
from pipelines.engines.ray._cluster import Node

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_KNOWN = ("gpu", "memory")


@dataclass(frozen=True)
class Needs:
    """What a job takes of a machine beside its cores.

    Attributes:
        gpu: GPUs of a job that is trained on one; a fraction shares it with others. None takes one,
            where there is one.
        memory: bytes that are set aside for a job, so that no more begin than there is room for;
            0 sets nothing aside.
    """

    gpu: float | None = None
    memory: int = 0

    @classmethod
    def of(cls, text: str | None) -> Needs:
        """Read a text such as "gpu=0.5,memory=4GB".

        Raises:
            UsageError: if it cannot be read.

        >>> Needs.of("gpu=0.5,memory=4GB")
        Needs(gpu=0.5, memory=4000000000)
        """
        values: dict[str, float] = {}
        for part in filter(None, (text or "").split(",")):
            name, _, value = part.strip().partition("=")
            if name not in _KNOWN:
                raise unknown_name("part of --job-needs called", name, _KNOWN)
            found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]B)?", value)
            if found is None or (found[2] and name == "gpu"):
                example = {"gpu": "gpu=0.5", "memory": "memory=4GB"}[name]
                raise UsageError(f"--job-needs takes values such as {example}; {part!r} came.")
            values[name] = float(found[1]) * _UNITS[found[2] or ""]
        gpu = values.get("gpu")
        if gpu is not None and (gpu <= 0 or (gpu > 1 and gpu != int(gpu))):
            raise UsageError(
                f"--job-needs gpu takes a fraction of a GPU, or whole ones; it is {gpu:g}."
            )
        return cls(gpu, int(values.get("memory", 0)))


@dataclass(frozen=True)
class Shape:
    """How many jobs a cluster runs side by side, and what each of them has.

    Attributes:
        slots: jobs side by side.
        threads: of each.
        accelerators: jobs side by side that have a GPU, or their part of one.
        gpu: GPUs of such a job.
    """

    slots: int
    threads: int
    accelerators: int
    gpu: float

    @classmethod
    def of(cls, nodes: Sequence[Node], slots: int | None, needs: Needs, together: bool) -> Shape:
        """Return the shape of a run.

        Args:
            nodes: of the cluster.
            slots: jobs side by side; None takes one a core. There may be more than there are
                cores: what waits makes a cluster grow that can.
            needs: of a job.
            together: whether a network is trained on all GPUs of its machine at once.

        Raises:
            UsageError: if `slots` is less than 1, or no node has what a job needs.

        >>> nodes = [Node("a", "one", 8, 2.0, 16e9), Node("b", "other", 8, 4.0, 64e9)]
        >>> Shape.of(nodes, None, Needs(gpu=0.5), together=False)
        Shape(slots=16, threads=1, accelerators=12, gpu=0.5)
        >>> Shape.of(nodes, 2, Needs(), together=True)
        Shape(slots=2, threads=8, accelerators=1, gpu=4.0)
        >>> Shape.of(nodes, None, Needs(memory=10**10 * 3), together=False)
        Shape(slots=8, threads=1, accelerators=4, gpu=1.0)
        """
        # On the others a job would wait for ever.
        nodes = _with_room(nodes, needs)
        cores = sum(node.cores for node in nodes)
        if slots is not None and slots < 1:
            raise UsageError(f"--jobs must be at least 1; it is {slots}.")
        wanted = slots or cores
        # A job is on one machine, and every machine should have room for one.
        threads = max(1, min(cores // wanted, *(node.cores for node in nodes)))
        gpu = max(node.gpus for node in nodes) if together else needs.gpu or 1.0
        owned = sum(_jobs_on(node.gpus, gpu) for node in nodes) if gpu else 0
        return cls(wanted, threads, min(owned, wanted), gpu)


def _with_room(nodes: Sequence[Node], needs: Needs) -> list[Node]:
    """Return the nodes that have the memory that a job needs.

    Raises:
        UsageError: if there are none, or none of them has the GPUs.
    """
    roomy = [node for node in nodes if node.memory >= needs.memory]
    if not roomy:
        most = max(nodes, key=lambda node: node.memory)
        raise UsageError(
            f"--job-needs memory sets {size_of(needs.memory)} aside for a job, and no machine of "
            f"the cluster has as much for jobs: {most.host}, the largest, has "
            f"{size_of(int(most.memory))}. Ask for less, or add a larger machine."
        )
    most = max(roomy, key=lambda node: node.gpus)
    if needs.gpu is not None and most.gpus < needs.gpu:
        which = "with that memory" if needs.memory else "of the cluster"
        raise UsageError(
            f"--job-needs asks for gpu={needs.gpu:g}, and no machine {which} has as many GPUs: "
            f"{most.host} has {most.gpus:g}. Ask for less, or add a machine with GPUs."
        )
    return roomy


def _jobs_on(gpus: float, gpu: float) -> int:
    """Return how many jobs share the GPUs of a machine.

    >>> _jobs_on(1.0, 0.2), _jobs_on(1.0, 0.3), _jobs_on(3.0, 2.0)
    (5, 3, 1)
    """
    # A fifth is no binary fraction: 1.0 // 0.2 is 4.
    return int(gpus / gpu + 1e-6)
