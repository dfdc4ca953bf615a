"""Interrupt commands at random moments, as Ctrl-C does, and look at what they say and leave.

`python -m tests.faults.interrupts --tries 100` prints a table. No traceback may be shown, no
process be left, and the same command must go on afterwards.
"""

from __future__ import annotations

import argparse
import math
import random
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.faults.kills import CASES, Case, Undisturbed, in_turn
from tests.faults.places import HOUSES, copied, differences, ended_by, finish, results_of, said
from tests.faults.tally import Tally

CHOSEN = (
    Case("run", HOUSES, (), (*HOUSES.run, "--engine", "local")),
    Case("run", HOUSES, (), (*HOUSES.run, "--engine", "inline")),
    next(case for case in CASES if case.name == "tune"),
    Case("list", HOUSES, (), ("list",)),
)
SIGNALS = (signal.SIGINT, signal.SIGINT, signal.SIGTERM)
_TOLD = "Interrupted. Finished folds are kept"


def interrupt_once(
    case: Case, whole: Undisturbed, folder: Path, chance: random.Random, *, resume: bool
) -> list[str]:
    """Interrupt a command; return what is wrong with what it said and left."""
    here = copied(whole.start, folder / "interrupted")
    # Python itself needs some hundredths of a second before the first line of the command runs.
    after = chance.uniform(0.15, max(0.3, 1.05 * whole.seconds))
    code, left = ended_by(chance.choice(SIGNALS), case.command, here, after)
    text, problems = said(here), [f"left: {name}" for name in left]
    if "Traceback" in text or "Exception ignored" in text:
        problems.append(f"after {after:.2f} s of {whole.seconds:.2f}: {text[-1500:]}")
    elif code not in (None, 0) and _TOLD not in text and code != -signal.SIGTERM:
        problems.append(f"after {after:.2f} s ended with {code}: {text[-300:]!r}")
    if resume and not problems:
        finish(case.command, here)
        problems = differences(whole.results, results_of(here))
    return problems


def try_interrupts(
    cases: Sequence[Case], tries: int, seed: int, minutes: float = math.inf, resumed: int = 5
) -> Tally:
    """Interrupt so many commands, the cases in turn; each `resumed`-th is run to its end."""
    chance, tally = random.Random(seed), Tally()
    for number, case, whole, place in in_turn(cases, tries, minutes):
        resume = number % resumed == 0
        problems = interrupt_once(case, whole, place, chance, resume=resume)
        tally.add(f"interrupt of comps {case.name}", problems, f"try {number}")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf)
    given = parser.parse_args()
    try_interrupts(CHOSEN, given.tries, given.seed, given.minutes).show()


if __name__ == "__main__":
    main()
