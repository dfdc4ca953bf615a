"""What the texts of a column of levels mean: one spelling of each level, and which are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from comps.base import DataError, counted, some
from comps.reading.column import Column, check_present, few_of
from comps.reading.missing import SURE

if TYPE_CHECKING:
    import pandas as pd


# Fewer rows may well have other levels.
_ROWS = 10


@dataclass(frozen=True, eq=False)
class Levels:
    """A column of levels.

    Attributes:
        train: [n] texts, None where a level is missing.
        test: [m] texts, or None if there is no test column.
        notes: which spellings were changed and what is missing, for the user.
    """

    train: pd.Series
    test: pd.Series | None
    notes: tuple[str, ...]


def as_levels(
    train: Column,
    test: Column | None = None,
    *,
    known: Collection[str] = (),
    missing: Container[str] = SURE,
    words: Container[str] = ("",),
) -> Levels:
    """Return a column of levels, each in one spelling.

    Spellings that differ in the case of letters, spaces around them, or as 20 and 20.0 do, are one
    level: that of `known`, or the most frequent one of the training rows. A note counts what was
    changed. Words for "missing" are missing, unless they are a known level.

    Args:
        train: the column in the training rows.
        test: the same in the test rows; None where there are none.
        known: all levels that there are; none if any text is a level. Others are missing, with a
            note, as long as they are few: at most 3 or 1 %, and never above 10 %.
        missing: words, in small letters, that say that there is no level.
        words: those of them that are usual here and need no note.

    Raises:
        DataError: if many cells of a file hold no known level, or the test rows none of those of
            the training rows; lines and cells are named.

    >>> import pandas as pd
    >>> zones = pd.Series(["RL", "rl", "RL", "N/A"])
    >>> found = as_levels(Column("zone", zones, "train.csv"))
    >>> found.train.tolist()
    ['RL', 'RL', 'RL', None]
    >>> found.notes[0]
    "zone: 1 cell of train.csv is written otherwise: taken as 'RL'. line 3: 'rl'."
    """
    parts = [column for column in (train, test) if column is not None]
    counts = [_counted(column) for column in parts]
    there = [_present(texts, missing) for texts in counts]
    check_present([levels.total() for levels in there], parts)
    if test is not None and not known:
        _check_overlap(train, test, *there)
    usual = _spellings(known) if known else _most_frequent(counts)
    found, notes = [], []
    for column in parts:
        levels, said = _read(column, usual, known, missing, words)
        found.append(levels)
        notes += said
    return Levels(found[0], found[1] if test is not None else None, tuple(notes))


def _counted(column: Column) -> Counter[str]:
    """Return how many cells hold each text; a text is looked at once, however many hold it."""
    # Of a list: pandas gives the texts of its own arrays one by one, which takes far longer.
    return Counter(column.cells.dropna().astype(str).tolist())


def _present(counts: Counter[str], missing: Container[str]) -> Counter[str]:
    """Return those of the counts whose text is a level."""
    return Counter(
        {text: count for text, count in counts.items() if text.strip().lower() not in missing}
    )


def _check_overlap(train: Column, test: Column, levels: Counter[str], others: Counter[str]) -> None:
    """Refuse test rows that have none of the levels, where the training rows repeat theirs.

    Raises:
        DataError: with levels of both.
    """
    keys = set(map(level_key, levels))
    repeated = 2 * len(keys) < levels.total()
    if repeated and others.total() >= _ROWS and not keys & set(map(level_key, others)):
        shown = [some(map(repr, texts)) for texts in (others, levels)]
        raise DataError(
            f"No cell of {test.name} in {test.file} holds a level of {train.file}: "
            f"{', and '.join(shown)}. Write the levels of both files in one way."
        )


def _spellings(levels: Collection[str]) -> dict[str, str]:
    """Return levels by what is the same in all of their spellings; not those that then clash."""
    counts = Counter(map(level_key, levels))
    return {level_key(level): level for level in levels if counts[level_key(level)] == 1}


def _most_frequent(parts: Sequence[Counter[str]]) -> dict[str, str]:
    """Return the most frequent spelling of each level; those of the training rows come first."""
    usual: dict[str, str] = {}
    for counts in parts:
        for text, _ in counts.most_common():
            usual.setdefault(level_key(text), text)
    return usual


def _read(
    column: Column,
    usual: Mapping[str, str],
    known: Collection[str],
    missing: Container[str],
    words: Container[str],
) -> tuple[pd.Series, list[str]]:
    """Return the levels of a file, and notes."""
    texts = column.cells.astype(object).where(column.cells.notna(), "").astype(str)
    meaning: dict[str, str | None] = {}
    changed: dict[str, str] = {}
    said: list[str] = []
    unknown: list[str] = []
    for text in texts.unique():
        key = text.strip().lower()
        level = usual.get(level_key(text))
        if text in known or (known and level is not None):
            meaning[text] = text if text in known else level
        elif key in missing:
            meaning[text] = None
            said += [] if key in words else [text]
        elif known:
            meaning[text] = None
            unknown.append(text)
        else:
            meaning[text] = level
        if (level := meaning[text]) is not None and level != text:
            changed[text] = level
    notes = []
    for which, one, many, what in (
        (changed, "is", "are", f"written otherwise: taken as {some(map(repr, changed.values()))}"),
        (said, "says", "say", "that there is no level: taken as missing"),
        (unknown, "is", "are", "no level that is known: taken as missing"),
    ):
        rows = texts.isin(list(which)).to_numpy().nonzero()[0]
        if not len(rows):
            continue
        if which is unknown and len(rows) > few_of(int((texts != "").sum())):
            raise DataError(
                f"{column.name} in {column.file} holds {counted(len(rows), 'cell')} of no level "
                f"that is known: {column.shown(rows)}. Known: {some(known)}."
            )
        notes.append(f"{column.counted(len(rows), one, many)} {what}. {column.shown(rows)}.")
    return texts.map(meaning).astype(object).where(lambda cells: cells.notna(), None), notes


def level_key(text: str) -> str:
    """Return what is the same in all spellings of a level: no capital letter, no further blank.

    >>> level_key(" R  L"), level_key("20.0")
    ('r l', '20')
    """
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", " ".join(text.casefold().split()))
