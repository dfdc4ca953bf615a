"""`comps score`."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from comps.archive import read_csv
from comps.base import Competition, DataError, UsageError
from comps.catalog import competition_names, find_competition
from submissions import score_submission

if TYPE_CHECKING:
    import pandas as pd


def score_files(submission: Path, solution: Path, competition: str | None, as_json: bool) -> None:
    """Print the metric of a submission, given the answers."""
    answers = read_table(solution)
    chosen = find_competition(competition) if competition else _with_columns(list(answers.columns))
    value = score_submission(chosen, read_table(submission), answers)
    metric = chosen.metric
    if as_json:
        row = {"event": "score", "competition": chosen.name, "metric": metric.name, "score": value}
        sys.stdout.write(json_.dumps(row) + "\n")
    else:
        sys.stdout.write(f"{chosen.name}: {metric.label} {value:.{metric.digits}f}\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file that the user named.

    Raises:
        DataError: if it is missing or no CSV file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    return read_csv(content, str(path))


def _with_columns(columns: list[str]) -> Competition:
    candidates = [find_competition(name) for name in competition_names()]
    fitting = [
        candidate
        for candidate in candidates
        if {candidate.id_column, *candidate.target_columns} <= set(columns)
    ]
    if len(fitting) != 1:
        raise UsageError(
            f"Which competition the columns {columns} belong to is not clear; name it with "
            f"--competition. Known: {', '.join(competition_names())}."
        )
    return fitting[0]
