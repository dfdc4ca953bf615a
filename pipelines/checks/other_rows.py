"""L006: a column that holds the targets of other rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._scores import Floats, correlation
from pipelines.checks._table import Column, Kind, features, train_rows
from pipelines.checks.single_column import strong_scores

_LAGS = (-1, 1, -2, 2, -3, 3)
# Correlation with the target of a neighbour, and how far above that of the targets themselves.
_SAME, _ABOVE = 0.97, 0.05
# Targets before and after of which a column is a sum: at most, and rows for each of them.
_MOST_WINDOW, _ROWS_OF_EACH = 35, 20
_SUM = 0.995
# Steps to the next row of an order without holes; and the window where there are holes.
_UNBROKEN, _WINDOW_WITH_HOLES, _WINDOWS_IN_BLOCK = 0.95, 3, 4
# Values that are targets of some row, and how much rarer values beside them have to be.
_SHARE, _MORE = 0.5, 0.3
_LEAST_ROWS = 50


class OtherRows:
    """Looks for the target of the row before or after, sums over such rows, and running totals.

    A test row with such a column tells the targets of other test rows.
    """

    code = "L006"
    title = "A column holds targets of other rows"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows = subject.once(train_rows)
        # What follows the target of its own row is the check of single columns' to tell.
        strong = {name for name, _ in subject.once(strong_scores)}
        candidates = [
            column
            for column in subject.once(features)
            if column.kind is not Kind.DATE and column.name not in strong
        ]
        if not candidates:
            raise NotSuitedError("every column follows the target of its own row, or is a date")
        told: set[str] = set()
        for answer in subject.once(answers):
            for name, text in _found(subject, rows, candidates, answer):
                if name not in told:
                    told.add(name)
                    yield Finding(
                        text=f"Column '{name}' {text}. In the test rows it would tell the targets "
                        "that are to be predicted.",
                        columns=(name,),
                        values={"answer": answer.name},
                    )


def _found(
    subject: Subject, rows: NDArray[np.int64], candidates: list[Column], answer: Answer
) -> Iterator[tuple[str, str]]:
    targets = _all_targets(subject, answer)
    for column in candidates:
        values = column.train[rows]
        share = _share_of_targets(values, answer, targets)
        if share is not None:
            yield column.name, f"holds targets of other rows: {share:.0%} of its values are targets"
    for order, index, step in _orders(subject, rows):
        target = answer.values[index]
        for column in candidates:
            lag = _lag(column.train[rows][index], target, step)
            if lag is not None:
                where = "before" if lag < 0 else "after"
                distance = f"{abs(lag)} row{'s' if abs(lag) > 1 else ''} {where}"
                yield column.name, f"is the target of the row {distance}, in the order of {order}"
        values = np.column_stack([column.train[rows][index] for column in candidates])
        # Within levels, windows would reach from one level into the next.
        for place in _sums(values, target, step) if np.isfinite(step).all() else []:
            text = f"is a sum or mean of targets of neighbouring rows, in the order of {order}"
            yield candidates[place].name, text


def _all_targets(subject: Subject, answer: Answer) -> Floats:
    """Return the different targets of all training rows, ascending; none of a class."""
    if answer.binary:
        return np.empty(0)
    target = np.asarray(subject.target, dtype=np.float64).reshape(len(subject.train), -1)
    at = [other is answer for other in subject.once(answers)].index(True)
    return np.unique(target[:, at])


def _share_of_targets(values: Floats, answer: Answer, targets: Floats) -> float | None:
    """Return how many values of a column are targets of rows, if that is no coincidence."""
    present = values[~np.isnan(values)]
    few = 2 * len(np.unique(answer.values)) < len(values)
    if answer.binary or few or len(present) < _LEAST_ROWS:
        return None
    scale = np.ptp(targets)
    share = _near(present, targets, scale)
    gaps = np.diff(targets)
    unit = gaps[gaps > 1e-9 * scale].min()
    beside = max(_near(present + k * unit, targets, scale) for k in (-3, -2, -1, 1, 2, 3))
    return share if share > _SHARE and share > beside + _MORE else None


def _near(values: Floats, targets: Floats, scale: float) -> float:
    """Return the share of values that are targets, but for rounding."""
    place = np.searchsorted(targets, values).clip(1, len(targets) - 1)
    distance = np.minimum(np.abs(values - targets[place - 1]), np.abs(values - targets[place]))
    return float((distance <= 1e-9 * scale).mean())


def _orders(
    subject: Subject, rows: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield orders of the rows: a name, the rows in that order, and the step to the next row.

    Steps are 1 where nothing is left out between two rows, as far as that is known.
    """
    ids = np.asarray(subject.dataset.train_ids)[rows]
    counted = ids.dtype.kind in "iu"
    steps = np.diff(ids.astype(np.float64)) if counted else np.diff(rows).astype(np.float64)
    if counted and (steps > 0).all():
        yield "the rows", np.arange(len(rows)), steps
    else:
        yield "the rows", np.arange(len(rows)), np.diff(rows).astype(np.float64)
        if counted:
            index = np.argsort(ids, kind="stable")
            yield "the ids", index, np.diff(ids[index].astype(np.float64))
    times = subject.dataset.times
    named = [("time", times[rows])] if times is not None else []
    dates = [
        (f"'{column.name}'", column.train[rows])
        for column in subject.once(features)
        if column.kind is Kind.DATE and not np.isnan(column.train[rows]).any()
    ]
    for name, values in [*named, *dates]:
        index = np.argsort(values, kind="stable")
        if (np.diff(index) != 1).any():
            yield name, index, np.ones(len(index) - 1)
    yield from _within_groups(subject, rows)


def _within_groups(
    subject: Subject, rows: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the order of the rows within groups, and within levels with several rows each."""
    groups = subject.dataset.groups
    keys = [("the group", groups[rows])] if groups is not None else []
    for column in subject.once(features):
        values = column.train[rows]
        several = column.kind is Kind.LEVEL or bool((values % 1 == 0).all())
        if several and 5 <= len(np.unique(values)) <= len(rows) / 3:
            keys.append((f"'{column.name}'", values))
    keys.sort(key=lambda key: -len(np.unique(key[1])))
    for name, values in keys[:3]:
        index = np.argsort(values, kind="stable")
        same = values[index][1:] == values[index][:-1]
        yield f"the rows of one level of {name}", index, np.where(same, 1.0, np.inf)


def _lag(values: Floats, target: Floats, steps: Floats) -> int | None:
    """Return the place of the row whose target a column holds: -1 is the row before."""
    place = np.concatenate([[0.0], np.cumsum(np.minimum(steps, 1e6))])
    for lag in _LAGS:
        distance = abs(lag)
        apart = place[distance:] - place[:-distance] == distance
        ours, theirs = np.arange(distance, len(place)), np.arange(len(place) - distance)
        if lag > 0:
            ours, theirs = theirs, ours
        apart &= ~np.isnan(values[ours])
        if apart.sum() < _LEAST_ROWS:
            continue
        column, other, own = values[ours][apart], target[theirs][apart], target[ours][apart]
        same = abs(correlation(column, other))
        usual = max(abs(correlation(own, other)), abs(correlation(own, column)))
        if same > _SAME and same > usual + min(_ABOVE, (1 - usual) / 2):
            return lag
    return None


def _sums(values: Floats, target: Floats, steps: Floats) -> list[int]:
    """Return the columns that are sums of targets of neighbouring rows, or running totals."""
    n = len(target)
    window = _WINDOW_WITH_HOLES
    if (steps == 1).mean() > _UNBROKEN:
        # Rows to look at may be taken in blocks.
        block = n // (1 + int((steps != 1).sum()))
        window = min(_MOST_WINDOW, n // (2 * _ROWS_OF_EACH), block // _WINDOWS_IN_BLOCK)
    if window < 2 or n < 3 * window:
        return []
    place = np.concatenate([[0.0], np.cumsum(np.minimum(steps, 1e6))])
    inner = np.arange(window, n - window)
    # Where rows are left out between others, windows with holes say nothing.
    inner = inner[place[inner + window] - place[inner - window] == 2 * window]
    if len(inner) < _ROWS_OF_EACH * window:
        return []
    around = target[inner[:, None] + np.arange(-window, window + 1)]
    basis = np.column_stack([np.ones(len(around)), around])
    whole = np.where(np.isnan(values), 0.0, values)
    counted = whole * (1 + place[:, None])
    changes = [np.diff(part, axis=0, prepend=part[:1]) for part in (whole, counted)]
    found: set[int] = set()
    for part in (whole, *changes):
        wanted = part[inner]
        left = wanted - basis @ np.linalg.lstsq(basis, wanted, rcond=None)[0]
        variance = wanted.var(axis=0)
        explained = 1 - left.var(axis=0) / np.where(variance > 0, variance, np.inf)
        fits = (variance > 0) & (explained > _SUM) & (np.isnan(values).mean(axis=0) < 0.05)
        found |= set(np.flatnonzero(fits).tolist())
    return sorted(found)
