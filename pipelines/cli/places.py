"""Where the user's own competitions are, as `--competitions` says."""

from __future__ import annotations

import os
from pathlib import Path

from comps.base import UsageError


def look_in(folder: Path | None) -> None:
    """Look for competitions in a folder, in worker processes, too; None changes nothing.

    Raises:
        UsageError: if there is no such folder.
    """
    if folder is None:
        return
    if not folder.is_dir():
        raise UsageError(f"--competitions takes a folder; there is no {folder}.")
    os.environ["COMPS_COMPETITIONS"] = str(folder)
