"""Score a submission against the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    DataError,
    Prediction,
    Task,
    Truth,
    counted,
    range_of,
    same_label,
    some,
)
from submissions.forms import labels_in_a_row, labels_of_columns
from submissions.labels import label_codes, labels_of, listed, split_rankings
from submissions.together import with_columns

if TYPE_CHECKING:
    import pandas as pd


def score_submission(
    competition: Competition,
    submission: pd.DataFrame,
    solution: pd.DataFrame,
    classes: Sequence[object] | None = None,
) -> float:
    """Return the score of a submission; both tables are in the target's own unit, joined on ids.

    The solution holds the answers: values where values are submitted, and labels or 0 and 1
    where labels, rankings of labels, or probabilities are. Of several columns of probabilities, one
    a class, the answers are 1 in the column of the true class and 0 elsewhere; of several labels,
    1 in the columns of those that are there, or their names with blanks between them, as the
    competition says. Where rows of a query are ranked, the query is a
    further column of the solution. A column `Usage`, as Kaggle's solutions have it, is ignored.

    Args:
        competition: says what is submitted, and how it is judged.
        submission: a row for each id of the solution.
        solution: of the same form.
        classes: labels by class code, see `Competition.labels`; None takes those of the solution.

    Raises:
        DataError: if columns or ids are missing, an id is duplicate, a value is not a finite
            number, a label is unknown, or the metric is not defined on these answers.
        UsageError: if labels are submitted and the metric needs probabilities.
    """
    tables = {"submission": submission, "solution": solution}
    predicted, true = (
        _by_id(competition, name, with_columns(competition, name, table))
        for name, table in tables.items()
    )
    query = _query(competition, solution)
    _check_ids(predicted, true)
    predicted = predicted.loc[true.index]
    if competition.submits is Prediction.LABEL:
        value = _score_of_labels(competition, predicted, true, classes)
    elif competition.submits is Prediction.RANKED_LABELS:
        value = _score_of_rankings(competition, predicted, true, classes)
    else:
        target = _answers(competition, true, classes)
        prediction = _scaled(competition, "submission", predicted)
        if competition.task is Task.BINARY and prediction.ndim == 2:
            prediction = prediction[:, 1]
        value = competition.metric.score(Truth(target, query=query), prediction)
    if not np.isfinite(value):
        raise DataError(f"{competition.metric.label} is not defined here: {_why(true)}.")
    return value


def answers_are_labels(competition: Competition, solution: pd.DataFrame) -> bool:
    """Return whether the labels of classes are needed to score against these answers.

    They are needed where labels are submitted, and where the answers to probabilities are not 0
    and 1.
    """
    if competition.task is Task.MULTILABEL:
        return False
    if competition.submits in (Prediction.LABEL, Prediction.RANKED_LABELS):
        return True
    (first, *others) = competition.target_columns
    if competition.metric.needs is Prediction.VALUE or others or first not in solution.columns:
        return False
    return bool((label_codes(solution[first], (0, 1)) < 0).any())


def _by_id(competition: Competition, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table that are scored, with ids as its index."""
    import pandas as pd

    wanted = [competition.id_column, *competition.target_columns]
    lacking = [column for column in wanted if column not in table.columns]
    if lacking:
        raise DataError(f"The {name} lacks the columns {lacking}; it has {list(table)}.")
    ids = table[competition.id_column].astype(str)
    if ids.duplicated().any():
        raise DataError(f"The {name} has the id {ids[ids.duplicated()].iloc[0]} more than once.")
    return table[list(competition.target_columns)].set_index(pd.Index(ids))


def _query(competition: Competition, solution: pd.DataFrame) -> Array | None:
    """Return the query of each row of the solution, if the metric ranks by it.

    Raises:
        DataError: if no single further column says it.
    """
    if not competition.metric.by_query:
        return None
    others = {competition.id_column, *competition.target_columns, "Usage"}
    further = [column for column in solution.columns if column not in others]
    if len(further) != 1:
        raise DataError(
            f"{competition.metric.label} ranks the rows of a query: the solution needs one column "
            f"with it, beside ids and answers. Further columns: {', '.join(further) or 'none'}."
        )
    query: Array = solution[further[0]].to_numpy()
    return query


def _check_ids(predicted: pd.DataFrame, true: pd.DataFrame) -> None:
    missing = true.index.difference(predicted.index)
    unknown = predicted.index.difference(true.index)
    problems = [
        f"{counted(len(ids), f'of the {here} is', f'of the {here} are')} not in the {there} "
        f"({some(ids)})"
        for ids, here, there in (
            (missing, "solution", "submission"),
            (unknown, "submission", "solution"),
        )
        if len(ids)
    ]
    if problems:
        raise DataError(f"The ids differ: {'; '.join(problems)}.")


def _score_of_labels(
    competition: Competition,
    predicted: pd.DataFrame,
    true: pd.DataFrame,
    classes: Sequence[object] | None,
) -> float:
    if competition.task is Task.MULTILABEL:
        known = labels_of_columns(competition, tuple(classes or ())) or ()
        found, right = (
            np.column_stack([_codes(name, table[column], known) for column in table])
            for name, table in (("submission", predicted), ("solution", true))
        )
        return competition.metric.score_labels(right, found)
    (column,) = competition.target_columns
    known = labels_of(true[column]) if classes is None else tuple(classes)
    labels = _codes("submission", predicted[column], known)
    return competition.metric.score_labels(_codes("solution", true[column], known), labels)


def _score_of_rankings(
    competition: Competition,
    predicted: pd.DataFrame,
    true: pd.DataFrame,
    classes: Sequence[object] | None,
) -> float:
    """Return the score of rows that name labels, the best first, against one label each."""
    (column,) = competition.target_columns
    rows = split_rankings(predicted[column])
    most = labels_in_a_row(competition)
    if any(len(row) > most for row in rows):
        ids = predicted.index[[len(row) > most for row in rows]]
        raise DataError(
            f"The submission has {counted(len(ids), 'row')} with more than {most} labels: "
            f"ids {some(ids)}."
        )
    known = labels_of(true[column]) if classes is None else tuple(classes)
    answers = _codes("solution", true[column], known)
    if classes is not None:
        _codes("submission", _named(predicted.index, rows), known)
    codes = {same_label(label): code for code, label in enumerate(known)}
    ranks = np.full((len(rows), len(known) + most), -1.0)
    for number, row in enumerate(rows):
        for place, label in enumerate(dict.fromkeys(map(same_label, row))):
            # A label that no answer has is wrong in its place, and moves no other one up.
            ranks[number, codes.get(label, len(known) + place)] = most - place
    return competition.metric.score(answers, ranks)


def _named(ids: pd.Index, rows: Sequence[Sequence[str]]) -> pd.Series:
    """Return the labels of all rows, one below the other, by the id of their row."""
    import pandas as pd

    labels = [label for row in rows for label in row]
    return pd.Series(labels, ids.repeat([len(row) for row in rows]), dtype=object)


def _codes(name: str, labels: pd.Series, classes: Sequence[object]) -> NDArray[np.int64]:
    """Return class codes.

    Raises:
        DataError: if a label is unknown.
    """
    codes = label_codes(labels, classes)
    unknown = labels[codes < 0]
    if len(unknown):
        raise DataError(
            f"The {name} has {len(unknown)} labels that are unknown: "
            f"{listed(unknown, 5)} (ids {some(unknown.index)}). "
            f"Known: {listed(classes)}."
        )
    return codes


def _answers(
    competition: Competition, true: pd.DataFrame, classes: Sequence[object] | None
) -> Array:
    """Return the answers for the metric: values on the metric's scale, or class codes.

    Raises:
        DataError: if answers to probabilities are neither labels nor 0 and 1.
    """
    if competition.metric.needs is Prediction.VALUE:
        return _scaled(competition, "solution", true)
    if competition.task is Task.MULTILABEL:
        labels = _numbers(competition, "solution", true)
        _refuse(true, ((labels != 0) & (labels != 1)).any(axis=1), "0 or 1 in each column")
        return labels
    if len(true.columns) > 1:
        shares = _numbers(competition, "solution", true)
        wrong = ((shares != 0) & (shares != 1)).any(axis=1) | (shares.sum(axis=1) != 1)
        _refuse(true, wrong, "1 in the column of the true class and 0 in the others")
        true_classes: Array = shares.argmax(axis=1)
        return true_classes
    column = true.iloc[:, 0]
    named = tuple(classes or ())
    codes = label_codes(column, named)
    if not named or (codes < 0).any():
        codes = label_codes(column, (0, 1))
    others = "" if named in ((), (0, 1)) else f" or {listed(named)}"
    _refuse(true, codes < 0, f"0 and 1{others}")
    return codes


def _refuse(true: pd.DataFrame, wrong: NDArray[np.bool_], expected: str) -> None:
    import pandas as pd

    if wrong.any():
        cells = true[wrong].iloc[0]
        first = ", ".join(map(str, cells))
        hint = "Write these, or name the competition, whose labels are known: --competition."
        # Probabilities in place of answers.
        if pd.to_numeric(cells, errors="coerce").notna().all():
            hint = "If the files are swapped: the submission comes first."
        raise DataError(
            f"The solution must hold the answers, {expected}; "
            f"{counted(int(wrong.sum()), 'row is', 'rows are')} something "
            f"else: ids {some(true.index[wrong])}, the first is {first}. {hint}"
        )


def _scaled(competition: Competition, name: str, table: pd.DataFrame) -> Array:
    """Return [n] or [n, columns] on the metric's scale."""
    scaled: Array = competition.metric.scale.forward(_numbers(competition, name, table))
    return scaled[:, 0] if scaled.shape[1] == 1 else scaled


def _numbers(competition: Competition, name: str, table: pd.DataFrame) -> NDArray[np.float64]:
    """Return [n, columns].

    Raises:
        DataError: if one is no number or outside the competition's range.
    """
    import pandas as pd

    values: NDArray[np.float64] = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    low, high = competition.valid_range
    inside = np.isfinite(values) & (values >= low) & (values <= high)
    bad: NDArray[np.bool_] = ~np.all(inside, axis=1)
    if bad.any():
        raise DataError(
            f"The {name} has {int(bad.sum())} values that are no numbers {range_of(low, high)}: "
            f"ids {some(table.index[bad])}."
        )
    return values


def _why(true: pd.DataFrame) -> str:
    """Return the reason why a metric has no value on some answers."""
    rows = true.drop_duplicates()
    if len(rows) == 1:
        same = ", ".join(map(str, rows.iloc[0]))
        return f"all {len(true)} answers are the same, {same}, and it compares rows of two classes"
    return f"it has no value for these {len(true)} answers"
