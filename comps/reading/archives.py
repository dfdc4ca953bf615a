"""The files of a competition, by name, whatever they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from comps.base import DataError, some
from comps.reading.containers import Container, Folder
from comps.reading.formats import contained, is_packed, opened, unpacked_name

_TABLES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq")
# A text is a table if its first lines have as many of one of these each.
_DELIMITERS = b",\t;|"
_LOOKED_AT = 20


@dataclass(frozen=True)
class _Place:
    """Where a file lies: `entry` of a container; if `packed`, in the archive that this is."""

    container: Container
    entry: str
    packed: bool = False


class Files(Mapping[str, bytes]):
    """The files of a folder or an archive by their path in it; each is read when asked for.

    Hidden files are left out. `train.csv.zip` is named and read as `train.csv`, and the single
    file of an archive among the files as if it lay there; of an archive with several, the
    paths begin with its name. A file by itself counts before one of that name in an archive.
    """

    def __init__(self, container: Container, *, deep: bool = True) -> None:
        """Describe the files of a container.

        Args:
            container: the folder or archive.
            deep: whether archives in it are entered. Those in a folder may hold archives, and
                others may not: a zip may hold a copy of itself.
        """
        self.container = container
        self._deep = deep
        self._known: dict[str, _Place] | None = None
        self._faults: list[DataError] = []

    @property
    def where(self) -> Path:
        """The path of the folder or archive."""
        return self.container.where

    def names(self) -> list[str]:
        """Return the paths of the files, in the order of the archive."""
        return list(self._places())

    def read(self, name: str) -> bytes:
        """Return the content of a file, by its path; unpacked, if it is packed by itself.

        Raises:
            DataError: if there is none, or it cannot be read.
        """
        place = self._places().get(name)
        if place is None:
            raise self._faults[0] if self._faults else lacking(self.where, [name], self.names())
        if place.packed:
            return _read_packed(place)
        content = place.container.read(place.entry)
        if PurePosixPath(name).suffix.lower() in _TABLES and is_packed(content):
            return _read_packed(place)
        return content

    def __getitem__(self, name: str) -> bytes:
        if name not in self._places():
            raise KeyError(name)
        return self.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._places())

    def __contains__(self, name: object) -> bool:
        return name in self._places()

    def _places(self) -> dict[str, _Place]:
        if self._known is None:
            self._known = self._find()
        return self._known

    def _find(self) -> dict[str, _Place]:
        entries = self.container.names()
        if not self._deep:
            return {entry: _Place(self.container, entry) for entry in entries}
        there = set(entries)
        found: dict[str, _Place] = {}
        archives = []
        for entry in entries:
            inside = unpacked_name(entry)
            if inside is None:
                found[entry] = _Place(self.container, entry)
            elif PurePosixPath(inside).suffix.lower() not in _TABLES:
                archives.append(entry)
            elif inside not in there:
                found[inside] = _Place(self.container, entry, packed=True)
        known = {PurePosixPath(name).name for name in found}
        for entry in archives:
            for name, place in self._inside(entry).items():
                if PurePosixPath(name).name not in known:
                    found.setdefault(name, place)
        return found

    def _inside(self, entry: str) -> dict[str, _Place]:
        """Return the files of an archive among the files; the archive itself if it is broken."""
        try:
            inner = opened(self.container.open(entry), self.where / entry)
            assert inner is not None
            files = Files(inner, deep=isinstance(self.container, Folder))
            places = files._places()
        except DataError as error:
            self._faults.append(error)
            return {entry: _Place(self.container, entry)}
        self._faults += files._faults
        if len(places) == 1:
            ((name, place),) = places.items()
            return {(PurePosixPath(entry).parent / PurePosixPath(name).name).as_posix(): place}
        return {f"{entry}/{name}": place for name, place in places.items()}


def open_files(path: Path) -> Files:
    """Return the files of a folder, an archive (zip, tar, 7z) or a single file, packed or not.

    Args:
        path: of the folder or file. The kind of a file follows from its content: a `train.csv`
            may be a zip.

    Raises:
        DataError: if there is nothing, it cannot be read, is damaged or of a kind that is not
            read, has a password, or entries that point outside.

    >>> import io, tempfile, zipfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with zipfile.ZipFile(Path(folder) / "all.zip", "w") as archive:
    ...         archive.writestr("data/train.csv", "x,y")
    ...     files = open_files(Path(folder) / "all.zip")
    ...     files.names(), files.read("data/train.csv")
    (['data/train.csv'], b'x,y')
    """
    return Files(contained(path))


def find_tables(files: Files) -> list[str]:
    """Return the paths of the tables among files, in their order.

    Tables are files called `.csv`, `.tsv`, `.tab` or `.parquet`, and texts (`.txt`) whose first
    lines have as many commas, tabs, semicolons or bars each.
    """
    return [name for name in files.names() if _is_table(files, name)]


def _is_table(files: Files, name: str) -> bool:
    ending = PurePosixPath(name).suffix.lower()
    if ending != ".txt":
        return ending in _TABLES
    lines = [line for line in files.read(name).splitlines()[:_LOOKED_AT] if line.strip()]
    counts = [{line.count(delimiter) for line in lines} for delimiter in _DELIMITERS]
    return len(lines) > 1 and any(len(found) == 1 and 0 not in found for found in counts)


def read_files(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content of some files, wherever they lie below a path; see `open_files`.

    Args:
        path: a folder or an archive.
        names: file names, all of which must be there. Of several files of a name, that which
            lies in the fewest folders counts.

    Raises:
        DataError: as `open_files`; if a file is missing, or there are several that differ.
    """
    files = open_files(path)
    found = {name: _shallowest(files, name) for name in names}
    missing = [name for name, places in found.items() if not places]
    if missing and files._faults:
        raise files._faults[0]
    if missing:
        raise lacking(path, names, files.names())
    return {name: _one_content(files, name, places) for name, places in found.items()}


def _shallowest(files: Files, name: str) -> list[str]:
    """Return the paths of the files of a name that lie in the fewest folders."""
    paths = [PurePosixPath(path) for path in files.names()]
    same = [path for path in paths if path.name == name]
    least = min((len(path.parts) for path in same), default=0)
    return [path.as_posix() for path in same if len(path.parts) == least]


def _one_content(files: Files, name: str, places: Sequence[str]) -> bytes:
    content = files.read(places[0])
    others = [place for place in places[1:] if files.read(place) != content]
    if others:
        raise DataError(
            f"{files.where} holds several files called {name} that differ: {places[0]}, "
            f"{some(others)}. Name the folder or the archive with the one that counts."
        )
    return content


def _read_packed(place: _Place) -> bytes:
    """Return the file that is packed by itself: the one of that name, or the only one."""
    where = place.container.where / place.entry
    inner = opened(place.container.open(place.entry), where)
    assert inner is not None
    names = inner.names()
    wanted = PurePosixPath(unpacked_name(place.entry) or place.entry).name
    named = [name for name in names if PurePosixPath(name).name == wanted]
    # What is called .csv and is an archive promised no name.
    found = named or (list(names) if not place.packed and len(names) == 1 else [])
    if not found:
        raise lacking(where, [wanted], names)
    return inner.read(found[0])


def lacking(path: Path, names: Sequence[str], found: Sequence[str]) -> DataError:
    """Return the error of files that are not there."""
    shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    return DataError(
        f"{path} does not hold the files of this competition. "
        f"Expected: {', '.join(names)}. Found: {shown or 'nothing'}."
    )


def files_fingerprint(files: Mapping[str, bytes]) -> str:
    """Return a text that is equal for equal content, from a zip or a folder alike."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:16]
