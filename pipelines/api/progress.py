"""What a function of the API tells while it goes on, and how it gets to whoever listens."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from comps.base import Metric, UsageError
from pipelines.engines import Cancelled, Done, Event, Failed, Started
from pipelines.engines import Progress as Stage
from pipelines.engines.queue import QueueStatus
from pipelines.results.oof import OutOfFold

__all__ = [
    "Cancelled",
    "Done",
    "Event",
    "Failed",
    "Finished",
    "FitUpdate",
    "Note",
    "Planned",
    "Progress",
    "QueueStatus",
    "SearchPlanned",
    "Stage",
    "Started",
    "Teller",
    "TrialRunning",
    "TrialUpdate",
    "Update",
    "clock",
    "describe",
    "ignore",
    "show_progress",
]


@dataclass(frozen=True)
class Update:
    """Something that happened; as text, one line for people.

    Attributes:
        text: the line; without a full stop, where more of its kind follow.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def json(self) -> dict[str, Any]:
        """The same for machines, with the name of the `event`."""
        return {"event": "note", "text": self.text}


@dataclass(frozen=True)
class Planned(Update):
    """How many fits are to be made, and how many are stored."""

    to_fit: int
    stored: int

    @property
    def json(self) -> dict[str, Any]:
        """The numbers."""
        return {"event": "planned", "to_fit": self.to_fit, "stored": self.stored}


@dataclass(frozen=True)
class FitUpdate(Update):
    """A job began, went on, or ended.

    Attributes:
        event: what happened to the job, and which job that is.
        status: how many fits are done, and the time left.
    """

    event: Event
    status: QueueStatus

    @property
    def json(self) -> dict[str, Any]:
        """Which fits, how many are done, and what is known of these."""
        job, status = self.event.job, self.status
        return {
            "event": type(self.event).__name__.lower(),
            "model": job.model.member,
            "repeat": job.repeat,
            "fits": job.kind,
            "folds": list(dict.fromkeys(fold for held in job.held for fold in held)),
            "done": status.done,
            "total": status.total,
            "seconds_left": status.seconds_left,
            **_told(self.event),
        }


def _told(event: Event) -> dict[str, Any]:
    if isinstance(event, Stage):
        return {"step": event.step, "score": known(event.score)}
    if isinstance(event, Done):
        scores = [known(fit.score) for fit in event.scores]
        return {"scores": scores, "seconds": event.seconds}
    return {"reason": event.reason} if isinstance(event, Failed) else {}


def known(score: float) -> float | None:
    """Return a score as JSON has it: None for what is no number."""
    return None if math.isnan(score) else score


@dataclass(frozen=True)
class Finished(Update):
    """A model has its out-of-fold predictions."""

    oof: OutOfFold

    @property
    def json(self) -> dict[str, Any]:
        """Its score and time."""
        oof = self.oof
        seconds = oof.fit_seconds
        return {"event": "model", "model": oof.model, "score": oof.score, "seconds": seconds}


@dataclass(frozen=True)
class Note(Update):
    """Something that the user should know."""


@dataclass(frozen=True)
class TrialUpdate(Update):
    """A trial of a search ended; `values` are its parameters, score and time, as JSON values."""

    values: Mapping[str, Any]

    @property
    def json(self) -> dict[str, Any]:
        """The values."""
        return {"event": "trial", **self.values}


@dataclass(frozen=True)
class SearchPlanned(Update):
    """A search begins.

    Attributes:
        model: what is tuned.
        total: trials of the whole study.
    """

    model: str
    total: int

    @property
    def json(self) -> dict[str, Any]:
        """The model and the number of trials."""
        return {"event": "search", "model": self.model, "total": self.total}


@dataclass(frozen=True)
class TrialRunning(Update):
    """How far a trial of a search is; see `pipelines.api.search.progress`."""

    values: Mapping[str, Any]

    @property
    def json(self) -> dict[str, Any]:
        """The values."""
        return {"event": "trial_running", **self.values}


Progress = Callable[[Update], None]


def ignore(update: Update) -> None:
    """Take no notice."""
    del update


def goes_on(update: Update) -> bool:
    """Whether an update is one of very many: something has begun or goes on."""
    event = update.event if isinstance(update, FitUpdate) else None
    return isinstance(update, TrialRunning) or isinstance(event, (Started, Stage))


def show_progress(update: Update) -> None:
    """Print a line for everything that ended, and for notes."""
    if not goes_on(update):
        sys.stdout.write(f"{update}\n")
        sys.stdout.flush()


class Teller:
    """The harness's reporter that calls a function with each update.

    Args:
        metric: that scores are shown with.
        progress: is called with each update; None tells nobody.

    Raises:
        UsageError: if it cannot be called.
    """

    def __init__(self, metric: Metric, progress: Progress | None) -> None:
        if progress is not None and not callable(progress):
            raise UsageError(
                "progress takes a function of an update, such as pipelines.show_progress; "
                f"{progress!r} came."
            )
        self.metric, self.progress = metric, progress or ignore
        self.notes: list[str] = []

    def planned(self, to_fit: int, stored: int) -> None:
        """See `Reporter`."""
        text = f"{to_fit} fits to make" + (f", {stored} stored." if stored else ".")
        if not to_fit:
            text = f"Nothing to fit: all {stored} fits are stored."
        self.tell(Planned(text, to_fit, stored))

    def event(self, event: Event, status: QueueStatus) -> None:
        """See `Reporter`."""
        left = "" if status.seconds_left is None else f", about {clock(status.seconds_left)} left"
        text = f"[{status.done}/{status.total}] {describe(event, self.metric.guide)}{left}"
        self.tell(FitUpdate(text, event, status))

    def finished(self, oof: OutOfFold) -> None:
        """See `Reporter`."""
        score = f"{oof.score:.{self.metric.digits}f}"
        text = f"{oof.model}: out-of-fold {self.metric.label} {score} in {oof.fit_seconds:.1f} s"
        self.tell(Finished(text, oof))

    def note(self, text: str) -> None:
        """See `Reporter`."""
        self.notes.append(text)
        self.tell(Note(text))

    def trial(self, text: str, values: Mapping[str, Any]) -> None:
        """Tell how a trial of a search ended."""
        self.tell(TrialUpdate(text, values))

    def tell(self, update: Update) -> None:
        """Pass an update on."""
        self.progress(update)


def describe(event: Event, metric: Metric) -> str:
    """Return a line on a job."""
    if isinstance(event, Done):
        scores = [fit.score for fit in event.scores if not math.isnan(fit.score)]
        score = f"{metric.label} {sum(scores) / len(scores):.{metric.digits}f}, " if scores else ""
        return f"{event.job.label}: {score}{event.seconds:.1f} s"
    if isinstance(event, Failed):
        return f"{event.job.label} failed: {event.reason}"
    if isinstance(event, Cancelled):
        return f"{event.job.label} stopped: the time is over"
    return event.job.label


def clock(seconds: float) -> str:
    """Return a duration as people write it.

    >>> clock(75.2), clock(8)
    ('1m 15s', '8s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
