"""Progress: a bar in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from comps.base import Metric
from pipelines.crossval import Reporter
from pipelines.engines import Cancelled, Done, Event, Failed, Progress, Started
from pipelines.engines.queue import QueueStatus
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    from rich.table import Table


class Output(Reporter, Protocol):
    """A reporter that shows results, too, and is closed at the end."""

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        """Show a table; `rows` is the same for machines."""

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        """Show a result in one line; `values` is the same for machines, as an `event`."""

    def trial(self, text: str, values: Mapping[str, Any]) -> None:
        """Show how a trial of a search ended; `values` is the same for machines."""

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        """Tell machines what people were told by a note."""

    def pause(self) -> None:
        """Take the bar away."""


def make_output(metric: Metric, as_json: bool) -> Output:
    """Return the output that suits where it goes."""
    if as_json:
        return JsonOutput()
    if sys.stderr.isatty():
        return BarOutput(metric)
    return LineOutput(metric)


class JsonOutput:
    """One JSON object a line on standard output."""

    def planned(self, to_fit: int, stored: int) -> None:
        self._write("planned", to_fit=to_fit, stored=stored)

    def event(self, event: Event, status: QueueStatus) -> None:
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
        if isinstance(event, Progress):
            score = None if math.isnan(event.score) else event.score
            values |= {"step": event.step, "score": score}
        elif isinstance(event, Done):
            scores = [None if math.isnan(fit.score) else fit.score for fit in event.scores]
            values |= {"scores": scores, "seconds": event.seconds}
        elif isinstance(event, Failed):
            values |= {"reason": event.reason}
        self._write(name, **values)

    def finished(self, oof: OutOfFold) -> None:
        self._write("model", model=oof.model, score=oof.score, seconds=oof.fit_seconds)

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        del table
        self._write(name, rows=rows)

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        self._write(event, text=text, **values)

    def trial(self, text: str, values: Mapping[str, Any]) -> None:
        del text
        self._write("trial", **values)

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        self._write(event, **values)

    def pause(self) -> None:
        """There is no bar."""

    def _write(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
        sys.stdout.flush()


class LineOutput:
    """Plain lines: progress on standard error, results on standard output."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    def planned(self, to_fit: int, stored: int) -> None:
        self.note(_plan(to_fit, stored))

    def event(self, event: Event, status: QueueStatus) -> None:
        if isinstance(event, (Started, Progress)):
            return
        left = "" if status.seconds_left is None else f", about {clock(status.seconds_left)} left"
        self.note(f"[{status.done}/{status.total}] {describe(event, self.metric)}{left}")

    def finished(self, oof: OutOfFold) -> None:
        self.note(_model_line(oof, self.metric))

    def note(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def table(self, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
        from pipelines.cli.width import show

        del name, rows
        show(table)

    def result(self, text: str, values: Mapping[str, Any], event: str = "result") -> None:
        del values, event
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def trial(self, text: str, values: Mapping[str, Any]) -> None:
        del values
        self.note(text)

    def told(self, event: str, values: Mapping[str, Any]) -> None:
        """People had the note."""

    def pause(self) -> None:
        """There is no bar."""


class BarOutput(LineOutput):
    """A bar of folds with the running score and the time left."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
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

    def planned(self, to_fit: int, stored: int) -> None:
        self.note(_plan(to_fit, stored))
        if to_fit:
            self.bar.start()

    def event(self, event: Event, status: QueueStatus) -> None:
        label = event.job.label
        if isinstance(event, Started):
            self.running[label] = label
        elif isinstance(event, Progress):
            score = f"{event.score:.{self.metric.digits}f}"
            self.running[label] = f"{label} step {event.step} {self.metric.label} {score}"
        else:
            self.running.pop(label, None)
        if isinstance(event, (Failed, Cancelled)):
            self.note(describe(event, self.metric))
        left = "" if status.seconds_left is None else f"{clock(status.seconds_left)} left"
        self.bar.update(
            self.task,
            completed=status.done,
            total=status.total,
            description=" | ".join(self.running.values()) or "folds",
            left=left,
        )

    def note(self, text: str) -> None:
        self.bar.console.print(text, markup=False, highlight=False)

    def pause(self) -> None:
        self.bar.stop()


def describe(event: Event, metric: Metric) -> str:
    """Return a line on a job that ended."""
    if isinstance(event, Done):
        scores = [fit.score for fit in event.scores if not math.isnan(fit.score)]
        score = f"{metric.label} {sum(scores) / len(scores):.{metric.digits}f}, " if scores else ""
        return f"{event.job.label}: {score}{event.seconds:.1f} s"
    if isinstance(event, Failed):
        return f"{event.job.label} failed: {event.reason}"
    if isinstance(event, Cancelled):
        return f"{event.job.label} stopped: the time is over"
    return event.job.label


def _plan(to_fit: int, stored: int) -> str:
    if not to_fit:
        return f"Nothing to fit: all {stored} fits are stored."
    return f"{to_fit} fits to make" + (f", {stored} stored." if stored else ".")


def _model_line(oof: OutOfFold, metric: Metric) -> str:
    score = f"{oof.score:.{metric.digits}f}"
    return f"{oof.model}: out-of-fold {metric.label} {score} in {oof.fit_seconds:.1f} s"


def clock(seconds: float) -> str:
    """Return a duration as people write it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
