"""The command line as a user runs it: a process with arguments, two outputs and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests import warm_python

COMPS = [str(Path(sys.executable).with_name("comps"))]

Event = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Event]:
        """The lines of the standard output, all of which must be JSON objects."""
        events = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(event, dict) and event["event"] for event in events)
        return events

    def event(self, name: str) -> Event:
        """The one event of that name."""
        (event,) = self.all(name)
        return event

    def all(self, name: str) -> list[Event]:
        """The events of that name."""
        return [event for event in self.events if event["event"] == name]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command: a user's own folders play no part."""
    names = {"COMPS_DATA", "COMPS_RUNS"}
    return {k: v for k, v in os.environ.items() if k not in names} | dict(changes or {})


def comps(
    *arguments: str | Path,
    cwd: Path,
    code: int = 0,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    stdout: IO[str] | int = subprocess.PIPE,
) -> Done:
    """Run a command to its end; whatever happens, it shows no traceback."""
    command = [*prefix, *COMPS, *map(str, arguments)]
    if not prefix and stdout == subprocess.PIPE and "PYTHONPATH" not in (env or {}):
        done = warm_python.run(command, cwd, environment(env))
    else:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=200,
            check=False,
        )
    result = Done(done.returncode, done.stdout or "", done.stderr)
    assert "Traceback" not in result.err + result.out, result.err
    assert result.code == code, result.err + result.out
    return result


def without(package: str, folder: Path) -> dict[str, str]:
    """Return an environment in which a package is not found, as if it were not installed."""
    (folder / "sitecustomize.py").write_text(f"""
from importlib.machinery import PathFinder

find = PathFinder.find_spec


def find_others(name, path=None, target=None):
    return None if name.partition(".")[0] == {package!r} else find(name, path, target)


PathFinder.find_spec = find_others
""")
    return {"PYTHONPATH": str(folder)}


@contextmanager
def running(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a session of its own, as a terminal does; nothing of it is left."""
    process = subprocess.Popen(
        [*COMPS, *map(str, arguments)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def read_until(process: subprocess.Popen[str], **wanted: object) -> Event:
    """Read events until one has the wanted values."""
    return read_until_all(process, wanted)


def read_until_all(process: subprocess.Popen[str], *awaited: dict[str, object]) -> Event:
    """Read events until all that are awaited have come, in any order; return the last."""
    assert process.stdout is not None
    for line in process.stdout:
        event: Event = json.loads(line)
        awaited = tuple(wanted for wanted in awaited if not wanted.items() <= event.items())
        if not awaited:
            return event
    raise AssertionError(f"the command ended before {awaited}: {process.communicate()[1]}")
