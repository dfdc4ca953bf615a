"""What a column could give away: the target, each of several targets, each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import NotSuitedError, Subject, Task
from pipelines.checks._table import train_rows

# Classes and targets beyond these are left out: what gives one of them away gives others away.
_MOST = 6
_LEAST_ROWS = 10


@dataclass(frozen=True, eq=False)
class Answer:
    """Something that is to be predicted.

    Attributes:
        name: for messages.
        values: [rows] float64, of the training rows to look at; 0 and 1 where `binary`.
        binary: whether a row has it or not.
    """

    name: str
    values: NDArray[np.float64]
    binary: bool

    @property
    def measure(self) -> str:
        """What `score` is."""
        return "AUC" if self.binary else "R²"

    def score(self, unexplained: float) -> str:
        """Return a part that is not explained as the figure that people know."""
        return f"{self.measure} {1 - unexplained / (2 if self.binary else 1):.3f}"


def answers(subject: Subject) -> tuple[Answer, ...]:
    """Return what is to be predicted of the training rows to look at.

    Raises:
        NotSuitedError: if the target is the same in all of them, or there are too few rows.
    """
    rows = subject.once(train_rows)
    target = np.asarray(subject.target, dtype=np.float64)[rows]
    found = tuple(
        answer
        for answer in _answers(subject, target)
        if len(np.unique(answer.values)) > 1
        and (not answer.binary or _LEAST_ROWS <= answer.values.sum() <= len(rows) - _LEAST_ROWS)
    )
    if len(rows) < 5 * _LEAST_ROWS or not found:
        raise NotSuitedError(f"{len(rows)} rows are too few, or their target does not vary enough")
    return found


def _answers(subject: Subject, target: NDArray[np.float64]) -> list[Answer]:
    task, names = subject.competition.task, subject.competition.target_columns
    if target.ndim > 1:
        several = zip(names, target.T[:_MOST], strict=False)
        return [Answer(f"'{name}'", one, task is not Task.REGRESSION) for name, one in several]
    if task is Task.REGRESSION:
        return [Answer("the target", target, binary=False)]
    if task is Task.BINARY:
        return [Answer("the target", target, binary=True)]
    labels = subject.competition.labels(subject.dataset)
    codes, counts = np.unique(target, return_counts=True)
    usual = codes[np.argsort(-counts, kind="stable")][:_MOST]
    return [
        Answer(f"class {labels[int(code)]!r}", (target == code).astype(np.float64), binary=True)
        for code in np.sort(usual)
    ]
