"""Find and remove results and files of a run store that no record names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from comps.base import StoreError
from pipelines.basics.files import unfinished
from pipelines.store import RunStore, error_log
from pipelines.store.records import Record, read_records


@dataclass(frozen=True)
class Item:
    """A file or folder that nothing needs; `what` says why."""

    path: Path
    bytes: int
    what: str


@dataclass(frozen=True)
class Unused:
    """The files that can be removed, and notes for the user."""

    items: tuple[Item, ...]
    notes: tuple[str, ...]


def unused(store: RunStore) -> Unused:
    """Return the results, temporary files and logs of errors that no record names.

    Imported members are never among them. Where a record cannot be read, no results are: it may
    name any of them.
    """
    records, notes = read_records(store)
    items = [_item(path, "left by a killed process") for path in unfinished(store.root)]
    items += [_item(path, "no record goes with this log") for path in _logs(store, records)]
    if notes:
        notes.append("Results stay, for that record may name them. Delete it to go on.")
    else:
        items += [_item(path, "no record names this result") for path in _results(store, records)]
    return Unused(tuple(items), tuple(notes))


def remove(items: Sequence[Item]) -> None:
    """Remove files and folders; the caller holds `store.writing()`.

    Raises:
        StoreError: if one cannot be removed.
    """
    for item in items:
        try:
            if item.path.is_dir():
                shutil.rmtree(item.path)
            else:
                item.path.unlink(missing_ok=True)
            _remove_empty(item.path.parent)
        except OSError as error:
            raise StoreError(f"Cannot remove {item.path}: {error.strerror or error}.") from error


def _remove_empty(folder: Path) -> None:
    if folder.parent.name == "models" and not any(folder.iterdir()):
        folder.rmdir()


def _results(store: RunStore, records: Sequence[Record]) -> Iterator[Path]:
    named = {(member.model, member.key) for record in records for member in record.members}
    for path in sorted(store.root.glob("models/*/*")):
        if path.is_dir() and (path.parent.name, path.name) not in named:
            yield path


def _logs(store: RunStore, records: Sequence[Record]) -> Iterator[Path]:
    named = {failure.log for record in records for failure in record.failures}
    named |= {error_log(m.model, m.key) for record in records for m in record.members}
    for path in sorted(store.root.glob("errors/*.log")):
        if path.relative_to(store.root).as_posix() not in named:
            yield path
    for path in sorted(store.root.glob("records/*.log")):
        # An empty one may belong to a command that begins at this moment.
        if not path.with_suffix(".json").exists() and path.stat().st_size:
            yield path


def _item(path: Path, what: str) -> Item:
    files = path.rglob("*") if path.is_dir() else [path]
    return Item(path, sum(file.stat().st_size for file in files if file.is_file()), what)
