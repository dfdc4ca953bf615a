"""`comps score`."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path

from pipelines.api.scoring import score
from pipelines.cli.places import look_in
from pipelines.cli.reporters import make_output


def score_files(
    submission: Path,
    solution: Path,
    competition: str | None,
    metric_name: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Print the metric of a submission, given the answers."""
    look_in(root)
    found = score(submission, solution, competition, metric=metric_name)
    metric, name = found.competition.metric, found.competition.name
    if found.note:
        make_output(metric, as_json).note(found.note)
    if as_json:
        row = {"event": "score", "competition": name, "metric": metric.name, "score": found.value}
        sys.stdout.write(json_.dumps(row) + "\n")
    else:
        sys.stdout.write(f"{name}: {metric.label} {found.value:.{metric.digits}f}\n")
