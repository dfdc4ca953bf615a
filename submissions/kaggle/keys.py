"""Where the client keeps keys: never what they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TOKENS = ("access_token", "access_token.txt")


@dataclass(frozen=True)
class KeyInUse:
    """Where the key is from that the client sends.

    Attributes:
        name: of the variable or the file.
        remedy: what has to be done before another key is looked at.
    """

    name: str
    remedy: str


def client_folder() -> Path:
    """Return the client's own folder, for `kaggle.json`."""
    from kaggle.api.kaggle_api_extended import KaggleApi

    return Path(KaggleApi.config_dir)


def key_files() -> list[Path]:
    """Return the files that the client may read a key from, if they are there."""
    named = os.environ.get("KAGGLE_API_TOKEN", "")
    names = (*_TOKENS, "credentials.json", "kaggle.json")
    # A token of the environment is the path of a file, or a key: too long for a path, maybe.
    files = [client_folder() / "kaggle.json", *(_home() / name for name in names)]
    if os.sep in named:
        files.insert(0, Path(named))
    return list(dict.fromkeys(path for path in files if _is_file(path)))


def key_in_use() -> KeyInUse | None:
    """Return which of several keys the client sends; None where there is none.

    The order is the client's own: tokens, then user name and key, then what 'kaggle auth login'
    left. A token that expired is sent before a user name and key that are good.
    """
    tokens = [_home() / name for name in _TOKENS]
    legacy = [client_folder() / "kaggle.json", _home() / "kaggle.json"]
    ways = (
        _variable("KAGGLE_API_TOKEN"),
        *(_file(path) for path in tokens if _has_text(path)),
        _variable("KAGGLE_KEY"),
        *(_file(path) for path in (*legacy, _home() / "credentials.json")),
    )
    return next(filter(None, ways), None)


def _variable(name: str) -> KeyInUse | None:
    return KeyInUse(f"${name}", "unset it, or put it right") if os.environ.get(name) else None


def _file(path: Path) -> KeyInUse | None:
    return KeyInUse(str(path), "delete that file") if _is_file(path) else None


def _has_text(path: Path) -> bool:
    """Whether a file holds anything: the client passes over an empty one."""
    try:
        return bool(path.read_text("utf-8", "replace").strip())
    except OSError:
        return False


def _home() -> Path:
    return Path.home() / ".kaggle"


def readable_by_others() -> Iterator[str]:
    """Yield a warning for each file with a key that others of this machine can read."""
    if os.name == "nt":
        return
    for path in key_files():
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
