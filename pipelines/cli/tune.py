"""`comps tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comps.base import UsageError, counted
from pipelines.api.search.tuning import TuneResult, tune
from pipelines.cli import tuning_tables as tables
from pipelines.cli.reporters import Output
from pipelines.cli.request import Request

# The rows of the table; all trials are in the study.
SHOWN = 10


def tune_model(request: Request, search: dict[str, Any]) -> None:
    """Search for the parameters of one model, and show the best."""
    choices = dict(request.choices)
    model = choices.pop("models", None)
    if model is None:
        raise UsageError("comps tune takes one model: --model NAME.")
    with request.output() as output:
        found = tune(request.subject, model, progress=output, **search, **choices)
        output.close()
        output.table("trials", *tables.trials(found.metric, found.results, SHOWN))
        output.result(found.text, found.summary)
        output.note(f"Plot: {found.plot}")
        if found.submission is not None:
            _show_refit(request, output, found, search["output"])


def _show_refit(request: Request, output: Output, found: TuneResult, path: Path) -> None:
    rows = 0 if found.submission is None else len(found.submission)
    but = ", the sealed ones apart," if "sealed" in request.choices else ""
    output.result(
        f"{path}: {counted(rows, 'row')}, checked. The mean of "
        f"{counted(found.refitted, 'configuration')}, trained on all rows{but} for longer; no "
        "row was held out of this training, so that it has no score of its own.",
        {"submission": str(path), "rows": rows, "configurations": found.refitted},
    )
