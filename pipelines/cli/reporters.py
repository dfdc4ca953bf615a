"""Progress: a bar in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from comps.base import Metric
from pipelines.api.progress import (
    Cancelled,
    Event,
    Failed,
    FitUpdate,
    Planned,
    QueueStatus,
    SearchPlanned,
    Stage,
    Started,
    TrialRunning,
    TrialUpdate,
    Update,
    clock,
    goes_on,
)

if TYPE_CHECKING:
    from rich.table import Table

# Seconds after which a line says how far a trial of a search is.
MOST_SILENCE = 10.0


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
        self._write(**update.json)

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
        self._silent_since = time.monotonic()

    def __call__(self, update: Update) -> None:
        """Write an update, if it ends something or everything is wanted."""
        event = update.event if isinstance(update, FitUpdate) else None
        if not self.verbose and goes_on(update) and not self._is_due(update):
            return
        text = update.text
        if isinstance(event, Stage):
            scored = "" if math.isnan(event.score) else f", score {event.score:.5g}"
            text += f": step {event.step}{scored}"
        self.note(text)

    def _is_due(self, update: Update) -> bool:
        """Whether a trial has gone on for long without a line: it takes minutes, and has many."""
        waited = time.monotonic() - self._silent_since
        return isinstance(update, TrialRunning) and waited >= MOST_SILENCE

    def note(self, text: str) -> None:
        """Write a line."""
        self._silent_since = time.monotonic()
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
    """A bar of folds or trials with the running score and the time left."""

    def __init__(self, metric: Metric | None) -> None:
        super().__init__()
        self.digits = 5 if metric is None else metric.guide.digits
        self.label = "score" if metric is None else metric.guide.label
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            # It moves while a network is compiled, which may take half a minute.
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task("folds", total=None, left="")
        self.what = "folds"
        self.running: dict[str, str] = {}

    def __call__(self, update: Update) -> None:
        """Move the bar, or write a line above it."""
        if isinstance(update, FitUpdate):
            self._event(update.event, update.status, update.text)
            return
        if isinstance(update, TrialRunning):
            self._trial(update.values)
            return
        self.note(update.text)
        if isinstance(update, TrialUpdate):
            self.running.pop(f"trial {update.values['trial']}", None)
            self._move(update.values["done"], update.values["total"], update.values["seconds_left"])
        elif isinstance(update, SearchPlanned):
            self._begin("trials", update.total)
        elif isinstance(update, Planned) and update.to_fit:
            self._begin("folds", update.to_fit)

    def _begin(self, what: str, total: int) -> None:
        self.what = what
        self._move(0, total, None)
        self.bar.start()

    def _event(self, event: Event, status: QueueStatus, text: str) -> None:
        label = event.job.label
        if isinstance(event, Started):
            self.running[label] = label
        elif isinstance(event, Stage):
            known = not math.isnan(event.score)
            score = f" {self.label} {event.score:.{self.digits}f}" if known else ""
            self.running[label] = f"{label} step {event.step}{score}"
        else:
            self.running.pop(label, None)
        if isinstance(event, (Failed, Cancelled)):
            self.note(text)
        self._move(status.done, status.total, status.seconds_left)

    def _trial(self, values: Mapping[str, Any]) -> None:
        name = f"trial {values['trial']}"
        shown = f"{name} {values['part']}"
        if values["step"] > 1:
            shown += f" {values['unit']} {values['step']}"
        if values["score"] is not None:
            shown += f" {self.label} {values['score']:.{self.digits}f}"
        if values["score_so_far"] is not None:
            shown += f", so far {values['score_so_far']:.{self.digits}f}"
        self.running[name] = shown
        self._move(values["done"], values["total"], values["seconds_left"])

    def _move(self, done: int, total: int, seconds_left: float | None) -> None:
        self.bar.update(
            self.task,
            completed=done,
            total=total,
            description=" | ".join(self.running.values()) or self.what,
            left="" if seconds_left is None else f"{clock(seconds_left)} left",
        )

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()
