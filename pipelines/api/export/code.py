"""The code of an exported folder: programs, the competition, and the packages that it needs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import comps
import ensembles
import submissions
from comps.base import Competition, UsageError
from comps.catalog import FILE, OBJECT, PACKAGE, competition_names, find_competition, place_of
from pipelines import exported
from pipelines.basics import trusted_names

# The modules of `ensembles` that fitted blends are made of.
_OF_BLENDS = ("fitted.py", "transforms.py")


@dataclass(frozen=True)
class Place:
    """Where the code of a competition is.

    Attributes:
        module: as `module:NAME`, as the exported folder imports it.
        folder: of a competition of the user's own; None where a package brings it.
    """

    module: str
    folder: Path | None = None


def code_of(competition: str | Competition) -> Place:
    """Return where the code of a competition is.

    Raises:
        UsageError: if it has no code in a file that can be copied or installed.
    """
    name = competition if isinstance(competition, str) else competition.name
    if not isinstance(competition, str) and (
        name not in competition_names() or find_competition(name) is not competition
    ):
        raise UsageError(
            f"The competition {name!r} is in this process alone, and an exported folder needs its "
            f"code to read rows. 'comps init {name} --data ...' writes it into a file; run and "
            "export that."
        )
    if ":" not in name:
        find_competition(name)
        where = place_of(name)
        if Path(where).name == FILE:
            return Place(f"{PACKAGE}.{name}.competition:{OBJECT}", Path(where).parent.resolve())
        name = where
    package = name.partition(":")[0].partition(".")[0]
    if package != comps.__name__ and package not in packages_distributions():
        raise UsageError(
            f"{name} is a module that no installed package brings. Put it into "
            f"competitions/NAME/{FILE}, from where it is copied."
        )
    return Place(name)


def write_code(place: Place, folder: Path, data: Path) -> None:
    """Copy programs and packages into a folder.

    Args:
        place: of the competition.
        folder: that is exported.
        data: of the competition; they are not copied with its code.
    """
    lib = folder / "lib"
    for program in ("predict.py", "serve.py"):
        shutil.copyfile(_root(exported.__path__) / program, folder / program)
    for package in (comps, submissions):
        root = _root(package.__path__)
        for file in sorted(root.rglob("*.py")):
            copy = lib / package.__name__ / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    rules = Path(trusted_names.__file__)
    shutil.copyfile(rules, lib / rules.name)
    blends = lib / ensembles.__name__
    blends.mkdir()
    (blends / "__init__.py").write_text('"""Fitted blends."""\n', encoding="utf-8")
    for name in _OF_BLENDS:
        shutil.copyfile(_root(ensembles.__path__) / name, blends / name)
    if place.folder is not None:
        left_out = {"__pycache__", *([data.name] if data.resolve().parent == place.folder else [])}
        shutil.copytree(
            place.folder,
            lib / PACKAGE / place.folder.name,
            ignore=lambda _, names: left_out & set(names),
        )


def _root(path: Sequence[str]) -> Path:
    """Return the folder of a package."""
    return Path(path[0])
