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
# Up to here every whole number is a float64.
_EXACT = 2.0**53


@dataclass(frozen=True)
class FoldsFile:
    """The folds of training rows, in a table; it can be sent to worker processes.

    Attributes:
        path: of the table, CSV or Parquet: the competition's id column and `fold`, whole numbers,
            empty or below zero for rows that are trained on in every fold and predicted in none.
            Rows may come in any order.
        id_column: of the competition. Ids are compared as text.
        kept: a copy that is read instead, once it is there; None where there will be none.
    """

    path: Path
    id_column: str
    kept: Path | None = None

    def key_values(self) -> tuple[()]:
        """Return what results follow from: nothing, for the row numbers of folds count already."""
        return ()

    def __getstate__(self) -> dict[str, object]:
        # A worker reads the file only if it has to.
        return {"path": self.path, "id_column": self.id_column, "kept": self.kept}

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

    @property
    def content(self) -> bytes:
        """What the file says, as CSV in the order of ids: equal for equal folds.

        Raises:
            DataError: if the file cannot be read.
        """
        table = self._numbers.clip(lower=-1).sort_index().rename(FOLD)
        return table.to_csv(index_label=self.id_column).encode()

    def numbered(self, dataset: Dataset) -> Dataset:
        """Return a data set with these folds.

        Raises:
            DataError: if the file cannot be read, or lacks a training row.
        """
        import pandas as pd

        ids = dataset.train_ids
        places = self._numbers.index.get_indexer(pd.Index(ids).astype(str))
        missing = ids[places < 0]
        if len(missing) == len(ids):
            raise DataError(
                f"{self.path} has none of the {len(ids)} training rows: its {self.id_column} are "
                f"{some(self._numbers.index)}, and theirs {some(ids)}. Is it of another "
                "competition, or of the test rows?"
            )
        if len(missing):
            raise DataError(
                f"{self.path} lacks {counted(len(missing), 'training row')}: {some(missing)}. "
                "Name all, without a fold those that none predicts. If they are sealed, give the "
                "same --sealed as 'comps folds' had."
            )
        numbers = self._numbers.to_numpy()[places]
        others = np.delete(np.asarray(self._numbers.index), places)
        notes = _on_groups(self.path.name, dataset.units, numbers)
        file = self.path.name
        if len(others):
            told = counted(len(others), f"id of {file} is", f"ids of {file} are")
            notes.append(f"{told} of no row that is trained on: {some(others)}.")
        if without := int((numbers < 0).sum()):
            told = counted(without, f"row of {file} has", f"rows of {file} have")
            notes.append(f"{told} no fold: trained on in every fold, and predicted in none.")
        return replace(dataset, folds=numbers, notes=(*dataset.notes, *notes))

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
        cells = table[FOLD]
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        numbers = np.where(cells.isna(), -1, numbers)
        wrong = ~(numbers == np.floor(numbers)) | ~(np.abs(numbers) < _EXACT)
        if wrong.any():
            raise DataError(
                f"{self.path} has no whole number as the fold of "
                f"{counted(int(wrong.sum()), 'row')}: {self.id_column} {some(ids[wrong])}. Leave "
                "it empty for rows that are trained on in every fold and predicted in none."
            )
        return pd.Series(numbers.astype(np.int64), index=ids)

    def _table(self) -> pd.DataFrame:
        path = self.kept if self.kept is not None and self.kept.is_file() else self.path
        files = open_files(path)
        names = files.names()
        if path.is_dir() or len(names) != 1:
            raise DataError(f"{path} is no table: name the file with the folds.")
        frame = read_table(files.read(names[0]), str(path), text=(self.id_column,)).frame
        lacking = [name for name in (self.id_column, FOLD) if name not in frame]
        if lacking:
            raise DataError(
                f"{path} lacks the columns {lacking}; it has {list(frame.columns)}. 'comps folds' "
                "writes such a file."
            )
        nameless = int(frame[self.id_column].isna().sum())
        if nameless:
            raise DataError(f"{path} has {counted(nameless, 'row')} without an id.")
        return frame


def _on_groups(file: str, groups: Array | None, numbers: NDArray[np.int64]) -> list[str]:
    """Return a warning where rows that belong together are in several folds."""
    if groups is None:
        return []
    pairs = np.unique(np.rec.fromarrays([groups, numbers]))
    names, counts = np.unique(pairs["f0"], return_counts=True)
    cut = names[counts > 1]
    if not len(cut):
        return []
    return [
        f"Warning: {file} puts rows that belong together into several folds "
        f"({counted(len(cut), 'group')}: {some(cut)}). Scores may be too good."
    ]


@dataclass(frozen=True)
class NumberedLoader:
    """The loader of a competition whose folds a file numbers.

    Attributes:
        load: reads the rows, without those that are sealed.
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
        return self.folds.numbered(self.load(path))
