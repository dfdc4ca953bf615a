"""The seam between the harness and the engines, which execute jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from comps.base import UsageError
from pipelines.engines.jobs import FoldScore, Job


@dataclass(frozen=True)
class Started:
    """A job has begun."""

    job: Job


@dataclass(frozen=True)
class Progress:
    """A job has reached a stage; `score` is the mean over its folds."""

    job: Job
    step: int
    score: float


@dataclass(frozen=True)
class Done:
    """A job has ended and its results are in the store."""

    job: Job
    scores: Sequence[FoldScore]
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A job has ended without a result.

    Attributes:
        job: which.
        reason: one line for the user.
        details: the traceback, for the log; empty where there is none.
    """

    job: Job
    reason: str
    details: str = ""


@dataclass(frozen=True)
class Cancelled:
    """A job was stopped because the time was over."""

    job: Job


# What libraries say, which raise errors of their own, or none but this text.
_OUT_OF_MEMORY = ("bad_alloc", "resource_exhausted", "out of memory", "unable to allocate")


def reason_of(error: BaseException) -> str:
    """Return one line on an error of a model's library, in words where memory ran out.

    >>> reason_of(ValueError("no rows")), reason_of(MemoryError())
    ('ValueError: no rows', 'memory ran out (MemoryError); fewer jobs side by side (--jobs 1) \
need less')
    """
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in _OUT_OF_MEMORY):
        return f"memory ran out ({text}); fewer jobs side by side (--jobs 1) need less"
    return text


Event = Started | Progress | Done | Failed | Cancelled
NextJob = Callable[[int], Job | None]


@dataclass(frozen=True, kw_only=True)
class EngineChoices:
    """What was chosen of where jobs run; None leaves it to the engine.

    Attributes:
        slots: jobs side by side.
        data_parallel: whether a network is trained on all accelerators at once.
        address: of a cluster.
        job_limit: seconds after which a job is ended, and begins once more.
        job_needs: what a job takes of a machine beside its cores, such as "gpu=0.5,memory=4GB".
    """

    slots: int | None = None
    data_parallel: bool = False
    address: str | None = None
    job_limit: float | None = None
    job_needs: str | None = None

    def refuse(self, engine: str, *names: str) -> None:
        """Refuse choices that an engine has no use for.

        Raises:
            UsageError: if one of them was made.

        >>> EngineChoices(address="auto").refuse("local", "job_needs")
        """
        given = [name for name in names if getattr(self, name)]
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(
                f"{options} is for a cluster (--engine ray); the engine '{engine}' has none."
            )


class Engine(Protocol):
    """Executes jobs.

    Attributes:
        slots: how many jobs run side by side.
        threads: how many threads each of them may use.
        accelerators: how many slots, from the first, own a GPU or the like, on which networks are
            trained; 0 where all slots are alike.
    """

    @property
    def slots(self) -> int: ...

    @property
    def accelerators(self) -> int: ...

    @property
    def threads(self) -> int: ...

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs and yield what happens, in the order in which it happens.

        Args:
            next_job: asked whenever a slot is free, with the slot's number; None when there is no
                more.
            deadline: on the clock of `time.monotonic`; at that moment jobs are stopped.
        """
        ...

    def close(self) -> None:
        """Release workers; jobs in flight are stopped."""
        ...
