"""Many members, many runs, many fits: what they take, and that all of them end well.

`python -m tests.faults.load` prints figures of this machine. Parts: `members`, `runs`, `store` and
`jobs`; `--size` of each.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from ensembles import best_blend
from pipelines.basics.files import remove_unfinished
from pipelines.engines import Done, make_engine
from pipelines.store import RunStore
from pipelines.store.records import read_records
from tests.faults.cuts import run_houses
from tests.support import RIDGE, fold_result, giving, make_jobs, tiny_experiment, write_tiny
from tests.test_cli import write_houses
from tests.test_store import make_oof


def blend_members(size: int) -> Iterator[str]:
    """Blend so many members, each a noisy guess of the target."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = tiny_experiment(write_tiny(Path(folder)))
        competition, dataset, folds = experiment.competition, experiment.dataset, experiment.folds
        target = competition.metric.scale.forward(dataset.target)
        chance, one = np.random.default_rng(0), make_oof(experiment)
        members = [
            replace(one, model=f"member-{number}", key=f"k{number}", valid=target + noise)
            for number in range(size)
            for noise in [chance.normal(0, 0.1 + number / size, len(target))]
        ]
        began = time.perf_counter()
        chosen, tried = best_blend(members, target, folds, competition.metric)
        seconds = time.perf_counter() - began
    assert np.isfinite(chosen.honest_score) and len(chosen.weights) == size
    yield f"{size} members were blended in {seconds:.1f} s, by {len(tried)} methods"


def _one_run(folder: Path) -> bytes:
    folder.mkdir(parents=True)
    write_houses(folder / "houses.zip")
    run_houses(folder)
    return (folder / "submission.csv").read_bytes()


def run_side_by_side(size: int) -> Iterator[str]:
    """Run so many times in one folder tree, eight at once."""
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, str(number % 10), str(number)) for number in range(size)]
        context = multiprocessing.get_context("forkserver")
        began = time.perf_counter()
        with ProcessPoolExecutor(8, mp_context=context) as pool:
            submissions = list(pool.map(_one_run, folders))
        seconds = time.perf_counter() - began
    assert len(set(submissions)) == 1
    yield f"{size} runs, 8 at once, took {seconds:.0f} s and left the same submission"


def list_a_store(size: int) -> Iterator[str]:
    """Look through a store of so many fits."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = tiny_experiment(write_tiny(Path(folder, "data")))
        store = RunStore(Path(folder, "runs", "tiny"))
        store.write_fold(RIDGE, "k0", fold_result())
        store.write_oof(make_oof(experiment, key="k0"))
        first = store.fold_path("ridge", "k0", 0, (0,)).parent
        for number in range(1, size // 10):
            # A study leaves ten fits a key. Links cost no disk, and are listed as files are.
            other = first.with_name(f"k{number}")
            other.mkdir()
            os.link(first / "oof-r1.npz", other / "oof-r1.npz")
            for fold in range(10):
                os.link(first / "r0-f0.npz", other / f"r0-f{fold}.npz")
        looks: Mapping[str, Callable[[], object]] = {
            "its lock and what kills left": lambda: remove_unfinished(store.root),
            "its records": lambda: read_records(store),
            "one fit": lambda: store.has_fold("ridge", "k7", 0, (0,)),
            "the members on these rows": lambda: store.predictions(
                experiment.dataset, experiment.folds
            ),
        }
        for what, look in looks.items():
            began = time.perf_counter()
            look()
            yield f"store of {size} fits: {what} in {time.perf_counter() - began:.2f} s"


def train_jobs(size: int, warm_up: int = 100) -> Iterator[str]:
    """Train so many jobs in one process, and look at its memory and its open files."""
    process, engine = psutil.Process(), make_engine("inline")
    with tempfile.TemporaryDirectory() as folder:
        experiment = tiny_experiment(write_tiny(Path(folder, "data")))
        store = RunStore(Path(folder, "runs", "tiny"))
        models = [RIDGE.with_params({"alpha": 1.0 + number}) for number in range(size // 3 + 1)]
        jobs = make_jobs(experiment, store, models, folds=((0,), (1,), (2,)))[:size]
        ended, figures = 0, []
        for event in engine.run(giving(jobs), None):
            ended += isinstance(event, Done)
            if isinstance(event, Done) and ended in (warm_up, size):
                gc.collect()
                figures.append((process.memory_info().rss, process.num_fds()))
    (before, files), (after, more) = figures
    assert more <= files, f"{more} open files after {size} jobs, {files} after {warm_up}"
    assert after < 1.05 * before, f"{after / 1e6:.0f} MB after {before / 1e6:.0f} MB"
    yield (
        f"{size} jobs: {after / 1e6:.0f} MB and {more} open files; after the first {warm_up} "
        f"{before / 1e6:.0f} MB and {files}"
    )


PARTS: Mapping[str, tuple[Callable[[int], Iterator[str]], int]] = {
    "members": (blend_members, 1000),
    "store": (list_a_store, 10_000),
    "jobs": (train_jobs, 500),
    "runs": (run_side_by_side, 100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--size", type=int)
    given = parser.parse_args()
    for name in given.parts:
        part, usual = PARTS[name]
        for line in part(given.size or usual):
            print(line, flush=True)


if __name__ == "__main__":
    main()
