"""Running `comps` as a user does, with its time and memory."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

COMPS = Path(sys.executable).parent / "comps"


def measure(arguments: list[str], folder: Path) -> tuple[float, float, str]:
    """Return seconds, peak gigabytes and standard output of one command.

    Memory is the highest sum over the process and its workers, looked at once a second:
    to look oftener would take the cores from what is measured.
    """
    started = time.perf_counter()
    peak = 0
    # A file, not a pipe: nobody would read the pipe while the command runs, and it fills up.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [COMPS, *arguments], cwd=folder, stdout=output, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"comps {' '.join(arguments)} ended with {process.returncode}: {text}")
    return seconds, peak / 1e9, text


def memory_of(pid: int) -> int:
    """Return the bytes of a process and its children, what they share counted once (on Linux)."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except psutil.NoSuchProcess:
        pass
    return total


def rows_of(output: str, event: str) -> list[dict[str, Any]]:
    """Return the JSON lines of one kind."""
    return [row for row in map(json.loads, output.splitlines()) if row["event"] == event]
