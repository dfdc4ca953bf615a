"""L011: a column that is the target in steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._scores import Floats
from pipelines.checks._table import Kind, columns, features, train_rows
from pipelines.checks.single_column import strong_scores

# Changes of the value, from row to row in the order of the target, as a share of those of shuffled
# rows. A predictor of few values is far above, a target in bins at zero.
_CHANGES = 0.1
# Distance of two targets where the value changes, as a multiple of usual distances there: values
# that lie far apart are separated by what the column measures.
_APART = 10.0
_NEAR_BY = 25
_LEAST_ROWS = 100


class Steps:
    """Looks for columns whose values divide the target into ranges that do not overlap."""

    code = "L011"
    title = "A column is the target in steps"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows = subject.once(train_rows)
        subject.once(features)
        strong = {name for name, _ in subject.once(strong_scores)}
        for column in subject.once(columns):
            values = column.train[rows]
            present = ~np.isnan(values)
            if column.kind is Kind.TEXT or column.name in strong or present.sum() < _LEAST_ROWS:
                continue
            for answer in subject.once(answers):
                count = 0 if answer.binary else _steps(values[present], answer, present)
                if count:
                    yield Finding(
                        text=f"Column '{column.name}' follows {answer.name} in {count} steps: "
                        "rows with one of its values have targets in a range of their own. Was it "
                        "made from the target?",
                        columns=(column.name,),
                        values={"answer": answer.name, "steps": count},
                    )
                    break


def _steps(values: Floats, answer: Answer, present: NDArray[np.bool_]) -> int:
    """Return the number of ranges of the target that values of a column divide; 0 if none."""
    target = answer.values[present]
    counts = np.unique(values, return_counts=True)[1]
    if not 2 <= len(counts) <= len(values) / 10 or 2 * len(np.unique(target)) < len(target):
        return 0
    order = np.lexsort((values, target))
    changes = np.flatnonzero(values[order][1:] != values[order][:-1])
    by_chance = len(values) * (1 - float(((counts / len(values)) ** 2).sum()))
    if len(changes) > max(len(counts) - 1, _CHANGES * by_chance):
        return 0
    gaps = np.diff(target[order])
    usual = [np.median(gaps[max(0, at - _NEAR_BY) : at + _NEAR_BY]) for at in changes]
    close = gaps[changes] <= _APART * np.maximum(usual, 1e-12)
    return len(changes) + 1 if close.mean() > 0.5 else 0
