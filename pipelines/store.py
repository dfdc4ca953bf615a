"""The run store: what was computed, kept so that it need not be computed again.

runs/house-prices/
    store.json                          format and version that wrote it
    folds/<fingerprint>-r<repeats>.npz  row numbers
    models/<model>/<key>/model.json     configuration, for people
    models/<model>/<key>/r0-f3.npz      staged predictions of repeat 0, fold 3
    models/<model>/<key>/oof-r1.npz     out-of-fold predictions over 1 repeat
    imported/<name>/<key>/oof-r1.npz    the same, made by another tool
    blend.json, submission.csv          of the last blend
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from comps.base import BusyError, Competition, Dataset, Model, StoreError
from pipelines.code import code_fingerprint
from pipelines.files import (
    read_arrays,
    remove_unfinished,
    write_arrays,
    write_bytes,
    write_json,
)
from pipelines.fingerprint import fingerprint, with_contents
from pipelines.folds import Folds
from pipelines.oof import OutOfFold
from pipelines.training import FoldResult

FORMAT = 1


def result_key(
    competition: Competition, dataset: Dataset, folds: Folds, model: Model, seed: int
) -> str:
    """Return the key of a model's results: equal when nothing that decides them changed.

    A file that a parameter names counts by its content.

    Raises:
        CodeError: if the code that results follow from cannot be found or read.
        DataError: if a file that a parameter names cannot be read.
    """
    metric, config = competition.metric, model.config()
    return fingerprint(
        dataset.fingerprint,
        folds.fingerprint,
        [metric.name, metric.greater_is_better, metric.needs, metric.scale.name, competition.task],
        {**config, "params": with_contents(config["params"])},
        seed,
        code_fingerprint(competition, model),
    )


class RunStore:
    """The results of one competition in one folder.

    Reading needs no lock, because files appear whole. Who computes takes `writing()`.

    Raises:
        StoreError: if another version of the workbench wrote the folder in another format,
            or it is no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._check_format()

    def _check_format(self) -> None:
        marker = self.root / "store.json"
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"{self.root} is a file; a folder for results was expected.")
        if not marker.exists():
            return
        try:
            written = json.loads(marker.read_text())
            found = written["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{marker} is damaged. Delete it or use another --runs.") from error
        if found != FORMAT:
            raise StoreError(
                f"The results in {self.root} were written by version {written.get('version')} in "
                f"format {found}; this version reads format {FORMAT}. Use another folder "
                "(--runs) or delete this one."
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for writing.

        Raises:
            BusyError: at once, if another process holds it.
        """
        from filelock import FileLock, Timeout

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise BusyError(
                f"Another run is writing to {self.root} (process {self._holder()}). Wait until it "
                "has ended, or use another folder (--runs)."
            ) from error
        except OSError as error:
            raise StoreError(f"Cannot write to {self.root}: {error.strerror or error}.") from error
        try:
            # Whoever holds the store is alone in it: what lies half written, was left by a kill.
            remove_unfinished(self.root)
            write_bytes(self.root / ".holder", str(os.getpid()).encode())
            if not (self.root / "store.json").exists():
                write_json(self.root / "store.json", {"format": FORMAT, "version": _version()})
            yield
        finally:
            lock.release()

    def _holder(self) -> str:
        try:
            return (self.root / ".holder").read_text()
        except OSError:
            return "unknown"

    # Folds

    def write_folds(self, folds: Folds) -> Path:
        """Store the row numbers of the folds, unless they are there and whole; return the file."""
        path = self.root / "folds" / f"{folds.fingerprint}-r{folds.n_repeats}.npz"
        try:
            read_arrays(path)
        except (FileNotFoundError, StoreError):
            write_arrays(path, {}, folds.to_arrays())
        return path

    # Results of single folds

    def fold_path(self, model: str, key: str, repeat: int, fold: int) -> Path:
        """Return where the result of one fold belongs."""
        return self.root / "models" / model / key / f"r{repeat}-f{fold}.npz"

    def write_fold(self, model: Model, key: str, result: FoldResult) -> None:
        """Store the result of one fold."""
        path = self.fold_path(model.name, key, result.repeat, result.fold)
        if not (path.parent / "model.json").exists():
            write_json(path.parent / "model.json", {"key": key, "config": model.config()})
        meta = {
            "repeat": result.repeat,
            "fold": result.fold,
            "fit_seconds": result.fit_seconds,
            "other_seconds": result.other_seconds,
        }
        names = ("steps", "curve", "loss", "valid", "test", "size")
        arrays = {
            name: getattr(result, name)
            for name in names
            if name != "size" or result.size is not None
        }
        write_arrays(path, meta, arrays)

    def read_fold(self, model: str, key: str, repeat: int, fold: int) -> FoldResult:
        """Return the result of one fold.

        Raises:
            FileNotFoundError: if it is not there.
            StoreError: if the file is damaged.
        """
        meta, arrays = read_arrays(self.fold_path(model, key, repeat, fold))
        values: dict[str, Any] = {**meta, **arrays}
        return FoldResult(**values)

    def has_fold(self, model: str, key: str, repeat: int, fold: int) -> bool:
        """Whether the result of one fold is there and whole; a damaged file is deleted."""
        try:
            self.read_fold(model, key, repeat, fold)
        except FileNotFoundError:
            return False
        except StoreError:
            self.fold_path(model, key, repeat, fold).unlink()
            return False
        return True

    # Out-of-fold predictions

    def write_oof(self, oof: OutOfFold) -> None:
        """Store the out-of-fold predictions of one model."""
        place = "imported" if oof.imported else "models"
        path = self._oof_path(oof.model, oof.key, oof.n_repeats, place)
        write_arrays(path, *oof.to_file())

    def read_oof(self, model: str, key: str, n_repeats: int) -> OutOfFold:
        """Return the out-of-fold predictions of one model over so many repeats.

        Raises:
            FileNotFoundError: if they are not there.
            StoreError: if the file is damaged.
        """
        return OutOfFold.from_file(*read_arrays(self._oof_path(model, key, n_repeats)))

    def _oof_path(self, model: str, key: str, n_repeats: int, place: str = "models") -> Path:
        return self.root / place / model / key / f"oof-r{n_repeats}.npz"

    def has_oof(self, model: str, key: str, n_repeats: int) -> bool:
        """Whether predictions over so many repeats are there and whole; else deletes them."""
        try:
            self.read_oof(model, key, n_repeats)
        except FileNotFoundError:
            return False
        except StoreError:
            self._oof_path(model, key, n_repeats).unlink()
            return False
        return True

    def members(
        self, dataset: Dataset, folds: Folds, places: Sequence[str] = ("models", "imported")
    ) -> list[OutOfFold]:
        """Return, for each model, its newest stored predictions on these data and folds.

        Args:
            dataset: whose rows they predict.
            folds: that they were made on.
            places: "models" for our own, "imported" for those of other tools.
        """
        newest: dict[str, OutOfFold] = {}
        files = [path for place in places for path in self.root.glob(f"{place}/*/*/oof-r*.npz")]
        for path in sorted(files, key=_written_at):
            oof = OutOfFold.from_file(*read_arrays(path))
            if (oof.data_fingerprint, oof.folds_fingerprint) == (
                dataset.fingerprint,
                folds.fingerprint,
            ):
                newest[oof.model] = oof
        return list(newest.values())

    def imported_names(self) -> set[str]:
        """Return the names of the imported members, whatever their data and folds."""
        return {path.parts[-3] for path in self.root.glob("imported/*/*/oof-r*.npz")}

    # Records for people

    def write_record(self, name: str, value: Any) -> Path:
        """Store a JSON value under the root, and return the file."""
        write_json(self.root / name, value)
        return self.root / name

    def write_text(self, name: str, text: str) -> Path:
        """Store a text under the root, and return the file."""
        write_bytes(self.root / name, text.encode())
        return self.root / name


def _written_at(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime_ns, path.name


def _version() -> str:
    return version("competition-workbench")
