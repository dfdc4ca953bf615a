"""S001: training and test rows that a model tells apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Finding, NotSuitedError, Severity, Subject
from pipelines.checks._answers import Answer
from pipelines.checks._quick import Pairs, fitted, shuffled
from pipelines.checks._scores import Floats, auc
from pipelines.checks._structure import group_columns, time_columns, units
from pipelines.checks._table import Column, features, row_bound

# Standard errors above 0.5, and the AUC itself, from which on a difference is told.
_ERRORS, _NOTED, _TOLD = 4.0, 0.54, 0.57
_FOLDS, _BLOCKS = 3, 10
# Columns that are named, and the least gain of each of them, as a part of the largest.
_MOST_NAMED, _LEAST_GAIN = 5, 0.3
_LEAST_ROWS = 20


class Adversarial:
    """Trains a model to tell test rows from training rows (adversarial validation)."""

    code = "S001"
    title = "Training and test rows can be told apart"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        structure = *subject.once(group_columns), *subject.once(time_columns)
        told = {column.name for column in structure}
        places = [
            place for place, column in enumerate(subject.once(features)) if column.name not in told
        ]
        parts = _parts(subject, places)
        if not places or min(map(len, parts)) < _LEAST_ROWS:
            raise NotSuitedError("too few rows, or no column beside those of groups and time")
        columns = [subject.once(features)[place] for place in places]
        is_test = Answer("test", np.repeat([0.0, 1.0], [len(part) for part in parts]), True)
        rows = np.vstack(parts)
        in_time = subject.dataset.times is not None or bool(subject.once(time_columns))
        pairs = _pairs(subject, [len(part) for part in parts], in_time)
        area, gains = _told_apart(columns, rows, is_test, pairs)
        error = _error(subject, parts)
        if area < max(_NOTED, 0.5 + _ERRORS * error):
            return
        if in_time and area < _usual(subject, columns, places, len(parts[1])) + _ERRORS * error:
            return
        named = [
            columns[place]
            for place in np.argsort(-gains)[:_MOST_NAMED]
            if gains[place] >= _LEAST_GAIN * gains.max()
        ]
        yield Finding(
            text=f"A model tells test rows from training rows with AUC {area:.3f} (0.5 ± "
            f"{2 * error:.3f} if they were alike), mostly by "
            f"{', '.join(_described(column) for column in named)}. Scores on training rows may "
            "not hold for the test rows.",
            columns=tuple(column.name for column in named),
            values={"AUC": area, "error": float(error)},
            severity=Severity.WARNING if area > _TOLD and not in_time else Severity.NOTE,
        )


def _rows(subject: Subject) -> list[NDArray[np.int64]]:
    """Return the numbers of rows of both parts, at equal distances: they may be sorted."""
    bound = row_bound(subject)
    sizes = len(subject.train), len(subject.test)
    return [np.unique(np.linspace(0, n - 1, min(n, bound)).astype(np.int64)) for n in sizes]


def _parts(subject: Subject, places: Sequence[int]) -> tuple[Floats, Floats]:
    """Return [rows, columns] of both parts."""
    known = [subject.once(features)[place] for place in places]
    train, test = subject.once(_rows)
    return (
        np.column_stack([np.empty((len(train), 0)), *(column.train[train] for column in known)]),
        np.column_stack([np.empty((len(test), 0)), *(column.test[test] for column in known)]),
    )


def _told_apart(
    columns: Sequence[Column], rows: Floats, is_test: Answer, pairs: Pairs
) -> tuple[float, Floats]:
    """Return the AUC out of fold, and the share of the gain of each column."""
    gains, areas, sizes = np.zeros(len(columns)), [], []
    for known, held in pairs:
        part = Answer(is_test.name, is_test.values[known], binary=True)
        model = fitted(columns, rows[known], part)
        gains += model.gains(len(columns))
        areas.append(auc(is_test.values[held], model.predict(rows[held])))
        sizes.append(len(held))
    return float(np.average(areas, weights=sizes)), gains / max(gains.sum(), 1e-300)


def _pairs(subject: Subject, sizes: Sequence[int], in_time: bool) -> Pairs:
    """Return folds of both parts: rows that belong together, or lie together in time, are in one.

    Shuffled, they would be told apart by the rows next to them.
    """
    belonging = subject.once(units)
    if in_time:
        blocks = [np.arange(size) * _BLOCKS // size for size in sizes]
        return _by_units(np.concatenate([blocks[0], blocks[1] + _BLOCKS]))
    if belonging is not None:
        both = zip(belonging, subject.once(_rows), strict=True)
        joined = np.concatenate([part[index] for part, index in both])
        return _by_units(np.nan_to_num(joined, nan=-1e300))
    return shuffled(sum(sizes), _FOLDS)


def _error(subject: Subject, parts: Sequence[Floats]) -> float:
    """Return the standard error of the AUC of parts that are alike, which units decide."""
    belonging = subject.once(units)
    sizes = [len(part) for part in parts]
    if belonging is not None:
        both = zip(belonging, subject.once(_rows), strict=True)
        sizes = [len(np.unique(part[index])) for part, index in both]
    return float(np.sqrt((sum(sizes) + 1) / (12 * sizes[0] * sizes[1])))


def _by_units(numbers: Array) -> Pairs:
    codes = np.unique(numbers, return_inverse=True)[1]
    fold = (np.random.default_rng(4).permutation(int(codes.max()) + 1) % _FOLDS)[codes]
    return [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(_FOLDS)]


def _usual(subject: Subject, columns: Sequence[Column], places: list[int], n_test: int) -> float:
    """Return the AUC of the last training rows against those before: times always differ a bit."""
    rows, _ = _parts(subject, places)
    times = subject.dataset.times
    if times is None:
        times = subject.once(time_columns)[0].train
    order = np.argsort(times[subject.once(_rows)[0]], kind="stable")
    n_last = min(n_test, len(rows) // 3)
    sizes = [len(rows) - n_last, n_last]
    is_last = Answer("last", np.repeat([0.0, 1.0], sizes), binary=True)
    pairs = _pairs(subject, sizes, in_time=True)
    return _told_apart(columns, rows[order], is_last, pairs)[0]


def _described(column: Column) -> str:
    """Return a column with what differs: its missing values, its mean, or its levels."""
    name = f"'{column.name}'"
    missing = [float(np.isnan(part).mean()) for part in (column.train, column.test)]
    if abs(missing[0] - missing[1]) > 0.05:
        return f"{name} (missing in {missing[0]:.0%} and {missing[1]:.0%})"
    train, test = (part[~np.isnan(part)] for part in (column.train, column.test))
    if column.levels:
        shares = [
            np.bincount(part.astype(int), minlength=len(column.levels)) / len(part)
            for part in (train, test)
        ]
        level = int(np.argmax(np.abs(shares[0] - shares[1])))
        return (
            f"{name} ({column.levels[level]!r} in {shares[0][level]:.0%} and "
            f"{shares[1][level]:.0%})"
        )
    medians = column.shown(float(np.median(train))), column.shown(float(np.median(test)))
    return f"{name} (median {medians[0]} and {medians[1]})"
