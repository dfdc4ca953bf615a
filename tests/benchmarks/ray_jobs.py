"""What the engine `ray` takes beside the work: many empty jobs here, and a cluster foreseen.

    python -m tests.benchmarks.ray_jobs [--jobs 2000] [--folds 10]
        [--nodes 100] [--cores 16] [--of 10000] [--seconds 60]

An empty job fits the mean of 120 rows. All of them go the whole way: the queue, the cluster, the
store, one file each. "driver" is processor time of the process that starts the run, which is one
for the whole cluster; its parts are wall time, in which it may also wait for a core.

The expected time of a large run follows from these parts by playing it through: each job takes its
seconds on a free core; the driver hands jobs out and takes results one after the other; a core's
first job waits for a process that has imported what it needs.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.crossval import cross_validate
from pipelines.engines import EngineChoices
from pipelines.engines.queue import JobQueue
from pipelines.engines.ray import RayEngine, _engine, _flight
from pipelines.store import RunStore
from tests.benchmarks.measuring import memory_of
from tests.support import MEAN, Recorder, tiny_experiment, write_tiny

Parts = defaultdict[str, float]


def timed(parts: Parts, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, whose seconds are added up under a name."""

    def call(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            parts[name] += time.perf_counter() - started

    return call


def instrument(parts: Parts) -> None:
    """Measure what the driver does for each job."""
    for owner, method, name in (
        (RayEngine, "_submitted", "handing out"),
        (_flight.Flight, "next", "fetching messages"),
        (RunStore, "write_fold", "writing the store"),
        (JobQueue, "next_job", "queue: next job"),
        (JobQueue, "status", "queue: time left"),
    ):
        setattr(owner, method, timed(parts, name, getattr(owner, method)))
    speaking = timed(parts, "waiting for messages", _flight.speaking)
    setattr(_engine, "speaking", speaking)  # noqa: B010  # it is imported there


def empty_jobs(jobs: int, folds: int) -> tuple[Parts, float, float, float]:
    """Run empty jobs; return the parts, seconds until the first began, seconds in all, and CPU."""
    import os

    parts: Parts = defaultdict(float)
    instrument(parts)
    with tempfile.TemporaryDirectory() as name:
        data = write_tiny(Path(name) / "data")
        experiment = tiny_experiment(data, n_folds=folds, n_repeats=jobs // folds)
        store = RunStore(Path(name) / "runs")
        engine = RayEngine(EngineChoices())
        started = time.perf_counter()
        slots = engine.slots
        joined = time.perf_counter() - started
        recorder = Recorder()
        began, cpu = time.perf_counter(), time.process_time()
        with store.writing():
            cross_validate(
                experiment, [MEAN], store=store, engine=lambda: engine, reporter=recorder
            )
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        written = sum(path.stat().st_size for path in store.root.rglob("r*-f*.npz"))
        print(
            f"{jobs} jobs on {slots} slots: {seconds:.1f} s and {joined:.1f} s to start Ray; "
            f"driver {cpu / jobs * 1e3:.1f} ms a job, {memory_of(os.getpid()) / 1e9:.2f} GB with "
            f"workers; {written / jobs / 1e3:.1f} KB a result"
        )
    for part, taken in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {part:<22} {taken / jobs * 1e3:>6.2f} ms a job")
    return parts, joined, seconds, cpu


def expected(slots: int, jobs: int, seconds: float, driver: float, start: float) -> float:
    """Return the seconds of a run on a cluster.

    Args:
        slots: cores.
        jobs: how many.
        seconds: of each.
        driver: its seconds a job.
        start: of a core's first process.
    """
    free = [(0.0, True)] * slots
    clock = last = 0.0
    for _ in range(jobs):
        at, first = heapq.heappop(free)
        # One after the other: the driver hands out the next job when it has taken a result.
        clock = max(clock, at) + driver
        end = clock + (start if first else 0.0) + seconds
        last = max(last, end)
        heapq.heappush(free, (end, False))
    return last


def main() -> None:
    """Print what was measured, and what follows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--of", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--start", type=float, default=15.0)
    options = parser.parse_args()
    _, joined, _, cpu = empty_jobs(options.jobs, options.folds)
    slots = options.nodes * options.cores
    driver = cpu / options.jobs
    took = joined + expected(slots, options.of, options.seconds, driver, options.start)
    waves = -(-options.of // slots) * options.seconds
    print(
        f"Expected of {options.of} jobs of {options.seconds:g} s on {slots} cores: {took:.0f} s; "
        f"no schedule takes less than {waves:.0f} s ({waves / took:.0%}), and "
        f"{options.of * options.seconds / slots:.0f} s if jobs could be cut "
        f"({options.of * options.seconds / slots / took:.0%}). The driver is busy "
        f"{driver * options.of / took:.0%} of the time, and keeps up with jobs of "
        f"{driver * slots:.0f} s and more."
    )


if __name__ == "__main__":
    main()
