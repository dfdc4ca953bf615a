"""The built-in competitions: each a folder here whose `competition` module defines it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import cast

import comps
from comps.base import Competition, unknown_name


def competition_names() -> list[str]:
    """Return the names of all competitions, without importing them.

    >>> "house-prices" in competition_names()
    True
    """
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(comps.__path__)
        if module.ispkg and module.name not in ("base", "kinds", "reading")
    )


def find_competition(name: str) -> Competition:
    """Import and return the competition of that name.

    Raises:
        UsageError: if there is none; the message lists the close names.
    """
    if name not in competition_names():
        raise unknown_name("competition", name, competition_names())
    module = importlib.import_module(f"comps.{name.replace('-', '_')}.competition")
    return cast(Competition, module.COMPETITION)
