"""`comps run house-prices` on worker processes and on Ray, and the parts of the difference.

    python -m tests.benchmarks.ray_house_prices [--models default] [--times 1]

Each run is the command itself in a fresh folder, one after the other in turn. The parts are
measured apart: starting Ray and asking for versions, the first job of a process against its
second, and ending.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from pipelines.engines import Done, Engine, EngineChoices, Started, make_engine
from pipelines.store import Experiment, RunStore
from tests.benchmarks.measuring import measure
from tests.support import RIDGE, giving, make_jobs, tiny_experiment, write_tiny


def parts(name: str) -> None:
    """Print what an engine takes beside the work."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = tiny_experiment(write_tiny(Path(folder) / "data"))
        store = RunStore(Path(folder) / "runs")
        started = time.perf_counter()
        engine = make_engine(name, EngineChoices())
        slots = engine.slots
        joined = time.perf_counter()
        first = seconds_of(engine, store, experiment, 0)
        second = seconds_of(engine, store, experiment, 1)
        ending = time.perf_counter()
        engine.close()
        print(
            f"{name}: start and versions {joined - started:.1f} s; first job of a process "
            f"{first[0]:.1f} s until it began and {first[1]:.1f} s, second {second[0]:.2f} s and "
            f"{second[1]:.2f} s ({slots} slots); end {time.perf_counter() - ending:.1f} s"
        )


def seconds_of(
    engine: Engine, store: RunStore, experiment: Experiment, fold: int
) -> tuple[float, float]:
    """Return the seconds until a small job began, and until it had ended after that."""
    handed = time.perf_counter()
    began = ended = handed
    for event in engine.run(giving(make_jobs(experiment, store, [RIDGE], folds=[(fold,)])), None):
        began = time.perf_counter() if isinstance(event, Started) else began
        ended = time.perf_counter() if isinstance(event, Done) else ended
    return began - handed, ended - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="default")
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    parts("local")
    parts("ray")
    for _ in range(options.times):
        for engine in ("local", "ray"):
            with tempfile.TemporaryDirectory() as name:
                arguments = ["run", "house-prices", "--models", options.models, "--engine", engine]
                seconds, memory, _ = measure(arguments, Path(name))
            print(f"{engine:>6}: {seconds:.1f} s, {memory:.2f} GB at most", flush=True)


if __name__ == "__main__":
    main()
