"""The run store: results in files, so that nothing is computed twice.

runs/house-prices/
    store.json                          format and version that wrote it
    records/<time>-<command>.json       what a command trained, see `pipelines.store.records`
    records/<time>-<command>.log        what it printed
    folds/<fingerprint>-r<repeats>.npz  row numbers
    folds/<fingerprint>.csv             what a file that numbers folds says
    models/<model>/<key>/model.json     configuration, for people
    models/<model>/<key>/r0-f3.npz      staged predictions of repeat 0, fold 3
    models/<model>/<key>/r0-f3-f4.npz   the same without folds 3 and 4, for the nested score
    models/<model>/<key>/r0-all.npz     test predictions of a model of all rows
    models/<model>/<key>/r0-f3.model.zip  the trained model of repeat 0, fold 3
    models/<model>/<key>/r0-f3.test.npz   its test predictions at the stopping point
    models/<model>/<key>/oof-r1.npz     out-of-fold predictions over 1 repeat
    imported/<name>/<key>/oof-r1.npz    the same, made by another tool
    errors/<model>-<key>.log            traceback of a model that failed
    blend.json, leaderboard.json, submission.csv  of the last blend
    report.html, report.json            of the last run

A model with changed parameters lies in the folder of its model under a key of its own. Whatever
belongs to one key, trained models included, is kept in the folder of that key: nothing else
needs to know of it, and `comps clean` removes the folder as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import JSON, Array, BusyError, Dataset, Model, StoreError, base_name
from pipelines.basics.files import (
    read_arrays,
    read_json,
    remove_unfinished,
    write_arrays,
    write_bytes,
    write_json,
)
from pipelines.basics.fingerprint import fingerprint
from pipelines.basics.version import own_version
from pipelines.folds import Folds, Held
from pipelines.folds.files import write_folds
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept
from pipelines.results.oof import OutOfFold
from pipelines.store._mirror import mirror_of
from pipelines.store.imported import ImportedFiles

# 2: members have names that show changed parameters, commands leave records, and the stopping
# point is that of the first repeat.
FORMAT = 2


class RunStore:
    """The results of one competition in one folder, or on object storage.

    Reading needs no lock, because files appear whole. Code that computes takes `writing()`.

    Args:
        root: the folder, or an address such as `Path("s3://bucket/runs/digits")`.

    Raises:
        StoreError: if another version of the workbench wrote the folder in another format,
            or it is no folder.
    """

    def __init__(self, root: Path) -> None:
        self._mirror = mirror_of(root)
        self.place = root
        self.root = root if self._mirror is None else self._mirror.folder
        self._check_format()

    def _check_format(self) -> None:
        marker = self.root / "store.json"
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"{self.root} is a file; a folder for results was expected.")
        if not marker.exists():
            return
        try:
            written = read_json(marker)
            found = written["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{marker} is damaged. Delete it or use another --runs.") from error
        if found != FORMAT:
            raise StoreError(
                f"The results in {self.root} were written by version {written.get('version')} in "
                f"format {found}; this version reads format {FORMAT}. Results of another format "
                "are not converted. Use another folder (--runs) or delete this one; what is "
                "needed is computed anew."
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
            # What lies half written was left by a kill.
            remove_unfinished(self.root)
            write_bytes(self.root / ".holder", str(os.getpid()).encode())
            with nullcontext() if self._mirror is None else self._mirror.held():
                if not (self.root / "store.json").exists():
                    told = {"format": FORMAT, "version": own_version()}
                    write_json(self.root / "store.json", told)
                yield
        finally:
            lock.release()

    def send(self) -> None:
        """Send what was written without `writing()`, if this store is on object storage.

        Where another process holds it, this is left to the end of this one, or the next.

        Raises:
            StoreError: if it cannot be sent.
        """
        if self._mirror is not None:
            with suppress(BusyError):
                self._mirror.send_left()

    def _holder(self) -> str:
        try:
            return (self.root / ".holder").read_text()
        except OSError:
            return "unknown"

    # Folds

    def write_folds(self, folds: Folds) -> Path:
        """Store the row numbers of the folds, unless a whole file exists; return the file."""
        path = self.root / "folds" / f"{folds.fingerprint}-r{folds.n_repeats}.npz"
        write_folds(path, folds)
        return path

    def keep_folds_file(self, content: bytes) -> str:
        """Store what a file that numbers folds says; return the name of the copy under the root.

        Raises:
            StoreError: if it cannot be written.
        """
        name = folds_file_name(content)
        kept = self.root / name
        if not kept.is_file() or kept.read_bytes() != content:
            write_bytes(kept, content)
        return name

    # Results of single fits

    def fold_path(self, model: str, key: str, repeat: int, held: Held) -> Path:
        """Return the file of the result of one fit: r0-f3, r0-f3-f4 or r0-all."""
        folds = "-".join(f"f{fold}" for fold in held) or "all"
        return self.root / "models" / model / key / f"r{repeat}-{folds}.npz"

    def write_fold(self, model: Model, key: str, result: FoldResult) -> None:
        """Store the result of one fit."""
        path = self.fold_path(model.name, key, result.repeat, result.held)
        if not (path.parent / "model.json").exists():
            write_json(path.parent / "model.json", {"key": key, "config": model.config()})
        meta: dict[str, JSON] = {
            "repeat": result.repeat,
            "held": list(result.held),
            "fit_seconds": result.fit_seconds,
            "other_seconds": result.other_seconds,
        }
        if result.kept is not None:
            # First: a result whose model was not written is one that has to be made again.
            self.write_kept(model.name, key, result.repeat, result.held, result.kept)
            # Of an earlier fit, whose model was lost.
            path.with_suffix(".test.npz").unlink(missing_ok=True)
        names = ("steps", "curves", "loss", "valid", "test", "size", "test_steps")
        write_arrays(path, meta, {name: getattr(result, name) for name in names})

    def read_fold(self, model: str, key: str, repeat: int, held: Held) -> FoldResult:
        """Return the result of one fit.

        Raises:
            FileNotFoundError: if it is not stored.
            StoreError: if the file is damaged.
        """
        path = self.fold_path(model, key, repeat, held)
        meta, arrays = read_arrays(path)
        with suppress(FileNotFoundError):
            told, tested = read_arrays(path.with_suffix(".test.npz"))
            arrays |= {"test": tested["test"][None], "test_steps": np.array([told["step"]])}
        values = {**meta, "held": tuple(meta["held"]), **arrays}
        return FoldResult(**values)

    def read_curve(
        self, model: str, key: str, repeat: int, held: Held
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the steps of one fit and the guide's score at each, without its predictions.

        Raises:
            FileNotFoundError: if it is not stored.
            StoreError: if the file is damaged.
        """
        path = self.fold_path(model, key, repeat, held)
        _, arrays = read_arrays(path, only=("steps", "curves"))
        return arrays["steps"], np.asarray(arrays["curves"]).mean(axis=0)

    def write_tested(
        self, model: str, key: str, repeat: int, held: Held, step: int, test: Array
    ) -> None:
        """Store what a fit predicts for the test rows, [m, ...], at its stopping point."""
        path = self.fold_path(model, key, repeat, held).with_suffix(".test.npz")
        write_arrays(path, {"step": step}, {"test": test})

    # Trained models

    def write_kept(self, model: str, key: str, repeat: int, held: Held, kept: Kept) -> None:
        """Store the trained model of one fit."""
        write_bytes(self._kept_path(model, key, repeat, held), kept.to_bytes())

    def read_kept(self, model: str, key: str, repeat: int, held: Held) -> Kept:
        """Return the trained model of one fit.

        Raises:
            FileNotFoundError: if it is not stored.
            StoreError: if the file is damaged.
        """
        return Kept.from_bytes(self._kept_path(model, key, repeat, held).read_bytes())

    def find_kept(self, model: str, key: str, repeat: int, held: Held) -> Kept | None:
        """Return the trained model of one fit, or None; a damaged file is deleted."""
        try:
            return self.read_kept(model, key, repeat, held)
        except FileNotFoundError:
            return None
        except StoreError:
            self._kept_path(model, key, repeat, held).unlink(missing_ok=True)
            return None

    def forget_kept(self, model: str, key: str, reason: str) -> None:
        """Remove the trained models of a key and write why; its predictions stay."""
        for path in self._kept_path(model, key, 0, ()).parent.glob("*.model.zip"):
            write_bytes(path, Kept(reason=reason).to_bytes())

    def _kept_path(self, model: str, key: str, repeat: int, held: Held) -> Path:
        return self.fold_path(model, key, repeat, held).with_suffix(".model.zip")

    def find_fold(self, model: str, key: str, repeat: int, held: Held) -> FoldResult | None:
        """Return the result of one fit, or None; a damaged file is deleted."""
        try:
            return self.read_fold(model, key, repeat, held)
        except FileNotFoundError:
            return None
        except StoreError:
            path = self.fold_path(model, key, repeat, held)
            path.unlink(missing_ok=True)
            path.with_suffix(".test.npz").unlink(missing_ok=True)
            return None

    def has_fold(self, model: str, key: str, repeat: int, held: Held) -> bool:
        """Whether the result of one fit is stored and whole; a damaged file is deleted."""
        return self.find_fold(model, key, repeat, held) is not None

    def find_folds(
        self, model: str, key: str, repeat: int, wanted: Sequence[Held]
    ) -> dict[Held, FoldResult]:
        """Return the results of some fits; an empty mapping if one of them is not stored."""
        found = {}
        for held in wanted:
            result = self.find_fold(model, key, repeat, held)
            if result is None:
                return {}
            found[held] = result
        return found

    # Out-of-fold predictions

    def write_oof(self, oof: OutOfFold) -> None:
        """Store the out-of-fold predictions of one of our own members; see `imported`."""
        path = self._oof_path(base_name(oof.model), oof.key, oof.n_repeats)
        write_arrays(path, *oof.to_file())

    def read_oof(self, model: str, key: str, n_repeats: int) -> OutOfFold:
        """Return the out-of-fold predictions of one model over a number of repeats.

        Raises:
            FileNotFoundError: if they are not stored.
            StoreError: if the file is damaged.
        """
        return OutOfFold.from_file(*read_arrays(self._oof_path(model, key, n_repeats)))

    def _oof_path(self, model: str, key: str, n_repeats: int) -> Path:
        return self.root / "models" / model / key / f"oof-r{n_repeats}.npz"

    def find_oof(self, model: str, key: str, n_repeats: int) -> OutOfFold | None:
        """Return predictions over a number of repeats, or None; a damaged file is deleted."""
        try:
            return self.read_oof(model, key, n_repeats)
        except FileNotFoundError:
            return None
        except StoreError:
            self._oof_path(model, key, n_repeats).unlink(missing_ok=True)
            return None

    def repeats_of(self, model: str, key: str) -> list[int]:
        """Return the numbers of repeats for which a key has predictions, the largest first."""
        files = self._oof_path(model, key, 1).parent.glob("oof-r*.npz")
        return sorted((int(path.stem.removeprefix("oof-r")) for path in files), reverse=True)

    def predictions(self, dataset: Dataset, folds: Folds) -> list[OutOfFold]:
        """Return all out-of-fold predictions of our own models on these data and folds.

        A model may have several, of different parameters, seeds and versions of the code.
        Damaged files are left out.
        """
        found = []
        for path in sorted(self.root.glob("models/*/*/oof-r*.npz")):
            with suppress(StoreError, FileNotFoundError):
                found.append(OutOfFold.from_file(*read_arrays(path)))
        return [oof for oof in found if _is_on(oof, dataset, folds)]

    @property
    def imported(self) -> ImportedFiles:
        """The members that other tools made."""
        return ImportedFiles(self.root)

    # Records for people

    def write_record(self, name: str, value: object) -> Path:
        """Store a JSON value under the root, and return the file."""
        write_json(self.root / name, value)
        return self.root / name

    def write_text(self, name: str, text: str) -> Path:
        """Store a text under the root, and return the file."""
        write_bytes(self.root / name, text.encode())
        return self.root / name


def folds_file_name(content: bytes) -> str:
    """Return what a store calls its copy of a file that numbers folds: equal for equal content."""
    return f"folds/{fingerprint(content)}.csv"


def error_log(model: str, key: str) -> str:
    """Return the file, under the root of a store, for the traceback of a model that failed."""
    return f"errors/{model}-{key}.log"


def _is_on(oof: OutOfFold, dataset: Dataset, folds: Folds) -> bool:
    fingerprints = dataset.fingerprint, folds.fingerprint
    return (oof.data_fingerprint, oof.folds_fingerprint) == fingerprints
