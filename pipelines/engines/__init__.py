"""Engines: where jobs run. A new one is one new file here and one entry in `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comps.base import UsageError, unknown_name
from pipelines.basics.hardware import available_cores
from pipelines.engines._base import (
    Cancelled,
    Done,
    Engine,
    Event,
    Failed,
    NextJob,
    Progress,
    Started,
)
from pipelines.engines.inline import InlineEngine
from pipelines.engines.local import LocalEngine, warm_up


def _local(slots: int | None, data_parallel: bool) -> Engine:
    return LocalEngine(slots, data_parallel=data_parallel)


def _inline(slots: int | None, data_parallel: bool) -> Engine:
    if data_parallel:
        raise UsageError("The engine 'inline' trains on one device; leave out --data-parallel.")
    if slots not in (None, 1):
        raise UsageError("The engine 'inline' runs one job at a time; leave out --jobs.")
    return InlineEngine(threads=len(available_cores()))


ENGINES: Mapping[str, Callable[[int | None, bool], Engine]] = {
    "local": _local,
    "inline": _inline,
}


def make_engine(name: str, slots: int | None = None, data_parallel: bool = False) -> Engine:
    """Return the engine of that name.

    Args:
        name: one of `ENGINES`.
        slots: jobs side by side; None leaves it to the engine.
        data_parallel: whether a network is trained on all accelerators at once.

    Raises:
        UsageError: if there is none, or `slots` is not possible there.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    return ENGINES[name](slots, data_parallel)


__all__ = [
    "ENGINES",
    "Cancelled",
    "Done",
    "Engine",
    "Event",
    "Failed",
    "NextJob",
    "Progress",
    "Started",
    "available_cores",
    "make_engine",
    "warm_up",
]
