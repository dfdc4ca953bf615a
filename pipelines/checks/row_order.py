"""L004: an order of the rows that predicts the target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Array, Finding, NotSuitedError, Severity, Subject
from pipelines.checks._residuals import Relation, neighbours, relation, residuals
from pipelines.checks._structure import in_time_order
from pipelines.checks._table import is_table

_CHANCE, _SHARE = 1e-7, 0.02
_BLOCKS = (10, 40)
_DIVISORS = (2, 3, 4, 5, 7, 10)
_LAGS = (1, 2, 3)


class RowOrder:
    """Looks for what the place of a row in the file tells beyond its columns."""

    code = "L004"
    title = "The order of the rows predicts the target"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        if subject.dataset.times is not None:
            raise NotSuitedError("the rows have times, which folds follow")
        if not is_table(subject):
            raise NotSuitedError("files are in the order of their names or folders")
        if in_time_order(subject):
            raise NotSuitedError("the rows follow a column of time")
        rows, left = subject.once(residuals)
        told = dict(_told(rows, left))
        what, found = min(told.items(), key=lambda item: item[1].chance)
        if found.chance < _CHANCE and found.share > _SHARE:
            yield Finding(
                text=f"The rows are in an order that tells the target: {what} explains "
                f"{found.share:.0%} of what the columns leave of it (chance of as much among "
                f"shuffled rows: {max(found.chance, 1e-300):.0e}). If the order is one of time, "
                "name the time; if rows belong together, name the group.",
                values={"what": what, "share": found.share, "chance": found.chance},
            )


def _told(rows: Array, left: Array) -> Iterator[tuple[str, Relation]]:
    place = np.arange(len(rows))
    for blocks in _BLOCKS:
        yield f"the part of the file ({blocks} parts)", relation(place * blocks // len(rows), left)
    for divisor in _DIVISORS:
        yield f"every row number modulo {divisor}", relation(rows % divisor, left)
    for lag in _LAGS:
        yield f"the row {lag} before", neighbours(left, lag)
