"""L003: ids that predict the target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Array, Finding, Severity, Subject
from pipelines.checks._residuals import relation, residuals
from pipelines.checks._table import Kind, columns, frames, has_test
from pipelines.checks.single_column import strong_scores

# Chance of what is found among ids that mean nothing, and the share of what the columns leave.
_CHANCE, _SHARE = 1e-7, 0.02
_BLOCKS = (10, 40)
_DIVISORS = (2, 3, 4, 5, 7, 10)


class Ids:
    """Looks for what ids tell beyond the columns: size, remainders, first letters, length."""

    code = "L003"
    title = "Ids predict the target"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows, left = subject.once(residuals)
        for name, ids in _ids(subject):
            told = {
                what: relation(labels, left)
                for what, labels in _labels(ids[rows], subject.dataset.times is not None)
            }
            if not told:
                continue
            what, found = min(told.items(), key=lambda item: item[1].chance)
            if found.chance < _CHANCE and found.share > _SHARE:
                yield Finding(
                    text=f"The {what} of {name} explains {found.share:.0%} of what the columns "
                    f"leave of the target (chance of as much among random ids: "
                    f"{max(found.chance, 1e-300):.0e}). {_where(subject)}",
                    columns=(name,) if name != "the ids" else (),
                    values={"what": what, "share": found.share, "chance": found.chance},
                )


def _ids(subject: Subject) -> Iterator[tuple[str, Array]]:
    yield "the ids", np.asarray(subject.dataset.train_ids)
    train, _ = frames(subject)
    strong = {name for name, _ in subject.once(strong_scores)}
    for place, column in enumerate(subject.once(columns)):
        if column.kind is Kind.IDENTIFIER and column.name not in strong:
            values = column.train if not column.levels else train.iloc[:, place].astype(str)
            yield f"'{column.name}'", np.asarray(values)


def _labels(ids: Array, ordered: bool) -> Iterator[tuple[str, Array]]:
    """Yield labels of rows by what they are of the id; by its size unless rows are ordered."""
    numbers = ids
    if ids.dtype.kind not in "iuf":
        texts = np.char.strip(ids.astype(np.str_))
        yield "first character", np.char.ljust(texts, 1).astype("U1")
        yield "first three characters", texts.astype("U3")
        yield "last character", np.array([text[-1:] for text in texts])
        yield "length", np.char.str_len(texts)
        digits = ["".join(filter(str.isdigit, text))[-15:] for text in texts]
        numbers = np.array([int(text) if text else -1 for text in digits])
    # Ids that rise with the rows are left to the check of their order.
    if not ordered and not (np.diff(numbers.astype(np.float64)) > 0).all():
        place = np.argsort(np.argsort(numbers, kind="stable"), kind="stable")
        for blocks in _BLOCKS:
            yield f"size ({blocks} ranges)", place * blocks // len(place)
    if numbers.dtype.kind in "iu" or (numbers % 1 == 0).all():
        for divisor in _DIVISORS:
            yield f"remainder after division by {divisor}", numbers % divisor


def _where(subject: Subject) -> str:
    if not has_test(subject):
        return "Leave them out of the features, and say what they are made of."
    return "The test rows have such ids, too: is this known of new rows?"
