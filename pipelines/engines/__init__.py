"""Engines: where jobs run. A new one is one new file here and one entry in `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comps.base import UsageError, unknown_name
from pipelines.basics.hardware import available_cores
from pipelines.engines._base import (
    Cancelled,
    Done,
    Engine,
    EngineChoices,
    Event,
    Failed,
    NextJob,
    Progress,
    Started,
)
from pipelines.engines.inline import InlineEngine
from pipelines.engines.local import LocalEngine, warm_up

# What only a cluster has.
_CLUSTER = ("address", "job_needs")


def _local(choices: EngineChoices) -> Engine:
    choices.refuse("local", *_CLUSTER)
    return LocalEngine(
        choices.slots, data_parallel=choices.data_parallel, job_limit=choices.job_limit
    )


def _inline(choices: EngineChoices) -> Engine:
    choices.refuse("inline", *_CLUSTER)
    if choices.job_limit is not None:
        raise UsageError(
            "The engine 'inline' has no process that it could end; leave out --job-limit."
        )
    if choices.data_parallel:
        raise UsageError("The engine 'inline' trains on one device; leave out --data-parallel.")
    if choices.slots not in (None, 1):
        raise UsageError("The engine 'inline' runs one job at a time; leave out --jobs.")
    return InlineEngine(threads=len(available_cores()))


def _ray(choices: EngineChoices) -> Engine:
    from pipelines.engines.ray import RayEngine

    return RayEngine(choices)


ENGINES: Mapping[str, Callable[[EngineChoices], Engine]] = {
    "local": _local,
    "inline": _inline,
    "ray": _ray,
}


def make_engine(name: str, choices: EngineChoices | None = None) -> Engine:
    """Return the engine of that name.

    Args:
        name: one of `ENGINES`.
        choices: of the call; None leaves all to the engine.

    Raises:
        UsageError: if there is none, or what was chosen is not possible there.
        MissingPackageError: if its library is not installed.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    return ENGINES[name](choices or EngineChoices())


__all__ = [
    "ENGINES",
    "Cancelled",
    "Done",
    "Engine",
    "EngineChoices",
    "Event",
    "Failed",
    "NextJob",
    "Progress",
    "Started",
    "available_cores",
    "make_engine",
    "warm_up",
]
