"""Check a submission against the sample submission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Competition, DataError, Dataset, Prediction, range_of, same_label, some
from submissions.forms import labels_in_a_row, labels_of_columns
from submissions.labels import label_codes, listed, split_rankings
from submissions.together import unknown_labels

if TYPE_CHECKING:
    import pandas as pd


def check_submission(competition: Competition, dataset: Dataset, submission: pd.DataFrame) -> None:
    """Check a submission's columns, ids, duplicates, order, and its numbers and range, or labels.

    Raises:
        DataError: with every problem that was found; the first offending ids are named.
    """
    problems = list(_problems(competition, dataset, submission))
    if problems:
        raise DataError("The submission is not valid.\n" + "\n".join(f"- {p}" for p in problems))


def _problems(
    competition: Competition, dataset: Dataset, submission: pd.DataFrame
) -> Iterable[str]:
    sample = dataset.template
    if list(submission.columns) != list(sample.columns):
        yield f"The columns must be {list(sample.columns)}; they are {list(submission.columns)}."
        return
    yield from _id_problems(
        sample[competition.id_column].astype(str), submission[competition.id_column].astype(str)
    )
    if competition.together:
        yield from _together_problems(competition, submission)
        return
    for column in competition.target_columns:
        yield from _PROBLEMS[competition.submits](competition, dataset, submission, column)


def _id_problems(expected: pd.Series, found: pd.Series) -> Iterable[str]:
    twice = found[found.duplicated()].unique()
    missing = expected[~expected.isin(found)]
    unknown = found[~found.isin(expected)]
    if len(twice):
        yield f"{len(twice)} duplicate ids: {some(twice)}."
    if len(missing):
        yield f"{len(missing)} ids of the sample submission are missing: {some(missing)}."
    if len(unknown):
        yield f"{len(unknown)} ids are not in the sample submission: {some(unknown)}."
    if not (len(twice) or len(missing) or len(unknown)):
        moved = found.to_numpy() != expected.to_numpy()
        if moved.any():
            yield (
                f"{int(moved.sum())} ids are in another order than in the sample submission: "
                f"{some(found[moved])}."
            )


def _label_problems(
    competition: Competition, dataset: Dataset, submission: pd.DataFrame, column: str
) -> Iterable[str]:
    classes = labels_of_columns(competition, dataset.classes) or competition.labels(dataset)
    labels = submission[column]
    unknown = label_codes(labels, classes) < 0
    if unknown.any():
        yield (
            f"{int(unknown.sum())} labels of {column} are none of the training target: "
            f"{listed(labels[unknown], 5)}; "
            f"ids {some(submission[competition.id_column][unknown])}. Known: {listed(classes)}."
        )


def _together_problems(competition: Competition, submission: pd.DataFrame) -> Iterable[str]:
    cells, ids = submission[competition.together], submission[competition.id_column]
    twice = np.array([len(set(row)) < len(row) for row in split_rankings(cells)])
    if twice.any():
        yield f"{twice.sum()} rows of {cells.name} name a label twice: ids {some(ids[twice])}."
    strange, rows = unknown_labels(cells, competition.target_columns)
    if strange:
        yield (
            f"{len(strange)} labels of {cells.name} are none of the training target: "
            f"{listed(strange, 5)}; ids {some(ids[rows])}. "
            f"Known: {listed(competition.target_columns)}."
        )


def _ranking_problems(
    competition: Competition, dataset: Dataset, submission: pd.DataFrame, column: str
) -> Iterable[str]:
    ids, most = submission[competition.id_column], labels_in_a_row(competition)
    rows = split_rankings(submission[column])
    for wrong, what in (
        ([not row for row in rows], "without a label"),
        ([len(row) > most for row in rows], f"with more than {most} labels"),
        ([len(set(row)) < len(row) for row in rows], "that name a label twice"),
    ):
        if any(wrong):
            yield f"{sum(wrong)} rows of {column} {what}: ids {some(ids[np.array(wrong)])}."
    classes = competition.labels(dataset)
    known = {same_label(label) for label in classes}
    strange = [label for row in rows for label in row if same_label(label) not in known]
    if strange:
        with_them = [any(same_label(label) not in known for label in row) for row in rows]
        yield (
            f"{len(strange)} labels of {column} are none of the training target: "
            f"{listed(strange, 5)}; ids {some(ids[np.array(with_them)])}. "
            f"Known: {listed(classes)}."
        )


def _value_problems(
    competition: Competition, dataset: Dataset, submission: pd.DataFrame, column: str
) -> Iterable[str]:
    import pandas as pd

    del dataset
    ids = submission[competition.id_column]
    values = pd.to_numeric(submission[column], errors="coerce").to_numpy(dtype=np.float64)
    infinite = ~np.isfinite(values)
    if infinite.any():
        yield (
            f"{int(infinite.sum())} values of {column} are no finite numbers: "
            f"ids {some(ids[infinite])}."
        )
    low, high = competition.valid_range
    outside = ~infinite & ((values < low) | (values > high))
    if outside.any():
        yield (
            f"{int(outside.sum())} values of {column} are not {range_of(low, high)}: "
            f"ids {some(ids[outside])}."
        )


_PROBLEMS: Mapping[Prediction, Callable[[Competition, Dataset, pd.DataFrame, str], Iterable[str]]]
_PROBLEMS = {
    Prediction.VALUE: _value_problems,
    Prediction.PROBABILITY: _value_problems,
    Prediction.LABEL: _label_problems,
    Prediction.RANKED_LABELS: _ranking_problems,
}
