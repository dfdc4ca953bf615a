"""Divide random rows by every scheme, and look for violations by a check of its own.

`python -m tests.faults.divisions --tries 10000` prints a table. A request that is refused in words
counts as survived: too few rows, groups or classes for the folds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from comps.base import Task, UsageError
from pipelines.folds import SCHEMES, FoldInput, Folds, FoldSpec, make_folds
from tests.faults.tally import Tally


def random_rows(scheme: str, chance: np.random.Generator) -> tuple[FoldSpec, FoldInput]:
    """Return rows with ties, rare classes and uneven groups, and how they are to be divided."""
    n_rows, n_folds = int(chance.integers(2, 200)), int(chance.integers(2, 9))
    task = Task(chance.choice([*Task]))
    target = np.round(chance.normal(size=n_rows), int(chance.integers(0, 3)))
    if task is Task.BINARY:
        target = (chance.random(n_rows) < chance.random()).astype(np.float64)
    elif task is Task.MULTICLASS:
        target = chance.zipf(1.7, n_rows).clip(0, 9).astype(np.float64) - 1
    elif task is Task.MULTILABEL:
        target = (chance.random((n_rows, 3)) < chance.random(3)).astype(np.float64)
    elif chance.random() < 0.3:
        target = chance.normal(size=(n_rows, 2))
    groups = times = gap = column = None
    if "grouped" in scheme or (scheme in ("kfold", "stratified") and chance.random() < 0.3):
        groups = chance.zipf(1.5, n_rows).clip(0, int(chance.integers(1, 60)))
    if scheme == "expanding":
        times = np.round(chance.uniform(0, 100, n_rows), int(chance.integers(0, 3)))
        gap = float(chance.choice([0.0, 1.0, 7.5])) or None
    if scheme == "column":
        column = chance.integers(-1, n_folds, n_rows)
    return FoldSpec(scheme, n_folds, int(chance.integers(2**31))), FoldInput(
        target, task, groups, times, gap, column
    )


def violations(rows: FoldInput, folds: Folds) -> Iterator[str]:
    """Yield what no division may do, found by loops over the rows."""
    for pairs in folds.pairs:
        predicted = [row for _, valid in pairs for row in valid]
        if len(predicted) != len(set(predicted)):
            yield "a row is predicted twice"
        if folds.spec.scheme not in ("expanding", "column") and len(predicted) != folds.n_rows:
            yield "a row is never predicted"
        for train, valid in pairs:
            if not len(train) or not len(valid) or set(train) & set(valid):
                yield "an empty side, or a row on both"
            yield from _of_groups(rows, train, valid)
            yield from _of_times(rows, train, valid)
            yield from _of_classes(rows, folds, train, valid)
    if folds.spec.scheme == "column" and rows.column is not None:
        for _, valid in folds.pairs[0]:
            if len(set(rows.column[valid])) != 1 or (rows.column[valid] < 0).any():
                yield "a fold is not that of the column"


def _of_groups(rows: FoldInput, train: np.ndarray, valid: np.ndarray) -> Iterator[str]:
    if rows.groups is not None and set(rows.groups[train]) & set(rows.groups[valid]):
        yield "a group is on both sides"


def _of_times(rows: FoldInput, train: np.ndarray, valid: np.ndarray) -> Iterator[str]:
    if rows.times is None:
        return
    first, last = rows.times[valid].min(), rows.times[train].max()
    if last >= first or (rows.gap is not None and first - last < rows.gap):
        yield "a model of later rows, or of rows within the gap"


def _of_classes(
    rows: FoldInput, folds: Folds, train: np.ndarray, valid: np.ndarray
) -> Iterator[str]:
    """Each fold has the rows of a class that are its share, to one row; groups allow no promise."""
    if "stratified" not in folds.spec.scheme or rows.task not in (Task.BINARY, Task.MULTICLASS):
        return
    for code in np.unique(rows.target):
        if not (rows.target[train] == code).any():
            yield "a class that a model does not know"
        share = (rows.target == code).sum() / folds.n_folds
        if rows.groups is None and abs((rows.target[valid] == code).sum() - share) >= 1:
            yield "a class that is not in its share"


def try_divisions(tries: int, seed: int) -> tuple[Tally, dict[str, int]]:
    """Divide so many tables by each scheme in turn; also return how many were refused."""
    chance, tally = np.random.default_rng(seed), Tally()
    refused = dict.fromkeys(SCHEMES, 0)
    for number in range(tries):
        scheme = list(SCHEMES)[number % len(SCHEMES)]
        spec, rows = random_rows(scheme, chance)
        try:
            folds = make_folds(spec, rows, int(chance.integers(1, 4)))
            problems = sorted(set(violations(rows, folds)))
        except UsageError:
            refused[scheme] += 1
            problems = []
        except Exception as error:
            problems = [f"{type(error).__name__}: {error}"]
        tally.add(f"division by {scheme}", problems, f"try {number} of seed {seed}")
    return tally, refused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally, refused = try_divisions(given.tries, given.seed)
    tally.show()
    print("Refused in words:", ", ".join(f"{name} {count}" for name, count in refused.items()))


if __name__ == "__main__":
    main()
