"""L009: times that make shuffled folds optimistic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._optimism import Optimism, largest, optimism
from pipelines.checks._quick import out_of_fold
from pipelines.checks._structure import time_columns
from pipelines.checks._table import Kind, columns, features, has_test, matrix, train_rows

# Blocks of time, of which those from the third on are predicted; and parts for the error.
_BLOCKS, _FIRST, _PARTS = 5, 2, 12
_LEAST_ROWS = 100


class Times:
    """Measures models of earlier rows against models of as many rows of any time."""

    code = "L009"
    title = "Times make shuffled folds optimistic"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        if subject.dataset.times is not None:
            if subject.competition.scheme == "expanding":
                raise NotSuitedError("the folds follow the times")
            name, values = "the time", _numbers(np.asarray(subject.dataset.times))
            later = "The rows have times"
        else:
            name, values, later = _column(subject)
        rows = subject.once(train_rows)
        times = values[rows]
        kept = np.flatnonzero(~np.isnan(times))
        if len(kept) < _LEAST_ROWS:
            return
        both = [(answer, _measured(subject, times, kept, answer)) for answer in answers(subject)]
        answer, found = largest(both)
        if not found.notable and not has_test(subject):
            return
        yield Finding(
            text=f"{later}: models of earlier rows explain {max(found.honest, 0):.0%} of the "
            f"variance of {answer.name}, models of as many rows of any time "
            f"{max(found.shuffled, 0):.0%}. Let the folds follow {name}"
            + (f": time={name}." if name != "the time" else ": scheme='expanding'."),
            columns=(name.strip("'"),) if name != "the time" else (),
            values={"answer": answer.name, **found.values()},
            severity=Severity.WARNING if found.notable and has_test(subject) else Severity.NOTE,
        )


def _column(subject: Subject) -> tuple[str, NDArray[np.float64], str]:
    """Return the column of time: its name in quotes, its values, and what is known of it.

    Raises:
        NotSuitedError: if there is none by which the test rows come after the training rows.
    """
    found: Any = subject.once(time_columns)
    if found:
        text = f"The test rows come after the training rows by '{found[0].name}'"
        return f"'{found[0].name}'", found[0].train, text
    dates = [column for column in subject.once(columns) if column.kind is Kind.DATE]
    if not has_test(subject) and dates:
        text = f"The rows have a date, '{dates[0].name}'"
        return f"'{dates[0].name}'", dates[0].train, text
    raise NotSuitedError("the test rows do not come after the training rows by a column of time")


def _numbers(times: NDArray[Any]) -> NDArray[np.float64]:
    if times.dtype.kind in "mM":
        return times.astype(times.dtype.str[:2] + "[s]").astype(np.int64).astype(np.float64)
    return times.astype(np.float64)


def _measured(
    subject: Subject, times: NDArray[np.float64], kept: NDArray[np.int64], answer: Answer
) -> Optimism:
    """Predict blocks of time by models of earlier rows, and of as many rows of any time."""
    rows, known = subject.once(matrix), subject.once(features)
    order = kept[np.argsort(times[kept], kind="stable")]
    rng = np.random.default_rng(3)
    blocks = np.array_split(order, _BLOCKS)
    earlier, drawn = [], []
    for at in range(_FIRST, _BLOCKS):
        past = np.concatenate(blocks[:at])
        earlier.append((np.sort(past), np.sort(blocks[at])))
        for half in np.array_split(rng.permutation(blocks[at]), 2):
            others = np.setdiff1d(order, half)
            size = min(len(past), len(others))
            drawn.append((np.sort(rng.choice(others, size, replace=False)), np.sort(half)))
    honest, shuffled = (out_of_fold(known, rows, answer, pairs) for pairs in (earlier, drawn))
    held = np.concatenate(blocks[_FIRST:])
    parts = np.arange(len(held)) * _PARTS // len(held)
    part = Answer(answer.name, answer.values[held], answer.binary)
    return optimism(part, shuffled[held], honest[held], parts)
