"""Labels of classes, as files write them and as columns of probabilities are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Real

import numpy as np


def same_label(label: object) -> str:
    """Return a text that is equal for equal labels, as 2, 2.0 and "2"."""
    number = label_number(label)
    if number is None:
        return str(label)
    return str(int(number)) if isinstance(number, int) or number.is_integer() else repr(number)


def label_number(label: object) -> float | int | None:
    """Return a label as a number, whole numbers exactly; None for text and truth values."""
    if isinstance(label, (bool, np.bool_)) or not isinstance(label, (str, Real)):
        return None
    if re.fullmatch(r"[+-]?\d+", str(label)):
        return int(str(label))
    try:
        number = float(label)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def class_columns(columns: Sequence[str], classes: Sequence[object]) -> list[int | None] | None:
    """Return the class code of each column, None for a class that no training row has.

    None where columns are not named by the labels: then they are in the order of the codes.

    Args:
        columns: names, one a class.
        classes: labels by class code; empty where they have no names.

    >>> class_columns(("1", "0", "2"), (0, 1))
    [1, 0, None]
    """
    codes = {same_label(label): code for code, label in enumerate(classes)}
    found = [codes.get(same_label(name)) for name in columns]
    known = [code for code in found if code is not None]
    return found if classes and sorted(known) == list(range(len(classes))) else None
