"""Signs that rows belong together or follow time, and that the test rows are other ones."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Subject
from pipelines.checks._scores import correlation, ranks
from pipelines.checks._table import Column, Kind, columns, features, has_test

# Values with several rows each, as keys of groups have; and the test rows that have other ones.
_LEAST_LEVELS, _MOST_LEVELS_SHARE, _UNSEEN = 10, 0.5, 0.5
# Test rows above this quantile of the training rows, where a column is a time.
_QUANTILE, _LATER = 0.999, 0.95
_LEAST_TIMES = 3
_RISING = 0.95
_NAMES = re.compile(
    r"(?<![a-z])(time|date|day|week|month|quarter|year|hour|minute|timestamp|period|step|season)"
    r"s?(?![a-z])|_at$",
    re.IGNORECASE,
)


def group_columns(subject: Subject) -> tuple[Column, ...]:
    """Return the columns with several rows a value, of which the test rows have other values.

    The one with the fewest values comes first. Without test rows nothing tells such a column
    from others.
    """
    if not has_test(subject):
        return ()
    found = [column for column in subject.once(features) if _divides(column)]
    return tuple(sorted(found, key=lambda column: len(np.unique(column.train))))


def _divides(column: Column) -> bool:
    known, counts = np.unique(column.train[~np.isnan(column.train)], return_counts=True)
    asked = column.test[~np.isnan(column.test)]
    n = counts.sum()
    if not len(asked) or not _LEAST_LEVELS <= len(known) <= _MOST_LEVELS_SHARE * n:
        return False
    if column.kind is Kind.DATE or (is_time(column) and is_later(column)):
        return False
    unseen = ~np.isin(asked, known)
    # Of rows drawn at random, as many are new as have a value of their own among those known.
    expected = (counts == 1).sum() / n
    return bool(unseen.mean() > max(_UNSEEN, 3 * expected))


def time_columns(subject: Subject) -> tuple[Column, ...]:
    """Return the columns of time by which the test rows come after the training rows."""
    if not has_test(subject):
        return ()
    return tuple(column for column in subject.once(columns) if is_time(column) and is_later(column))


def is_time(column: Column) -> bool:
    """Whether a column may hold times: dates, or numbers that are called so, or rise with rows."""
    if column.kind in (Kind.DATE, Kind.NUMBER):
        present = column.train[~np.isnan(column.train)]
        if len(np.unique(present)) < _LEAST_TIMES:
            return False
        named = column.kind is Kind.DATE or _NAMES.search(column.name) is not None
        return named or correlation(ranks(present), np.arange(1.0, len(present) + 1)) > _RISING
    return False


def in_time_order(subject: Subject) -> bool:
    """Whether the rows of the file rise with a column of time by which the test rows come later."""
    return any(
        correlation(ranks(column.train), np.arange(1.0, len(column.train) + 1)) > _RISING
        for column in subject.once(time_columns)
    )


def is_later(column: Column) -> bool:
    """Whether nearly all test rows have later values than the training rows."""
    known, asked = (part[~np.isnan(part)] for part in (column.train, column.test))
    if not len(known) or not len(asked) or len(column.levels):
        return False
    last = np.quantile(known, _QUANTILE)
    # Half of them truly behind: many rows may share the last value.
    return bool((asked >= last).mean() > _LATER and (asked > last).mean() > _QUANTILE / 2)


def units(subject: Subject) -> tuple[Array, Array] | None:
    """Return numbers of what training and test rows belong to; None if each stands for itself.

    Where groups are named, they are known of training rows alone: the columns that are the same
    in all rows of a group say which rows belong together in both parts.
    """
    groups = subject.dataset.groups
    if groups is None:
        found = subject.once(group_columns)
        return (found[0].train, found[0].test) if found else None
    constant = [column for column in subject.once(features) if _constant(column.train, groups)]
    if not constant:
        return None
    train, test = (
        np.nan_to_num(np.column_stack([getattr(column, part) for column in constant]), nan=-1e300)
        for part in ("train", "test")
    )
    numbers = np.unique(np.vstack([train, test]), axis=0, return_inverse=True)[1].ravel()
    return numbers[: len(train)], numbers[len(train) :]


def _constant(values: Array, groups: Array) -> NDArray[np.bool_] | bool:
    order = np.lexsort((values, groups))
    same = groups[order][1:] == groups[order][:-1]
    changed = np.diff(np.nan_to_num(values[order], nan=-1e300)) != 0
    return bool(same.any() and changed[same].mean() < 0.02 and changed.any())
