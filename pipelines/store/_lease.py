"""A lock on object storage, which has no locks: numbered objects that are created only once.

Whoever wants to hold a store creates the object after the last one. Of two who try, one fails, for
the storage creates an object that must not exist only once (S3: If-None-Match, Cloud Storage:
ifGenerationMatch). An object that says "free", or that its holder has not renewed for long, may
be followed by the next number. The last object is never deleted, only those before it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

from comps.base import BusyError, StoreError

_NAME = ".lock-"
# Seconds for which a holder counts as alive that says nothing; it renews several times in these.
# Clocks of two machines may differ by a part of it.
ALIVE = 180.0


class Lease:
    """A store on object storage that this process holds.

    Args:
        files: the file system.
        base: of the store in it.
        address: of the store, for messages.
        number: of our object.

    Attributes:
        lost: whether `check` found that somebody took it over.
    """

    def __init__(self, files: Any, base: str, address: str, number: int) -> None:
        self._files, self._base, self._address, self._number = files, base, address, number
        self.lost = False
        # Not the monotonic clock, which may stand still while a laptop sleeps.
        self._renewed = time.time()

    @classmethod
    def taken(cls, files: Any, base: str, address: str) -> Lease:
        """Take the lock.

        Raises:
            BusyError: if another process holds it.
        """
        last = max(_numbers(files, base), default=0)
        if last:
            told = _told(files, base, last)
            if not told.get("free") and time.time() - float(told.get("renewed", 0)) < ALIVE:
                raise _busy(address, told)
        lease = cls(files, base, address, last + 1)
        try:
            files.pipe_file(_path(base, last + 1), _content(), mode="create")
        except OSError as error:
            if not _is_taken(error):
                raise
            raise _busy(address, _told(files, base, last + 1)) from error
        # Whoever listed the objects long ago may have created one that is not the last any more.
        if lease._followed():
            files.rm_file(_path(base, last + 1))
            raise _busy(address, _told(files, base, max(_numbers(files, base))))
        for number in _numbers(files, base):
            if number < lease._number:
                files.rm_file(_path(base, number))
        return lease

    def renew(self) -> None:
        """Say that this process is alive, now and then.

        Raises:
            StoreError: if the lock was taken over.
        """
        if abs(time.time() - self._renewed) >= ALIVE / 6:
            self.check()
            self._files.pipe_file(_path(self._base, self._number), _content())
            self._renewed = time.time()

    def check(self) -> None:
        """Check that nobody else took the lock.

        Raises:
            StoreError: if somebody did, because this process said nothing for too long.
        """
        if self._followed():
            self.lost = True
            raise StoreError(
                f"Another process took over {self._address}, because nothing was heard of this one "
                f"for more than {ALIVE:g} s. Run the same command again when that one has ended."
            )

    def give_back(self) -> None:
        """Let others take the lock."""
        if not self._followed():
            self._files.pipe_file(_path(self._base, self._number), _content(free=True))

    def _followed(self) -> bool:
        return max(_numbers(self._files, self._base), default=0) > self._number


def _numbers(files: Any, base: str) -> list[int]:
    files.invalidate_cache()
    try:
        paths = files.ls(base, detail=False)
    except FileNotFoundError:
        return []
    names = (str(path).rpartition("/")[2] for path in paths)
    return [int(name.removeprefix(_NAME)) for name in names if name.startswith(_NAME)]


def _path(base: str, number: int) -> str:
    return f"{base}/{_NAME}{number:08d}"


def _told(files: Any, base: str, number: int) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(files.cat_file(_path(base, number)))
    except (FileNotFoundError, ValueError):
        return {}
    return told


def _content(*, free: bool = False) -> bytes:
    told = {"free": free, "renewed": time.time(), "host": socket.gethostname(), "pid": os.getpid()}
    return json.dumps(told).encode()


def _is_taken(error: OSError) -> bool:
    """Whether an object was not created because another process did so, or does so right now."""
    # What S3 answers to one of two at the same time is no FileExistsError of s3fs.
    return isinstance(error, FileExistsError) or "ConditionalRequestConflict" in str(
        error.__cause__
    )


def _busy(address: str, told: dict[str, Any]) -> BusyError:
    who = f"process {told.get('pid', 'unknown')} on {told.get('host', 'another machine')}"
    return BusyError(
        f"Another run is writing to {address} ({who}). Wait until it has ended, or use another "
        f"place (--runs). One that was killed is followed after {ALIVE:g} s."
    )
