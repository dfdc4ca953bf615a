"""Kill commands at random moments, run them again, and compare with an undisturbed run.

`python -m tests.faults.kills --tries 50` prints a table. The file of a fold that was there after
the kill must be there, not written anew, after the next run: nothing finished is fitted again.
"""

from __future__ import annotations

import argparse
import math
import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.places import (
    HOUSES,
    PLACES,
    Place,
    copied,
    differences,
    ended_by,
    finish,
    prepare,
    results_of,
)
from tests.faults.tally import Tally

TRIALS = ("--trials", "5", "--folds", "2", "--engine", "inline")
NETWORK = ("--model", "mlp", "--set", "mlp.epochs=2")


@dataclass(frozen=True)
class Case:
    """A command that is killed; what is made before it, and what it has to leave.

    Attributes:
        name: of the command.
        place: the competition.
        before: commands that are finished undisturbed.
        command: that is killed and run again.
    """

    name: str
    place: Place
    before: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]


def _engines(place: Place) -> list[Case]:
    engines = ("inline", "local") if place is HOUSES else ("inline",)
    return [Case("run", place, (), (*place.run, "--engine", engine)) for engine in engines]


CASES = (
    *(case for place in PLACES for case in _engines(place)),
    Case(
        "tune", HOUSES, (), ("tune", HOUSES.subject, *HOUSES.options, "--model", "ridge", *TRIALS)
    ),
    Case(
        "tune of mlp",
        HOUSES,
        (),
        ("tune", HOUSES.subject, *HOUSES.options, *NETWORK, *TRIALS),
    ),
    Case("blend", HOUSES, (HOUSES.run,), ("blend", HOUSES.subject)),
    Case(
        "predict",
        HOUSES,
        (HOUSES.run,),
        ("predict", HOUSES.subject, "houses.zip", "--out", "p.csv"),
    ),
)


@dataclass(frozen=True)
class Undisturbed:
    """A case that nobody disturbed.

    Attributes:
        start: the folder before the command.
        seconds: that it took.
        results: that it left.
    """

    start: Path
    seconds: float
    results: dict[str, Any]


def undisturbed(case: Case, folder: Path) -> Undisturbed:
    """Prepare a case and run its command."""
    start = prepare(case.place, folder / "start")
    for command in case.before:
        finish(command, start)
    whole = copied(start, folder / "whole")
    seconds = finish(case.command, whole)
    return Undisturbed(start, seconds, results_of(whole))


def finished_fits(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return inode and time of each stored fit."""
    files = folder.glob("runs/*/models/*/*/r*.npz")
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def kill_once(case: Case, whole: Undisturbed, folder: Path, chance: random.Random) -> list[str]:
    """Kill a command once or twice, run it to its end; return what is wrong."""
    here = copied(whole.start, folder / "killed")
    problems = []
    for _ in range(chance.choice((1, 1, 2))):
        before = finished_fits(here)
        after = chance.uniform(0.05, 0.95) * whole.seconds
        ended_by(signal.SIGKILL, case.command, here, after)
        problems += _refitted(before, finished_fits(here))
    before = finished_fits(here)
    finish(case.command, here)
    problems += _refitted(before, finished_fits(here))
    return problems + differences(whole.results, results_of(here))


def _refitted(before: dict[Path, tuple[int, int]], now: dict[Path, tuple[int, int]]) -> list[str]:
    return [f"{path.name} was fitted again" for path in before if now.get(path) != before[path]]


def in_turn(
    cases: Sequence[Case], tries: int, minutes: float
) -> Iterator[tuple[int, Case, Undisturbed, Path]]:
    """Yield the number of each try with a case, what it leaves undisturbed, and its folder.

    The cases come in turn; the last try begins before the minutes are over.
    """
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        known: dict[int, Undisturbed] = {}
        for number in range(tries):
            if time.monotonic() > end:
                break
            at = number % len(cases)
            case, place = cases[at], Path(folder, str(at))
            known[at] = known.get(at) or undisturbed(case, place)
            yield number, case, known[at], place


def try_kills(cases: Sequence[Case], tries: int, seed: int, minutes: float = math.inf) -> Tally:
    """Kill so many commands, see `in_turn`."""
    chance, tally = random.Random(seed), Tally()
    for number, case, whole, place in in_turn(cases, tries, minutes):
        kind = f"SIGKILL of comps {case.name}, {case.place.name}"
        tally.add(kind, kill_once(case, whole, place, chance), f"try {number}")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--only", help="name of a command")
    given = parser.parse_args()
    cases = [case for case in CASES if given.only in (None, case.name)]
    try_kills(cases, given.tries, given.seed, given.minutes).show()


if __name__ == "__main__":
    main()
