"""`blend_in_levels`: members to blends, and blends to a blend, as a file says."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from comps.base import Competition, DataError, UsageError, some
from ensembles.left_out import Dependence
from ensembles.levels import Level, blend_levels
from pipelines.api.choices import Options, RowChoices
from pipelines.api.progress import Progress
from pipelines.api.results import Result
from pipelines.api.sealed import look as look_at
from pipelines.api.stored import open_stored
from pipelines.api.written import keep, write_submission

_USUAL = "convex"


def read_levels(path: Path, members: Collection[str]) -> list[Level]:
    """Return the levels that a TOML file says, with patterns of names filled in.

    Each table is a blend: `members` are names or patterns such as "ann-*" of members, or names of
    tables above; `method` is one of `ensembles.METHODS` or "auto", "convex" unless given. The last
    table is the blend of all.

    Args:
        path: of the file.
        members: names of those that are there.

    Raises:
        DataError: if it cannot be read, or a table is not as said above.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is no TOML file: {error}.") from error
    if not tables:
        raise DataError(f"{path} names no blend: a table for each was expected, as [trees].")
    levels: list[Level] = []
    for name, table in tables.items():
        levels.append(_level(path, name, table, members, [level.name for level in levels]))
    named = {part for level in levels for part in level.parts}
    unused = [level.name for level in levels[:-1] if level.name not in named]
    if unused:
        raise DataError(
            f"{path}: {', '.join(unused)} {'is' if len(unused) == 1 else 'are'} a part of no blend "
            f"below. The last table, [{levels[-1].name}], is the blend of all."
        )
    return levels


def _level(
    path: Path, name: str, table: Any, members: Collection[str], above: Sequence[str]
) -> Level:
    given = table.get("members") if isinstance(table, dict) else None
    if not isinstance(given, list) or not all(isinstance(part, str) for part in given):
        raise DataError(f"{path}: [{name}] needs a list of names, members = [...].")
    strange = sorted(set(table) - {"members", "method"})
    if strange:
        raise DataError(f"{path}: [{name}] has {some(strange)}; it takes members and method.")
    parts: dict[str, None] = {}
    for part in given:
        # Names of members with changed parameters have brackets, which patterns have, too.
        exact = [one for one in (*above, *members) if one == part]
        found = exact or sorted(fnmatch.filter(members, part))
        if not found:
            raise DataError(
                f"{path}: [{name}] names {part!r}, which fits no member and no blend above it. "
                f"Members: {some(sorted(members))}."
            )
        parts.update(dict.fromkeys(found))
    method = table.get("method", _USUAL)
    if not isinstance(method, str):
        raise DataError(f"{path}: the method of [{name}] must be a text.")
    return Level(name, tuple(parts), method)


def blend_in_levels(
    competition: str | Competition,
    levels: str | Path | Sequence[Level],
    *,
    output: str | Path | None = None,
    look: bool = False,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Result:
    """Blend members of the last run, and imported ones, in levels; nothing is trained.

    Args:
        competition: a name, or your own.
        levels: a TOML file, see `read_levels`; or the levels.
        output: the file for the submission; None writes none.
        look: whether the last blend is scored on the sealed rows; each look is counted.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Returns:
        The last blend as `blend`, and all of them, in order, as `tried`; each with its own honest
        score.

    Raises:
        WorkbenchError: if the file is not as it should be, or a method does not suit.
    """
    if "models" in choices:
        raise UsageError("The levels name the members themselves: leave out `members`.")
    stored = open_stored(Options.of(competition, choices), progress)
    stored.tell_joined()
    if isinstance(levels, (str, Path)):
        levels = read_levels(Path(levels), list(stored.oofs))
    named = {part for level in levels for part in level.parts}
    oofs = {name: oof for name, oof in stored.oofs.items() if name in named}
    experiment = stored.experiment
    subject = experiment.competition
    tried = blend_levels(
        levels,
        list(oofs.values()) or list(stored.oofs.values()),
        subject.truth(experiment.dataset),
        experiment.folds,
        subject.metric,
        Dependence.of(experiment.dataset),
    )
    store = stored.session.store
    result = Result(
        experiment, oofs, tried[-1], tried, notes=tuple(stored.teller.notes), runs=store.root.parent
    )
    keep(store, result)
    if look:
        result = replace(result, sealed=look_at(stored.session, tried[-1]))
    if output is not None:
        write_submission(store, result, output)
    return result
