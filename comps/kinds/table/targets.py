"""Targets in files: values and labels, checked, with the rows that have none."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Metric, Task, counted, some
from comps.kinds.table.schema import Schema
from comps.reading.cells import all_numbers, share_of_numbers
from comps.reading.column import Column
from comps.reading.delimited import Table
from comps.reading.missing import MISSING, SURE

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

Rows = NDArray[np.int64]

# What cells that are no numbers may be.
_CLASSES = " If these are classes, name a metric of classes, such as accuracy, log_loss or auc."


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the training rows that are kept.

    Attributes:
        values: [n] or [n, targets] float64; codes of classes, zeros and ones of labels.
        rows: [n] int64, the rows that are kept.
        notes: how many are left out.
    """

    values: NDArray[np.float64]
    rows: Rows
    notes: tuple[str, ...]


def targets_of(table: Table, schema: Schema, metric: Metric, file: str) -> Targets:
    """Return the targets of a table.

    Raises:
        DataError: if a target is missing or something else than the task says, and the user did
            not say that such rows are left out; the first lines are named.
    """
    columns = [table.frame[name] for name in schema.targets]
    # A label may well be called "none", a number may not.
    words = MISSING if schema.task is Task.REGRESSION else SURE
    said_so = [_words(column, words, schema.classes) for column in columns]
    empty = [column.isna().to_numpy() for column in columns]
    missing = np.any([*empty, *(found.notna().to_numpy() for found in said_so)], axis=0)
    notes = []
    if missing.any():
        lines = some(table.lines[missing].tolist())
        said = f"{_rows(missing, file, 'has', 'have')} no target (lines {lines})"
        words_said, keep = _read_as_missing(said_so, schema)
        said += words_said
        if "missing-target" not in schema.leave_out:
            raise DataError(f"{said}. Leave them out with --leave-out missing-target.{keep}")
        notes.append(f"{said}: they are left out.{keep}")
    rows = np.flatnonzero(~missing)
    kept = [column.iloc[rows] for column in columns]
    if schema.task in (Task.BINARY, Task.MULTICLASS):
        found = _codes(kept[0], rows, table, schema, file)
        return replace(found, notes=(*notes, *found.notes))
    read = []
    for name, column in zip(schema.targets, kept, strict=True):
        cells = Column(name, column, file, table.lines[rows])
        own, told = numbers_of(cells, metric)
        notes += told
        read.append(own)
        if schema.task is Task.REGRESSION:
            check_possible(own, metric, cells)
    if schema.task is Task.REGRESSION:
        check_varied(read, schema.targets)
    values = np.column_stack(read)
    return Targets(values[:, 0] if len(read) == 1 else values, rows, tuple(notes))


def _words(column: Cells, words: Container[str], labels: Collection[str]) -> Cells:
    """Return [n] the words for "missing", None in the other rows."""

    def word(cell: object) -> str | None:
        text = cell.strip() if isinstance(cell, str) else ""
        return text if text and text not in labels and text.lower() in words else None

    found: Cells = column.map(word)
    return found


def _read_as_missing(said_so: Sequence[Cells], schema: Schema) -> tuple[str, str]:
    """Return which words were read as missing, and how to keep them as labels."""
    import pandas as pd

    counts = pd.concat(said_so).value_counts()
    if not len(counts):
        return "", ""
    shown = ", ".join(f"{word!r} in {counted(count, 'row')}" for word, count in counts.items())
    first = counts.index[0]
    keep = f" If {first!r} is a label, keep it with --label {first!r} (labels=[...] in Python)."
    labels = schema.task in (Task.BINARY, Task.MULTICLASS)
    return f": {shown} is read as missing", keep if labels else ""


def _rows(which: NDArray[np.bool_], file: str, one: str, many: str) -> str:
    return counted(int(which.sum()), f"row of {file} {one}", f"rows of {file} {many}")


def _codes(column: Cells, rows: Rows, table: Table, schema: Schema, file: str) -> Targets:
    """Return the codes of labels.

    Raises:
        DataError: if a label is unknown, or a class has a single row, and such rows are not left
            out.
    """
    lines, texts = table.lines[rows], column.astype(str).str.strip()
    blank = np.flatnonzero((texts != column.astype(str)).to_numpy())
    codes = texts.map({label: code for code, label in enumerate(schema.classes)})
    strange = codes.isna().to_numpy()
    once = (texts.map(texts.value_counts()) == 1).to_numpy()
    notes: tuple[str, ...] = ()
    if len(blank):
        cells = Column(str(column.name), column, file, lines)
        said = cells.counted(len(blank), "has", "have")
        notes = (f"{said} blanks around the label: left out. {cells.shown(blank)}.",)
    if "rare-class" in schema.leave_out:
        left_out = strange & once
        if left_out.any():
            notes += (
                f"{_rows(left_out, file, 'is', 'are')} left out, whose label no other row has: "
                f"{_places(texts, lines, left_out)}. These labels are never predicted.",
            )
            strange = strange & ~once
    elif once.any():
        raise DataError(
            f"A single row has the label {some(map(repr, texts[once]))}: it cannot be both trained "
            "on and predicted. Leave it out with --leave-out rare-class, or give it the label of "
            f"another class ({file}, {_places(texts, lines, once)})."
        )
    if strange.any():
        of = f"{column.name!r} in {file}"
        said = counted(int(strange.sum()), f"label of {of} is", f"labels of {of} are")
        raise DataError(f"{said} none of {some(schema.classes)}: {_places(texts, lines, strange)}.")
    kept = codes.notna().to_numpy()
    values = codes[kept].to_numpy().astype(np.float64)
    return Targets(values, rows[kept], notes)


def numbers_of(
    column: Column, metric: Metric, hint: str = _CLASSES
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the numbers of a target, in whichever way they are written, and notes.

    Args:
        column: of the target, without missing cells.
        metric: that judges it, for messages.
        hint: what they may be otherwise.

    Returns:
        [n] float64, a copy.

    Raises:
        DataError: that names the first cells that are no numbers or are written otherwise.
    """
    import pandas as pd

    values = pd.to_numeric(column.cells, errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    if np.isfinite(values).all():
        # pandas' numbers of texts may differ in the last digit.
        return column.cells.to_numpy(dtype=np.float64, copy=True), ()
    if np.isinf(values).any():
        rows = np.flatnonzero(np.isinf(values))
        raise DataError(f"The target {column.name!r} has infinite values: {column.shown(rows)}.")
    if not share_of_numbers(column):
        rows = np.arange(len(values))
        raise DataError(
            f"{metric.label} needs numbers, and the target {column.name!r} has others: "
            f"{column.shown(rows)}.{hint}"
        )
    try:
        values, notes = all_numbers(column)
    except DataError as error:
        raise DataError(f"{error} Plain numbers, such as 23.5, are always read.{hint}") from error
    return values, tuple(f"{note} Predictions are plain numbers." for note in notes)


def check_varied(targets: Sequence[NDArray[np.float64]], names: Sequence[str]) -> None:
    """Refuse targets that have the same value in every row.

    Args:
        targets: [n] of each target.
        names: of them.

    Raises:
        DataError: if there is no target that differs.
    """
    if all(values.min() == values.max() for values in targets):
        raise DataError(
            f"The target {some(map(repr, names))} is {targets[0][0]:g} in every row: there is "
            "nothing to learn. Name another column as target."
        )


def check_possible(values: NDArray[np.float64], metric: Metric, column: Column) -> None:
    """Check that a metric is defined for targets.

    Args:
        values: [n], in the target's own unit.
        metric: that judges them.
        column: the target as it is written, for the message.

    Raises:
        DataError: that names the first values.
    """
    with np.errstate(all="ignore"):
        unscaled = ~np.isfinite(metric.scale.forward(values))
    least = "zero or more" if metric.least_target == 0 else "above zero"
    for wrong, needed in (
        (values < metric.least_target, f"is of targets that are {least}"),
        (unscaled, f"is computed on the scale {metric.scale.name}"),
    ):
        if wrong.any():
            of = f"{column.name!r} in {column.file}"
            said = counted(int(wrong.sum()), f"value of {of} does", f"values of {of} do")
            raise DataError(
                f"{metric.label} {needed}, which {said} not allow: "
                f"{column.shown(np.flatnonzero(wrong))}. Name a metric that takes them, such as "
                "rmse or mae."
            )


def _places(column: Cells, lines: Rows, strange: NDArray[np.bool_]) -> str:
    cells: Sequence[object] = column[strange].iloc[:3].tolist()
    return ", ".join(
        f"line {line}: {cell!r}" for line, cell in zip(lines[strange][:3], cells, strict=True)
    )
