"""What is put into the object store, once for all jobs, and what goes with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from comps.base import Dataset
from pipelines.engines._places import OnDisk
from pipelines.engines.jobs import Job, Run
from pipelines.engines.ray._parcel import Packed
from pipelines.folds import Folds, Held
from pipelines.results.kept import Kept
from pipelines.store import RunStore


class Sent:
    """What was put into the object store, once for all jobs."""

    def __init__(self) -> None:
        self._references: dict[object, Any] = {}

    def _once(self, key: object, make: Callable[[], object]) -> Any:
        import ray

        if key not in self._references:
            self._references[key] = ray.put(make())
        return self._references[key]

    def versions(self, found: dict[str, str]) -> Any:
        """Return a reference to the versions of this process."""
        return self._once("versions", lambda: found)

    def rows(self, run: Run) -> Any:
        """Return a reference to the rows of a run."""
        key = ("rows", run.competition.name, run.data_fingerprint)
        return self._once(key, lambda: Packed.of(_dataset(run)))

    def folds(self, run: Run) -> Any:
        """Return a reference to the row numbers of the folds of a run."""
        key = ("folds", run.folds, run.data_fingerprint)
        return self._once(key, lambda: Packed.whole(_folds(run)))

    def file(self, path: Path) -> Any:
        """Return a reference to the content of a file."""
        state = path.stat()
        return self._once((path, state.st_size, state.st_mtime_ns), path.read_bytes)


def _dataset(run: Run) -> Dataset:
    return OnDisk().dataset(run) if run.experiment is None else run.experiment.dataset


def _folds(run: Run) -> Folds:
    if run.experiment is not None:
        return run.experiment.folds
    return OnDisk().folds(run, len(_dataset(run).target))


def kept_for(job: Job) -> dict[Held, Kept]:
    """Return the trained models that predict the test rows, where a job is to do that."""
    if job.step is None:
        return {}
    store = RunStore(job.run.store)
    return {held: store.read_kept(job.model.name, job.key, job.repeat, held) for held in job.held}
