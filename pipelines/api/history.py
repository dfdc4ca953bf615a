"""What a run folder holds: `history` and `clean`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from comps.base import Competition, Metric
from pipelines.api.choices import Options, competition_of, store_of
from pipelines.store.cleaning import remove, unused
from pipelines.store.records import Member, Record, read_records


@dataclass(frozen=True)
class History:
    """The calls that trained, the oldest first.

    Attributes:
        metric: of the competition.
        folder: where the records are.
        records: of each call: its rows, members, scores, time and end.
        notes: on records that cannot be read.
    """

    metric: Metric
    folder: Path
    records: Sequence[Record]
    notes: Sequence[str]

    def best(self, record: Record) -> Member | None:
        """Return the finished member with the best score."""
        key = self.metric.sort_key
        scored = [
            (key(member.score), member) for member in record.members if member.score is not None
        ]
        return min(scored, key=lambda pair: pair[0])[1] if scored else None


@dataclass(frozen=True)
class Unused:
    """A stored result or file that no record names.

    Attributes:
        path: of the file or folder.
        name: its path below the store.
        bytes: that it takes.
        what: it is, in words.
    """

    path: Path
    name: str
    bytes: int
    what: str


def history(competition: str | Competition, *, runs: str | Path | None = None) -> History:
    """Return the calls that trained, what they trained, and what came out.

    Args:
        competition: a name, or your own.
        runs: the folder for results.
    """
    options = Options.of(competition, {"runs": runs})
    store = store_of(options)
    records, notes = read_records(store)
    return History(competition_of(options).metric, store.root, records, notes)


def clean(
    competition: str | Competition, *, runs: str | Path | None = None, dry_run: bool = False
) -> tuple[list[Unused], list[str]]:
    """Remove stored results that no record names; imported members stay.

    Args:
        competition: a name, or your own.
        runs: the folder for results.
        dry_run: whether nothing is removed.

    Returns:
        What was removed, or would be; and notes on what could not be read.

    Raises:
        BusyError: if something trains there now.
    """
    store = store_of(Options.of(competition, {"runs": runs}))
    # Whoever takes the lock removes temporary files at once: they are looked for before.
    found = unused(store)
    if found.items and not dry_run:
        with store.writing():
            # What a run has begun since is named by its record, and so not here.
            again = {item.path for item in unused(store).items}
            remove([item for item in found.items if item.path in again])
    items = [
        Unused(item.path, str(item.path.relative_to(store.root)), item.bytes, item.what)
        for item in found.items
    ]
    return items, list(found.notes)
