"""Where a competition's files are: given, downloaded, or the bundled sample."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path

from comps.base import Competition, DataError, data_root
from comps.kinds.memory import IN_MEMORY, InMemory


@dataclass(frozen=True)
class Source:
    """A place that a competition's loader can read.

    Attributes:
        path: a zip file or a folder.
        bundled: whether it is the sample that comes with the package.
    """

    path: Path
    bundled: bool

    def __str__(self) -> str:
        return "bundled sample" if self.bundled else str(self.path)


def runs_root() -> Path:
    """Return the folder for results: `$COMPS_RUNS`, or `runs` beside the user."""
    return Path(os.environ.get("COMPS_RUNS", "runs"))


def find_source(competition: Competition, given: Path | None = None) -> Source:
    """Return the files to use.

    These are what was given, else what the competition names, else what was downloaded, else the
    sample.

    Raises:
        DataError: if a path was given and is not there. A typo must not end in a
            submission made from the sample.
    """
    # A loader that seals rows wraps the one that reads them.
    if isinstance(inspect.unwrap(competition.load), InMemory):
        return Source(IN_MEMORY, bundled=False)
    if given is not None:
        if not given.exists():
            raise DataError(f"There is no file or folder {given}.")
        return Source(given, bundled=False)
    if competition.data is not None:
        if not competition.data.exists():
            raise DataError(
                f"There is no file or folder {competition.data}, which the competition "
                f"{competition.name} names. Change it there, or name another one with --data."
            )
        return Source(competition.data, bundled=False)
    folder = data_root() / competition.name
    if folder.is_dir() and any(folder.iterdir()):
        return Source(folder, bundled=False)
    if competition.sample is None:
        raise DataError(
            f"There are no files of {competition.name} in {folder}, and it comes with no sample. "
            "Put them there, or name them with --data."
        )
    return Source(competition.sample, bundled=True)
