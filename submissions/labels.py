"""Labels as written in files, and the class codes that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import label_number, same_label, some

if TYPE_CHECKING:
    import pandas as pd

# So many labels are listed in a message; of more, the first ones.
_LISTED = 40


def label_codes(labels: pd.Series, classes: Sequence[object]) -> NDArray[np.int64]:
    """Return the class code of each label, [n] int64; -1 for a label that no class has.

    A number is the same label whether it was read as 2, as 2.0 or as text.

    Args:
        labels: [n] as read from a file.
        classes: labels by class code.

    >>> import pandas as pd
    >>> label_codes(pd.Series([7.0, 2.5, 2.0]), (2, 7)).tolist()
    [1, -1, 0]
    >>> label_codes(pd.Series(["dog", "cow"]), ("cat", "dog")).tolist()
    [1, -1]
    >>> label_codes(pd.Series(["01", "1", "1.0"]), ("01", "1")).tolist()
    [0, 1, -1]
    """
    exact = {str(label): code for code, label in enumerate(classes)}
    texts = [same_label(label) for label in classes]
    # "01" and "1" may be two labels: then only the text itself tells them apart.
    alike = {text: code for code, text in enumerate(texts) if texts.count(text) == 1}
    codes = [exact.get(str(label), alike.get(same_label(label), -1)) for label in labels]
    return np.array(codes, dtype=np.int64)


def split_rankings(column: pd.Series) -> list[list[str]]:
    """Return the labels of each row, the best first, which blanks part in a file.

    >>> import pandas as pd
    >>> split_rankings(pd.Series(["cat dog", 7, None]))
    [['cat', 'dog'], ['7'], []]
    """
    missing = column.isna()
    texts = ["" if absent else str(label) for label, absent in zip(column, missing, strict=True)]
    return [text.split() for text in texts]


def labels_of(columns: pd.Series) -> tuple[str, ...]:
    """Return the labels of a column in ascending order, numbers before text; no empty ones.

    >>> import pandas as pd
    >>> labels_of(pd.Series([10, 9, 10]))
    ('9', '10')
    """
    found = {same_label(label) for label in columns.dropna()} - {""}
    return tuple(sorted(found, key=_order))


def listed(labels: Iterable[object], most: int = _LISTED) -> str:
    """Return labels for a message, all of them or, of more than `most`, the first ones."""
    names = [str(label) or "nothing" for label in dict.fromkeys(labels)]
    return ", ".join(names) if len(names) <= most else some(names)


def as_sample_writes(labels: tuple[object, ...], cells: pd.Series) -> tuple[object, ...]:
    """Return labels such as "1.0" as "1", where a sample submission has whole numbers.

    Of a column with missing cells, pandas writes whole numbers so.

    Args:
        labels: by class code.
        cells: of the sample submission.

    >>> import pandas as pd
    >>> as_sample_writes(("0.0", "1.0"), pd.Series(["0", "0"]))
    ('0', '1')
    >>> as_sample_writes(("0.5", "1.0"), pd.Series(["0", "0"]))
    ('0.5', '1.0')
    """
    whole = cells.astype(str).str.fullmatch(r"[+-]?\d+").all()
    if whole and all(re.fullmatch(r"[+-]?\d+\.0", str(label)) for label in labels):
        return tuple(same_label(str(label)) for label in labels)
    return labels


def _order(text: str) -> tuple[bool, float, str]:
    number = label_number(text)
    return (True, 0.0, text) if number is None else (False, number, text)
