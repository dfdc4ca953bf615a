"""Rows in memory, as a loader that worker processes can use, too."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import weakref
from pathlib import Path

from comps.base import Dataset

# The path that such a competition is loaded from, for records and messages.
IN_MEMORY = Path("in memory")


class InMemory:
    """The loader of rows that are there already.

    It goes to a worker process as the path of a file in a private temporary folder, which is
    written once: the rows would travel with every job otherwise. It is removed with the loader, or
    when this process ends.

    Args:
        dataset: the rows.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset: Dataset | None = dataset
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
            with self._file.open("rb") as file:
                self._dataset = pickle.load(file)
        return self._dataset

    def __getstate__(self) -> dict[str, Path | None]:
        """Return the file with the rows, which is written when it is first wanted."""
        if self._dataset is not None and (self._file is None or not self._file.exists()):
            folder = Path(tempfile.mkdtemp(prefix="comps-rows-"))
            weakref.finalize(self, _remove, folder, os.getpid())
            file = folder / "rows.pickle"
            with file.open("wb") as opened:
                pickle.dump(self._dataset, opened, protocol=5)
            self._file = file
        return {"file": self._file}

    def __setstate__(self, state: dict[str, Path | None]) -> None:
        """Take the file; the rows are read when they are first wanted."""
        self._dataset, self._file = None, state["file"]


def _remove(folder: Path, process: int) -> None:
    """Remove a folder of this process; a process that was forked from it leaves it alone."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
