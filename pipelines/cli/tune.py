"""`comps tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comps.base import UsageError
from pipelines.api.tuning import tune
from pipelines.cli import tuning_tables as tables
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
        found = tune(request.name, model, progress=output, **search, **choices)
        output.close()
        output.table("trials", *tables.trials(found.metric, found.results, SHOWN))
        output.result(found.text, found.summary)
        output.note(f"Plot: {found.plot}")
        if found.submission is not None:
            _show_refit(request, output, found.submission, search)


def _show_refit(request: Request, output: Any, submission: Any, search: dict[str, Any]) -> None:
    path: Path = search["output"]
    but = ", the sealed ones apart," if "sealed" in request.choices else ""
    output.result(
        f"{path}: {len(submission)} rows, checked against the sample submission. The mean of "
        f"{search['refit']} configurations, trained on all rows{but} for longer; no row was held "
        "out of this training, so that it has no score of its own.",
        {"submission": str(path), "rows": len(submission), "configurations": search["refit"]},
    )
