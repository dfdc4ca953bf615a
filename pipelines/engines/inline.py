"""Jobs in this process, one after another: for debugging, and where processes are unwelcome."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from comps.base import WorkbenchError
from pipelines.engines._base import (
    Cancelled,
    Done,
    Engine,
    Event,
    Failed,
    NextJob,
    Progress,
    Started,
    reason_of,
)
from pipelines.engines.jobs import Job, run_job


class _OutOfTime(BaseException):
    """Raised in a job at the stage where the time is over."""


class InlineEngine:
    """Runs each job to its end; the deadline is checked between stages."""

    slots = 1
    accelerators = 0

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        while (job := next_job(0)) is not None:
            yield Started(job)
            stages: list[Progress] = []
            yield from _execute(job, stages, deadline)

    def close(self) -> None:
        """Do nothing: there are no workers."""


def _execute(job: Job, stages: list[Progress], deadline: float | None) -> Iterator[Event]:
    def on_stage(step: int, score: float) -> None:
        stages.append(Progress(job, step, score))
        if deadline is not None and time.monotonic() > deadline:
            raise _OutOfTime

    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # As in a worker process: a library's advice is no news, and calls print nothing.
            warnings.simplefilter("ignore")
            scores = run_job(job, on_stage)
    except _OutOfTime:
        yield Cancelled(job)
    except WorkbenchError as error:
        yield Failed(job, str(error), traceback.format_exc() if error.__cause__ else "")
    except Exception as error:  # whatever a model's library raises fails this job alone
        yield Failed(job, reason_of(error), traceback.format_exc())
    else:
        yield from stages[-1:]
        yield Done(job, scores, time.perf_counter() - started)


if TYPE_CHECKING:
    _: Engine = InlineEngine(threads=1)
