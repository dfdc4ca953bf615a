"""Where competitions are found: installed packages, a folder beside the user, a module.

The five that come with this package are found as those of any other package are, by the entry
point `comps.competitions`.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec
from pathlib import Path

from comps.base import (
    Competition,
    DataError,
    UsageError,
    WorkbenchError,
    names_a_folder,
    unknown_name,
)
from comps.quiet import without_native_logs

GROUP = "comps.competitions"
# The name in a competition's file, and the file.
OBJECT, FILE = "COMPETITION", "competition.py"
# The package that folders of the user's are modules of; no library is called so.
PACKAGE = "user_competitions"


@dataclass(frozen=True)
class Entry:
    """A competition that is known by its name, and not yet imported.

    Attributes:
        where: its file, or the package that brings it.
        load: imports it.
    """

    where: str
    load: Callable[[], object]


# Names of files end so; those of competitions may have a point, too: "house.v2".
_ENDING = re.compile(
    r"\.(zip|tar|t?gz|t?bz2|t?xz|7z|rar|csv|tsv|tab|txt|parquet|pq|xlsx?|json)$", re.I
)


def competitions_root() -> Path:
    """Return the folder of the user's: `$COMPS_COMPETITIONS`, or `competitions` in this one."""
    return Path(os.environ.get("COMPS_COMPETITIONS", "competitions"))


def competition_names() -> list[str]:
    """Return the names of all competitions, without importing them.

    >>> "house-prices" in competition_names()
    True
    """
    return sorted({name for name, _ in _entries()})


def find_competition(name: str) -> Competition:
    """Import and return a competition.

    Args:
        name: its name, or `module:NAME` of an object in a module.

    Raises:
        UsageError: if there is none, or two of that name; the message lists the close names.
        DataError: if its file cannot be imported, or has no competition in it.

    >>> find_competition("comps.digits.competition:COMPETITION").name
    'digits'
    """
    if ":" in name:
        return _loaded(name, Entry(name.partition(":")[0], EntryPoint(name, name, GROUP).load))
    found = [entry for known, entry in _entries() if known == name]
    if len(found) > 1:
        raise UsageError(
            f"There are {len(found)} competitions called {name!r}: "
            f"{', '.join(entry.where for entry in found)}. Rename one, or name it as module:NAME."
        )
    if not found:
        raise _unknown(name)
    competition = _loaded(name, found[0])
    if competition.name != name:
        raise DataError(
            f"{found[0].where} defines a competition called {competition.name!r}; its folder of "
            f"results would be another one. Call it {name!r} there."
        )
    return competition


def usable_competitions() -> tuple[list[Competition], dict[str, str]]:
    """Return all competitions that can be imported, and what is wrong with the others, by name."""
    found, broken = [], {}
    for name in competition_names():
        try:
            found.append(find_competition(name))
        except WorkbenchError as error:
            broken[name] = str(error)
    return found, broken


def place_of(name: str) -> str:
    """Return where a known competition comes from: its file, or the package that brings it."""
    return next((entry.where for known, entry in _entries() if known == name), name)


def _entries() -> list[tuple[str, Entry]]:
    """Return the known competitions: of packages, and of the user's folder."""
    found = [(point.name, Entry(point.value, point.load)) for point in _installed()]
    root = competitions_root()
    if not root.is_dir():
        return found
    for file in sorted(root.glob(f"*/{FILE}")):
        folder = file.parent.name
        found.append((folder, Entry(str(file), partial(_of_folder, root, folder))))
    return found


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _of_folder(root: Path, name: str) -> object:
    """Import the file of a folder, whose other files it can import as `.name`."""
    if not names_a_folder(name) or "." in name:
        raise UsageError(f"A name of letters, digits, '_' and '-' was expected, not {name!r}.")
    _enter(root.resolve())
    return getattr(importlib.import_module(f"{PACKAGE}.{name}.competition"), OBJECT)


def _enter(root: Path) -> None:
    """Make the folders of a root modules of one package, which no file stands for."""
    import cloudpickle

    package = sys.modules.get(PACKAGE)
    if package is not None and list(package.__path__) == [str(root)]:
        return
    for module in [known for known in sys.modules if known.partition(".")[0] == PACKAGE]:
        del sys.modules[module]
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    package = sys.modules[PACKAGE] = module_from_spec(spec)
    importlib.invalidate_caches()
    # Worker processes, on other machines too, need not find the files.
    cloudpickle.register_pickle_by_value(package)


def _loaded(name: str, entry: Entry) -> Competition:
    """Import a competition.

    Raises:
        DataError: if it cannot be imported, or is none; its line is named.
    """
    try:
        with without_native_logs():
            found = entry.load()
    except WorkbenchError as error:
        raise DataError(f"{entry.where} cannot be used: {error}") from error
    except (Exception, SystemExit) as error:  # the code of the user may raise anything
        raise DataError(
            f"{entry.where} cannot be used: {type(error).__name__}: {error}{_line(error)}."
        ) from error
    if not isinstance(found, Competition):
        raise DataError(
            f"{name!r} must be a Competition, such as table_competition returns; "
            f"{entry.where} has a {type(found).__name__} there."
        )
    return found


def _line(error: BaseException) -> str:
    """Return the last line of the user's own code that an error came through."""
    if isinstance(error, SyntaxError):
        return ""
    lines, at = [], error.__traceback__
    while at is not None:
        file = Path(at.tb_frame.f_code.co_filename)
        if "importlib" not in str(file) and file != Path(__file__):
            lines.append(f" ({file.name}, line {at.tb_lineno})")
        at = at.tb_next
    return lines[0] if lines else ""


def _looks_like_a_path(name: str) -> bool:
    """Whether a name is rather that of a file or a folder.

    >>> _looks_like_a_path("titanic.zip"), _looks_like_a_path("data/titanic")
    (True, True)
    """
    return _ENDING.search(name) is not None or "/" in name or os.sep in name


def _unknown(name: str) -> UsageError:
    if Path(name).exists():
        return UsageError(
            f"{name} is a file or a folder, not the name of a competition. 'comps run', 'cv' and "
            "'check-data' take one as it is; 'comps init NAME --data' makes a competition of it."
        )
    if _looks_like_a_path(name):
        return UsageError(
            f"There is no file or folder {name}. Name one that exists, or a competition by "
            "its name; 'comps list' shows these."
        )
    names = competition_names()
    if not names:
        return UsageError("No competition is installed: install this package with pip.")
    root = competitions_root()
    error = unknown_name("competition", name, names)
    return UsageError(f"{error} There is no {root / name / FILE} either.")
