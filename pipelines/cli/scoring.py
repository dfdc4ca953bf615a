"""`comps score`."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.archive import read_csv
from comps.base import Competition, DataError, UsageError
from comps.catalog import competition_names, find_competition
from comps.sources import find_source
from pipelines.cli.reporters import make_output
from submissions import answers_are_labels, score_submission

if TYPE_CHECKING:
    import pandas as pd


def score_files(submission: Path, solution: Path, competition: str | None, as_json: bool) -> None:
    """Print the metric of a submission, given the answers."""
    # A label may be called NA or None.
    answers, given = (read_table(path, keep_default_na=False) for path in (solution, submission))
    chosen = find_competition(competition) if competition else _with_columns(list(answers.columns))
    labels = _labels(chosen, as_json) if answers_are_labels(chosen, answers) else None
    value = score_submission(chosen, given, answers, labels)
    metric = chosen.metric
    if as_json:
        row = {"event": "score", "competition": chosen.name, "metric": metric.name, "score": value}
        sys.stdout.write(json_.dumps(row) + "\n")
    else:
        sys.stdout.write(f"{chosen.name}: {metric.label} {value:.{metric.digits}f}\n")


def _labels(competition: Competition, as_json: bool) -> tuple[Any, ...] | None:
    """Return the labels of the training target; None, with a note, if it cannot be read."""
    source = find_source(competition)
    try:
        return competition.labels(competition.load(source.path))
    except (DataError, OSError) as error:
        make_output(competition.metric, as_json).note(
            f"The labels that are known are those of the answers, for {source.path} cannot be "
            f"read: {error}"
        )
        return None


def read_table(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV file that the user named. `options` go to `pandas.read_csv`.

    Raises:
        DataError: if it is missing or no CSV file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    return read_csv(content, str(path), **options)


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
