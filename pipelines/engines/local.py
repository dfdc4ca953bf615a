"""Jobs in worker processes of this machine: the default engine."""

from __future__ import annotations

import contextlib
import math
import pickle
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from comps.base import UsageError, WorkbenchError
from pipelines.basics.hardware import WITHOUT, Environment, accelerators, available_cores
from pipelines.engines._base import (
    Cancelled,
    Done,
    Engine,
    Event,
    Failed,
    NextJob,
    Started,
)
from pipelines.engines._packed import packed_job
from pipelines.engines._worker import (
    deaf_to_interrupts,
    process_context,
    serve,
    start_server,
    without_main,
    worker_environment,
)
from pipelines.engines.jobs import Job
from pipelines.trainers import load_trainer

_A_DAY = 86_400.0


def warm_up(slots: int | None = None) -> None:
    """Begin to start workers, which takes seconds, before there is work for them."""
    cores = len(available_cores())
    start_server(threads=max(1, cores // (slots or cores)))


class LocalEngine:
    """Keeps one worker process a slot; the cores are divided among the slots.

    The first slots own an accelerator each, where there are any; the others see none.

    Args:
        slots: jobs side by side; None takes one a core.
        data_parallel: whether one slot owns all accelerators.
        job_limit: seconds after which a job is ended, and begins once more; None waits for ever.

    Raises:
        UsageError: if `slots` is not between 1 and the number of cores.
    """

    def __init__(
        self,
        slots: int | None = None,
        *,
        data_parallel: bool = False,
        job_limit: float | None = None,
    ) -> None:
        self._limit = math.inf if job_limit is None else job_limit
        cores = available_cores()
        slots = len(cores) if slots is None else slots
        owned = accelerators(data_parallel)[:slots]
        self.accelerators = len(owned)
        if not 1 <= slots <= len(cores):
            raise UsageError(
                f"--jobs must be between 1 and the number of cores, {len(cores)}; it is {slots}."
            )
        self.slots = slots
        self.threads = len(cores) // slots
        shares = [cores[slot * self.threads : (slot + 1) * self.threads] for slot in range(slots)]
        hidden = WITHOUT if owned else {}
        environments = [*owned, *[hidden] * (slots - len(owned))]
        self._slots = [_Slot(*pair) for pair in zip(shares, environments, strict=True)]

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        try:
            while True:
                yield from self._fill(next_job)
                busy = [slot for slot in self._slots if slot.job is not None]
                if not busy:
                    return
                if deadline is not None and time.monotonic() >= deadline:
                    yield from self._cancel()
                    return
                yield from self._overrun()
                busy = [slot for slot in busy if slot.job is not None]
                if not busy:
                    continue
                end = min(slot.began for slot in busy) + self._limit
                end = end if deadline is None else min(end, deadline)
                # Systems wait for some weeks at most; the loop comes round again.
                left = None if end == math.inf else min(_A_DAY, max(0.0, end - time.monotonic()))
                yield from _receive(busy, left)
        finally:
            # Also reached when the caller stops listening: an interrupt, an error.
            for slot in self._slots:
                if slot.job is not None:
                    slot.stop()

    def _fill(self, next_job: NextJob) -> Iterator[Event]:
        for number, slot in enumerate(self._slots):
            while slot.job is None and (job := next_job(number)) is not None:
                try:
                    slot.start(job)
                except WorkbenchError as error:
                    # It cannot be sent; other models can.
                    yield Failed(job, str(error))
                else:
                    yield Started(job)

    def _overrun(self) -> Iterator[Event]:
        """End the jobs that took too long; each begins once more, for a process may hang."""
        for slot in self._slots:
            job = slot.job
            if job is None or time.monotonic() < slot.began + self._limit or slot.has_news:
                continue
            slot.stop()
            if slot.overruns:
                reason = f"it took longer than {self._limit:g} s (--job-limit), 2 times"
                yield Failed(job, reason)
            else:
                slot.start(job, overruns=1)

    def _cancel(self) -> Iterator[Event]:
        for slot in self._slots:
            while slot.job is not None and slot.has_news:
                # What has ended counts, though it was not heard yet.
                yield slot.receive()
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
    by_pipe = {slot.worker.pipe: slot for slot in busy if slot.worker is not None}
    for pipe in wait(list(by_pipe), timeout):
        yield by_pipe[pipe].receive()


class _Worker:
    """A process, the pipe to it, and the backend that it has imported Keras with, if any."""

    def __init__(self, cores: Sequence[int], environment: Environment) -> None:
        self.backend: str | None = None
        context = process_context()
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, cores, environment), daemon=True)
        with worker_environment(len(cores)), without_main(), deaf_to_interrupts():
            self.process.start()
        theirs.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Slot:
    """A place for one worker, which is started when the first job comes."""

    def __init__(self, cores: Sequence[int], environment: Environment) -> None:
        self.cores, self.environment = cores, environment
        self.worker: _Worker | None = None
        self.job: Job | None = None
        self.began, self.overruns = 0.0, 0

    def start(self, job: Job, overruns: int = 0) -> None:
        self.began, self.overruns = time.monotonic(), overruns
        content = packed_job(job)
        wanted = load_trainer(job.model.trainer).backend
        if self.worker is not None and wanted and self.worker.backend not in (None, wanted):
            # Keras keeps the backend that it was first imported with.
            self.stop()
        if self.worker is None:
            self.worker = _Worker(self.cores, self.environment)
        self.worker.backend = wanted or self.worker.backend
        self.job = job
        # A worker that has just died shows it when its report is awaited.
        with contextlib.suppress(ConnectionError):
            self.worker.pipe.send(wanted)
            self.worker.pipe.send_bytes(content)

    @property
    def has_news(self) -> bool:
        """Whether the worker has sent something that was not received yet."""
        return self.worker is not None and self.worker.pipe.poll()

    def receive(self) -> Event:
        if self.worker is None or self.job is None:
            raise RuntimeError("There is no job in this slot.")
        job = self.job
        try:
            kind, values = pickle.loads(self.worker.pipe.recv_bytes())
        except (EOFError, OSError):
            self.worker.process.join()
            exit_code = self.worker.process.exitcode
            self.stop()
            return Failed(job, _cause_of_death(exit_code))
        event: Event = kind(job=job, **values)
        if isinstance(event, (Done, Failed)):
            self.job = None
        return event

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.kill()
        self.worker, self.job = None, None


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code == -9:
        return (
            "its process was killed, most likely because memory ran out; fewer jobs side by "
            "side (--jobs 1) need less"
        )
    return f"its process ended unexpectedly with code {exit_code}"


if TYPE_CHECKING:
    _: Engine = LocalEngine()
