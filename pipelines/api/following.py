"""The run that `blend`, `submit` and `export-oof` follow: its rows, folds, seed and members."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from comps.base import Competition, DataError, Family, StoreError
from comps.reading.folds_file import FoldsFile
from comps.sources import find_source
from pipelines.api.choices import Options, competition_of, store_of
from pipelines.api.session import folds_file_of
from pipelines.store import RunStore, folds_file_name
from pipelines.store.records import Member, Record, Status, read_records


@dataclass(frozen=True)
class Followed:
    """Options of a command, and the run that they are of.

    Attributes:
        options: with the rows, folds and seed of a record where none were given.
        run: the last run with a finished member that agrees with the options, or None.
        records: all that agree with the options, the newest first.
        notes: what the user should know.
    """

    options: Options
    run: Record | None
    records: tuple[Record, ...]
    notes: tuple[str, ...]


def follow(options: Options) -> Followed:
    """Return the options filled up from the last run that agrees with them, else the last `cv`.

    Raises:
        WorkbenchError: if there is no such competition, or the store or the data cannot be read.
    """
    competition, store = competition_of(options), store_of(options)
    records, damaged = read_records(store)
    agrees = choices_in(competition, options)
    agreeing = [
        record
        for record in reversed(records)
        if all(choices_of(record)[name] == value for name, value in agrees.items())
    ]
    agreeing = _on_data(competition, agreeing, options)
    runs = [record for record in agreeing if record.command == "run"]
    begun = [record for record in runs if finished_members(store, record)]
    finished = [record for record in begun if _usable(store, record)] or begun
    of_cv = [record for record in agreeing if record.command == "cv"]
    notes = list(damaged)
    if finished and finished[0] is not runs[0]:
        last = _of(runs[0])
        comma = "," if ", " in last else ""
        notes.append(
            f"T{last[1:]}{comma} has no finished member beside the baseline: the one before it is "
            "used."
        )
    for record in [*finished, *runs, *of_cv][:1]:
        options = filled(competition, options, record, store.root)
    return Followed(options, next(iter(finished), None), tuple(agreeing), tuple(notes))


def finished_members(store: RunStore, record: Record) -> list[tuple[Member, int]]:
    """Return the members of a record whose predictions are stored, and over how many repeats.

    A member that the record does not know to be finished may be so, where the command goes on or
    was killed.
    """
    found = []
    for member in record.members:
        stored = store.repeats_of(member.model, member.key)
        wanted = member.repeats or record.folds.repeats
        usable = [n for n in stored if n == wanted or (member.repeats is None and n < wanted)]
        if usable:
            found.append((member, usable[0]))
    return found


def _usable(store: RunStore, record: Record) -> bool:
    """Whether a run left more than the baseline, or was of nothing else."""
    finished = {member.family for member, _ in finished_members(store, record)}
    asked = {member.family for member in record.members}
    return bool(finished - {Family.BASELINE} or (finished and asked == {Family.BASELINE}))


def introduction(record: Record, competition: Competition) -> str:
    """Return the line that says whose members are used, and what they were trained on."""
    names = ", ".join(member.name for member in record.members)
    path = record.data.path
    sample = competition.sample
    bundled = sample is not None and Path(path) == sample.resolve()
    data = "the bundled sample" if bundled else path
    sealed = "" if record.data.sealed is None else f", {record.data.sealed:g} sealed"
    folds = record.folds
    how = folds.scheme if folds.file is None else "of a file"
    return (
        f"Members of {_of(record)}: {names}; {data}, "
        f"{folds.n_folds} folds ({how}), seed {record.seed}{sealed}."
    )


_ENDS = {
    Status.RUNNING: "which goes on",
    Status.FAILED: "which failed",
    Status.INTERRUPTED: "which was interrupted",
    Status.KILLED: "which was killed",
}


def _of(record: Record) -> str:
    end = _ENDS.get(record.state)
    return f"the run of {record.when}" + (f", {end}" if end else "")


def choices_of(record: Record) -> dict[str, Any]:
    """Return the rows, folds and seed of a record as the options that name them.

    A file of folds is called as the store calls its copy.
    """
    return {
        "folds": record.folds.n_folds,
        "scheme": record.folds.scheme,
        "folds_file": record.folds.file,
        "seed": record.seed,
        "sealed": record.data.sealed,
    }


def choices_in(competition: Competition, options: Options) -> dict[str, Any]:
    """Return what options name of rows, folds and seed, comparable with `choices_of`.

    Raises:
        DataError: if a file of folds cannot be read.
    """
    file = folds_file_of(competition, options)
    given = {
        "folds": options.folds,
        "scheme": options.scheme,
        "folds_file": None if file is None else folds_file_name(file.content),
        "seed": options.seed,
        "sealed": options.sealed,
    }
    return {name: value for name, value in given.items() if value is not None}


def _on_data(competition: Competition, records: Sequence[Record], options: Options) -> list[Record]:
    """Return the records on the data that were given, whether in this place or another."""
    if options.data is None or not records:
        return list(records)
    source = find_source(competition, options.data)
    path = str(source.path.resolve())
    same = [record for record in records if record.data.path == path]
    if same:
        return same
    files = competition.load(source.path).fingerprint
    return [record for record in records if record.data.files == files]


def _data(competition: Competition, options: Options, record: Record) -> Path | None:
    """Return where the data of a record are; None where they lie in the usual place.

    Raises:
        DataError: if they are gone, and the sample would be taken for them.
    """
    path = Path(record.data.path)
    if options.data is not None or path.exists():
        return path
    sample = competition.sample
    # Another installation has the sample in another place.
    if find_source(competition).bundled and sample is not None and sample.name != path.name:
        raise DataError(
            f"The data of {_of(record)} are no longer in {path}. Name where they are with --data."
        )
    return None


def _folds_file(competition: Competition, record: Record, root: Path, name: str) -> Path:
    """Return the copy of the file that numbers the folds of a record.

    Raises:
        StoreError: if it is gone, or damaged.
    """
    kept, problem = root / name, "gone"
    if kept.is_file():
        with suppress(DataError):
            if folds_file_name(FoldsFile(kept, competition.id_column).content) == name:
                return kept
        problem = "damaged"
    raise StoreError(
        f"The copy of the file that numbers the folds of {_of(record)} is {problem}: {kept}. Name "
        f"the file with --folds-file; it was {record.options.get('folds_file')}."
    )


def filled(competition: Competition, options: Options, record: Record, root: Path) -> Options:
    """Return options with the rows, folds and seed of a record where none were given.

    Args:
        competition: of the call.
        options: of the call.
        record: that is followed.
        root: of the store that the record is of.

    Raises:
        DataError: if its data are gone, and the sample would be taken for them.
        StoreError: if the file that numbers its folds is gone, or damaged.
    """
    theirs = {**choices_of(record), "data": _data(competition, options, record)}
    if record.folds.file is not None and options.folds_file is None:
        theirs["folds_file"] = _folds_file(competition, record, root, record.folds.file)
    return replace(options, **{k: v for k, v in theirs.items() if getattr(options, k) is None})
