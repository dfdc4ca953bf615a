"""D006: rows that are nearly another row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._scores import Floats, ranks
from pipelines.checks._table import Kind, features, has_test, test_rows, train_rows

# Different values, as a share of the rows, of the columns that are compared, and their number.
_DIFFERENT, _LEAST_COLUMNS, _MOST_COLUMNS = 0.3, 3, 10
# A copy is so near, as a part of the usual distance; and so many times more frequent than chance.
_NEAR, _TIMES = 0.02, 10.0
_LEAST_ROWS, _LEAST, _MANY = 100, 3, 0.005
_SHOWN = 20


class NearCopies:
    """Counts rows that are much nearer to a training row than rows usually are, but not equal."""

    code = "D006"
    title = "Rows are nearly equal"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        from scipy.spatial import cKDTree

        if subject.dataset.groups is not None:
            raise NotSuitedError("the rows have groups, which folds keep together")
        train, test = _points(subject)
        tree = cKDTree(train)
        within = tree.query(train, k=3)[0][:, 1:]
        usual = float(np.median(within[:, 0]))
        if usual <= 0:
            return
        # Distances to the second neighbour over those to the first tell how many dimensions the
        # rows fill (Facco and others, 2017), and so how many rows are this near by chance.
        ratio = float(
            np.median(np.log(np.maximum(within[:, 1], 1e-12) / np.maximum(within[:, 0], 1e-12)))
        )
        chance = np.log(2) * _NEAR ** (np.log(2) / max(ratio, 1e-3))
        near = _is_near(within[:, 0], usual)
        of_test = _is_near(tree.query(test)[0], usual) if len(test) else np.zeros(0, dtype=bool)
        parts = [part for part in (near, of_test) if len(part)]
        many = [
            part.sum() >= _LEAST and part.mean() > max(_MANY, _TIMES * chance) for part in parts
        ]
        if any(many):
            first, last = _of_a_sample(subject)
            yield Finding(
                text=f"{first}{int(near.sum())} of {len(near)} training rows are nearly another "
                f"one, and {int(of_test.sum())} of {len(of_test)} test rows nearly a training row: "
                f"nearer than {_NEAR:g} of the usual distance. {last}Group the rows that belong "
                "together.",
                rows=tuple(subject.once(train_rows)[near][:_SHOWN].tolist()),
                values={
                    "train": float(near.mean()),
                    "test": float(of_test.mean()) if len(of_test) else None,
                    "chance": float(chance),
                },
            )


def _is_near(distances: Floats, usual: float) -> np.ndarray:
    # Rows at distance 0 are equal: another check's.
    return (distances > 0) & (distances < _NEAR * usual)


def _of_a_sample(subject: Subject) -> tuple[str, str]:
    """Return what begins and what ends the sentence where not all rows were looked at."""
    whole = len(subject.once(train_rows)) == len(subject.train) and (
        not has_test(subject) or len(subject.once(test_rows)) == len(subject.test)
    )
    return ("", "") if whole else ("In a sample of rows, ", "In all rows there may be more. ")


def _points(subject: Subject) -> tuple[Floats, Floats]:
    """Return training and test rows as points, by the ranks of their measured columns.

    Raises:
        NotSuitedError: if fewer than three columns have other values in most rows.
    """
    rows = subject.once(train_rows)
    others = subject.once(test_rows) if has_test(subject) else rows[:0]
    found = []
    for column in subject.once(features):
        values = column.train[rows]
        measured = column.kind is Kind.NUMBER and not np.isnan(values).any()
        if measured and len(np.unique(values)) > _DIFFERENT * len(values):
            found.append((values, column.test[others]))
    if len(found) < _LEAST_COLUMNS or len(rows) < _LEAST_ROWS:
        raise NotSuitedError("fewer than three columns have other values in most rows")
    pairs = [_ranked(*pair) for pair in found[:_MOST_COLUMNS]]
    train, test = (np.column_stack(part) for part in zip(*pairs, strict=True))
    return train, test[~np.isnan(test).any(axis=1)]


def _ranked(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Return values as ranks among the training rows, from 0 to 1, without steps."""
    known, place = np.unique(train), np.unique(ranks(train)) / len(train)
    return np.interp(train, known, place), np.interp(test, known, place)
