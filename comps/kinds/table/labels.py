"""Labels of classes as files write them: which there are, in which order, which is class 1."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError, counted, some
from comps.reading.levels import level_key
from comps.reading.missing import SURE
from comps.reading.numbers import parse

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# What to do where a metric is of two classes, and there are more.
TWO_CLASSES = "Name f1_macro, or another metric of more classes, such as accuracy."
# Of so many classes, a model and its predictions would take too much memory.
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


def label_texts(cells: Cells, named: Collection[str] = ()) -> Cells:
    """Return labels as texts, without blanks around them and without missing ones.

    Args:
        cells: of the target.
        named: labels that are no words for "missing", whatever they look like.

    >>> import pandas as pd
    >>> continents = pd.Series(["EU", "NA ", None])
    >>> label_texts(continents).tolist(), label_texts(continents, ["NA"]).tolist()
    (['EU'], ['EU', 'NA'])
    """
    texts: Cells = cells.dropna().astype(str).str.strip()
    found: Cells = texts[~texts.str.lower().isin(SURE) | texts.isin(named)]
    return found


def check_spellings(texts: Cells, name: object, named: Collection[str] = ()) -> None:
    """Refuse labels that are one and the same but for the way they are written.

    Args:
        texts: [n] labels, without blanks around them.
        name: of the target.
        named: labels that are classes of their own.

    Raises:
        DataError: that names them and their numbers of rows.
    """
    counts = texts.value_counts()
    spellings: dict[str, list[str]] = {}
    for label in sorted(counts.index):
        spellings.setdefault(level_key(label), []).append(label)
    alike = [labels for labels in spellings.values() if len(labels) > 1]
    alike = [labels for labels in alike if not set(labels) <= set(named)]
    if alike:
        shown = some(
            " and ".join(f"{label!r} ({counted(int(counts[label]), 'row')})" for label in labels)
            for labels in alike
        )
        option = " ".join(f"--label {label!r}" for label in alike[0])
        raise DataError(
            f"Labels of the target {name!r} are the same but for the way they are written: "
            f"{shown}. Write each in one way; or, if they are different classes, say so: "
            f"{option} (labels=[...] in Python)."
        )


def classes_of(
    cells: Cells, name: str, without_rare: bool = False, named: Collection[str] = ()
) -> list[str]:
    """Return the labels of a column in order, numbers by their value.

    Args:
        cells: of the target.
        name: of the column.
        without_rare: whether labels of a single row are left out.
        named: labels as the user names them, see `label_texts` and `check_spellings`.

    Raises:
        DataError: if there are less than two, or so many that they are no labels, or two that
            differ in the way they are written alone.

    >>> import pandas as pd
    >>> classes_of(pd.Series(["10", "9", "10"]), "digit")
    ['9', '10']
    """
    texts = label_texts(cells, named)
    check_spellings(texts, name, named)
    counts = texts.value_counts()
    labels = list(counts.index[counts > 1] if without_rare else counts.index)
    if len(labels) < 2:
        only = f"the label {labels[0]!r} alone" if labels else "no label"
        words = sorted(set(label_texts(cells, cells.astype(str).str.strip())) - set(texts) - {""})
        keep = f" If {words[0]!r} is a label, keep it with --label {words[0]!r}." if words else ""
        keep = keep or " Name another column as target."
        raise DataError(f"The target {name!r} has {only}; classes need two or more.{keep}")
    check_number(labels, len(texts), name)
    return sorted(labels, key=_order)


def check_number(labels: Sequence[object], rows: int, name: object) -> None:
    """Refuse so many labels that they are none, or that they are too many.

    Args:
        labels: the different ones.
        rows: number of rows that have one.
        name: of the target.

    Raises:
        DataError: that names both numbers.
    """
    most = min(_MOST_CLASSES, max(20, rows // 2))
    if len(labels) <= most:
        return
    found = f"{counted(len(labels), 'different value')} in {counted(rows, 'row')}"
    if any(parse(str(label)) is None for label in labels):
        raise DataError(
            f"The target {name!r} has {found}; of so many rows, {most} classes are taken at most. "
            "Give rare ones one label in common, or name another column as target."
        )
    raise DataError(
        f"The target {name!r} has {found}, which are no classes. Name a metric of values, such as "
        "rmse."
    )


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


def named_labels(cells: Cells, columns: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    """Return labels that are labels whatever they look like, as columns or the user name them.

    Args:
        cells: of the target.
        columns: of the sample submission, behind the ids.
        given: by the user.

    >>> import pandas as pd
    >>> named_labels(pd.Series(["EU", "NA"]), ["NA", "EU"], [])
    ['EU', 'NA']
    """
    every: list[str] = cells.dropna().astype(str).str.strip().unique().tolist()
    return every if labels_in(columns, every) is not None else given


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
