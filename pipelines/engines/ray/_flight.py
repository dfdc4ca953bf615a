"""A job that the cluster has, and what is heard of it."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pipelines.engines._base import reason_of
from pipelines.engines.jobs import Job
from pipelines.engines.ray._task import Message

# Seconds for the end of a task whose last message has come.
_LEAVING = 1.0


class Ending(Enum):
    """What a job without a result ended by."""

    DEATH = "its process or machine was lost"
    MEMORY = "memory ran out"
    OVERRUN = "its limit"


@dataclass
class Flight:
    """A job that the cluster has.

    Attributes:
        job: which.
        messages: a generator of Ray's, of references.
        endings: how often it ended without a result before, by what happened.
        node: where it runs; None while it waits for a core.
        began: on the clock of `time.monotonic`.
    """

    job: Job
    messages: Any
    endings: Counter[Ending] = field(default_factory=Counter)
    node: str | None = None
    began: float | None = None

    def begin(self, node: str) -> None:
        """Note that it began on a node."""
        self.node, self.began = node, time.monotonic()

    def end(self, limit: float) -> float:
        """Return when it has to end; it may wait as long as it has to."""
        return math.inf if self.began is None else self.began + limit

    @property
    def has_news(self) -> bool:
        """Whether its next message is there."""
        return bool(self.messages.next_ready())

    def next(self) -> Message:
        """Return its next message, which is there."""
        import ray

        message: Message = ray.get(next(self.messages))
        return message

    def leave(self) -> None:
        """Wait until its process is free, which told how it ended: the next job may go there."""
        import ray

        ray.wait([self.messages], num_returns=1, timeout=_LEAVING)

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


def reason_before(error: Exception) -> str:
    """Return why a task failed before its job began, in one line."""
    cause = getattr(error, "cause", None)
    return reason_of(cause) if cause is not None else str(error).splitlines()[0]


def cause_of_death(error: Exception) -> tuple[Ending, str]:
    """Return what a job ended by that told nothing, and the same for the user."""
    from ray.exceptions import NodeDiedError, OutOfMemoryError

    if isinstance(error, OutOfMemoryError):
        return Ending.MEMORY, (
            "its worker was killed because memory ran out; set some aside (--job-needs "
            "memory=4GB), or run fewer jobs side by side (--jobs)"
        )
    if isinstance(error, NodeDiedError):
        return Ending.DEATH, "the machine that it was on left the cluster"
    return Ending.DEATH, (
        "its worker was killed or ended unexpectedly, most likely because memory ran out"
    )
