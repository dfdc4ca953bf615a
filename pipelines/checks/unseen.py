"""S002: levels and ranges of the test rows that training lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Finding, Severity, Subject, some
from pipelines.checks._structure import group_columns, time_columns
from pipelines.checks._table import Column, Kind, features

# Chance of as many rows if both parts were drawn alike, divided among the columns.
_CHANCE = 1e-4
_LEAST_ROWS, _TOLD = 3, 0.01
# Where rows stand in groups or in time, one level more can be many rows more.
_TOLD_OF_ALIKE = 0.2


class Unseen:
    """Counts test rows with a level, or outside a range, that no training row has.

    New levels are usual where many levels have one row: of rows drawn alike, as many are new as
    the training rows have levels of their own (Good and Turing). Beyond the extremes of n rows
    lie 2 in n + 1.
    """

    code = "S002"
    title = "Test rows have values that training lacks"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        known = subject.once(features)
        _ = subject.test
        structure = *subject.once(group_columns), *subject.once(time_columns)
        told = {column.name for column in structure}
        # Rows that belong together, or follow each other, share what is new.
        alike = subject.dataset.groups is not None or subject.dataset.times is not None
        alike |= bool(subject.once(time_columns))
        for column in known:
            if column.name not in told:
                yield from _found(column, len(known), alike)


def _found(column: Column, n_columns: int, alike: bool) -> Iterator[Finding]:
    from scipy import stats

    values, asked = (part[~np.isnan(part)] for part in (column.train, column.test))
    if not len(values) or not len(asked):
        return
    if column.kind is Kind.LEVEL:
        levels, counts = np.unique(values, return_counts=True)
        outside = ~np.isin(asked, levels)
        expected = ((counts == 1).sum() + 2) / len(values)
        shown = some(repr(column.shown(value)) for value in np.unique(asked[outside]))
        what = f"a level of '{column.name}' that no training row has: {shown}"
    else:
        low, high = values.min(), values.max()
        outside = (asked < low) | (asked > high)
        expected = 4 / (len(values) + 1)
        beyond = column.shown(asked.min()), column.shown(asked.max())
        what = (
            f"'{column.name}' outside the range of the training rows, {column.shown(low)} to "
            f"{column.shown(high)}; it goes from {beyond[0]} to {beyond[1]}"
        )
    count, share = int(outside.sum()), float(outside.mean())
    chance = float(stats.binom.sf(count - 1, len(asked), min(1.0, expected)))
    # Counted once for each value: a value that stands in many rows is one surprise.
    several = len(np.unique(asked[outside])) >= _LEAST_ROWS or column.kind is Kind.LEVEL
    if count < _LEAST_ROWS or not several or chance * n_columns > _CHANCE:
        return
    told = share >= (_TOLD_OF_ALIKE if alike else _TOLD)
    yield Finding(
        text=f"{count} of {len(column.test)} test rows ({share:.1%}) have {what}.",
        columns=(column.name,),
        values={"rows": count, "share": share, "expected": float(expected), "chance": chance},
        severity=Severity.WARNING if told else Severity.NOTE,
    )
