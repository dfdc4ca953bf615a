"""L003: ids that predict the target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from comps.base import Array, Finding, NotSuitedError, Severity, Subject
from pipelines.checks._residuals import relation, residuals
from pipelines.checks._table import Kind, columns, frames, has_test, is_table
from pipelines.checks.single_column import strong_scores

# Chance of what is found among ids that mean nothing, and the share of what the columns leave.
_CHANCE, _SHARE = 1e-7, 0.02
# Test rows whose ids are alike, without which nothing can be predicted by them.
_ALIKE = 0.3
_BLOCKS = (10, 40)
_DIVISORS = (2, 3, 4, 5, 7, 10)


class Ids:
    """Looks for what ids tell beyond the columns: size, remainders, first letters, length."""

    code = "L003"
    title = "Ids predict the target"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows, left = subject.once(residuals)
        ordered = subject.dataset.times is not None
        for name, train, test in _ids(subject):
            told = {}
            for what, labels in _labels(np.concatenate([train, test]), len(train), ordered):
                known, asked = labels[: len(train)], labels[len(train) :]
                if not len(asked) or np.isin(asked, known).mean() > _ALIKE:
                    told[what] = relation(known[rows], left)
            if not told:
                continue
            what, found = min(told.items(), key=lambda item: item[1].chance)
            if found.chance < _CHANCE and found.share > _SHARE:
                where = "Test rows have such ids, too: is this known of new rows?"
                yield Finding(
                    text=f"The {what} of {name} explains {found.share:.0%} of what the columns "
                    f"leave of the target (chance of as much among random ids: "
                    f"{max(found.chance, 1e-300):.0e})." + (f" {where}" if len(test) else ""),
                    columns=(name.strip("'"),) if name != "the ids" else (),
                    values={"what": what, "share": found.share, "chance": found.chance},
                )


def _ids(subject: Subject) -> Iterator[tuple[str, Array, Array]]:
    """Yield the ids of both parts, and columns that hold another value in every row."""
    of_test = subject.dataset.test_ids if has_test(subject) else subject.dataset.test_ids[:0]
    yield "the ids", np.asarray(subject.dataset.train_ids), np.asarray(of_test)
    if not is_table(subject):
        return
    strong: set[str] = set()
    # What predicts the target by its own value is the check of single columns' to tell.
    with suppress(NotSuitedError):
        strong = {name for name, _ in subject.once(strong_scores)}
    parts = frames(subject)
    for place, column in enumerate(subject.once(columns)):
        if column.kind is not Kind.IDENTIFIER or column.name in strong:
            continue
        train, test = column.train, column.test
        if len(column.levels):
            train, test = (part.iloc[:, place].astype(str).to_numpy(str) for part in parts)
        yield f"'{column.name}'", train, test


def _labels(ids: Array, n_train: int, ordered: bool) -> Iterator[tuple[str, Array]]:
    """Yield labels of all rows by what they are of the id.

    Args:
        ids: of training rows, then of test rows.
        n_train: number of training rows.
        ordered: whether the rows are known to follow time, as ids may do.
    """
    numbers = ids
    if ids.dtype.kind not in "iuf":
        texts = np.char.strip(ids.astype(np.str_))
        yield "first character", texts.astype("U1")
        yield "first three characters", texts.astype("U3")
        yield "last character", np.array([text[-1:] for text in texts])
        yield "length", np.char.str_len(texts)
        digits = ["".join(filter(str.isdigit, text))[-15:] for text in texts]
        numbers = np.array([int(text) if text else -1 for text in digits])
    # Ids that rise with the rows are left to the check of their order.
    if not ordered and not (np.diff(numbers[:n_train].astype(np.float64)) > 0).all():
        known = np.sort(numbers[:n_train])
        place = np.searchsorted(known, numbers)
        outside = (numbers < known[0]) | (numbers > known[-1])
        for blocks in _BLOCKS:
            block = np.minimum(place * blocks // n_train, blocks - 1)
            yield f"size ({blocks} ranges)", np.where(outside, -1, block)
    if numbers.dtype.kind in "iu" or (numbers % 1 == 0).all():
        for divisor in _DIVISORS:
            yield f"remainder after division by {divisor}", numbers % divisor
