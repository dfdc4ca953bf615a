"""Where the sockets of worker processes lie: their paths are short by the rules of the system."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# macOS takes 103 characters, Linux 107; multiprocessing adds these to the folder.
_LONGEST = 103
_ADDED = len("/pymp-12345678/listener-12345678")
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")


def short_sockets() -> bool:
    """Let multiprocessing make its sockets in a short folder; return whether there is one.

    They lie in the folder for temporary files, and `TMPDIR` may be as long as people want.
    Everything else stays there.
    """
    from multiprocessing import util

    if _has_room(tempfile.gettempdir()):
        return True
    folder = next((f for f in _SHORT if _has_room(f) and os.access(f, os.W_OK | os.X_OK)), None)
    if folder is None:
        return False
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        # It is made once, and remembered by this process and those that it starts.
        return _has_room(str(Path(util.get_temp_dir()).parent))
    finally:
        tempfile.tempdir = before


def _has_room(folder: str) -> bool:
    return len(os.fsencode(folder)) + _ADDED <= _LONGEST and Path(folder).is_dir()
