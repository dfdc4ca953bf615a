"""Columns that have several labels in a cell, with blanks between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comps.base import DataError, Prediction, Task, some
from comps.kinds.table.given import AS_YOU_SAY
from comps.kinds.table.parts import Parts
from comps.kinds.table.tasks import Predicted

if TYPE_CHECKING:
    import pandas as pd


def with_labels(frame: pd.DataFrame, column: str, labels: Sequence[str], file: str) -> pd.DataFrame:
    """Return a table with a column of "0" and "1" for each label, in place of one with several.

    A cell that is missing stays so in all of them.

    Args:
        frame: the training rows.
        column: that has several labels in a cell.
        labels: all of them.
        file: for messages.

    Raises:
        DataError: if there are others, or a column is called as a label is.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"tags": ["sea sun", "sun", None]})
    >>> with_labels(rows, "tags", ["sea", "sun"], "train.csv")["sea"].tolist()
    ['1', '0', None]
    """
    import pandas as pd

    cells, rest = frame[column], frame.drop(columns=column)
    strange = sorted(set(labels_of_cells(cells)) - set(labels))
    if strange:
        raise DataError(
            f"{column!r} of {file} has labels that this competition does not name: "
            f"{some(map(repr, strange))}. It names {some(map(repr, labels))}."
        )
    both = [label for label in labels if label in rest]
    if both:
        raise DataError(
            f"{some(map(repr, both))} of {file} are columns, and labels in {column!r}, too. "
            "Rename the columns."
        )
    # Each cell is taken apart once.
    there = {cell: set(str(cell).split()) for cell in cells.dropna().unique()}
    found = {
        label: pd.Series(
            [str(int(label in there[cell])) if cell in there else None for cell in cells],
            dtype=object,
            index=rest.index,
        )
        for label in labels
    }
    return pd.concat([rest, pd.DataFrame(found, index=rest.index)], axis=1)


def labels_of_cells(cells: pd.Series[Any]) -> list[str]:
    """Return all labels of a column that has several in a cell, sorted."""
    return sorted({label for cell in cells.dropna().unique() for label in str(cell).split()})


# So many times as many combinations as words are no scale of answers.
_MANY_TIMES = 2


@dataclass(frozen=True)
class Several:
    """What is predicted, where a column has several labels in a cell.

    Attributes:
        predicted: the labels.
        separated: the column that has them.
        together: the column of the submission that holds them in the same way; an empty one where
            each label has a column.
    """

    predicted: Predicted
    separated: str
    together: str


def find_several(
    parts: Parts, targets: list[str], task: str | None = None, outputs: Sequence[str] = ()
) -> Several | None:
    """Return what is predicted, where the target has several labels in a cell; None elsewhere.

    The training rows get a column for each label.

    Args:
        parts: the tables.
        targets: the columns to predict.
        task: what is predicted, where the user says it.
        outputs: columns of the submission, where he says them.

    Raises:
        DataError: if the submission has neither the one nor the other.
    """
    if parts.metric.needs is Prediction.VALUE or len(targets) > 1:
        return None
    (target,) = targets
    labels = labels_of_cells(parts.train[target])
    several = task == Task.MULTILABEL or (
        task is None
        and parts.metric.needs is not Prediction.RANKED_LABELS
        and (
            has_several(parts.train[target], {*parts.given.labels, *parts.given.classes})
            or _are_columns(parts.train[target], parts.outputs)
        )
    )
    if not several:
        return None
    wanted = list(outputs) or parts.outputs
    together = parts.metric.needs is Prediction.LABEL and set(wanted) != set(labels)
    if (not together and wanted and set(wanted) != set(labels)) or (together and len(wanted) > 1):
        raise _other_columns(parts, target, wanted, labels)
    submitted = (wanted[0] if wanted else target) if together else ""
    # In place of the column that has them.
    parts.rows = [row for row in parts.rows if row.what != "target"]
    reason = f"labels in {target!r}, several in a cell with blanks between them"
    parts.say("target", ", ".join(labels), reason if task is None else AS_YOU_SAY)
    parts.say("task", f"{len(labels)} labels", "none to many of them in a row")
    if submitted:
        parts.say("submitted", submitted, "all labels of a row, with blanks between them")
    ordered = labels if submitted else wanted or labels
    file = parts.tables.names["train"]
    parts.train = with_labels(parts.train, target, ordered, file)
    return Several(Predicted(Task.MULTILABEL, ("0", "1"), ordered), target, submitted)


def _are_columns(cells: pd.Series[Any], outputs: Sequence[str]) -> bool:
    """Whether the columns of a submission are the words of cells, of which some have several."""
    words = labels_of_cells(cells)
    return set(words) == set(outputs) and set(map(str, cells.dropna().unique())) != set(words)


def _other_columns(
    parts: Parts, target: str, wanted: Sequence[str], labels: Sequence[str]
) -> DataError:
    one = (
        "or one column, in which they stand with blanks between them"
        if parts.metric.needs is Prediction.LABEL
        else f"as {parts.metric.label} is of probabilities"
    )
    return DataError(
        f"{target!r} has several labels in a cell, and a submission has a column for each "
        f"({some(labels)}), {one}. The sample submission has {some(map(repr, wanted))}. Name "
        "another one with --sample-file, rename its columns, or name another metric."
    )


def has_several(cells: pd.Series[Any], named: Collection[str] = ()) -> bool:
    """Whether cells hold several labels with blanks between them.

    Words that come again in other combinations are labels; of names of several words there are
    more words than names. A word that never stands alone, as in "very good" and "neither agree nor
    disagree", is no label, unless there are cells of three and more words, and others that do stand
    alone come together, or there are many combinations.

    Args:
        cells: of the target.
        named: what the user says to be single labels.

    >>> import pandas as pd
    >>> has_several(pd.Series(["sea", "sun", "sea sun"])), has_several(pd.Series(["old", "so old"]))
    (True, False)
    """
    labels = labels_of_cells(cells)
    different = [str(cell).split() for cell in cells.dropna().unique()]
    blanks = [words for words in different if len(words) > 1]
    once = all(len(set(words)) == len(words) for words in different)
    spoken = any(" ".join(words) in named for words in blanks)
    alone = {words[0] for words in different if len(words) == 1}
    pairs = all(len(words) < 3 for words in different)
    joined = any(set(words) <= alone for words in blanks)
    many = joined or len(different) >= _MANY_TIMES * len(labels)
    if not set(labels) <= alone and (pairs or not many):
        return False
    return bool(blanks) and once and not spoken and len(labels) < len(different)
