"""The engine: it hands jobs to a cluster, and writes what comes back into the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

from comps.base import MissingPackageError, UsageError, WorkbenchError
from pipelines.basics.hardware import DIVIDED, WITHOUT
from pipelines.engines._base import (
    Cancelled,
    Done,
    EngineChoices,
    Event,
    Failed,
    NextJob,
    Started,
)
from pipelines.engines._outcome import failure
from pipelines.engines._worker import worker_variables
from pipelines.engines.jobs import Job
from pipelines.engines.ray._cluster import Cluster, unlike
from pipelines.engines.ray._files import files_of
from pipelines.engines.ray._flight import Ending, Flight, cause_of_death, reason_before, speaking
from pipelines.engines.ray._needs import Needs, Shape
from pipelines.engines.ray._parcel import packed_for_elsewhere
from pipelines.engines.ray._sent import Sent, kept_for
from pipelines.engines.ray._task import Begun, Message, Told, Unlike, perform
from pipelines.folds import Held
from pipelines.results.kept import Kept
from pipelines.store import RunStore
from pipelines.trainers import load_trainer

# How often a job may end without a result, by what happened. Machines of a cluster are taken away,
# which is no fault of a job; a machine may hang. What takes too much memory does so again.
MOST = {Ending.DEATH: 8, Ending.MEMORY: 3, Ending.OVERRUN: 2}
# Seconds that a job may take.
DEFAULT_LIMIT = 12 * 3600.0


class RayEngine:
    """Executes jobs as tasks of a Ray cluster, which is joined when the first of them comes.

    Args:
        choices: of the call.

    Raises:
        MissingPackageError: if Ray is not installed.
        UsageError: if a choice cannot be read.
    """

    def __init__(self, choices: EngineChoices) -> None:
        if find_spec("ray") is None:
            raise MissingPackageError("ray", "ray")
        self._choices = choices
        self._needs = Needs.of(choices.job_needs)
        self._limit = choices.job_limit or DEFAULT_LIMIT
        if choices.slots is not None and choices.slots < 1:
            raise UsageError(f"--jobs must be at least 1; it is {choices.slots}.")
        self._sent = Sent()
        self._slots: dict[int, _Slot] = {}

    @property
    def slots(self) -> int:
        """Jobs side by side."""
        return self._shape.slots

    @property
    def threads(self) -> int:
        """Threads of each."""
        return self._shape.threads

    @property
    def accelerators(self) -> int:
        """How many slots, from the first, have a GPU or a part of one."""
        return self._shape.accelerators

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(self._choices.address)

    @cached_property
    def _shape(self) -> Shape:
        choices = self._choices
        return Shape.of(self._cluster.nodes(), choices.slots, self._needs, choices.data_parallel)

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        flights: dict[int, Flight] = {}
        try:
            while True:
                yield from self._fill(flights, next_job)
                if not flights:
                    return
                if deadline is not None and time.monotonic() >= deadline:
                    for number in list(flights):
                        yield from self._heard_out(flights, number)
                    yield from (Cancelled(flight.job) for flight in flights.values())
                    return
                yield from self._receive(flights, deadline)
        finally:
            # Also reached when the caller stops listening: an interrupt, an error.
            for flight in flights.values():
                flight.cancel()

    def close(self) -> None:
        """Leave the cluster; the next job joins it again."""
        if "_cluster" in self.__dict__:
            self._sent, self._slots = Sent(), {}
            self._cluster.close()
            del self.__dict__["_cluster"]
            self.__dict__.pop("_shape", None)

    def _fill(self, flights: dict[int, Flight], next_job: NextJob) -> Iterator[Event]:
        for number in range(self.slots):
            while number not in flights and (job := next_job(number)) is not None:
                yield from self._launch(flights, number, job, Counter())
            if number not in flights and number >= self.accelerators:
                # Slots without a GPU are alike.
                return

    def _launch(
        self, flights: dict[int, Flight], number: int, job: Job, endings: Counter[Ending]
    ) -> Iterator[Event]:
        """Hand a job to the cluster, unless it cannot be sent, or predicts by damaged models."""
        try:
            kept, content = kept_for(job), packed_for_elsewhere(job)
        except (OSError, WorkbenchError) as error:
            yield Failed(job, **failure(error))
        else:
            flights[number] = Flight(job, self._submitted(job, content, number, kept), endings)

    def _receive(self, flights: dict[int, Flight], deadline: float | None) -> Iterator[Event]:
        """Wait until a job tells something, and yield what is known then."""
        ends = [flight.end(self._limit) for flight in flights.values()]
        until = min([*ends, *([] if deadline is None else [deadline])])
        for number in speaking(flights, max(0.0, until - time.monotonic())):
            yield from self._heard(flights, number)
        now = time.monotonic()
        for number, flight in list(flights.items()):
            if now >= flight.end(self._limit):
                yield from self._heard_out(flights, number)
                if flights.get(number) is flight:
                    flight.cancel()
                    reason = f"it took longer than {self._limit:g} s (--job-limit)"
                    yield from self._again(flights, number, Ending.OVERRUN, reason)

    def _heard_out(self, flights: dict[int, Flight], number: int) -> Iterator[Event]:
        """Take the messages of a job that are there: one that has ended is not stopped."""
        flight = flights[number]
        while flights.get(number) is flight and flight.has_news:
            yield from self._heard(flights, number)

    def _heard(self, flights: dict[int, Flight], number: int) -> Iterator[Event]:
        """Take one message of a job."""
        from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

        flight = flights[number]
        try:
            message: Message = flight.next()
        except (RayTaskError, RuntimeEnvSetupError) as error:
            del flights[number]
            yield Failed(flight.job, reason_before(error), str(error))
        except (RayError, StopIteration) as error:
            yield from self._again(flights, number, *cause_of_death(error))
        else:
            yield from self._taken(flights, number, message)

    def _taken(self, flights: dict[int, Flight], number: int, message: Message) -> Iterator[Event]:
        flight = flights[number]
        if isinstance(message, Unlike):
            raise unlike(message.host, list(message.differences))
        if isinstance(message, Begun):
            flight.begin(message.node)
            self._slots[number] = replace(self._slot(number), node=message.node)
            yield Started(flight.job)
        elif isinstance(message, Told):
            event = message.kind(job=flight.job, **message.values)
            if isinstance(event, (Done, Failed)):
                flight.leave()
                del flights[number]
            yield event
        else:
            try:
                message.write(RunStore(flight.job.run.store), flight.job)
            except WorkbenchError as error:
                flight.cancel()
                del flights[number]
                yield Failed(flight.job, str(error))

    def _again(
        self, flights: dict[int, Flight], number: int, ending: Ending, reason: str
    ) -> Iterator[Event]:
        """Begin a job again that ended without a result, unless that happened too often."""
        flight = flights.pop(number)
        endings = flight.endings + Counter([ending])
        if endings[ending] >= MOST[ending]:
            yield Failed(flight.job, f"{reason}, {endings[ending]} times")
        else:
            yield from self._launch(flights, number, flight.job, endings)

    def _slot(self, number: int) -> _Slot:
        return self._slots.get(number, _Slot())

    def _submitted(self, job: Job, content: bytes, number: int, kept: Mapping[Held, Kept]) -> Any:
        """Hand a job to the cluster; return what yields its messages."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        slot = self._slot(number)
        backend = load_trainer(job.model.trainer).backend
        slot = self._slots[number] = replace(slot, backend=backend or slot.backend)
        on_gpu = number < self.accelerators and job.accelerated
        variables = {
            **worker_variables(self.threads),
            **({} if on_gpu else WITHOUT),
            **(DIVIDED if on_gpu and self._choices.data_parallel else {}),
            # Ray keeps a process for tasks of the same environment. A slot has one of its own, with
            # its transformed features, and another for each backend of Keras.
            "COMPS_SLOT": f"{number} {slot.backend}",
        }
        options: dict[str, Any] = {
            "num_cpus": self.threads,
            "num_gpus": self._shape.gpu if on_gpu else 0,
            "num_returns": "streaming",
            "max_retries": 0,
            "name": job.label,
            "runtime_env": {"env_vars": variables},
        }
        if self._needs.memory:
            options["memory"] = self._needs.memory
        if slot.node is not None:
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(
                slot.node, soft=True, _spill_on_unavailable=True
            )
        sent = self._sent
        named = files_of(job.model)
        return (
            _task(on_gpu)
            .options(**options)
            .remote(
                sent.versions(self._cluster.versions),
                backend,
                content,
                sent.rows(job.run),
                sent.folds(job.run),
                kept,
                [part for part, _ in named],
                *(sent.file(path) for _, path in named),
            )
        )


@cache
def _task(on_gpu: bool) -> Any:
    """Return the task that Ray knows; one for all jobs, since each that is made is sent anew."""
    import ray

    # The next job may get another GPU, and libraries stay with the one that they began with: a
    # process with a GPU ends with its job.
    return ray.remote(max_calls=1)(perform) if on_gpu else ray.remote(perform)


@dataclass(frozen=True)
class _Slot:
    """Where the last job of a slot was: its transformed features are there.

    Attributes:
        node: of the cluster.
        backend: that its process imported Keras with, if any.
    """

    node: str | None = None
    backend: str | None = None
