"""A job that the cluster has, and what is heard of it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.engines.jobs import Job
from pipelines.engines.ray._task import Message


@dataclass
class Flight:
    """A job that the cluster has.

    Attributes:
        job: which.
        messages: a generator of Ray's, of references.
        deaths: how often its worker died.
        overruns: how often it took longer than its limit.
        node: where it runs; None while it waits for a core.
        began: on the clock of `time.monotonic`.
    """

    job: Job
    messages: Any
    deaths: int = 0
    overruns: int = 0
    node: str | None = None
    began: float | None = None

    def begin(self, node: str) -> None:
        """Note that it began on a node."""
        self.node, self.began = node, time.monotonic()

    def end(self, limit: float) -> float:
        """Return when it has to end; it may wait as long as it has to."""
        return math.inf if self.began is None else self.began + limit

    def next(self) -> Message:
        """Return its next message, which is there."""
        import ray

        message: Message = ray.get(next(self.messages))
        return message

    def cancel(self) -> None:
        """End it, with its process: what trains does not listen."""
        import ray

        with contextlib.suppress(Exception):  # the cluster may be gone
            ray.cancel(self.messages, force=True)


def speaking(flights: Mapping[int, Flight], timeout: float) -> list[int]:
    """Return the slots whose jobs have something to tell; wait for the first."""
    import ray

    numbers = {flight.messages: number for number, flight in flights.items()}
    waiting = list(numbers)
    limit = None if timeout == math.inf else timeout
    ready, _ = ray.wait(waiting, num_returns=1, timeout=limit)
    if ready:
        # All that are ready by now, too.
        ready, _ = ray.wait(waiting, num_returns=len(waiting), timeout=0)
    return [numbers[messages] for messages in ready]


def reason_of(error: Exception) -> str:
    """Return why a task failed before its job began, in one line."""
    cause = getattr(error, "cause", None)
    return f"{type(cause).__name__}: {cause}" if cause is not None else str(error).splitlines()[0]


def cause_of_death(error: Exception) -> str:
    """Return why a job ended without a word."""
    from ray.exceptions import NodeDiedError, OutOfMemoryError

    if isinstance(error, OutOfMemoryError):
        return (
            "its worker was killed because memory ran out; set some aside (--job-needs "
            "memory=4GB), or run fewer jobs side by side (--jobs)"
        )
    if isinstance(error, NodeDiedError):
        return "the machine that it was on left the cluster"
    return "its worker was killed or ended unexpectedly, most likely because memory ran out"
