"""Kill downloads at random moments, run them again, and look at what landed.

`python -m tests.faults.fetches --tries 50` prints a table. A server of the tests stands in for
Kaggle. Nothing but the whole archive may ever lie among the data; what came before a kill is used,
and an archive that is there is not downloaded again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from tests.faults.places import ended_by, said, started
from tests.faults.tally import Tally
from tests.kaggle_server import Entered, Server, home_with_key, serving
from tests.test_kaggle_commands import HOUSES

COMMAND = ("fetch", "house-prices", "--json")
# An archive that is cut into many pieces, and takes about as long as the command itself.
BYTES, SECONDS = 6_000_000, 3.0


def fetched(folder: Path, server: Server) -> float:
    """Run the command to its end; return its seconds."""
    began = time.perf_counter()
    with started(COMMAND, folder, **_told(folder, server)) as process:
        code = process.wait(timeout=300)
    if code:
        raise RuntimeError(f"comps fetch ended with {code}: {said(folder)}")
    return time.perf_counter() - began


def kill_once(folder: Path, server: Server, seconds: float, chance: random.Random) -> list[str]:
    """Kill a download once to three times, run it to its end; return what is wrong.

    Args:
        folder: where the command runs, empty.
        server: that it asks.
        seconds: that an undisturbed download takes.
        chance: says when it is killed.
    """
    archive = server.competitions[HOUSES].archive
    landed = folder / "data" / "house-prices" / f"{HOUSES}.zip"
    part = folder / "data" / ".downloads" / landed.name
    problems = []
    for _ in range(chance.choice((1, 2, 3))):
        moment = chance.uniform(0.05, 1.05) * seconds
        ended_by(signal.SIGKILL, COMMAND, folder, moment, **_told(folder, server))
        if landed.parent.exists() and [path.name for path in landed.parent.iterdir()] != [
            landed.name
        ]:
            problems.append("something else than the archive lies among the data")
        if landed.exists() and landed.read_bytes() != archive:
            problems.append("an archive that is not whole lies among the data")
    came = part.stat().st_size if part.exists() else 0
    server.ranges.clear()
    was_whole = landed.exists()
    fetched(folder, server)
    asked = [text for text in server.ranges if text]
    wanted = [] if was_whole or came in (0, len(archive)) else [f"bytes={came}-"]
    if asked != wanted:
        problems.append(f"of {came} bytes that came, {asked} was asked, not {wanted}")
    if was_whole and '"downloaded": true' in said(folder):
        problems.append(f"an archive that was whole was downloaded again: {said(folder)}")
    if landed.read_bytes() != archive:
        problems.append("the archive differs")
    # The note of what was fetched stays, and the empty file that a lock is held on: filelock 4
    # deletes it no more, as another process may be waiting on it.
    stays = {f"{landed.name}.json", f"{landed.name}.lock"}
    left = [path.name for path in part.parent.iterdir() if path.name not in stays]
    return problems + [f"{name} was left behind" for name in left]


def _told(folder: Path, server: Server) -> dict[str, str]:
    home = folder.parent / "home"
    return server.environment | home_with_key(home)


def try_kills(tries: int, seed: int) -> Tally:
    """Kill so many downloads."""
    chance, tally = random.Random(seed), Tally()
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        content = write_archive(Path(folder, "archive.zip"))
        server.competitions[HOUSES] = Entered(archive=content, seconds=SECONDS)
        Path(folder, "whole").mkdir()
        seconds = fetched(Path(folder, "whole"), server)
        for number in range(tries):
            here = Path(folder, str(number))
            here.mkdir()
            problems = kill_once(here, server, seconds, chance)
            tally.add("SIGKILL of comps fetch", problems, f"try {number}")
    return tally


def write_archive(path: Path, size: int = BYTES) -> bytes:
    """Write a zip that cannot be made smaller, and return its content."""
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", os.urandom(size))
    return path.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try_kills(given.tries, given.seed).show()


if __name__ == "__main__":
    main()
