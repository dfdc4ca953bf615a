"""A competition of which nothing is known but answers and a metric, to score submissions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Competition, DataError, Dataset, Metric, Prediction, Task, UsageError, some
from comps.kinds.table.labels import positive_last
from comps.kinds.table.several import has_several, labels_of_cells
from comps.kinds.table.zoo import table_baseline
from submissions.labels import labels_of

if TYPE_CHECKING:
    import pandas as pd


def competition_of_answers(
    answers: pd.DataFrame, submission: pd.DataFrame, metric: Metric
) -> Competition:
    """Return what the files say of their competition: ids come first, then what is predicted.

    Args:
        answers: ids in the first column, and answers in those that the submission has, too.
        submission: of the same form.
        metric: that judges.

    Raises:
        DataError: if the two tables share no column beside the ids.
    """
    import pandas as pd

    id_column = str(answers.columns[0])
    targets = [str(name) for name in answers.columns[1:] if name in submission and name != "Usage"]
    if id_column not in submission or not targets:
        raise DataError(
            "Answers and submission need the same first column, of ids, and the same columns after "
            "it (or a column of labels, and a column of probabilities for each label). The answers "
            f"have {some(answers.columns)}, the submission {some(submission)}."
        )
    task, together = _task(answers[targets], metric), ""
    if metric.needs is Prediction.LABEL and len(targets) == 1 and has_several(answers[targets[0]]):
        (together,) = targets
        cells = pd.concat([table[together] for table in (answers, submission)])
        task, targets = Task.MULTILABEL, labels_of_cells(cells)
    return Competition(
        name="answers",
        title="answers",
        task=task,
        metric=metric,
        load=_no_rows,
        models=(table_baseline(task),),
        sample=None,
        archive="",
        id_column=id_column,
        target_columns=tuple(targets),
        submits=metric.needs,
        together=together,
    )


def two_labels(competition: Competition, answers: pd.DataFrame) -> tuple[str, ...] | None:
    """Return the labels of answers to probabilities, that of class 1 last; None for 0 and 1.

    Raises:
        UsageError: if labels do not say which one the probability is of.
    """
    if (
        competition.metric.needs is not Prediction.PROBABILITY
        or competition.task is not Task.BINARY
    ):
        return None
    column, *others = competition.target_columns
    labels = labels_of(answers[column])
    if others or len(labels) != 2:
        return None
    ordered, reason = positive_last(labels, None)
    if reason:
        return tuple(ordered)
    if any(label[0].isdigit() for label in labels):
        return None
    raise UsageError(
        f"The answers are {labels[0]} and {labels[1]}, and the probability may be of either. Write "
        "1 for that one and 0 for the other, or name the competition with --competition."
    )


def judged_by(competition: Competition, metric: Metric) -> Competition:
    """Return the competition with another metric, which its submissions can be scored by.

    Raises:
        UsageError: if the metric needs predictions of another kind.
    """
    if metric.needs is not competition.submits:
        raise UsageError(
            f"{metric.label} needs predictions of the kind '{metric.needs}', and submissions of "
            f"{competition.name} hold those of the kind '{competition.submits}'. Name a metric "
            "that judges these."
        )
    return replace(competition, metric=metric, also=())


def _task(answers: pd.DataFrame, metric: Metric) -> Task:
    """Return what the metric judges, by the form of the answers."""
    if metric.needs is Prediction.VALUE:
        return Task.REGRESSION
    if len(answers.columns) == 1:
        return Task.BINARY if answers.iloc[:, 0].nunique() < 3 else Task.MULTICLASS
    # One column a class holds a single 1 in each row.
    shares = answers.apply(_number).to_numpy(np.float64)
    if metric.needs is not Prediction.PROBABILITY or not (shares.sum(axis=1) == 1).all():
        return Task.MULTILABEL
    return Task.BINARY if len(answers.columns) == 2 else Task.MULTICLASS


def _number(column: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_numeric(column, errors="coerce")


def _no_rows(path: Path) -> Dataset:
    raise UsageError(f"{path} has no training rows: these are answers alone.")
