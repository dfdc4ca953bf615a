"""Members that other tools made, in a run store: `imported/<name>/<key>/oof-r1.npz`."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from comps.base import Array, Dataset, Params, StoreError
from pipelines.basics.files import read_arrays, write_arrays
from pipelines.folds import Folds
from pipelines.results.oof import OutOfFold

# The folder under the root of a store.
FOLDER = "imported"
# Files beyond this are kept in memory in single precision, as blends keep them.
_LARGE = 2 << 30


@dataclass(frozen=True)
class ImportedFile:
    """What the file of an imported member says of itself.

    Attributes:
        path: of the file.
        meta: see `OutOfFold.to_file`.
    """

    path: Path
    meta: Params

    @property
    def name(self) -> str:
        """Of the member."""
        return str(self.meta["model"])

    def is_on(self, data: str, folds: str) -> bool:
        """Whether it is on data and folds of these fingerprints."""
        return (self.meta["data_fingerprint"], self.meta["folds_fingerprint"]) == (data, folds)


@dataclass(frozen=True)
class ImportedFiles:
    """The imported members of a run store.

    Attributes:
        root: of the store.
    """

    root: Path

    def put(self, member: OutOfFold) -> bool:
        """Store a member in place of those of its name on the same data and folds.

        The caller holds the store's `writing()`.

        Returns:
            Whether there was one.

        Raises:
            StoreError: if it cannot be written.
        """
        folder = self.root / FOLDER / member.model
        on = member.data_fingerprint, member.folds_fingerprint
        earlier = [path for path in folder.glob("*/oof-r*.npz") if self._is_on(path, *on)]
        path = folder / member.key / f"oof-r{member.n_repeats}.npz"
        write_arrays(path, *member.to_file())
        for other in earlier:
            if other != path:
                # Their times would say which is the newest, and a copied store has other times.
                shutil.rmtree(other.parent, ignore_errors=True)
        return bool(earlier)

    def _is_on(self, path: Path, data: str, folds: str) -> bool:
        try:
            return self.file(path).is_on(data, folds)
        except StoreError:
            # A damaged one is replaced.
            return True

    def on(self, dataset: Dataset, folds: Folds) -> list[OutOfFold]:
        """Return the members on these data and folds, the newest of each name.

        Raises:
            StoreError: if a file is damaged.
        """
        newest = {
            found.name: found.path
            for found in self.files()
            if found.is_on(dataset.fingerprint, folds.fingerprint)
        }
        single = sum(path.stat().st_size for path in newest.values()) > _LARGE
        found: list[OutOfFold] = []
        for path in newest.values():
            oof = OutOfFold.from_file(*read_arrays(path))
            found.append(_lean(oof, found[0] if found else oof, single))
        return found

    def files(self) -> list[ImportedFile]:
        """Return what the files say of themselves, the oldest first.

        Predictions are not read: of a thousand members, this takes a second.

        Raises:
            StoreError: if a file is damaged.
        """
        return [self.file(path) for path in self.paths()]

    def paths(self) -> list[Path]:
        """Return the files, the oldest first."""
        return sorted(self.root.glob(f"{FOLDER}/*/*/oof-r*.npz"), key=_written_at)

    def file(self, path: Path) -> ImportedFile:
        """Return what one of the files says of itself.

        Raises:
            StoreError: if it is damaged.
        """
        return ImportedFile(path, read_arrays(path, only=())[0])

    def read(self, found: ImportedFile) -> OutOfFold:
        """Return the predictions of a member.

        Raises:
            StoreError: if the file is damaged.
        """
        return OutOfFold.from_file(*read_arrays(found.path))

    def remove(self, names: Collection[str]) -> None:
        """Remove members by name, on all data and folds; the caller holds the store's `writing()`.

        Raises:
            StoreError: if one cannot be removed.
        """
        for name in names:
            folder = self.root / FOLDER / name
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise StoreError(f"Cannot remove {folder}: {error.strerror or error}.") from error

    def names(self) -> set[str]:
        """Return the names of the members, on any data and folds."""
        return {path.parts[-3] for path in self.paths()}


def _lean(oof: OutOfFold, first: OutOfFold, single: bool) -> OutOfFold:
    """Return a member that shares with another what is equal, in single precision if wanted."""
    changes: dict[str, Array] = {
        name: getattr(first, name)
        for name in ("train_ids", "test_ids", "covered")
        if np.array_equal(getattr(oof, name), getattr(first, name))
    }
    if single:
        changes |= {name: getattr(oof, name).astype(np.float32) for name in ("valid", "test")}
    return replace(oof, **changes)  # type: ignore[arg-type]


def _written_at(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime_ns, path.name
