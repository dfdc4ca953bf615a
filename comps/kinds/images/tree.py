"""The files below a path, with those in archives among them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from comps.base import AmbiguousError, DataError, some, unknown_name
from comps.kinds.images.decoded import ImageFile, is_image
from comps.reading.containers import Container, Folder
from comps.reading.formats import contained, opened, unpacked_name

_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq")


class Tree:
    """The files of a folder or an archive, by their path; an archive in it is a folder.

    `train.zip` with `cat.1.jpg` in it is shown as `train/cat.1.jpg`, and so it is with
    `train/cat.1.jpg` in it. A file by itself counts before one of that path in an archive.

    Args:
        path: of the folder or archive.

    Raises:
        DataError: if there is nothing, or it cannot be read; of archives in it when they are
            looked into.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = contained(path)

    @cached_property
    def images(self) -> list[str]:
        """The paths of all images, sorted."""
        return [name for name in self._places if is_image(name)]

    @cached_property
    def tables(self) -> list[str]:
        """The paths of all tables, sorted."""
        return [name for name in self._places if _is_table(name)]

    @cached_property
    def folders(self) -> list[str]:
        """The paths of all folders with images below them, sorted."""
        found = {str(folder) for name in self.images for folder in PurePosixPath(name).parents}
        return sorted(found - {"."})

    def others(self, folder: str) -> list[str]:
        """Return the files below a folder that are neither images nor tables."""
        files = [name for name in self._places if not is_image(name) and not _is_table(name)]
        return below(files, folder)

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            DataError: if there is none, or it cannot be read.
        """
        if name in self._entries:
            # What lies in no archive is read without looking into archives.
            return self._root.read(name)
        if name not in self._places:
            raise DataError(f"{self.path} has no file {name} any more.")
        container, entry = self._places[name]
        return container.read(entry)

    def image(self, name: str) -> ImageFile:
        """Return an image that is still to be read."""
        container, entry = self._places[name]
        return ImageFile(name, str(container.where / entry), lambda: container.read(entry))

    def stamp(self) -> str:
        """Return 16 hexadecimal digits that change when the files do, as cheap as can be.

        An archive in an archive is one file. What is neither image, table nor archive is left out.
        """
        digest = hashlib.sha256()
        for name in sorted(self._entries):
            if is_image(name) or _is_table(name) or unpacked_name(name) is not None:
                digest.update(self._root.stamp(name).encode() + b"\n")
        return digest.hexdigest()[:16]

    def folder(self, wanted: str, option: str) -> str:
        """Return the path of the folder that the user names; "" for all that there is.

        Args:
            wanted: its path below this one's, or the end of it; or where it lies on the disk.
            option: that names it, for messages.

        Raises:
            AmbiguousError: if several may be meant.
            UsageError: if there is none with images.
        """
        plain = self._inside(wanted)
        if not plain or plain in self.folders:
            return plain
        ends = [name for name in self.folders if name.endswith(f"/{plain}")]
        depth = min((name.count("/") for name in ends), default=0)
        best = [name for name in ends if name.count("/") == depth]
        if len(best) > 1:
            raise AmbiguousError(f"Which folder {plain} of {self.path} is meant?", best, option)
        if not best:
            raise unknown_name(f"folder with images in {self.path} called", wanted, self.folders)
        return best[0]

    def _inside(self, wanted: str) -> str:
        """Return the path of a folder below this one, as it was meant."""
        named, root = Path(wanted).resolve(), self.path.resolve()
        if Path(wanted).is_dir() and named.is_relative_to(root):
            plain = named.relative_to(root)
        else:
            plain = Path(wanted.strip("/"))
        return "" if plain == Path() else plain.as_posix()

    @cached_property
    def _entries(self) -> list[str]:
        """The files that lie in no archive but the root."""
        return list(self._root.names())

    @cached_property
    def _places(self) -> dict[str, tuple[Container, str]]:
        """The container of each file and its name there, by path, sorted."""
        entries = self._entries
        archives = [name for name in entries if unpacked_name(name) is not None]
        found = {name: (self._root, name) for name in entries if name not in archives}
        for name in archives:
            for path, place in _entered(self._root, name, deep=isinstance(self._root, Folder)):
                found.setdefault(path, place)
        return dict(sorted(found.items()))


def below(names: list[str], folder: str) -> list[str]:
    """Return the files below a folder, "" for all.

    >>> below(["train/a.png", "trainer/b.png"], "train")
    ['train/a.png']
    """
    return [name for name in names if not folder or name.startswith(f"{folder}/")]


def inside(name: str, folder: str) -> str:
    """Return a path as seen from a folder above it.

    >>> inside("photos/train/a.png", "photos")
    'train/a.png'
    """
    return name[len(folder) + 1 :] if folder else name


def table_named(tree: Tree, wanted: str) -> str:
    """Return the path of a table that the user names, by its path, its name or its stem.

    Raises:
        UsageError: if there is none.
    """
    if wanted in tree.tables:
        return wanted
    for name in map(PurePosixPath, tree.tables):
        if wanted in (name.name, name.name.partition(".")[0]):
            return str(name)
    raise unknown_name(f"table in {tree.path} called", wanted, tree.tables)


def shown(folder: str) -> str:
    """Return a folder as people write it."""
    return f"{folder}/" if folder else "all folders"


def _is_table(name: str) -> bool:
    return name.lower().endswith(_TABLES)


def _entered(
    container: Container, name: str, *, deep: bool
) -> Iterator[tuple[str, tuple[Container, str]]]:
    """Yield path and place of the files in an archive among files.

    Args:
        container: that holds the archive.
        name: of the archive.
        deep: whether archives in it are entered, too: a zip may hold a copy of itself.
    """
    bare = unpacked_name(name) or name
    bare = unpacked_name(bare) or bare
    inner = opened(container.open(name), container.where / name)
    assert inner is not None
    entries = inner.names()
    if _is_table(bare):
        same = [entry for entry in entries if PurePosixPath(entry).name == PurePosixPath(bare).name]
        if len(same or entries) != 1:
            raise DataError(f"{inner.where} must hold one table; it holds {some(entries)}.")
        yield bare, (inner, (same or entries)[0])
        return
    last = PurePosixPath(bare).name
    for entry in entries:
        if deep and unpacked_name(entry) is not None:
            found = _entered(inner, entry, deep=False)
        else:
            found = iter([(entry, (inner, entry))])
        for path, place in found:
            again = PurePosixPath(path).parts[0] == last
            above = str(PurePosixPath(bare).parent) if again else bare
            yield (path if above == "." else f"{above}/{path}"), place
