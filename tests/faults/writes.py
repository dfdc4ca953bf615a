"""Let the disk be full at each write of a run, then run again with space.

`python -m tests.faults.writes` prints a table: the n-th file that is written finds no space, for
every n. Each run must end with a sentence, and the next one leave what an undisturbed one does.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comps.base import WorkbenchError
from tests.faults.cuts import run_houses
from tests.faults.places import differences, results_of
from tests.faults.tally import Tally
from tests.test_cli import write_houses


@contextmanager
def full_at(number: int) -> Iterator[list[int]]:
    """Let the disk be full at one of the writes; return the list of those that were made."""
    made: list[int] = []
    flush = os.fsync

    def fsync(file: int) -> None:
        made.append(file)
        if len(made) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield made


def fill_once(number: int, folder: Path, wanted: dict[str, object]) -> list[str]:
    """Run with a disk that is full at a write, then again; return what is wrong."""
    folder.mkdir()
    write_houses(folder / "houses.zip")
    problems = []
    try:
        with full_at(number):
            result = run_houses(folder)
        # A fold that could not be stored fails its model; the others go on.
        if not any("disk is full" in reason for reason in result.failures.values()):
            problems.append("it was not told")
    except WorkbenchError as error:
        if "disk is full" not in str(error):
            problems.append(f"said: {error}")
    except Exception as error:
        problems.append(f"{type(error).__name__}: {error}")
    problems += [f"{path.name} is left" for path in folder.rglob("*.part")]
    run_houses(folder)
    return problems + differences(wanted, results_of(folder))


def try_full_disks(step: int = 1) -> Tally:
    """Let the disk be full at each write, or at each so many."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as made:
        whole = Path(made, "whole")
        whole.mkdir()
        write_houses(whole / "houses.zip")
        with full_at(0) as writes:
            run_houses(whole)
        wanted = results_of(whole)
        for number in range(1, len(writes) + 1, step):
            problems = fill_once(number, Path(made, str(number)), wanted)
            tally.add("disk full at a write", problems, f"write {number} of {len(writes)}")
    return tally


if __name__ == "__main__":
    try_full_disks().show()
