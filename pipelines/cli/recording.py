"""Commands that train leave a record and a log: an output that writes down what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import Metric, Model, StoreError
from pipelines.cli.options import Session
from pipelines.cli.reporters import Output, describe
from pipelines.engines import Event, Failed, Progress
from pipelines.engines.queue import QueueStatus
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, error_log
from pipelines.store.recording import Recording, begin
from pipelines.store.records import Status

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Recorded:
    """A command that is recorded.

    Attributes:
        output: shows everything as before, and writes it down.
        recording: for what an output is not told.
    """

    output: Output
    recording: Recording


@contextmanager
def recorded(
    session: Session,
    output: Output,
    command: str,
    models: Sequence[Model],
    experiment: Experiment | None = None,
) -> Iterator[Recorded]:
    """Keep a record and a log of a command while it trains, however it ends.

    Args:
        session: of the command.
        output: what shows its results.
        command: its name.
        models: that are to be trained.
        experiment: on which rows and folds; None takes the session's.

    Raises:
        StoreError: if nothing can be written.
    """
    part = session.sealed
    recording = begin(
        session.store,
        command,
        session.experiment() if experiment is None else experiment,
        models,
        {model.name: model for model in session.competition.models},
        options={name: _plain(value) for name, value in session.options.given.items()},
        files=session.dataset.fingerprint if part is None else part.data,
        sealed=session.options.sealed,
    )
    logged = LoggedOutput(output, recording, session.competition.metric)
    for note in session.introduction():
        logged.write(note)
    try:
        yield Recorded(logged, recording)
    except BaseException as error:
        ended = Status.FAILED if isinstance(error, Exception) else Status.INTERRUPTED
        logged.write(f"{ended}: {error}" if str(error) else str(ended))
        # What went wrong first is what the user has to read, a full disk for example.
        with suppress(StoreError):
            recording.ended(ended, error)
        raise
    recording.ended(Status.DONE)


class LoggedOutput:
    """Passes everything on, and writes it into the log and the record of a command."""

    def __init__(self, output: Output, recording: Recording, metric: Metric) -> None:
        self.shown, self.recording, self.metric = output, recording, metric

    def planned(self, to_fit: int, stored: int) -> None:
        self.write(f"{to_fit} fits to make, {stored} stored")
        self.shown.planned(to_fit, stored)

    def event(self, event: Event, status: QueueStatus) -> None:
        if not isinstance(event, Progress):
            name = type(event).__name__.lower()
            self.write(f"[{status.done}/{status.total}] {name}: {describe(event, self.metric)}")
        if isinstance(event, Failed) and event.job.kind != "pairs":
            job = event.job
            log = error_log(job.model.name, job.key)
            self.recording.failed(job.model.member, event.reason, log)
        self.shown.event(event, status)

    def finished(self, oof: OutOfFold) -> None:
        score = f"{oof.score:.{self.metric.digits}f}"
        self.write(f"{oof.model}: out-of-fold {self.metric.label} {score}, key {oof.key}")
        self.recording.finished([oof])
        self.shown.finished(oof)

    def note(self, text: str) -> None:
        self.write(text)
        self.shown.note(text)

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        from rich.console import Console

        text = StringIO()
        Console(file=text, width=160, markup=False).print(table)
        self._append(text.getvalue())
        self.shown.table(name, table, rows)

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        self.write(text)
        self.shown.result(text, values, event)

    def trial(self, text: str, values: Mapping[str, Any]) -> None:
        self.write(text)
        self.shown.trial(text, values)

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        self.shown.told(event, values)

    def pause(self) -> None:
        self.shown.pause()

    def write(self, text: str) -> None:
        """Write a line with the time into the log."""
        self._append(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    def _append(self, text: str) -> None:
        # That the log cannot be written is no reason to end a run.
        with suppress(OSError), self.recording.log.open("a", encoding="utf-8") as file:
            file.write(text)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
