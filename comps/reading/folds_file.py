"""Folds that a file numbers: the id and the fold of each training row, as a team shares them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, DataError, Dataset, counted, some
from comps.reading.archives import open_files
from comps.reading.delimited import read_table

if TYPE_CHECKING:
    import pandas as pd

FOLD = "fold"


@dataclass(frozen=True)
class FoldsFile:
    """The folds of training rows, in a table of two columns; it can be sent to worker processes.

    Attributes:
        path: of the table, CSV or Parquet: the competition's id column and `fold`, whole numbers,
            empty or below zero for rows that are trained on in every fold and predicted in none.
            Rows may come in any order.
        id_column: of the competition. Ids are compared as text.
    """

    path: Path
    id_column: str

    def key_values(self) -> tuple[()]:
        """Return what results follow from: nothing, for the row numbers of folds count already."""
        return ()

    def __getstate__(self) -> dict[str, object]:
        # A worker reads the file only if it has to.
        return {"path": self.path, "id_column": self.id_column}

    @property
    def n_folds(self) -> int:
        """How many folds predict a row.

        Raises:
            DataError: if the file cannot be read, or there are fewer than two.
        """
        numbers = np.unique(self._numbers.to_numpy())
        found = numbers[numbers >= 0]
        if len(found) < 2:
            raise DataError(
                f"{self.path} must name at least two folds; it names {some(found) or 'none'}."
            )
        return len(found)

    def numbered(self, dataset: Dataset) -> Dataset:
        """Return a data set with these folds.

        Raises:
            DataError: if the file cannot be read, or lacks a training row.
        """
        numbers, there = self._of(dataset.train_ids)
        if not there.all():
            missing = dataset.train_ids[~there]
            raise DataError(
                f"{self.path} lacks {counted(len(missing), 'training row')}: {some(missing)}. "
                "Name all, without a fold those that none predicts. If they are sealed, give the "
                "same --sealed as 'comps folds' had."
            )
        return replace(dataset, folds=numbers, notes=(*dataset.notes, *self._notes(dataset)))

    def where_complete(self, dataset: Dataset) -> Dataset:
        """Return all rows with these folds, or without any where the file lacks some of them.

        Raises:
            DataError: if the file cannot be read, or has ids that are not of training rows.
        """
        numbers, there = self._of(dataset.train_ids)
        known = self._places(dataset.train_ids)
        unknown = np.delete(np.asarray(self._numbers.index), known[known >= 0])
        if len(unknown):
            raise DataError(
                f"{self.path} has {counted(len(unknown), 'id')} of no training row: "
                f"{some(unknown)}. Is it of another competition, or of the test rows?"
            )
        return replace(dataset, folds=numbers if there.all() else None)

    def _of(self, ids: Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the number of each row, and whether the file has it."""
        places = self._places(ids)
        there = places >= 0
        return np.where(there, self._numbers.to_numpy()[places], -1), there

    def _places(self, ids: Array) -> NDArray[np.intp]:
        """Return where the file has each row, -1 where it has not."""
        import pandas as pd

        return self._numbers.index.get_indexer(pd.Index(ids).astype(str))

    def _notes(self, dataset: Dataset) -> list[str]:
        """Return what the user should know of these folds."""
        groups, numbers = dataset.units, self._of(dataset.train_ids)[0]
        if groups is None:
            return []
        pairs = np.unique(np.rec.fromarrays([groups, numbers]))
        names, counts = np.unique(pairs["f0"], return_counts=True)
        cut = names[counts > 1]
        if not len(cut):
            return []
        return [
            f"Warning: {self.path.name} puts rows that belong together into several folds "
            f"({counted(len(cut), 'group')}: {some(cut)}). Scores may be too good."
        ]

    @cached_property
    def _numbers(self) -> pd.Series:
        """The fold of each row, int64, by the id as text."""
        import pandas as pd

        table = self._table()
        ids = pd.Index(table[self.id_column]).astype(str)
        twice = ids[ids.duplicated()].unique()
        if len(twice):
            raise DataError(
                f"{self.path} has {counted(len(twice), 'duplicate id')}: {some(twice)}. Each row "
                "is in one fold."
            )
        cells = pd.to_numeric(table[FOLD].fillna(-1), errors="coerce").to_numpy(dtype=np.float64)
        wrong = ~(cells == np.floor(cells)) | np.isinf(cells)
        if wrong.any():
            raise DataError(
                f"{self.path} has no whole number as the fold of "
                f"{counted(int(wrong.sum()), 'row')}: {self.id_column} {some(ids[wrong])}. Leave "
                "it empty for rows that are trained on in every fold and predicted in none."
            )
        return pd.Series(cells.astype(np.int64), index=ids)

    def _table(self) -> pd.DataFrame:
        files = open_files(self.path)
        names = files.names()
        if self.path.is_dir() or len(names) != 1:
            raise DataError(f"{self.path} is no table: name the file with the folds.")
        frame = read_table(files.read(names[0]), str(self.path), text=(self.id_column,)).frame
        lacking = [name for name in (self.id_column, FOLD) if name not in frame]
        if lacking:
            raise DataError(
                f"{self.path} lacks the columns {lacking}; it has {list(frame.columns)}. "
                "'comps folds' writes such a file."
            )
        nameless = int(frame[self.id_column].isna().sum())
        if nameless:
            raise DataError(f"{self.path} has {counted(nameless, 'row')} without an id.")
        return frame


@dataclass(frozen=True)
class NumberedLoader:
    """The loader of a competition whose folds a file numbers.

    Attributes:
        load: reads the rows.
        folds: the file.
    """

    load: Callable[[Path], Dataset]
    folds: FoldsFile

    @property
    def __wrapped__(self) -> Callable[[Path], Dataset]:
        """The loader that reads the rows, whose code results depend on."""
        return self.load

    def __call__(self, path: Path) -> Dataset:
        """Return the rows with the folds of the file.

        Raises:
            DataError: see `FoldsFile`, and the loader.
        """
        return self.folds.numbered(self.folds.where_complete(self.load(path)))
