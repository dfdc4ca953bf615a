"""Where a job finds its rows, its folds and what is kept, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from comps.base import Array, DataError, Dataset, Model
from pipelines.folds import Folds, Held
from pipelines.folds.files import read_folds
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept
from pipelines.store import RunStore

if TYPE_CHECKING:
    from pipelines.engines.jobs import Run


class Results(Protocol):
    """What a job needs of a run store; see `RunStore`."""

    def write_fold(self, model: Model, key: str, result: FoldResult) -> None: ...

    def write_tested(
        self, model: str, key: str, repeat: int, held: Held, step: int, test: Array
    ) -> None: ...

    def read_kept(self, model: str, key: str, repeat: int, held: Held) -> Kept: ...

    def write_kept(self, model: str, key: str, repeat: int, held: Held, kept: Kept) -> None: ...


class Place(Protocol):
    """What is around a job: the files of this machine, or what was sent to another one."""

    def dataset(self, run: Run) -> Dataset:
        """Return the rows.

        Raises:
            DataError: if they are not those of the run.
        """
        ...

    def folds(self, run: Run, n_rows: int) -> Folds:
        """Return the row numbers of the folds."""
        ...

    def results(self, run: Run) -> Results:
        """Return where results go."""
        ...


@dataclass(frozen=True)
class OnDisk:
    """The files of this machine. Rows are loaded once a process, as long as the run is the same."""

    def dataset(self, run: Run) -> Dataset:
        """Return the rows that the competition's loader finds."""
        key = (run.competition.name, run.data, run.data_fingerprint)
        if key not in _loaded:
            dataset = run.competition.load(run.data)
            if dataset.fingerprint != run.data_fingerprint:
                raise DataError(
                    f"The files in {run.data} changed while the run was going on. Run it again."
                )
            _loaded.clear()
            _loaded[key] = dataset
        return _loaded[key]

    def folds(self, run: Run, n_rows: int) -> Folds:
        """Return the folds that the run's store has."""
        return _folds(run.folds, run.spec, n_rows)

    def results(self, run: Run) -> Results:
        """Return the run's store."""
        return RunStore(run.store)


# A worker is kept for many jobs: the rows of the last run stay in memory.
_loaded: dict[tuple[str, Path, str], Dataset] = {}
_folds = lru_cache(maxsize=1)(read_folds)


if TYPE_CHECKING:
    _: Place = OnDisk()

    def _conforms(store: RunStore) -> Results:
        return store
