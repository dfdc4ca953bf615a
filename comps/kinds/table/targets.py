"""Targets in files: values and labels, checked, with the rows that have none."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Metric, Task, counted, some
from comps.kinds.table.schema import Schema
from comps.reading.column import Column
from comps.reading.delimited import Table
from comps.reading.missing import MISSING, SURE

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the training rows that are kept.

    Attributes:
        values: [n] or [n, targets] float64; codes of classes, zeros and ones of labels.
        rows: [n] int64, the rows of the file that are kept.
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
    read = [_numbers(column, table.lines[rows], file) for column in kept]
    values = np.column_stack(read)
    if schema.task is Task.REGRESSION:
        for name, own in zip(schema.targets, read, strict=True):
            check_possible(own, metric, f"{name!r} in {file}", "lines", table.lines[rows])
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


def _numbers(column: Cells, lines: Rows, file: str) -> NDArray[np.float64]:
    """Return plain numbers: a target in another way of writing is not guessed at.

    Raises:
        DataError: that names the first cells that are none.
    """
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    strange = ~np.isfinite(values)
    if strange.any():
        of = f"of the target {column.name!r} in {file}"
        said = counted(
            int(strange.sum()), f"value {of} is no number", f"values {of} are no numbers"
        )
        raise DataError(f"{said}: {_places(column, lines, strange)}.")
    return values


def check_possible(
    values: NDArray[np.float64], metric: Metric, what: str, unit: str, places: Rows
) -> None:
    """Check that a metric is defined for targets.

    Args:
        values: [n], in the target's own unit.
        metric: that judges them.
        what: the target, for the message.
        unit: of the places, "lines" or "rows".
        places: [n], where each value is.

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
            said = counted(int(wrong.sum()), f"value of {what} does", f"values of {what} do")
            raise DataError(
                f"{metric.label} {needed}, which {said} not allow: "
                f"{some(values[wrong].tolist())} ({unit} {some(places[wrong].tolist())})."
            )


def _places(column: Cells, lines: Rows, strange: NDArray[np.bool_]) -> str:
    cells: Sequence[object] = column[strange].iloc[:3].tolist()
    return ", ".join(
        f"line {line}: {cell!r}" for line, cell in zip(lines[strange][:3], cells, strict=True)
    )
