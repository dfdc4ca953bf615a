"""Cut files of a store at random bytes, or flip a bit, and run the same command again.

`python -m tests.faults.cuts --tries 200` prints a table. Either the damage is named in a sentence,
or the second run leaves what an undisturbed one did: the part was noticed and made again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from pathlib import Path

import pipelines
from comps.base import StoreError, WorkbenchError
from pipelines.basics.files import read_arrays, read_json
from pipelines.results.kept import Kept
from tests.faults.places import differences, results_of
from tests.faults.tally import Tally
from tests.test_cli import write_houses

# Files whose content a checksum covers.
_CHECKED = (".npz", ".model.zip", ".json")


def run_houses(folder: Path) -> pipelines.Result:
    """Run a few models on a few houses, or find their results in the store."""
    return pipelines.run(
        "house-prices",
        data=folder / "houses.zip",
        runs=folder / "runs",
        output=folder / "submission.csv",
        models="median,ridge,svr",
        folds=2,
        nested=False,
        checks=False,
        engine="inline",
    )


def whole_store(folder: Path) -> Path:
    """Write the houses and run them once; return the folder."""
    folder.mkdir(parents=True)
    write_houses(folder / "houses.zip")
    run_houses(folder)
    return folder


def _linked(folder: Path, to: Path) -> Path:
    """Return a copy of a folder of links: only what is written anew takes time."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to, copy_function=os.link))


def damage(path: Path, chance: random.Random) -> str:
    """Cut a file, or flip one of its bits where a checksum covers it; return what was done."""
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    if path.name.endswith(_CHECKED) and chance.random() < 0.5:
        content[at] ^= 1 << chance.randrange(8)
        done = "bit flipped"
    else:
        content, done = content[:at], "cut"
    path.unlink()
    path.write_bytes(content)
    return f"{path.name} {done} at byte {at}"


def damage_once(whole: Path, folder: Path, chance: random.Random) -> tuple[str, list[str]]:
    """Damage a file of a store and run again; return the kind of file and what is wrong."""
    here = _linked(whole, folder)
    files = [path for path in sorted(here.rglob("runs/**/*")) if path.is_file()]
    path = chance.choice([path for path in files if path.stat().st_size])
    kind = _kind(path)
    done = damage(path, chance)
    try:
        run_houses(here)
    except WorkbenchError as error:
        return kind, [] if path.name in str(error) else [f"{done}: {error}"]
    except Exception as error:
        return kind, [f"{done}: {type(error).__name__}: {error}"]
    original = whole / path.relative_to(here)
    if is_named(path) or has_same_model(path, original):
        # Nothing needed it. Whoever will is told, or makes it again.
        shutil.copy2(original, path)
    found = differences(results_of(whole), results_of(here))
    return kind, [f"{done}: {text}" for text in found]


def is_named(path: Path) -> bool:
    """Whether reading a file of results says that it is damaged."""
    try:
        if path.suffix == ".npz":
            read_arrays(path)
        elif path.suffix == ".json":
            read_json(path)
        elif path.name.endswith(".model.zip"):
            Kept.from_bytes(path.read_bytes())
    except (StoreError, ValueError):
        return True
    return False


def has_same_model(path: Path, other: Path) -> bool:
    """Whether a kept model is the same though bytes of its archive differ, such as a date."""
    if not path.name.endswith(".model.zip"):
        return False
    return vars(Kept.from_bytes(path.read_bytes())) == vars(Kept.from_bytes(other.read_bytes()))


def _kind(path: Path) -> str:
    folder = next(
        part for part in path.parts[::-1] if part in ("models", "records", "folds", "runs")
    )
    ending = "".join(path.suffixes[-2:]) if folder == "models" else path.suffix
    return path.name if folder == "runs" else f"{folder}/*{ending}"


def try_damage(tries: int, seed: int) -> Tally:
    """Damage so many stores, one file each."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_store(Path(folder, "whole"))
        for number in range(tries):
            kind, problems = damage_once(whole, Path(folder, "damaged"), chance)
            tally.add(f"damage of {kind}", problems, f"try {number}")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try_damage(given.tries, given.seed).show()


if __name__ == "__main__":
    main()
