"""The few rows of a competition from which its own loader sees how new rows are to be read."""

from __future__ import annotations

import inspect
import io
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Competition, Dataset, RowSet, UsageError, WorkbenchError
from comps.kinds.table.files import TARGETS, Tables, tables_of
from comps.reading.delimited import ALL, read_table
from comps.reading.other_test import OtherTest

if TYPE_CHECKING:
    import pandas as pd

# Rows of a form, spread evenly; of each level of what is predicted, so many at least.
_SPREAD, _OF_A_LEVEL = 30, 3
# A column of more levels holds numbers.
_LEVELS = 200
# Rows by which a form is compared with all rows, and rows that are predicted for a trial.
_COMPARED, _TRIED = 20_000, 100
# Endings of files whose fields are divided by tabs.
_TABS = (".tsv", ".tab")


@dataclass(frozen=True)
class Form:
    """Files in the competition's own form.

    Attributes:
        files: by their path in the folder.
        rows: the training rows in it.
        name: of a file of new rows, whose ending says how fields are divided.
        test: content of such a file, the first test rows: for a trial.
        columns: of new rows.
    """

    files: Mapping[str, bytes]
    rows: int
    name: str
    test: bytes
    columns: tuple[str, ...]


def form_of(competition: Competition, path: Path) -> Form:
    """Return as few rows as read new rows in the same way as all of them do.

    Kinds of columns, dates and levels follow from the schema and from the rows. Whether few rows
    are enough is tried: new rows, read with them and with all, must be the same.

    Args:
        competition: whose `with_test` reads new rows.
        path: of its files.

    Raises:
        UsageError: if all training rows in a new folder are not read as they were.
    """
    with _laid_out(competition, path) as own:
        found = _form_in(competition, own)
    if found is None:
        raise UsageError(
            f"New rows of {competition.name} cannot be read outside of {path}: its loader needs "
            "more than its tables. 'comps predict' predicts them."
        )
    return found


def _laid_out(competition: Competition, path: Path) -> AbstractContextManager[Path]:
    """Give the path of the competition's tables, or one that they are written to."""
    reader = competition.with_test
    return reader.laid_out(path) if isinstance(reader, OtherTest) else nullcontext(path)


def _form_in(competition: Competition, path: Path) -> Form | None:
    """Return the form of tables; None where even all training rows read new ones otherwise."""
    tables, further = _tables(competition, path)
    train, test = tables.read("train", ALL), tables.read("test", ALL)
    assert train is not None
    new = (train if test is None else test).frame.head(_COMPARED)
    ending = PurePosixPath(tables.names["train" if test is None else "test"]).suffix.lower()
    name = f"rows{'.tsv' if ending in _TABS else '.csv'}"
    rows = _content(new, name)
    wanted = _read(competition, path, rows, name)
    names = set() if test is None else set(map(str, test.frame))
    for places in (_few(train.frame, names), np.arange(len(train.frame))):
        files = _files(tables, places) | further
        with tempfile.TemporaryDirectory() as made:
            write_files(Path(made), files)
            try:
                same = _alike(_read(competition, Path(made), rows, name), wanted)
            except WorkbenchError:
                same = False
        if same:
            tried = _content(new.head(_TRIED), name)
            return Form(files, len(places), name, tried, tuple(map(str, new)))
    return None


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _tables(competition: Competition, path: Path) -> tuple[Tables, dict[str, bytes]]:
    """Return the tables of a competition, and the further ones that its loader reads."""
    reader = competition.with_test
    if isinstance(reader, OtherTest):
        chosen = {"train": reader.train, "test": reader.test, "sample": reader.sample}
        return tables_of(path, chosen), {}
    tables = tables_of(path, getattr(inspect.unwrap(competition.load), "files", None))
    return tables, {name: tables.files.read(name) for name in tables.others}


def _files(tables: Tables, places: NDArray[np.int64]) -> dict[str, bytes]:
    """Return the tables with some training rows, and few others."""
    frames = {
        part: read_table(tables.files.read(name), name, text=ALL).frame
        for part, name in tables.names.items()
    }
    train = frames["train"] = frames["train"].iloc[places]
    for part in frames.keys() - {"train", TARGETS}:
        frames[part] = frames[part].head(_OF_A_LEVEL)
    if TARGETS in frames:
        (key,) = set(frames[TARGETS]) & set(train)
        frames[TARGETS] = frames[TARGETS][frames[TARGETS][key].isin(train[key])]
    return {name: _content(frames[part], name) for part, name in tables.names.items()}


def _few(train: pd.DataFrame, test: set[str]) -> NDArray[np.int64]:
    """Return the places of some rows, with all levels of the columns that test rows lack."""
    chosen = np.linspace(0, len(train) - 1, min(_SPREAD, len(train))).round().astype(np.int64)
    found = [chosen]
    for name in train:
        if str(name) not in test and train[name].nunique() <= _LEVELS:
            count = train.groupby(train[name].astype(str), sort=False).cumcount()
            found.append(np.flatnonzero(count < _OF_A_LEVEL))
    return np.unique(np.concatenate(found))


def _content(frame: pd.DataFrame, name: str) -> bytes:
    """Return the content of a file of a table, of the kind that its name says."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in (".parquet", ".pq"):
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    text: str = frame.to_csv(index=False, sep="\t" if ending in _TABS else ",")
    return text.encode()


def _read(competition: Competition, path: Path, rows: bytes, name: str) -> Dataset:
    assert competition.with_test is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(rows)
        return competition.with_test(path, file)


def _alike(one: Dataset, other: Dataset) -> bool:
    """Whether the test rows of two data sets are the same, and what is predicted of them."""
    return (
        one.classes == other.classes
        and one.target.shape[1:] == other.target.shape[1:]
        and _equal(one.test_ids, other.test_ids)
        and _same_rows(one.test, other.test)
    )


def _same_rows(one: RowSet, other: RowSet) -> bool:
    """Whether rows are the same; levels that other rows have beside do not matter."""
    tables: list[Any] = [one, other]
    if all(hasattr(rows, "columns") for rows in tables):
        first, second = tables
        return list(first) == list(second) and all(
            first[name].astype(str).equals(second[name].astype(str)) for name in first
        )
    first, second = (rows.gathered() if hasattr(rows, "gathered") else rows for rows in tables)
    return _equal(first, second)


def _equal(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool((first.astype(str) == second.astype(str)).all())
