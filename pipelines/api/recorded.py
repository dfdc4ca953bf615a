"""Calls that train leave a record and a log of what they told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from comps.base import Model, StoreError
from pipelines.api.progress import Teller, Update, goes_on
from pipelines.api.session import Session
from pipelines.engines import Event, Failed
from pipelines.engines.queue import QueueStatus
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, error_log
from pipelines.store.recording import Recording, begin
from pipelines.store.records import Status


@contextmanager
def recorded(
    session: Session,
    teller: Teller,
    command: str,
    models: Sequence[Model],
    experiment: Experiment | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[LoggedTeller]:
    """Keep a record and a log of a call while it trains, however it ends.

    Args:
        session: of the call.
        teller: tells what happens.
        command: name of the call.
        models: that are to be trained.
        experiment: on which rows and folds; None takes the session's.
        options: choices of this call beside those of the session, as JSON values.

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
        options={**session.options.named, **(options or {})},
        files=session.dataset.fingerprint if part is None else part.data,
        sealed=session.options.sealed,
        folds_file=None if session.folds_file is None else session.folds_file.content,
    )
    logged = LoggedTeller(teller, recording)
    for note in session.introduction():
        logged.write(note)
    try:
        recording.noted(logged.notes)
        yield logged
    except BaseException as error:
        ended = Status.FAILED if isinstance(error, Exception) else Status.INTERRUPTED
        logged.write(f"{ended}: {error}" if str(error) else str(ended))
        # What went wrong first is what the user has to read, a full disk for example.
        with suppress(StoreError):
            recording.ended(ended, error)
        raise
    recording.ended(Status.DONE)


class LoggedTeller(Teller):
    """Tells everything, and writes it into the log and the record of a call.

    Args:
        shown: tells it to whoever listens.
        recording: of the call.
    """

    def __init__(self, shown: Teller, recording: Recording) -> None:
        super().__init__(shown.metric, shown.tell)
        self.notes = shown.notes
        self.recording = recording

    def event(self, event: Event, status: QueueStatus) -> None:
        """See `Reporter`; threads and a failure are entered into the record."""
        self.recording.began(event.job.run.threads)
        if isinstance(event, Failed) and event.job.kind != "pairs":
            job = event.job
            log = error_log(job.model.name, job.key)
            self.recording.failed(job.model.member, event.reason, log)
        super().event(event, status)

    def finished(self, oof: OutOfFold) -> None:
        """See `Reporter`; the member is entered into the record."""
        self.recording.finished([oof])
        super().finished(oof)

    def note(self, text: str) -> None:
        """See `Reporter`; the note is entered into the record."""
        super().note(text)
        self.recording.noted(self.notes)

    def tell(self, update: Update) -> None:
        """Pass an update on, and write it into the log, unless it is one of very many."""
        if not goes_on(update):
            self.write(update.text)
        super().tell(update)

    def write(self, text: str) -> None:
        """Write a text with the time into the log."""
        # That the log cannot be written is no reason to end a run.
        with suppress(OSError), self.recording.log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")
