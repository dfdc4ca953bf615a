"""Check whether a process of this machine still runs."""

from __future__ import annotations

import os
from pathlib import Path


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
