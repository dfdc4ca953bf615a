"""Answers with one column of labels, against submissions with a column a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from comps.base import DataError, same_label, some
from submissions.labels import labels_of, listed

if TYPE_CHECKING:
    import pandas as pd


def in_columns(answers: pd.DataFrame, id_column: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return answers with 1 in the column of the true class and 0 in the others.

    Answers of another form are returned as they are. Columns are called as labels are, perhaps all
    with the same before it.

    Args:
        answers: ids, and one column of labels.
        id_column: the column of the ids.
        columns: of the submission, one a class.

    Raises:
        DataError: if a label has no column, though others have one.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"id": [7, 8], "y": ["b", "a"]})
    >>> in_columns(answers, "id", ["y_a", "y_b", "y_c"]).to_numpy().tolist()
    [[7, 0, 1, 0], [8, 1, 0, 0]]
    """
    beside = [name for name in answers if name not in (id_column, "Usage")]
    if len(columns) < 2 or len(beside) != 1 or set(beside) & set(columns):
        return answers
    # As "class_" of "class_cat": up to a sign.
    before = re.sub(r"[0-9A-Za-z]*$", "", columns[0])
    cells, labels = answers[beside[0]].map(same_label), set(labels_of(answers[beside[0]]))
    forms = [[same_label(name.removeprefix(cut)) for name in columns] for cut in ("", before)]
    names = max(forms, key=lambda names: len(labels & set(names)))
    if not labels & set(names):
        return answers
    strange = ~cells.isin(names)
    if strange.any():
        raise DataError(
            f"The labels {listed(cells[strange], 5)} of the answers (ids "
            f"{some(answers.loc[strange, id_column])}) have no column in the submission, which has "
            f"{some(columns)}."
        )
    return answers[[id_column]].assign(
        **{
            column: (cells == name).astype(np.int64)
            for column, name in zip(columns, names, strict=True)
        }
    )
