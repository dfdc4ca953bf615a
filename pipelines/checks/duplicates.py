"""D001 to D003: equal rows in both parts, with other targets, and twice in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._twins import twins

_SHOWN = 20
# Shares of rows from which on equal rows matter; and fewer of them are a note.
_MANY_TEST, _MANY_TRAIN = 0.005, 0.02
_ERRORS = 4.0
_LEAST = 3


class TestInTraining:
    """Counts test rows that equal a training row, more often than training rows equal others."""

    code = "D001"
    title = "Test rows equal training rows"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        _ = subject.test
        found = subject.once(twins)
        count = int(np.isin(found.test, found.train).sum())
        if not count or not found.unlikely(count, len(found.train) * len(found.test)):
            return
        share, within = count / len(found.test), float(_repeated(found.train).mean())
        error = np.sqrt(max(within, 1 / len(found.train)) / len(found.test))
        more = share > within + _ERRORS * error
        yield Finding(
            text=f"{count} of {len(found.test)} test rows ({share:.1%}) equal a training row in "
            f"all columns; of the training rows, {within:.1%} equal another one. Their targets "
            "may be known.",
            rows=tuple(np.flatnonzero(np.isin(found.train, found.test))[:_SHOWN].tolist()),
            values={"rows": count, "share": share, "within": within},
            severity=Severity.WARNING
            if count >= _LEAST and share >= _MANY_TEST and (more or found.telling)
            else Severity.NOTE,
        )


class OtherTargets:
    """Counts training rows that equal another one and have another target."""

    code = "D002"
    title = "Equal training rows have other targets"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        found = subject.once(twins)
        codes, target = np.unique(found.train, return_inverse=True)[1], _target(subject)
        low, high = np.full(codes.max() + 1, np.inf), np.full(codes.max() + 1, -np.inf)
        np.minimum.at(low, codes, target)
        np.maximum.at(high, codes, target)
        unlike = (low < high)[codes]
        count = int(unlike.sum())
        if not count or not found.unlikely(count, len(codes) ** 2 // 2):
            return
        yield Finding(
            text=f"{count} of {len(codes)} training rows equal another one in all columns and "
            "have another target. At most one of the targets can be predicted.",
            rows=tuple(np.flatnonzero(unlike)[:_SHOWN].tolist()),
            values={"rows": count, "share": count / len(codes)},
            severity=Severity.WARNING
            if count >= max(_LEAST, _MANY_TEST * len(codes)) and found.telling
            else Severity.NOTE,
        )


class TwiceInTraining:
    """Counts training rows that stand there twice, which shuffled folds train on and predict."""

    code = "D003"
    title = "Training rows stand there twice"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        if subject.dataset.groups is not None:
            raise NotSuitedError("the rows have groups, which folds keep together")
        found = subject.once(twins)
        repeated = _repeated(found.train)
        count = int(repeated.sum())
        if not count or not found.unlikely(count, len(repeated) ** 2 // 2):
            return
        yield Finding(
            text=f"{count} of {len(repeated)} training rows ({count / len(repeated):.1%}) equal "
            "another one in all columns. Shuffled folds may train on one and predict the other.",
            rows=tuple(np.flatnonzero(repeated)[:_SHOWN].tolist()),
            values={"rows": count, "share": count / len(repeated)},
            severity=Severity.WARNING
            if count >= max(_LEAST, _MANY_TRAIN * len(repeated)) and found.telling
            else Severity.NOTE,
        )


def _repeated(numbers: NDArray[np.uint64]) -> NDArray[np.bool_]:
    _, codes, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = counts[codes] > 1
    return found


def _target(subject: Subject) -> NDArray[np.float64]:
    """Return [n] targets; of several a number for each combination."""
    target = np.asarray(subject.target, dtype=np.float64)
    if target.ndim == 1:
        return target
    return np.unique(target, axis=0, return_inverse=True)[1].ravel().astype(np.float64)
