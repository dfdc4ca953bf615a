"""An engine whose workers stay from one round of jobs to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.engines._base import Engine, Event, NextJob


class KeptEngine:
    """Executes jobs by another engine, and leaves that open: imports of workers take seconds.

    Args:
        engine: whoever made it closes it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.slots, self.accelerators = engine.slots, engine.accelerators
        self.threads = engine.threads

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        yield from self._engine.run(next_job, deadline)

    def close(self) -> None:
        """Do nothing."""


if TYPE_CHECKING:

    def _conforms(engine: Engine) -> Engine:
        return KeptEngine(engine)
