"""Whether a process of this machine still runs, and since when a call does."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from pipelines.basics.addresses import without_password

_command_began: float | None = None


def begin_command() -> None:
    """Note that this process is one command: its time began when the process did.

    Where the system does not tell when that was, it begins now.
    """
    global _command_began
    _command_began = time.monotonic() - _age()


def is_command() -> bool:
    """Return whether this process is one command."""
    return _command_began is not None


def typed_command() -> str:
    """Return the command that this process is as it was typed, or an empty text.

    Names and passwords in addresses are left out.
    """
    words = ["comps", *sys.argv[1:]] if is_command() else []
    return shlex.join(map(without_password, words))


def _age() -> float:
    """Return the seconds since this process began, if `/proc` tells them, else 0."""
    try:
        values = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, since_boot - int(values[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def call_began() -> float:
    """Return when the call began that asks, on the clock of `time.monotonic`.

    In a notebook the process is older than the call, which begins now.
    """
    return time.monotonic() if _command_began is None else _command_began


@cache
def here_since() -> tuple[str, str]:
    """Return two marks of eight hexadecimal digits: of this machine, and of its last start.

    Numbers of processes mean the same where both are equal. A container with processes of its own
    is a machine of its own. Where the system tells no start, all of them have one mark.
    """
    own, boot = "", ""
    with suppress(OSError):
        own = str(Path("/proc/self/ns/pid").readlink())
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    machine, start = (
        hashlib.sha256(text.encode()).hexdigest()[:8]
        for text in (f"{socket.gethostname()} {own}", boot)
    )
    return machine, start


def has_ended(process: str, machine: str, start: str) -> bool:
    """Return whether a process surely ended, by its number and the marks of `here_since`.

    Of a process of another machine nobody here knows.
    """
    here, since = here_since()
    return machine == here and (start != since or not is_running(int(process)))


def is_running(process: int) -> bool:
    """Return whether a process of this machine runs; a process that ended counts as not running.

    Where the system has neither `/proc` nor signals, this process alone is known to run.

    >>> is_running(os.getpid())
    True
    """
    if process == os.getpid():
        return True
    if Path("/proc/self/stat").exists():
        try:
            state = Path("/proc", str(process), "stat").read_text()
        except OSError:
            return False
        return state.rpartition(")")[2].split()[0] != "Z"
    if os.name == "nt" or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
