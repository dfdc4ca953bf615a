"""`comps report`, and the report that a run ends with."""

from __future__ import annotations

from pathlib import Path

from comps.base import WorkbenchError
from pipelines.api.reporting import Report, report
from pipelines.api.results import Result
from pipelines.cli.reporters import Output
from pipelines.cli.request import Request


def write_report(request: Request, path: Path | None, mlflow: str | None) -> None:
    """Write the report of the last run, and log it to MLflow where that was asked for."""
    # A competition may be gone while its results are still there.
    with request.output(known=False) as output:
        subject, choices = request.subject, request.choices
        _show(output, report(subject, output=path, mlflow=mlflow, progress=output, **choices))


def show_report(output: Output, request: Request, result: Result, mlflow: str | None) -> None:
    """Write the report of a run that just ended; that it cannot be written is no failure of it.

    Raises:
        WorkbenchError: if the run was to be logged to MLflow and could not be.
    """
    runs = {"runs": request.choices["runs"]} if "runs" in request.choices else {}
    try:
        made = report(result, mlflow=mlflow, **runs)
    except WorkbenchError as error:
        if mlflow is not None:
            raise
        output.note(f"There is no report: {error}")
    else:
        _show(output, made)


def _show(output: Output, made: Report) -> None:
    for line in made.missing:
        output.note(f"Missing in the report: {line}")
    values = {"report": str(made.path), "json": str(made.json_path), "missing": list(made.missing)}
    output.result(f"Report: {made.path}", values, event="report")
    if made.logged is not None:
        output.result(f"Logged to MLflow as {made.logged}.", {"run": made.logged}, event="mlflow")
