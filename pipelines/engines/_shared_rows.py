"""Large tables of files, which worker processes map instead of reading the files again."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comps.base import Dataset, read_mapped, write_for

Load = Callable[[Path], Dataset]

# A smaller table is read from its files as quickly.
_LEAST_BYTES = 2**24


def shared(load: Load, dataset: Dataset) -> Load:
    """Return a loader for worker processes: of a large table its rows, else the loader itself.

    Images lie in a file that all processes map anyway, and rows in memory bring their own.

    Args:
        load: of the competition.
        dataset: what it returned.
    """
    parts: list[Any] = [dataset.train, dataset.test]
    if getattr(inspect.unwrap(load), "brings_rows", False):
        return load
    if not all(hasattr(part, "memory_usage") for part in parts):
        return load
    size = sum(int(part.memory_usage().sum()) for part in parts)
    return SharedRows(load, dataset) if size >= _LEAST_BYTES else load


class SharedRows:
    """A loader that goes to another process as the path of a file with the rows.

    The file lies in a private temporary folder, is written once, and is removed with the loader.
    Where it cannot be written, the other process reads the competition's files.

    Args:
        load: of the competition.
        dataset: what it returned.
    """

    def __init__(self, load: Load, dataset: Dataset) -> None:
        self._load = load
        self._dataset: Dataset | None = dataset
        self._file: Path | None = None
        self._tried = False

    def __call__(self, path: Path) -> Dataset:
        """Return the rows."""
        if self._dataset is not None:
            return self._dataset
        # Written by the live process that started this one.
        if self._file is None:
            return self._load(path)
        rows: Dataset = read_mapped(self._file)
        return rows

    def __getstate__(self) -> dict[str, object]:
        """Return the loader and the file with the rows, which is written when first wanted."""
        if self._dataset is not None and self._file is None and not self._tried:
            self._tried = True
            with contextlib.suppress(OSError):
                self._file = write_for(self, self._dataset)
        own = {"_load": self._load, "_dataset": None, "_file": self._file}
        return {**own, "_tried": self._tried}
