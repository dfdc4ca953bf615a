"""A cache of texts' vectors on disk, computed once for all processes."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError

Floats = NDArray[np.float32]


class VectorCache:
    """A file with the vectors of all texts that were requested.

    Processes take turns: while one computes vectors, the others wait, and then find them. The file
    is replaced whole; a damaged one is made anew.

    Args:
        path: of the file, whose folder is made if need be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, texts: Sequence[str], compute: Callable[[Sequence[str]], Floats]) -> Floats:
        """Return [n, width] float32, a row for each text.

        Args:
            texts: to look up.
            compute: gives [k, width] for those that are not known yet, each once.

        Raises:
            DataError: if the file cannot be written.
        """
        from filelock import FileLock

        keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock"):
                known = self._read()
                missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
                if missing:
                    found = compute(list(missing.values()))
                    known |= dict(zip(missing, found, strict=True))
                    self._write(known)
        except OSError as error:
            raise DataError(
                f"Cannot keep the vectors of texts in {self._path.parent}: {error.strerror}. Make "
                "room there, or set COMPS_CACHE to another folder."
            ) from error
        return np.stack([known[key] for key in keys])

    def _read(self) -> dict[str, Floats]:
        try:
            with np.load(self._path) as arrays:
                return dict(zip(arrays["keys"].tolist(), arrays["vectors"], strict=True))
        except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}

    def _write(self, vectors: dict[str, Floats]) -> None:
        temporary = self._path.with_suffix(f".{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                np.savez(file, keys=np.array(list(vectors)), vectors=np.stack([*vectors.values()]))
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)
