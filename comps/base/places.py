"""Folders that every room looks into."""

from __future__ import annotations

import os
from pathlib import Path


def data_root() -> Path:
    """Return the folder for downloaded files: `$COMPS_DATA`, or `data` beside the user."""
    return Path(os.environ.get("COMPS_DATA", "data"))


def cache_root() -> Path:
    """Return the folder for what is decoded once: `$COMPS_CACHE`, or `.cache` beside the data."""
    return Path(os.environ.get("COMPS_CACHE", data_root() / ".cache"))


def user_cache_root() -> Path:
    """Return the folder for what serves any data: `$COMPS_CACHE`, or `~/.cache/comps`.

    Other systems have other places for caches of a user.
    """
    from platformdirs import user_cache_path

    found = os.environ.get("COMPS_CACHE")
    return Path(found) if found else user_cache_path("comps", appauthor=False)
