"""Progress: a bar in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from comps.base import Metric
from pipelines.api.progress import (
    Cancelled,
    Done,
    Event,
    Failed,
    Finished,
    FitUpdate,
    Planned,
    QueueStatus,
    Stage,
    Started,
    TrialUpdate,
    Update,
    clock,
)

if TYPE_CHECKING:
    from rich.table import Table


class Output(Protocol):
    """Shows what a command tells while it goes on, and its results."""

    def __call__(self, update: Update) -> None:
        """Show an update of the API."""

    def note(self, text: str) -> None:
        """Show something that the user should know."""

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        """Show a table; `rows` is the same for machines."""

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        """Show a result in one line; `values` is the same for machines, as an `event`."""

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        """Tell machines what people were told by a note."""

    def close(self) -> None:
        """Take the bar away."""


def make_output(
    metric: Metric | None, as_json: bool = False, *, quiet: bool = False, verbose: bool = False
) -> Output:
    """Return the output that suits where it goes.

    Args:
        metric: that scores are shown with; None where there are several.
        as_json: whether machines read it.
        quiet: whether results are shown alone.
        verbose: whether what goes on within a fit is shown, too.
    """
    if as_json:
        return JsonOutput()
    if quiet:
        return QuietOutput()
    if verbose or not sys.stderr.isatty():
        return LineOutput(verbose)
    return BarOutput(metric)


class JsonOutput:
    """One JSON object a line on standard output."""

    def __call__(self, update: Update) -> None:
        """Write an update."""
        if isinstance(update, Planned):
            self._write("planned", to_fit=update.to_fit, stored=update.stored)
        elif isinstance(update, FitUpdate):
            self._event(update.event, update.status)
        elif isinstance(update, Finished):
            oof = update.oof
            self._write("model", model=oof.model, score=oof.score, seconds=oof.fit_seconds)
        elif isinstance(update, TrialUpdate):
            self._write("trial", **update.values)
        else:
            self.note(update.text)

    def _event(self, event: Event, status: QueueStatus) -> None:
        name = type(event).__name__.lower()
        values: dict[str, Any] = {
            "model": event.job.model.member,
            "repeat": event.job.repeat,
            "fits": event.job.kind,
            "folds": list(dict.fromkeys(fold for held in event.job.held for fold in held)),
            "done": status.done,
            "total": status.total,
            "seconds_left": status.seconds_left,
        }
        if isinstance(event, Stage):
            score = None if math.isnan(event.score) else event.score
            values |= {"step": event.step, "score": score}
        elif isinstance(event, Done):
            scores = [None if math.isnan(fit.score) else fit.score for fit in event.scores]
            values |= {"scores": scores, "seconds": event.seconds}
        elif isinstance(event, Failed):
            values |= {"reason": event.reason}
        self._write(name, **values)

    def note(self, text: str) -> None:
        """Write a note."""
        self._write("note", text=text)

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        """Write the rows."""
        del table
        self._write(name, rows=rows)

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        """Write the values and the text."""
        self._write(event, text=text, **values)

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        """Write the values."""
        self._write(event, **values)

    def close(self) -> None:
        """There is no bar."""

    def _write(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
        sys.stdout.flush()


class LineOutput:
    """Plain lines: progress on standard error, results on standard output."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose

    def __call__(self, update: Update) -> None:
        """Write an update, if it ends something or everything is wanted."""
        event = update.event if isinstance(update, FitUpdate) else None
        if not self.verbose and isinstance(event, (Started, Stage)):
            return
        text = update.text
        if isinstance(event, Stage):
            text += f": step {event.step}, score {event.score:.5g}"
        self.note(text)

    def note(self, text: str) -> None:
        """Write a line."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        """Write a table."""
        from pipelines.cli.width import show

        del name, rows
        show(table)

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        """Write the text."""
        del values, event
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        """People had the note."""

    def close(self) -> None:
        """There is no bar."""


class QuietOutput(LineOutput):
    """Results alone."""

    def __call__(self, update: Update) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


class BarOutput(LineOutput):
    """A bar of folds with the running score and the time left."""

    def __init__(self, metric: Metric | None) -> None:
        super().__init__()
        self.digits = 5 if metric is None else metric.guide.digits
        self.label = "score" if metric is None else metric.guide.label
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("folds", total=None, left="")
        self.running: dict[str, str] = {}

    def __call__(self, update: Update) -> None:
        """Move the bar, or write a line above it."""
        if isinstance(update, FitUpdate):
            self._event(update.event, update.status, update.text)
            return
        self.note(update.text)
        if isinstance(update, Planned) and update.to_fit:
            self.bar.start()

    def _event(self, event: Event, status: QueueStatus, text: str) -> None:
        label = event.job.label
        if isinstance(event, Started):
            self.running[label] = label
        elif isinstance(event, Stage):
            score = f"{event.score:.{self.digits}f}"
            self.running[label] = f"{label} step {event.step} {self.label} {score}"
        else:
            self.running.pop(label, None)
        if isinstance(event, (Failed, Cancelled)):
            self.note(text)
        left = "" if status.seconds_left is None else f"{clock(status.seconds_left)} left"
        self.bar.update(
            self.task,
            completed=status.done,
            total=status.total,
            description=" | ".join(self.running.values()) or "folds",
            left=left,
        )

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()
