"""Where the client keeps keys: never what they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def key_files(folder: Path) -> list[Path]:
    """Return the files that the client may read a key from, if they are there.

    Args:
        folder: the client's own, for `kaggle.json`.
    """
    named = os.environ.get("KAGGLE_API_TOKEN", "")
    home = Path.home() / ".kaggle"
    names = ("access_token", "access_token.txt", "credentials.json", "kaggle.json")
    # A token of the environment is the path of a file, or a key: too long for a path, maybe.
    files = [folder / "kaggle.json", *(home / name for name in names)]
    if os.sep in named:
        files.insert(0, Path(named))
    return list(dict.fromkeys(path for path in files if _is_file(path)))


def readable_by_others(folder: Path) -> Iterator[str]:
    """Yield a warning for each file with a key that others of this machine can read."""
    if os.name == "nt":
        return
    for path in key_files(folder):
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield (
                f"Warning: others can read the key of Kaggle in {path}. 'chmod 600 {path}' "
                "keeps it yours."
            )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
