"""Keep the record of a command up to date while it trains."""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from comps.base import JSON, Model, WorkbenchError
from pipelines.basics.hardware import described
from pipelines.basics.processes import typed_command
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.store.decided import Decided
from pipelines.store.records import (
    Failure,
    Member,
    Record,
    RecordedFolds,
    RecordedRows,
    Status,
    reserve_log,
    write_record,
)

# What decides results or their last bits. Those that are not installed are left out.
_LIBRARIES = (
    *("competition-workbench", "numpy", "pandas", "scikit-learn", "scipy", "lightgbm", "xgboost"),
    *("catboost", "keras", "jax", "tensorflow", "torch", "optuna", "keras-tuner"),
)

# In the hardware of a record: how sums are divided among threads decides last bits, too.
THREADS = "threads of a job"


class Recording:
    """Keeps the record of one command up to date in a run store.

    Args:
        store: where it is kept.
        record: its first state, see `begin`.
    """

    def __init__(self, store: RunStore, record: Record) -> None:
        self.store, self.record = store, record
        self._began = time.monotonic()
        self._write()

    @property
    def log(self) -> Path:
        """The log file; it exists from the start, and is empty at first."""
        return self.store.root / "records" / f"{self.record.name}.log"

    def finished(self, oofs: Iterable[OutOfFold]) -> None:
        """Record the results of members; members that were not planned are ignored."""
        found = {oof.key: oof for oof in oofs}
        members = tuple(
            member.finished(found[member.key]) if member.key in found else member
            for member in self.record.members
        )
        self._change(members=members)

    def joined(
        self, models: Iterable[Model], experiment: Experiment, declared: Mapping[str, Model]
    ) -> None:
        """Record models that were not planned, and became members; see `begin`."""
        members = _members(models, experiment, declared)
        self._change(members=(*self.record.members, *members))

    def began(self, threads: int) -> None:
        """Record the threads that each job of the command has."""
        hardware = {**self.record.hardware, THREADS: str(threads)}
        if hardware != self.record.hardware:
            self._change(hardware=hardware)

    def failed(self, name: str, reason: str, log: str | None) -> None:
        """Record that a model could not be trained; of each model the first reason is kept."""
        if name not in {failure.name for failure in self.record.failures}:
            failure = Failure(name=name, reason=reason, log=log)
            self._change(failures=(*self.record.failures, failure))

    def blended(self, values: Mapping[str, JSON]) -> None:
        """Record the blend."""
        self._change(blend=values)

    def decided(self, decided: Decided) -> None:
        """Record what the run decided."""
        self._change(decided=decided)

    def tuned(self, values: Mapping[str, JSON]) -> None:
        """Record the outcome of a search."""
        self._change(tuned=values)

    def noted(self, notes: Iterable[str]) -> None:
        """Record what the user was told so far."""
        self._change(notes=tuple(notes))

    def ended(self, status: Status, error: BaseException | None = None) -> None:
        """Record how the command ended."""
        text = None
        if isinstance(error, Exception):
            text = str(error) if isinstance(error, WorkbenchError) else repr(error)
        self._change(status=status, error=text)

    def _change(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._write()

    def _write(self) -> None:
        seconds = round(time.monotonic() - self._began, 3)
        self.record = replace(self.record, seconds=seconds)
        write_record(self.store, self.record)


def _members(
    models: Iterable[Model], experiment: Experiment, declared: Mapping[str, Model]
) -> tuple[Member, ...]:
    return tuple(Member.of(model, experiment.key(model), declared[model.name]) for model in models)


def begin(
    store: RunStore,
    command: str,
    experiment: Experiment,
    models: Sequence[Model],
    declared: Mapping[str, Model],
    *,
    options: Mapping[str, JSON],
    files: str,
    sealed: float | None = None,
    folds_file: bytes | None = None,
) -> Recording:
    """Write the record of a command that begins to train, and return what keeps it up to date.

    Args:
        store: where it is kept.
        command: e.g. "run".
        experiment: rows and folds.
        models: that are to be trained, in the order of the blend.
        declared: the zoo's models by name.
        options: as given; JSON values.
        files: fingerprint of all rows, the sealed ones too.
        sealed: share of the sealed rows.
        folds_file: what a file says that numbers the folds, or None; the store keeps a copy.

    Raises:
        StoreError: if it cannot be written.
    """
    name, started = reserve_log(store, command)
    folds, dataset = experiment.folds, experiment.dataset
    record = Record(
        name=name,
        command=command,
        started=started.isoformat(),
        options=options,
        seed=experiment.seed,
        data=RecordedRows(
            # Rows in memory have no place.
            path=str(experiment.data.resolve() if experiment.data.exists() else experiment.data),
            files=files,
            fingerprint=dataset.fingerprint,
            sealed=sealed,
        ),
        folds=RecordedFolds(
            scheme=folds.spec.scheme,
            n_folds=folds.spec.n_folds,
            repeats=folds.n_repeats,
            fingerprint=folds.fingerprint,
            file=None if folds_file is None else store.keep_folds_file(folds_file),
        ),
        versions=versions(),
        process=os.getpid(),
        host=socket.gethostname(),
        members=_members(models, experiment, declared),
        hardware=described(),
        typed=typed_command(),
    )
    return Recording(store, record)


def versions() -> dict[str, str]:
    """Return the versions of Python and of what decides results, by name, as a record has them."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
