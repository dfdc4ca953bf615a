"""Labels of classes as files write them: which there are, in which order, which is class 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError, counted

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# A number of classes that no competition has.
_MOST_CLASSES = 1000
# The second word of each pair is class 1.
_PAIRS = (
    ("0", "1"),
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("f", "t"),
    ("-1", "1"),
    ("negative", "positive"),
    ("neg", "pos"),
    ("0.0", "1.0"),
)


def label_texts(cells: Cells) -> Cells:
    """Return labels as texts, without blanks around them and without missing ones."""
    texts: Cells = cells.dropna().astype(str).str.strip()
    return texts


def classes_of(cells: Cells, name: str, without_rare: bool = False) -> list[str]:
    """Return the labels of a column in order, numbers by their value.

    Args:
        cells: of the target.
        name: of the column.
        without_rare: whether labels of a single row are left out.

    Raises:
        DataError: if there are less than two, or so many that they are no labels.

    >>> import pandas as pd
    >>> classes_of(pd.Series(["10", "9", "10"]), "digit")
    ['9', '10']
    """
    texts = label_texts(cells)
    counts = texts.value_counts()
    labels = list(counts.index[counts > 1] if without_rare else counts.index)
    if len(labels) < 2:
        only = f"the label {labels[0]!r} alone" if labels else "no label"
        raise DataError(f"The target {name!r} has {only}; classes need two or more.")
    if len(labels) > min(_MOST_CLASSES, max(20, len(texts) // 2)):
        found = counted(len(labels), "different value")
        raise DataError(
            f"The target {name!r} has {found} in {counted(len(texts), 'row')}, which "
            "are no classes. Name a metric of values, such as --metric rmse."
        )
    return sorted(labels, key=_order)


def labels_in(columns: Sequence[str], classes: Sequence[str]) -> list[str] | None:
    """Return the label of each column, where its name is a label with the same around it.

    >>> labels_in(["Status_D", "Status_C"], ["C", "D"])
    ['D', 'C']
    >>> labels_in(["a", "b"], ["a", "c"]) is None
    True
    """
    for label in classes if columns else ():
        for before, found, after in (columns[0].partition(label), columns[0].rpartition(label)):
            labels = [name.removeprefix(before).removesuffix(after) for name in columns]
            if found and len(labels) == len(classes) and set(labels) == set(classes):
                return labels
    return None


def positive_last(classes: Sequence[str], positive: str | None) -> tuple[list[str], str]:
    """Return two labels, that of class 1 last, and the reason; an empty one if it is not known.

    >>> positive_last(["Yes", "No"], None)[0]
    ['No', 'Yes']
    """
    if positive is not None:
        return sorted(classes, key=lambda label: label == positive), "as you say"
    lower = [label.lower() for label in classes]
    for pair in _PAIRS:
        if set(lower) == set(pair):
            return sorted(classes, key=lambda label: label.lower() == pair[1]), "its meaning"
    return list(classes), ""


def _order(label: str) -> tuple[bool, float, str]:
    try:
        number = float(label)
    except ValueError:
        return True, 0.0, label
    return not np.isfinite(number), number, label
