"""`comps report`, and the report that a run ends with."""

from __future__ import annotations

from pathlib import Path

from comps.base import WorkbenchError
from pipelines.api.reporting import Report, report
from pipelines.api.results import Result
from pipelines.cli.reporters import Output
from pipelines.cli.request import Request


def write_report(request: Request, path: Path | None) -> None:
    """Write the report of the last run."""
    # A competition may be gone while its results are still there.
    with request.output(known=False) as output:
        _show(output, report(request.subject, output=path, progress=output, **request.choices))


def show_report(output: Output, request: Request, result: Result) -> None:
    """Write the report of a run that just ended; that it cannot be written is no failure of it."""
    runs = request.choices.get("runs")
    try:
        made = report(result) if runs is None else report(result, runs=runs)
    except WorkbenchError as error:
        output.note(f"There is no report: {error}")
    else:
        _show(output, made)


def _show(output: Output, made: Report) -> None:
    for line in made.missing:
        output.note(f"Missing in the report: {line}")
    values = {"report": str(made.path), "json": str(made.json_path), "missing": list(made.missing)}
    output.result(f"Report: {made.path}", values, event="report")
