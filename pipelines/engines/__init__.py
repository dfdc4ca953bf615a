"""Engines: where jobs run. A new one is one new file here and one entry in `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comps.base import UsageError, unknown_name
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
from pipelines.engines.local import LocalEngine, available_cores, warm_up


def _inline(slots: int | None) -> Engine:
    if slots not in (None, 1):
        raise UsageError("The engine 'inline' runs one job at a time; leave out --jobs.")
    return InlineEngine(threads=len(available_cores()))


ENGINES: Mapping[str, Callable[[int | None], Engine]] = {
    "local": LocalEngine,
    "inline": _inline,
}


def make_engine(name: str, slots: int | None = None) -> Engine:
    """Return the engine of that name.

    Raises:
        UsageError: if there is none, or `slots` is not possible there.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    return ENGINES[name](slots)


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
