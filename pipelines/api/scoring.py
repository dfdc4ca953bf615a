"""`score`: what a submission is worth, given the answers."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Metric,
    Prediction,
    Task,
    UsageError,
    some,
)
from comps.catalog import competition_names, usable_competitions
from comps.metrics import as_metric
from comps.reading.archives import open_files
from comps.reading.delimited import ALL, Table, read_table
from comps.sources import find_source
from pipelines.api.answers import competition_of_answers, judged_by, two_labels
from pipelines.api.choices import Options, competition_of
from pipelines.results.imported_scale import problems_of_submission
from submissions import answers_are_labels, in_columns, score_submission

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Score:
    """The score of a submission.

    Attributes:
        competition: whose metric it is.
        value: of the metric.
        note: what the user should know; empty where there is nothing.
    """

    competition: Competition
    value: float
    note: str = ""


def score(
    submission: str | Path | pd.DataFrame,
    solution: str | Path | pd.DataFrame,
    competition: str | Competition | None = None,
    *,
    metric: str | Metric | None = None,
) -> Score:
    """Score a submission against the answers.

    Args:
        submission: table or CSV file as Kaggle takes it.
        solution: table or CSV file of the same columns with the answers; where a submission has a
            column of probabilities for each class, a single column of labels will do.
        competition: whose metric counts. With neither this nor a metric, it is the one whose
            columns these are.
        metric: that judges in its place: a name, or a `Metric`. Without a competition, the first
            column has the ids, and those that both tables share are scored.

    Raises:
        WorkbenchError: if a file cannot be read, or the two do not go together.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"id": [1, 2], "y": [0, 1]})
    >>> score(answers.assign(y=[0.2, 0.9]), answers, metric="auc").value
    1.0
    """
    judge = None if metric is None else as_metric(metric)
    # A label may be called NA or None.
    answers, given = (table_of(given, empty="") for given in (solution, submission))
    if competition is None and judge is not None:
        if judge.needs is Prediction.PROBABILITY:
            answers = in_columns(answers, str(answers.columns[0]), list(given.columns[1:]))
        chosen = competition_of_answers(answers, given, judge)
        classes = two_labels(chosen, answers)
        return Score(chosen, score_submission(chosen, given, answers, classes))
    if competition is None:
        chosen = _with_columns(list(answers.columns))
    else:
        chosen = competition_of(Options.of(competition, {}))
    chosen = chosen if judge is None else judged_by(chosen, judge)
    if chosen.submits is Prediction.PROBABILITY and chosen.task is not Task.MULTILABEL:
        answers = in_columns(answers, chosen.id_column, chosen.target_columns)
    labels, note = _labels(chosen) if answers_are_labels(chosen, answers) else (None, "")
    return Score(chosen, score_submission(chosen, given, answers, labels), note)


def _labels(competition: Competition) -> tuple[tuple[object, ...] | None, str]:
    """Return the labels of the training target; None, with a note, if it cannot be read."""
    source = find_source(competition)
    try:
        return competition.labels(competition.load(source.path)), ""
    except (DataError, OSError) as error:
        return None, (
            f"The labels that are known are those of the answers, for {source.path} cannot be "
            f"read: {error}"
        )


def table_of(
    given: str | Path | pd.DataFrame, *, text: Container[str] = ALL, empty: str | None = None
) -> pd.DataFrame:
    """Return a table as it is, or read the file that was named.

    Args:
        given: a table, or the path of a CSV file or Parquet.
        text: columns of a file that come as text, to the character.
        empty: what an empty cell of a file becomes; None leaves it missing.

    Raises:
        UsageError: if it is something else.
        DataError: if the file is missing or no table.
    """
    if isinstance(given, (str, Path)):
        frame = read_file(Path(given), text=text).frame
        return frame if empty is None else frame.fillna(empty)
    if not (hasattr(given, "columns") and hasattr(given, "iloc")):
        raise UsageError(
            f"A DataFrame of pandas or the path of a CSV file was expected; a "
            f"{type(given).__name__} came."
        )
    return given


def read_file(path: Path, *, text: Container[str] = ALL, delimiter: str | None = None) -> Table:
    """Read a table that the user named.

    Args:
        path: of a CSV file or Parquet, which may be packed.
        text: columns that come as text, to the character.
        delimiter: between fields; None finds it.

    Raises:
        DataError: if it is missing or no table.
    """
    files = open_files(path)
    names = files.names()
    if path.is_dir() or len(names) != 1:
        what = "is a folder" if path.is_dir() else f"holds {len(names)} files: {some(names)}"
        raise DataError(f"{path} {what}; name the file with the table.")
    return read_table(files.read(names[0]), str(path), text=text, delimiter=delimiter)


def check_scale(competition: Competition, dataset: Dataset, submission: pd.DataFrame) -> None:
    """Check that submitted values are on the scale of the target.

    Raises:
        DataError: with both ranges.
    """
    if competition.task is not Task.REGRESSION:
        return
    targets = dataset.target.reshape(len(dataset.target), -1).T
    for column, target in zip(competition.target_columns, targets, strict=True):
        values = submission[column].to_numpy(dtype=np.float64)
        for problem in problems_of_submission(column, target, values):
            raise DataError(f"The submission is not valid. {problem}")


def _with_columns(columns: list[str]) -> Competition:
    candidates, _ = usable_competitions()
    fitting = [
        candidate
        for candidate in candidates
        if {candidate.id_column, *candidate.submitted} <= set(columns)
    ]
    if len(fitting) != 1:
        raise UsageError(
            f"Which competition the columns {columns} belong to is not clear. Name it with "
            "--competition, or --metric for the answers alone. "
            f"Known: {', '.join(competition_names())}."
        )
    return fitting[0]
