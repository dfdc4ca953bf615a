"""Rows in memory, as a loader that worker processes can use, too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from comps.base import Dataset, UsageError, read_mapped, write_for
from comps.reading.delimited import read_table
from comps.reading.other_test import only_table

# The path that such a competition is loaded from, for records and messages.
IN_MEMORY = Path("in memory")


class InMemory:
    """The loader of rows that are there already.

    It goes to a worker process as the path of a file in a private temporary folder, which is
    written once: the rows would travel with every job otherwise. It is removed with the loader, or
    when this process ends.

    Args:
        dataset: the rows.
        with_test: `(rows) -> Dataset`, the same with a table of other test rows; None where there
            is no way to.
        texts: columns that other test rows of a file are to hold as texts.

    Attributes:
        brings_rows: that rows go to another process with it.
    """

    brings_rows = True

    def __init__(
        self,
        dataset: Dataset,
        with_test: Callable[[Any], Dataset] | None = None,
        texts: Collection[str] = (),
    ) -> None:
        self._dataset: Dataset | None = dataset
        self._texts = texts
        # It stays in this process, as the rows do.
        self._with_test = with_test
        self._file: Path | None = None

    def key_values(self) -> dict[str, object]:
        """Return what keys take of the loader: nothing, for the rows have a fingerprint."""
        return {}

    def __call__(self, path: Path) -> Dataset:
        """Return the rows, wherever they are."""
        del path
        if self._dataset is None:
            if self._file is None:
                raise RuntimeError("These rows are neither in memory nor in a file.")
            # Written by the live process that started this one.
            self._dataset = read_mapped(self._file)
        return self._dataset

    def with_test(self, path: Path, rows: Any) -> Dataset:
        """Return the same with other test rows, see `Competition.with_test`.

        Raises:
            UsageError: if there is no way to.
        """
        del path
        if self._with_test is None:
            raise UsageError("New rows of this competition in memory cannot be predicted.")
        if not hasattr(rows, "columns"):
            content, name = only_table(Path(rows))
            rows = read_table(content, name, text=self._texts).frame
        return self._with_test(rows)

    def __getstate__(self) -> dict[str, Path | None]:
        """Return the file with the rows, which is written when it is first wanted."""
        if self._dataset is not None and (self._file is None or not self._file.exists()):
            self._file = write_for(self, self._dataset)
        return {"file": self._file}

    def __setstate__(self, state: dict[str, Path | None]) -> None:
        """Take the file; the rows are read when they are first wanted."""
        self._dataset, self._file, self._with_test, self._texts = None, state["file"], None, ()
