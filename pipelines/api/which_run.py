"""Which earlier run is meant: by its name, its date, the file of its record, or its folder."""

from __future__ import annotations

import re
from pathlib import Path

from comps.base import StoreError, UsageError
from pipelines.api.choices import Options, checked_choice, competition_of, store_of
from pipelines.store import RunStore, address_of, is_folder
from pipelines.store.decided import Decided
from pipelines.store.records import FOLDER, Record, Status, read_record, read_records

LAST = "last"


def find_run(options: Options, like: str | Path) -> tuple[Record, Path]:
    """Return the record of the run that was named, and the root of the store that it is of.

    Args:
        options: of the call, whose store is looked in for names.
        like: the name of a record (`record` of `comps history --json`), the beginning of it, or
            the date as `comps history` shows it; "last"; the file of a record; or a run folder
            or its address, whose last run is meant.

    Raises:
        UsageError: if there is no such run.
        StoreError: if the record cannot be read.
    """
    if not isinstance(like, (str, Path)):
        checked_choice("like", like, "Path")
    path, store = Path(like), store_of(options)
    if not str(like):
        return _named(store, ""), store.root
    if path.is_file():
        return _read(path), path.absolute().parent.parent
    if path.is_dir() or address_of(path):
        for root in (path / competition_of(options).name, path):
            if is_folder(root / FOLDER):
                store = RunStore(root)
                return _last(store), store.root
        raise UsageError(f"{address_of(path) or path} has no record of a run.")
    return _last(store) if str(like) == LAST else _named(store, str(like)), store.root


def _last(store: RunStore) -> Record:
    """Return the last run of a store that ended."""
    records = read_records(store)[0]
    runs = [record for record in records if record.command == "run"]
    for record in reversed(runs):
        if record.decided is not None:
            return record
    if runs:
        return _checked(runs[-1])
    raise UsageError(f"{store.root} has no record of a run.")


def _named(store: RunStore, like: str) -> Record:
    begins = re.sub(r"(?<=\d) (?=\d)", "T", like.removesuffix("UTC").strip()).replace(":", "")
    paths = sorted((store.root / FOLDER).glob("*.json"))
    runs = [path for path in paths if path.stem.endswith("-run")]
    found = [path for path in runs if begins and path.stem.startswith(begins)]
    if len(found) == 1:
        return _read(found[0])
    known = found or runs
    listed = ", ".join(path.stem for path in known[-8:]) or "none"
    why = "Several runs are called so" if found else f"There is no run '{like}' in {store.root}"
    raise UsageError(
        f"{why}: {listed}. like (--like) takes the name of a run or the beginning of it, the date "
        "that 'comps history' shows, 'last', the file of a record, or a run folder."
    )


def _read(path: Path) -> Record:
    try:
        record = read_record(path)
    except StoreError:
        raise
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is no record of a run, or damaged: {error}.") from error
    return _checked(record)


def _checked(record: Record) -> Record:
    """Return a record, if it says what a run decided.

    Raises:
        UsageError: if it does not.
    """
    decided_by(record)
    return record


def decided_by(record: Record) -> Decided:
    """Return what a run decided.

    Raises:
        UsageError: if the record does not say so, or is of another command.
    """
    if record.command != "run":
        raise UsageError(
            f"{record.name} is of 'comps {record.command}'; like (--like) takes a run, of 'comps "
            "run'."
        )
    if record.decided is None:
        if record.state is Status.DONE:
            version = record.versions.get("competition-workbench", "unknown")
            raise UsageError(
                f"The run {record.name} was recorded by an earlier version ({version}), which did "
                "not say what a run decides. Run it once more, without like (--like)."
            )
        raise UsageError(
            f"The run {record.name} did not end ({record.state}): it has decided nothing that can "
            "be repeated."
        )
    return record.decided
