"""Small competitions whose commands take seconds, and how a command is started and ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.basics.files import read_arrays, read_json
from tests.commands import COMPS, environment
from tests.support import write_tiny
from tests.test_cli import members_of_session, write_houses

_SHORT = ("--folds", "2", "--no-checks", "--no-nested")


@dataclass(frozen=True)
class Place:
    """A competition that is run within seconds.

    Attributes:
        name: of the competition, as the store's folder is called.
        subject: what commands are told.
        models: cheap ones.
        options: of commands that train.
    """

    name: str
    subject: str
    models: str
    options: tuple[str, ...] = ()

    @property
    def run(self) -> tuple[str, ...]:
        """A run with all models."""
        return ("run", self.subject, "--models", self.models, *_SHORT, *self.options)


HOUSES = Place("house-prices", "house-prices", "median,ridge,svr", ("--data", "houses.zip"))
OWN = Place("own", "own", "median,ridge,neighbours")
PLACES = (
    HOUSES,
    OWN,
    Place("temperature", "temperature", "common-sense,ridge"),
    Place("digits", "digits", "shares"),
    Place("sentiment", "sentiment", "class-share,naive-bayes"),
    Place("dogs-vs-cats", "dogs-vs-cats", "class-share"),
)


def prepare(place: Place, folder: Path) -> Path:
    """Write the files of a competition into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    if place is HOUSES:
        write_houses(folder / "houses.zip")
    if place is OWN:
        write_tiny(folder / "tables")
        declared = ("--metric", "root_mean_squared_error", "--target", "price")
        finish(("init", "own", "--data", "tables", *declared), folder)
    return folder


def copied(folder: Path, to: Path) -> Path:
    """Return a copy of a folder, with the times of its files."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to, symlinks=True))


@contextmanager
def started(
    command: tuple[str, ...], folder: Path, **environment_changes: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a session of its own; nothing of it is left afterwards."""
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        process = subprocess.Popen(
            [*COMPS, *command],
            cwd=folder,
            env=environment(environment_changes),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            for left in members_of_session(process.pid):
                left.kill()
            process.wait()


def said(folder: Path) -> str:
    """Return what the last command printed, on both outputs."""
    return (folder / "out.txt").read_text() + (folder / "err.txt").read_text()


def finish(command: tuple[str, ...], folder: Path) -> float:
    """Run a command to its end; return its seconds."""
    began = time.perf_counter()
    with started(command, folder) as process:
        code = process.wait(timeout=300)
    if code:
        raise RuntimeError(f"comps {' '.join(command)} ended with {code}: {said(folder)}")
    return time.perf_counter() - began


def ended_by(
    number: signal.Signals,
    command: tuple[str, ...],
    folder: Path,
    after: float,
    **environment_changes: str,
) -> tuple[int | None, list[str]]:
    """Send a signal to all processes of a command some seconds after it began.

    Returns:
        The exit code, None where the command ended before; and the processes that are left ten
        seconds after the command ended.
    """
    with started(command, folder, **environment_changes) as process:
        try:
            process.wait(timeout=after)
            return None, []
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, number)
        code = process.wait(timeout=120)
        deadline = time.monotonic() + 10
        while (left := members_of_session(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return code, [" ".join(other.cmdline()[:4]) for other in left]


def results_of(folder: Path) -> dict[str, Any]:
    """Return what a command has to leave equal: submissions, arrays, kept models, trials.

    Times that fits took, records and reports are of the call, and differ.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".npz":
            found[name] = {key: value.tobytes() for key, value in read_arrays(path)[1].items()}
        elif path.name.endswith((".csv", ".model.zip", "blend.json")):
            found[name] = path.read_bytes()
        elif path.match("tuning/best/*.json"):
            # The trial's number counts those that were lost, too.
            found[name] = {**read_json(path), "number": None}
        elif path.name.endswith(".part") and "models" in path.parts:
            found[name] = "left behind"
    return found


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return a sentence on each result that is missing, new or another."""
    return [
        f"{name} {'differs' if name in wanted and name in found else 'is on one side alone'}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
