"""A competition's archive: downloaded in parts, checked, and put in its place as a whole."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from comps.base import UsageError, size_of
from submissions.kaggle.errors import KaggleError

# Of files whose content has to be read to be checked.
_PIECE = 1 << 20
# As servers write dates.
_DATE = "Thu, 01 Jan 1970 00:00:00 GMT"


@dataclass(frozen=True)
class Archive:
    """A competition's archive in its place.

    Attributes:
        path: of the file.
        bytes: its size.
        new: whether it was downloaded now; else it was there, and Kaggle has no other.
        replaced: whether one of another content was there.
    """

    path: Path
    bytes: int
    new: bool
    replaced: bool = False


@dataclass(frozen=True)
class Remote:
    """What Kaggle says of an archive before its content comes.

    Attributes:
        name: of the file.
        size: in bytes; None where it is not said.
        version: what is another text for another content; empty where that is not said.
        md5: of the content, in base64; empty where it is not said.
    """

    name: str
    size: int | None
    version: str
    md5: str

    @classmethod
    def of(cls, competition: str, url: str, headers: Mapping[str, str]) -> Remote:
        """Return what the headers of an answer say."""
        ending = PurePosixPath(urlsplit(url).path).suffix.removeprefix(".")
        length = headers.get("Content-Length", "")
        sums = [part.strip() for part in headers.get("X-Goog-Hash", "").split(",")]
        return cls(
            name=f"{competition}.{ending if ending.isalnum() else 'zip'}",
            size=int(length) if length.isdigit() else None,
            version=headers.get("ETag") or headers.get("Last-Modified") or "",
            md5=next((part[4:] for part in sums if part.startswith("md5=")), ""),
        )


class Place:
    """Where an archive lands, and where its parts wait until it is whole.

    Parts lie beside the folders of competitions, in `.downloads`: a folder of data never holds half
    a file.

    Args:
        folder: for the archive.
        remote: the archive as Kaggle has it.
    """

    def __init__(self, folder: Path, remote: Remote) -> None:
        self.remote, self.path = remote, folder / remote.name
        self.part = folder.parent / ".downloads" / remote.name
        self._notes = _notes_of(self.path)

    @property
    def there(self) -> Archive | None:
        """The archive, if it is there as Kaggle has it; None where it has to be downloaded."""
        if not self.path.is_file() or not (self.remote.version or self.remote.md5):
            return None
        size = self.path.stat().st_size
        if self.remote.size not in (None, size):
            return None
        if was_fetched(self.path) != self.remote:
            # A call may have been killed before it wrote the note.
            if not self._is_whole(self.path):
                return None
            self._write_note()
        return Archive(self.path, size, new=False)

    def check_own(self) -> None:
        """Check that a file in the archive's place is one that was fetched to it.

        Raises:
            UsageError: if it is the user's own, or was changed since.
        """
        if not self.path.exists():
            return
        noted = was_fetched(self.path)
        if (
            noted is None
            or noted.size not in (None, self.path.stat().st_size)
            or (noted.md5 and noted.md5 != _md5(self.path))
        ):
            raise UsageError(
                f"{self.path} is in the way: it is neither the archive that Kaggle has now nor one "
                "that was fetched before. Nothing was downloaded. Move it away, or name another "
                "folder for downloads with COMPS_DATA."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from the parts: two would write one file.

        Raises:
            KaggleError: if another command has them.
        """
        from filelock import FileLock, Timeout

        self.part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.part.with_name(f"{self.part.name}.lock"), timeout=0):
                yield
        except Timeout as error:
            raise KaggleError(
                f"Another command downloads {self.remote.name}. Run the same command again when it "
                "is done."
            ) from error

    @property
    def came(self) -> bool:
        """Whether all parts came in an earlier call, which ended before it put them in place."""
        return self.part.is_file() and self._is_whole(self.part)

    def check_room(self) -> None:
        """Check that the disk has room for what has not come yet.

        Raises:
            KaggleError: with both sizes.
        """
        came = self.part.stat().st_size if self.part.is_file() else 0
        needed = (self.remote.size or 0) - came
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise KaggleError(
                f"The archive needs {size_of(needed)}, and {self.part.parent} has "
                f"{size_of(free)} left. Free some space, or name another disk with COMPS_DATA."
            )

    def land(self) -> Archive:
        """Check the parts that came and put the archive in its place.

        Raises:
            KaggleError: if it is damaged; it is deleted, to be downloaded anew.
        """
        problem = _problem(self.part, self.remote)
        if problem:
            self.part.unlink()
            raise KaggleError(
                f"The download is damaged: {problem}. It was deleted; the same command downloads "
                "it anew."
            )
        replaced = self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = self.part.stat().st_size
        with self.part.open("rb+") as file:
            # A loss of power leaves no archive of the right size without its content.
            os.fsync(file.fileno())
        self.part.replace(self.path)
        # The client's own note on parts, if a call was killed before it deleted it.
        self.part.with_name(f"{self.part.name}.kaggle-partial").unlink(missing_ok=True)
        self._write_note()
        return Archive(self.path, size, new=True, replaced=replaced)

    def _is_whole(self, path: Path) -> bool:
        """Whether a file has the checksum that Kaggle names; False where it names none."""
        size = path.stat().st_size
        if not self.remote.md5 or self.remote.size not in (None, size):
            return False
        return _md5(path) == self.remote.md5

    def _write_note(self) -> None:
        notes = _read_notes(self._notes) | {str(self.path.resolve()): asdict(self.remote)}
        self._notes.parent.mkdir(parents=True, exist_ok=True)
        self._notes.write_text(json.dumps(notes, indent=2), encoding="utf-8")


def was_fetched(path: Path) -> Remote | None:
    """Return what was fetched to a place, as Kaggle said then; None where nothing was."""
    noted = _read_notes(_notes_of(path)).get(str(path.resolve()))
    try:
        return Remote(**(noted or {}))
    except TypeError:
        return None


def _notes_of(path: Path) -> Path:
    """Return the file that says what was fetched: one archive may be in several folders."""
    return path.parent.parent / ".downloads" / f"{path.name}.json"


def _read_notes(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def drop_unreadable_date(headers: MutableMapping[str, str]) -> None:
    """Take a date that the client cannot read out of an answer: it would give up the download."""
    try:
        datetime.strptime(headers.get("Last-Modified", _DATE), "%a, %d %b %Y %H:%M:%S %Z")
    except ValueError:
        del headers["Last-Modified"]


def _problem(path: Path, remote: Remote) -> str:
    """Return what is wrong with a file that was downloaded; empty if nothing is."""
    size = path.stat().st_size
    if remote.size is not None and size != remote.size:
        return f"{size:,} bytes of {remote.size:,} came"
    if remote.md5 and _md5(path) != remote.md5:
        return "its checksum is not the one that Kaggle names"
    if path.suffix != ".zip":
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, ValueError):
        return "it is no zip"
    # What the standard library cannot unpack is judged by whoever reads it.
    except (NotImplementedError, RuntimeError):
        return ""
    return f"{bad} in it cannot be unpacked" if bad else ""


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return base64.b64encode(digest.digest()).decode()
