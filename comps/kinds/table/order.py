"""The order of classes: as the user gives it, and asked for where the score depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from comps.base import AmbiguousError, DataError, Metric, some, unknown_name
from comps.kinds.table.given import Given

T = TypeVar("T")


def known_order(classes: Sequence[T], given: Given, target: object) -> list[T] | None:
    """Return classes in the order that the user gives; None if there is none.

    Args:
        classes: the labels of the target.
        given: its `classes`, or its `labels` if they name every class, have the order.
        target: its name.

    Raises:
        DataError: if `classes` lacks one.

    >>> known_order(["high", "low"], Given(labels=["low", "high"]), "size")
    ['low', 'high']
    >>> known_order(["high", "low"], Given(labels=["low"]), "size") is None
    True
    """
    named = list(map(str, given.classes or given.labels))
    lacking = [label for label in classes if str(label) not in named]
    if lacking and given.classes:
        raise DataError(
            f"classes=[...] names {some(map(repr, given.classes))}, and the target {target!r} has "
            f"{some(map(repr, lacking))}, too. Name all of its labels."
        )
    return None if lacking else sorted(classes, key=lambda label: named.index(str(label)))


def check_order(
    metric: Metric, classes: Sequence[object], given: Given, target: object, option: str
) -> None:
    """Ask for the order of labels that are no numbers, if the metric depends on it.

    Args:
        metric: that judges them.
        classes: the labels, without a known order.
        given: its `labels` are the first ones.
        target: its name.
        option: that says the order.

    Raises:
        AmbiguousError: that names the labels.
        UsageError: if the user names a label that is not there.
    """
    if not metric.ordinal or len(classes) < 3 or all(map(_is_number, classes)):
        return
    texts = list(map(str, classes))
    for label in given.labels:
        if label not in texts:
            raise unknown_name(f"label of {target!r} called", label, texts)
    place = f"comes after {given.labels[-1]!r}" if given.labels else "is the lowest"
    raise AmbiguousError(
        f"{metric.label} counts how far a label is from the true one, and the labels of {target!r} "
        "are texts, whose order is not known. Name each of them, from the lowest to the highest "
        f"({example(texts, option)}). Which one {place}?",
        [label for label in texts if label not in given.labels],
        option,
    )


def example(labels: Sequence[str], option: str) -> str:
    """Return how labels are named with an option of the command line, or of Python.

    >>> example(["a", "b"], "--label")
    '--label a --label b; labels=[...] in Python'
    >>> example(["a", "b"], "labels")
    "labels=['a', 'b']"
    """
    if not option.startswith("--"):
        return f"{option}={list(labels)}"
    return " ".join(f"{option} {_quoted(label)}" for label in labels) + "; labels=[...] in Python"


def _quoted(label: str) -> str:
    return label if label.isalnum() else repr(label)


def _is_number(label: object) -> bool:
    try:
        float(str(label))
    except ValueError:
        return isinstance(label, bool)
    return True
