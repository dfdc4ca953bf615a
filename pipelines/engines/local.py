"""Jobs in worker processes of this machine: the default engine."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from comps.base import UsageError
from pipelines.engines._base import (
    Cancelled,
    Done,
    Engine,
    Event,
    Failed,
    NextJob,
    Started,
)
from pipelines.engines._worker import serve, worker_environment
from pipelines.jobs import Job


def available_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class LocalEngine:
    """Keeps one worker process a slot; the cores are divided among the slots.

    Args:
        slots: jobs side by side; None takes one a core.

    Raises:
        UsageError: if `slots` is not between 1 and the number of cores.
    """

    def __init__(self, slots: int | None = None) -> None:
        cores = available_cores()
        slots = len(cores) if slots is None else slots
        if not 1 <= slots <= len(cores):
            raise UsageError(
                f"--jobs must be between 1 and the number of cores, {len(cores)}; it is {slots}."
            )
        self.slots = slots
        self.threads = len(cores) // slots
        shares = [cores[slot * self.threads : (slot + 1) * self.threads] for slot in range(slots)]
        self._slots = [_Slot(share) for share in shares]

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        try:
            while True:
                yield from self._fill(next_job)
                busy = [slot for slot in self._slots if slot.job is not None]
                if not busy:
                    return
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    yield from self._cancel()
                    return
                yield from _receive(busy, remaining)
        finally:
            # Also reached when the caller stops listening: an interrupt, an error.
            for slot in self._slots:
                if slot.job is not None:
                    slot.stop()

    def _fill(self, next_job: NextJob) -> Iterator[Event]:
        for slot in self._slots:
            if slot.job is None and (job := next_job()) is not None:
                slot.start(job)
                yield Started(job)

    def _cancel(self) -> Iterator[Event]:
        for slot in self._slots:
            if slot.job is not None:
                job = slot.job
                slot.stop()
                yield Cancelled(job)

    def close(self) -> None:
        """Stop all workers."""
        for slot in self._slots:
            slot.stop()


def _receive(busy: Sequence[_Slot], timeout: float | None) -> Iterator[Event]:
    """Wait until a worker reports or dies, at most `timeout` seconds."""
    by_pipe = {slot.pipe: slot for slot in busy}
    for pipe in wait([pipe for pipe in by_pipe if pipe is not None], timeout):
        slot = by_pipe[pipe]  # type: ignore[index]
        event = slot.receive()
        if isinstance(event, (Done, Failed)):
            slot.job = None
        yield event


class _Slot:
    """A place for one worker process; the process is started when the first job comes."""

    def __init__(self, cores: Sequence[int]) -> None:
        self.cores = cores
        self.process: multiprocessing.process.BaseProcess | None = None
        self.pipe: Connection | None = None
        self.job: Job | None = None

    def start(self, job: Job) -> None:
        if self.process is None:
            self._start_process()
        assert self.pipe is not None
        self.pipe.send(job)
        self.job = job

    def _start_process(self) -> None:
        # Forking a process that has threads (XLA, OpenMP) can hang it: always spawn.
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        self.pipe = ours
        self.process = spawn.Process(target=serve, args=(theirs, self.cores), daemon=True)
        with worker_environment(len(self.cores)):
            self.process.start()
        theirs.close()

    def receive(self) -> Event:
        assert self.pipe is not None and self.process is not None and self.job is not None
        try:
            event: Event = self.pipe.recv()
        except (EOFError, OSError):
            job, process = self.job, self.process
            process.join()
            self.stop()
            return Failed(job, _cause_of_death(process.exitcode))
        return event

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
        if self.pipe is not None:
            self.pipe.close()
        self.process, self.pipe, self.job = None, None, None


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code == -9:
        return (
            "its process was killed, most likely because memory ran out; fewer jobs side by "
            "side (--jobs 1) need less"
        )
    return f"its process ended unexpectedly with code {exit_code}"


if TYPE_CHECKING:
    _: Engine = LocalEngine()
