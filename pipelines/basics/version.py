"""The version of the workbench."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """Return the installed version; "unknown" where its files are used without being installed.

    >>> own_version() != ""
    True
    """
    try:
        return version("competition-workbench")
    except PackageNotFoundError:
        return "unknown"
