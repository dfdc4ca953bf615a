"""Evidence that rows belong together or follow each other: from the way the test part was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.kinds.table import dates

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

# Rows of one group, at least on average and at most as a share of all.
_LEAST_ROWS, _MOST_SHARE = 1.5, 0.2
# Groups; of fewer, that the test part has none may be chance.
_LEAST_GROUPS = 8
# Numbers that may be times are called so; "years_at_company" and "candidate" are not.
_NAMED_AS_TIME = re.compile(
    r"(?<![A-Za-z])(?i:date|time|datetime|timestamp|year)(?![a-z])"
    r"|(?<=[a-z])(?:Date|Time|Year)(?![a-z])"
)
# The share of the test rows that are later than all training rows, where they are in time.
_MOSTLY = 0.5


def group_evidence(
    train: pd.DataFrame, test: pd.DataFrame, kinds: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the column whose values the test rows share with no training row, and the reason.

    Values that come again within both parts and never in both were dealt out whole: shuffled folds
    would divide them, and promise too much. Numbers that are measured come again by chance, and
    then in both parts.

    Args:
        train: the training rows.
        test: the test rows.
        kinds: of the columns that may say so.
    """
    best: tuple[float, str, str] | None = None
    for name, kind in kinds.items():
        # Most columns end here, before their cells become texts.
        if train[name].nunique() < _LEAST_GROUPS or _is_measured(train[name]):
            continue
        ours, theirs = _comparable(train[name].dropna(), test[name].dropna())
        counts = ours.value_counts()
        if len(counts) < _LEAST_GROUPS or len(ours) < _LEAST_ROWS * len(counts):
            continue
        if counts.iloc[0] > _MOST_SHARE * len(ours) or theirs.nunique() < 2:
            continue
        if theirs.isin(set(counts.index)).any() or _follows(train[name], test[name], kind):
            continue
        again = int((counts > 1).sum())
        reason = f"{again} of its values come again, and no value of the test rows is among them"
        if best is None or len(counts) > best[0]:
            best = len(counts), name, reason
    return None if best is None else best[1:]


def time_evidence(
    train: pd.DataFrame, test: pd.DataFrame, kinds: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the column of dates before which all training rows lie, and the reason.

    Test rows may begin at the last value of the training rows, but most have to lie beyond it: many
    rows may share the largest number.
    """
    for name, kind in kinds.items():
        ways = kind.partition(":")
        if ways[0] == "date":
            ours, theirs = (dates.parsed(part[name], ways[2])[0].dropna() for part in (train, test))
        elif kind == "number" and _NAMED_AS_TIME.search(name):
            if not all(part[name].dtype.kind in "iuf" for part in (train, test)):
                continue
            ours, theirs = (part[name].dropna() for part in (train, test))
        else:
            continue
        if not (len(ours) and len(theirs) and ours.min() < ours.max() <= theirs.min()):
            continue
        if (theirs > ours.max()).mean() > _MOSTLY:
            # Days are shown without midnight.
            end, begin = (
                str(time).removesuffix(" 00:00:00") for time in (ours.max(), theirs.min())
            )
            return name, f"training rows end at {end}, test rows begin at {begin}"
    return None


def _comparable(ours: Cells, theirs: Cells) -> tuple[Cells, Cells]:
    """Return numbers as they are, for 3 is 3.0; cells of another type as texts."""
    if all(part.dtype.kind in "iuf" for part in (ours, theirs)):
        return ours, theirs
    return ours.astype(str), theirs.astype(str)


def _is_measured(cells: Cells) -> bool:
    """Whether cells are numbers with decimals, or hardly any of them comes again."""
    if cells.dtype.kind == "f":
        values = cells.to_numpy()
        if (np.isfinite(values) & (values != np.trunc(values))).any():
            return True
    return bool(cells.nunique() * _LEAST_ROWS > len(cells))


def _follows(ours: Cells, theirs: Cells, kind: str) -> bool:
    """Whether one part has higher numbers or later dates alone: then it is another time."""
    name, _, way = kind.partition(":")
    if name == "date":
        ours, theirs = (dates.parsed(part, way)[0].dropna() for part in (ours, theirs))
        if not (len(ours) and len(theirs)):
            return False
    elif not all(part.dtype.kind in "iuf" for part in (ours, theirs)):
        return False
    return bool(theirs.min() >= ours.max() or theirs.max() <= ours.min())
