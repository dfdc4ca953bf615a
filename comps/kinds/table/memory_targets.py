"""Targets of DataFrames: values and classes, checked, with the rows that are kept."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Metric, Prediction, UsageError, counted, some, unknown_name
from comps.kinds.table.given import Given
from comps.kinds.table.labels import TWO_CLASSES, check_number, check_spellings
from comps.kinds.table.order import check_order, known_order
from comps.kinds.table.targets import Targets, check_possible, check_varied, numbers_of
from comps.reading.column import Column
from comps.reading.missing import MISSING, SURE

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MemoryTargets(Targets):
    """Targets of DataFrames, whose classes no schema names.

    Attributes:
        classes: of one target, in order; empty for values and of several targets.
    """

    classes: tuple[Any, ...] = ()


def memory_targets(train: pd.DataFrame, given: Given, metric: Metric) -> MemoryTargets:
    """Return the targets of training rows.

    Raises:
        DataError: if a target is missing, or something else than the metric needs, or a class has
            a single row, and the user did not say that such rows are left out.
        UsageError: if the metric is of two classes, and there are more.
        AmbiguousError: if the metric needs the order of the classes, and it is not known.
    """
    notes: list[str] = []
    values_needed = metric.needs is Prediction.VALUE
    order = _categories(train[given.target[0]])
    columns = [train[name] for name in given.target]
    columns = [column.astype(object) if _categories(column) else column for column in columns]
    if not values_needed:
        columns = [_trimmed(column, notes) for column in columns]
    named = (*given.labels, *given.classes)
    rows = _complete(columns, MISSING if values_needed else SURE, named, given, notes)
    columns = [column.iloc[rows] for column in columns]
    if values_needed:
        read = [_values(column, metric, rows, notes) for column in columns]
        check_varied(read, list(map(str, given.target)))
        values = np.column_stack(read)
        own = values[:, 0] if len(read) == 1 else values
        return MemoryTargets(own, rows, tuple(notes))
    if len(columns) > 1:
        found = [_classes(column, metric, named) for column in columns]
        for name, (classes, _) in zip(given.target, found, strict=True):
            if tuple(classes) not in ((0, 1), (False, True)):
                raise DataError(
                    "Several targets of classes must hold 0 and 1 alone; "
                    f"{name!r} holds {some(classes)}."
                )
        values = np.column_stack([codes for _, codes in found]).astype(np.float64)
        return MemoryTargets(values, rows, tuple(notes))
    (column,) = columns
    kept = _repeated(column, given, rows, notes)
    classes, codes = _classes(column.iloc[kept], metric, named)
    ordered = _ordered(classes, order, given, metric, column.name, notes)
    places = np.array([ordered.index(label) for label in classes])
    values = places[codes].astype(np.float64)
    return MemoryTargets(values, rows[kept], tuple(notes), tuple(ordered))


def _categories(column: Cells) -> list[Any] | None:
    """Return the levels of an ordered categorical, none of another one; None of other columns."""
    categories = getattr(column.dtype, "categories", None)
    if categories is None or column.dtype.kind != "O":
        return None
    if not getattr(column.dtype, "ordered", False):
        return []
    return [label.strip() if isinstance(label, str) else label for label in categories]


def _written(column: Cells, rows: Rows | None = None) -> Column:
    lines = np.arange(len(column)) if rows is None else rows
    return Column(str(column.name), column, "the training rows", lines + 1, place="row")


def _trimmed(column: Cells, notes: list[str]) -> Cells:
    """Return labels without blanks around them, with a note."""
    if column.dtype.kind != "O":
        return column
    found = column.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    blank = np.flatnonzero([a is not b and a != b for a, b in zip(column, found, strict=True)])
    blank = blank[column.iloc[blank].notna().to_numpy()]
    if len(blank):
        cells = _written(column)
        said = cells.counted(len(blank), "has", "have")
        notes.append(f"{said} blanks around the label: left out. {cells.shown(blank)}.")
    return found


def _complete(
    columns: list[Cells],
    words: Any,
    named: tuple[str, ...],
    given: Given,
    notes: list[str],
) -> Rows:
    """Return the rows that have every target.

    Raises:
        DataError: if a target is missing, and the user does not say that such rows are left out.
    """
    left_out = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        texts = column.map(lambda cell: cell.strip() if isinstance(cell, str) else "value")
        texts = texts.astype(object).where(column.notna(), "value").astype(str)
        said = (texts.str.lower().isin(list(words)) & ~texts.isin(named)).to_numpy()
        empty = column.isna().to_numpy()
        keep = "" if words is MISSING else " If it is a label, name it: labels=[...]."
        shown = some(map(repr, texts[said].unique()))
        for which, what, why, kept in (
            (empty, "missing", "", ""),
            (said, shown, ", which says that it is missing", keep),
        ):
            if not which.any():
                continue
            rows = some((np.flatnonzero(which) + 1).tolist())
            count = counted(int(which.sum()), "row")
            told = f"The target {column.name!r} is {what} in {count}{why}"
            if "missing-target" not in given.leave_out:
                raise DataError(
                    f"{told}: {rows}. leave_out=['missing-target'] leaves such rows out.{kept}"
                )
            notes.append(f"{told}: {rows}. They are left out.{kept}")
        left_out |= said | empty
    if left_out.all():
        raise DataError(f"No row has the target {some(map(repr, given.target))}.")
    return np.flatnonzero(~left_out)


def _repeated(column: Cells, given: Given, rows: Rows, notes: list[str]) -> Rows:
    """Return the places of labels that more than one row has.

    Raises:
        DataError: if a class has a single row, and the user does not say that it is left out.
    """
    strange = [cell for cell in column if not isinstance(cell, Hashable)]
    if strange:
        raise DataError(
            f"The target {column.name!r} must hold a label in each row; {strange[0]!r} came."
        )
    if column.dtype.kind == "f":
        return np.arange(len(column))
    check_number(column.dropna().unique().tolist(), len(column), column.name)
    once = (~column.duplicated(keep=False)).to_numpy()
    if once.any():
        shown = _written(column, rows).shown(np.flatnonzero(once))
        if "rare-class" not in given.leave_out:
            raise DataError(
                f"A single row has the label {some(map(repr, column[once]))}: it cannot be both "
                "trained on and predicted. leave_out=['rare-class'] leaves it out; or give it the "
                f"label of another class ({shown})."
            )
        notes.append(
            f"{counted(int(once.sum()), 'row is', 'rows are')} left out, whose label no other row "
            f"has: {shown}. These labels are never predicted."
        )
    return np.flatnonzero(~once)


def _classes(column: Cells, metric: Metric, named: tuple[str, ...]) -> tuple[list[Any], Rows]:
    """Return the classes, ascending, and [n] the codes of the rows."""
    try:
        classes, codes = np.unique(column.to_numpy(), return_inverse=True)
    except TypeError as error:
        raise DataError(
            f"The classes of the target {column.name!r} are of several types. Make all of them "
            "texts: astype(str)."
        ) from error
    if column.dtype.kind == "f" and 2 * len(classes) > len(column):
        raise DataError(
            f"{metric.label} is of classes, and the target {column.name!r} has {len(classes)} "
            f"different numbers in {len(column)} rows. Name a metric of values, such as 'rmse'."
        )
    texts = column[column.map(lambda cell: isinstance(cell, str)).astype(bool)]
    check_spellings(texts.astype(str), column.name, named)
    if len(classes) < 2:
        raise DataError(
            f"The target {column.name!r} has a single class, {str(classes[0])!r}; classes need two "
            "or more. Name another column as target."
        )
    if metric.two_classes and len(classes) > 2:
        raise UsageError(
            f"{metric.label} is of two classes; {column.name!r} has {len(classes)}. {TWO_CLASSES}"
        )
    return list(classes.tolist()), codes.astype(np.int64)


def _ordered(
    classes: list[Any],
    categories: list[Any] | None,
    given: Given,
    metric: Metric,
    target: object,
    notes: list[str],
) -> list[Any]:
    """Return classes in the order that is given, or ascending where no other one is needed."""
    order = known_order(classes, given, target)
    reason = "as you say"
    if order is None and categories:
        order = [label for label in dict.fromkeys(categories) if label in classes]
        reason = "the order of its categories"
    if order is None:
        check_order(metric, classes, given, target, "labels")
        order = classes
    elif metric.ordinal:
        shown = ", ".join(map(str, order))
        notes.append(f"{target}: classes from the lowest to the highest are {shown}: {reason}.")
    if given.positive is not None and len(order) == 2:
        if given.positive not in map(str, order):
            raise unknown_name("class called", given.positive, map(str, order))
        order = sorted(order, key=lambda label: str(label) == given.positive)
    return order


def _values(column: Cells, metric: Metric, rows: Rows, notes: list[str]) -> NDArray[np.float64]:
    """Return [n] float64, a copy: who changes the table later changes no target."""
    if column.dtype.kind in "mMc":
        raise DataError(
            f"{metric.label} needs numbers, and the target {column.name!r} is {column.dtype}."
        )
    values, told = numbers_of(_written(column, rows), metric)
    notes += told
    check_possible(values, metric, _written(column, rows))
    return values
