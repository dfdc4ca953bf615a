"""Labels of a row that stand in one column, with blanks between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, DataError, same_label, some
from submissions.labels import listed, split_rankings

if TYPE_CHECKING:
    import pandas as pd


def joined_labels(labels: Sequence[str], there: NDArray[np.bool_]) -> Array:
    """Return the labels of each row with blanks between them, [n] texts.

    Args:
        labels: their names.
        there: [n, labels], whether a row has it.

    >>> joined_labels(["sea", "sun"], np.array([[True, True], [False, False]])).tolist()
    ['sea sun', '']
    """
    return np.array([" ".join(np.array(labels)[row]) for row in there], dtype=object)


def unknown_labels(cells: pd.Series, labels: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
    """Return labels that are not known, and [n] which cells have such.

    >>> import pandas as pd
    >>> unknown_labels(pd.Series(["sea sum", "sun"]), ["sea", "sun"])[0]
    ['sum']
    """
    known = set(map(same_label, labels))
    rows = [
        [label for label in row if same_label(label) not in known] for row in split_rankings(cells)
    ]
    return [label for row in rows for label in row], np.array([bool(row) for row in rows])


def with_columns(competition: Competition, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with 0 and 1 in a column for each label, if labels stand in one.

    Args:
        competition: says so.
        name: of the table, for messages.
        table: a submission, or the answers.

    Raises:
        DataError: if a label is unknown.
    """
    import pandas as pd

    if not competition.together or competition.together not in table:
        return table
    cells, labels = table[competition.together], competition.target_columns
    strange, rows = unknown_labels(cells, labels)
    if strange:
        ids = table.iloc[:, 0][rows]
        raise DataError(
            f"The {name} has {len(strange)} labels that are unknown: {listed(strange, 5)} "
            f"(ids {some(ids)}). Known: {listed(labels)}."
        )
    there = [set(map(same_label, row)) for row in split_rankings(cells)]
    columns = {
        label: np.array([int(same_label(label) in row) for row in there]) for label in labels
    }
    found = pd.DataFrame(columns, index=table.index)
    return pd.concat([table.drop(columns=competition.together), found], axis=1)
