"""The tables of a competition of series: of files, of memory, and of new readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError, UsageError, counted, some, unknown_name
from comps.kinds.series.given import Said
from comps.kinds.series.reading import Part, has_value, keys_of, times_of
from comps.kinds.table.files import is_called, tables_of
from comps.kinds.table.fingerprint import table_fingerprint
from comps.reading.archives import find_tables, open_files
from comps.reading.delimited import ALL, Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of a competition of series.

    Attributes:
        train: the training rows.
        test: the rows to forecast, or None.
        sample: the sample submission, or None.
        source: where they are.
        fingerprint: of their content.
    """

    train: Part
    test: Part | None
    sample: pd.DataFrame | None
    source: str
    fingerprint: str


def divided(part: Part, said: Said) -> Tables:
    """Return the readings of a single table, and its rows to forecast.

    Rows without a target whose time is later than the last known one of their key are to be
    forecast, in whichever order they come; where there are none, the steps after the end are.

    Raises:
        UsageError: if a column is not there, or the steps to forecast must be given, for models
            know columns ahead.
        DataError: if times or keys are missing.
    """
    for role in ("target", "time", "key"):
        name = getattr(said, role)
        if name is not None and name not in part.rows:
            raise unknown_name(f"column of the {role} called", name, map(str, part.rows))
    (times,), (keys, (series,)) = times_of([part], said), keys_of([part], said)
    known = has_value(part.rows[said.target])
    _, order = np.unique(times, return_inverse=True)
    last = np.full(len(keys), -1)
    np.maximum.at(last, series[known], order[known])
    after = ~known & (order > last[series])
    if said.known and not after.any():
        raise UsageError(
            f"The models know {some(map(repr, said.known))} ahead. Add the rows of the next "
            f"{counted(said.horizon, 'step')}, with these columns and without {said.target!r}."
        )
    train = part.take(~after)
    test = part.take(after, without=said.target) if after.any() else None
    parts = {"train": train.rows, "test": None if test is None else test.rows}
    return Tables(train, test, None, part.name, table_fingerprint(parts))


def memory_tables(train: Any, test: Any) -> Tables:
    """Return the tables of a competition of DataFrames.

    Args:
        train: readings.
        test: the rows to forecast; None where these are the steps after the end.

    Raises:
        UsageError: if something else came.
    """
    import pandas as pd

    for rows, part in ((train, "train"), (test, "test")):
        if not isinstance(rows, pd.DataFrame) and not (rows is None and part == "test"):
            raise UsageError(f"{part} takes a DataFrame; a {type(rows).__name__} came.")
    return Tables(
        in_memory(train, "the training rows"),
        None if test is None else in_memory(test, "the test rows"),
        None,
        "memory",
        table_fingerprint({"train": train, "test": test}),
    )


def in_memory(rows: pd.DataFrame, name: str) -> Part:
    """Return the rows of a DataFrame, counted from 1."""
    return Part(rows.reset_index(drop=True), name, np.arange(1, len(rows) + 1), "row")


def new_tables(path: Path, said: Said, files: Mapping[str, str]) -> Tables:
    """Return the tables of readings that follow those of a competition; see `file_tables`.

    A single table may be called anything, and holds its rows to forecast itself; see `divided`.
    """
    there = find_tables(open_files(path))
    own = {
        part: name for part, name in files.items() if any(is_called(other, name) for other in there)
    }
    if len(there) == 1:
        own = {"train": there[0]}
    found = tables_of(path, own)
    test = found.names.get("test", found.names["train"])
    if test != found.names["train"] or "sample" in found.names:
        return file_tables(path, said, own)
    train = found.read("train", _exact(said))
    assert train is not None
    return divided(_part(train), said)


def _exact(said: Said) -> set[str]:
    """Return the columns whose cells are wanted to the character."""
    return {name for name in (said.target, said.key, said.id) if name}


def file_tables(path: Path, said: Said, files: Mapping[str, str]) -> Tables:
    """Return the tables of an archive, a folder or a file."""
    found = tables_of(path, files)
    exact = _exact(said)
    train, test, sample = (found.read(part, exact) for part in ("train", "test", "sample"))
    if train is None:
        raise DataError(f"{path} holds no training rows.")
    exactly = None if sample is None else found.read("sample", ALL)
    return Tables(
        _part(train),
        None if test is None else _part(test),
        None if exactly is None else exactly.frame,
        str(path),
        found.fingerprint(),
    )


def _part(table: Table) -> Part:
    return Part(table.frame, table.name, table.lines)
