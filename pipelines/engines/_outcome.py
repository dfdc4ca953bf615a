"""How a job ended: the same for a process of this machine and for one of a cluster."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from comps.base import WorkbenchError
from pipelines.engines._base import Done, Event, Failed, reason_of
from pipelines.engines._places import OnDisk, Place
from pipelines.engines.jobs import Job, run_job
from pipelines.fitting.training import OnStage

# A bar that moves twice a second is alive; more messages would only cost time.
MESSAGE_INTERVAL = 0.5


def outcome_of(job: Job, on_stage: OnStage, place: Place | None = None) -> Done | Failed:
    """Execute a job and return how it ended: whatever a library raises fails this job alone.

    Args:
        job: what to do.
        on_stage: called with the step and the mean score over the fits in training.
        place: where rows are and results go; None takes the files of this machine.
    """
    started = time.perf_counter()
    try:
        scores = run_job(job, on_stage, place or OnDisk())
    except Exception as error:
        return Failed(job, **failure(error))
    return Done(job, scores, time.perf_counter() - started)


def failure(error: BaseException) -> dict[str, str]:
    """Return reason and details of a job that the error ended which is being handled."""
    if isinstance(error, WorkbenchError):
        return {
            "reason": str(error),
            "details": traceback.format_exc() if error.__cause__ else "",
        }
    return {"reason": reason_of(error), "details": traceback.format_exc()}


def now_and_then(tell: OnStage) -> OnStage:
    """Return a function that passes on a stage, unless it did so a moment ago."""
    last = 0.0

    def on_stage(step: int, score: float) -> None:
        nonlocal last
        if time.monotonic() - last >= MESSAGE_INTERVAL:
            last = time.monotonic()
            tell(step, score)

    return on_stage


def without_job(event: Event) -> tuple[type[Event], Mapping[str, Any]]:
    """Return an event as it is sent: its job is known there and may hold what is not."""
    return type(event), {
        part.name: getattr(event, part.name) for part in fields(event) if part.name != "job"
    }
