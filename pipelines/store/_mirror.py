"""A run store on object storage, as a folder of this machine that is kept the same as it.

Everything reads and writes the folder. What is there and not here is fetched when the store is
opened; what is written is sent every few seconds, in the order in which it was written, while the
store is held, and at the end.
"""

from __future__ import annotations

import atexit
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from comps.base import BusyError, MissingPackageError, StoreError, cache_root
from pipelines.basics.files import read_json, temporary_name, write_json
from pipelines.basics.fingerprint import fingerprint
from pipelines.store._lease import Lease

_ADDRESS = re.compile(r"([a-z][a-z0-9+]+):/+(.+)")
# The extra that brings what reads and writes an address.
_EXTRAS = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs")}
# Seconds between two looks at what was written.
_PERIOD = 2.0
# Seconds for which a look at the storage counts, where nothing is written.
_FRESH = 5.0
_STATE = ".remote.json"
# The winners of searches and their plots, see `pipelines.tuning.best`.
_OF_SEARCHES = re.compile(r"tuning/(best/[^/]+\.json|[^/]+\.svg)")


def address_of(root: Path) -> str | None:
    """Return the address that a path was made of; None of a folder.

    >>> address_of(Path("s3://bucket/runs") / "digits"), address_of(Path("runs/digits"))
    ('s3://bucket/runs/digits', None)
    """
    found = _ADDRESS.fullmatch(root.as_posix())
    return None if found is None else f"{found[1]}://{found[2]}"


def is_folder(path: Path) -> bool:
    """Whether a folder exists, on this machine or on object storage; nothing is fetched.

    Raises:
        MissingPackageError: if nothing is installed that reads the storage.
        StoreError: if it cannot be reached.
    """
    address = address_of(path)
    return path.is_dir() if address is None else Mirror(address).is_there()


def mirror_of(root: Path) -> Mirror | None:
    """Return the mirror of a store on object storage; None where it is a folder.

    Raises:
        MissingPackageError: if nothing is installed that reads it.
        StoreError: if it cannot be reached.
    """
    address = address_of(root)
    if address is None:
        return None
    mirror = _opened.get(address) or Mirror(address)
    mirror.refresh()
    if address not in _opened:
        _opened[address] = mirror
        # Not before: what is registered last runs first, and file systems that were used close
        # their connections at exit, too.
        atexit.register(_send_left, mirror)
    return mirror


class Mirror:
    """The folder of a store on object storage.

    Args:
        address: such as "s3://bucket/runs/digits".

    Raises:
        MissingPackageError: if nothing is installed that reads it.
    """

    def __init__(self, address: str) -> None:
        from filelock import FileLock

        self.address = address
        self.files, self._base = _opened_files(address)
        name = address.rpartition("/")[2]
        self.folder = cache_root().absolute() / "runs" / fingerprint(address) / name
        self._fetched = -_FRESH
        self._lost = False
        # Of threads, and of commands of this machine, which share the folder.
        self._one_at_a_time = FileLock(self.folder / ".remote.lock")

    def is_there(self) -> bool:
        """Whether the storage has files under the address."""
        with self._explained("read"):
            self.files.invalidate_cache()
            return bool(self.files.isdir(self._base))

    def refresh(self) -> None:
        """Fetch what changed, unless that was done a moment ago."""
        if time.monotonic() - self._fetched >= _FRESH:
            self.fetch()

    def fetch(self) -> None:
        """Make the folder what the storage has; what was not sent yet stays.

        Of a file that was changed here and there, the newer one stays.

        Raises:
            StoreError: if the storage cannot be read.
        """
        with self._explained("read"), self._alone():
            known, there = self._known(), self._there()
            try:
                for name, told in there.items():
                    path, mark = self.folder / name, _mark(told)
                    if path.exists():
                        if known.get(name, [None])[0] == mark:
                            continue
                        changed = known.get(name, [])[1:] != _state(path)
                        if changed and path.stat().st_mtime > _written(told):
                            continue
                    self._get(name, path)
                    known[name] = [mark, *_state(path)]
                for name in [name for name in known if name not in there]:
                    # It was sent, and removed by another machine.
                    path = self.folder / name
                    if path.exists() and _state(path) == known[name][1:]:
                        path.unlink()
                    del known[name]
            finally:
                self._remember(known)
        self._fetched = time.monotonic()

    def send(self, lease: Lease) -> None:
        """Make the storage what the folder has.

        Args:
            lease: that this process holds; it is checked every few seconds.

        Raises:
            StoreError: if the storage cannot be written, or was taken over.
        """
        with self._explained("written"), self._alone():
            known, here = self._known(), dict(self._here())
            changed, gone = _differing(known, here)
            if not changed and not gone:
                return
            lease.check()
            checked = time.monotonic()
            changed.sort(key=lambda name: here[name].stat().st_mtime_ns)
            try:
                for name in (*changed, *gone):
                    if time.monotonic() - checked >= _PERIOD:
                        self._remember(known)
                        lease.check()
                        checked = time.monotonic()
                    if name in here:
                        self._put(name, here[name], known)
                    else:
                        self._remove(name, known)
            finally:
                # What was sent before one failed is not fetched by the next command.
                self._remember(known)

    def send_left(self) -> None:
        """Send what was written without holding the store, such as a report, if there is any.

        What a command wrote that lost the store to another one, is left to the next command.

        Raises:
            BusyError: if another machine or process holds it; the next command sends all.
            StoreError: if it cannot be read or written.
        """
        with self._explained("written"):
            left = any(_differing(self._known(), dict(self._here())))
        if left and not self._lost:
            with self.held():
                pass

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the store on the storage, and send what is written meanwhile.

        Raises:
            BusyError: at once, if another machine or process holds it.
            StoreError: if it cannot be read or written, or was taken over meanwhile.
        """
        with self._explained("held"):
            lease = Lease.taken(self.files, self._base, self.address)
        try:
            with _repeated(lease.renew):
                self.fetch()
                try:
                    with _repeated(lambda: self.send(lease)):
                        yield
                finally:
                    self.send(lease)
        finally:
            self._lost = lease.lost
            with self._explained("given back"):
                lease.give_back()

    def _put(self, name: str, path: Path, known: dict[str, Any]) -> None:
        # Its state first: what is written meanwhile is sent the next time.
        state = _state(path)
        self.files.put_file(str(path), f"{self._base}/{name}")
        known[name] = [_mark(self.files.info(f"{self._base}/{name}")), *state]

    def _remove(self, name: str, known: dict[str, Any]) -> None:
        with suppress(FileNotFoundError):
            self.files.rm_file(f"{self._base}/{name}")
        del known[name]

    def _get(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = temporary_name(path)
        try:
            self.files.get_file(f"{self._base}/{name}", str(part))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from changing the folder and what is known of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._one_at_a_time:
            yield

    def _there(self) -> dict[str, Mapping[str, Any]]:
        """Return what the storage tells of each file, by its name."""
        self.files.invalidate_cache()
        found: Mapping[str, Mapping[str, Any]] = self.files.find(self._base, detail=True)
        names = {path.removeprefix(self._base).lstrip("/"): told for path, told in found.items()}
        # Consoles of storages make objects that stand for folders: their names end in a slash.
        files = {name: told for name, told in names.items() if name and not name.endswith("/")}
        return {name: told for name, told in files.items() if _belongs(Path(name))}

    def _here(self) -> Iterator[tuple[str, Path]]:
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            if _belongs(name) and path.is_file():
                yield name.as_posix(), path

    def _known(self) -> dict[str, Any]:
        """Return what was the same here and there: mark, size and time of each file."""
        try:
            known: dict[str, Any] = read_json(self.folder / _STATE)
        except (OSError, ValueError):
            return {}
        return known

    def _remember(self, known: Mapping[str, Any]) -> None:
        write_json(self.folder / _STATE, known)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:  # each kind of storage raises its own
            raise StoreError(
                f"{self.address} cannot be {what}: {type(error).__name__}: {error}. What was "
                f"finished lies in {self.folder}, and is sent by the next command."
            ) from error


@contextmanager
def _repeated(action: Callable[[], None]) -> Iterator[None]:
    """Do something every few seconds meanwhile, on a thread of its own."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(_PERIOD):
            # What fails now is tried again, and told at the end.
            with suppress(Exception):
                action()

    thread = threading.Thread(target=repeat, daemon=True)
    with suppress(RuntimeError):  # at the end of Python no thread begins
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


_opened: dict[str, Mirror] = {}


def _send_left(mirror: Mirror) -> None:
    try:
        with suppress(BusyError):
            mirror.send_left()
    except Exception as error:  # Python would show a traceback
        sys.stderr.write(f"Warning: not all that was written is sent. {error}\n")


def _opened_files(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it."""
    package, extra = _EXTRAS.get(address.partition(":")[0], ("fsspec", None))
    try:
        from fsspec.core import url_to_fs

        files, base = url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        raise MissingPackageError(package, extra) from error
    except ValueError as error:
        raise StoreError(
            f"{address} is no address that results can be kept at: {error}."
        ) from error
    return files, str(base).rstrip("/")


def _belongs(name: Path) -> bool:
    """Whether a file is sent: studies of searches and what is half written stay here."""
    if any(part.startswith(".") for part in name.parts):
        return False
    return name.parts[0] != "tuning" or _OF_SEARCHES.fullmatch(name.as_posix()) is not None


def _differing(known: Mapping[str, Any], here: Mapping[str, Path]) -> tuple[list[str], list[str]]:
    """Return the names of files that changed here since they were known, and of those gone."""
    changed = [name for name, path in here.items() if known.get(name, [])[1:] != _state(path)]
    return changed, [name for name in known if name not in here]


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _mark(told: Mapping[str, Any]) -> str:
    """Return what changes with the content of a file of the storage."""
    for name in ("ETag", "etag", "md5Hash", "generation"):
        if told.get(name):
            return str(told[name])
    return f"{told.get('size')} {_written(told)}"


def _written(told: Mapping[str, Any]) -> float:
    """Return when a file of the storage was written, in seconds; infinity where nothing says so."""
    for name in ("LastModified", "mtime", "created"):
        if isinstance(when := told.get(name), datetime):
            return when.timestamp()
        if isinstance(when, (int, float)):
            return float(when)
    return math.inf
