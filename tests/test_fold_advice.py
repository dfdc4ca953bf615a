"""What a refused division into folds advises: following it works."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from comps.base import (
    Competition,
    Dataset,
    Family,
    Metric,
    Model,
    Prediction,
    Task,
    UsageError,
    log_loss,
)
from pipelines.fitting.training import train_folds
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.support import MEAN, TINY

Division = tuple[FoldSpec, FoldInput]

CLASSES = np.repeat([0, 1, 2], [20, 20, 6])
GROUPS = np.arange(46) % 7
VALUES = FoldInput(np.arange(46.0), Task.REGRESSION)
THREE = FoldInput(CLASSES, Task.MULTICLASS)
# The rows of class 2 are the last six: all of group 9.
ONE_GROUP = replace(THREE, groups=np.where(CLASSES == 2, 9, GROUPS))
ONE_ROW = FoldInput(np.where(np.arange(46) == 4, 3, CLASSES), Task.MULTICLASS)

# What is wrong: a division, and what is said of it.
REFUSED: dict[str, tuple[Division, str]] = {
    "fewer groups than folds": (
        (FoldSpec("grouped", 8), replace(VALUES, groups=GROUPS)),
        "8 folds need as many groups; there are 7. Use --folds 7.",
    ),
    "fewer groups than shuffled folds": (
        (FoldSpec("kfold", 8), replace(VALUES, groups=GROUPS)),
        "8 folds need as many groups; there are 7. Use --folds 7.",
    ),
    "a single group": (
        (FoldSpec("stratified-grouped", 3), replace(THREE, groups=np.zeros(46))),
        "3 folds need as many groups; there are 1. Name another group, or none and use the scheme",
    ),
    "no groups": (
        (FoldSpec("grouped", 3), VALUES),
        "The scheme 'grouped' needs groups, and this competition has none. Use another scheme",
    ),
    "no groups of classes": (
        (FoldSpec("stratified-grouped", 3), THREE),
        "The scheme 'stratified-grouped' needs groups, and this competition has none. Use another",
    ),
    "no times": (
        (FoldSpec("expanding", 3), VALUES),
        "The scheme 'expanding' needs times, and this competition has none. Use another scheme",
    ),
    "no column": (
        (FoldSpec("column", 3), VALUES),
        "The scheme 'column' needs the fold of each row, and this competition has none. Use",
    ),
    "times and groups": (
        (FoldSpec("expanding", 3), replace(VALUES, groups=GROUPS, times=np.arange(46))),
        "may have a group on both sides. Use the scheme 'grouped'",
    ),
    "blocks that begin at one time": (
        (FoldSpec("expanding", 3), replace(VALUES, times=np.repeat([0, 1], [6, 40]))),
        "they begin too close to each other for an honest score. Use another scheme",
    ),
    "another number of folds than the column has": (
        (FoldSpec("column", 5), replace(VALUES, column=np.arange(46) % 4 - 1)),
        "The column of folds names 3 of them (0, 1, 2), and 5 are asked for. Use --folds 3.",
    ),
    "one fold in the column": (
        (FoldSpec("column", 5), replace(VALUES, column=np.zeros(46, dtype=int))),
        "The column of folds must name at least two; it names 0. Use another scheme",
    ),
    "no fold in the column": (
        (FoldSpec("column", 5), replace(VALUES, column=np.full(46, -1))),
        "The column of folds must name at least two; it names none. Use another scheme",
    ),
    "a class with one row": (
        (FoldSpec("stratified", 3), ONE_ROW),
        "Class 3 has a single row, which the models of their fold could not know. Leave the class",
    ),
    "a class in one group": (
        (FoldSpec("stratified-grouped", 3), ONE_GROUP),
        "Class 2 has rows in a single group, which the models of their fold could not know. Leave",
    ),
    "small classes": (
        (FoldSpec("stratified", 5), FoldInput(np.arange(12) % 4, Task.MULTICLASS)),
        "Each class has fewer rows than the 5 folds, at most 3. Use --folds 3.",
    ),
}


def followed(advice: str, spec: FoldSpec, rows: FoldInput) -> Division:
    """Return the division that a message advises."""
    if "Name another group, or none" in advice:
        rows = replace(rows, groups=None)
    if found := re.search(r"--folds (\d+)", advice):
        spec = replace(spec, n_folds=int(found[1]))
    if found := re.search(r"(?:the scheme|another scheme, such as) '([\w-]+)'", advice):
        spec = replace(spec, scheme=found[1])
    if found := re.search(r"[Cc]lass (\d) .*Leave the class out", advice):
        rows = taken(rows, rows.target != int(found[1]))
    return spec, rows


def taken(rows: FoldInput, kept: NDArray[np.bool_]) -> FoldInput:
    """Return some rows."""
    beside = {
        name: None if (own := getattr(rows, name)) is None else own[kept]
        for name in ("groups", "times", "column")
    }
    return replace(rows, target=rows.target[kept], **beside)


@pytest.mark.parametrize("what", REFUSED)
def test_a_division_that_is_refused_works_as_advised(what: str) -> None:
    (spec, rows), message = REFUSED[what]
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        make_folds(spec, rows)
    advised = followed(str(refused.value).removeprefix("The scheme"), spec, rows)
    folds = make_folds(*advised)
    classes = set() if rows.task is Task.REGRESSION else set(advised[1].target)
    assert folds.n_folds >= 2
    for train, _ in folds.pairs[0]:
        assert classes <= set(advised[1].target[train])


# A class that the training rows of a fold lack is found when they are prepared.


LOGISTIC = Model("logistic", Family.LINEAR, "sklearn", build=LogisticRegression)


def competition() -> Competition:
    """Return a competition of classes in memory."""
    metric = Metric("log_loss", "log loss", log_loss, False, Prediction.PROBABILITY)
    return replace(TINY, task=Task.MULTICLASS, metric=metric, models=(MEAN,))


def trained(spec: FoldSpec, rows: FoldInput) -> None:
    """Train on all folds of a division."""
    n_rows = len(rows.target)
    features = np.random.default_rng(0).normal(size=(n_rows, 2))
    dataset = Dataset(
        train=features,
        test=features[:2],
        target=rows.target.astype(np.float64),
        train_ids=np.arange(n_rows),
        test_ids=np.arange(2),
        sample_submission=None,
        source="memory",
        fingerprint="memory",
        groups=rows.groups,
        times=rows.times,
        folds=rows.column,
    )
    folds = make_folds(spec, rows)
    train_folds(competition(), dataset, LOGISTIC, folds, 0, folds.single)


def seed_without_class_two(scheme: str, rows: FoldInput) -> FoldSpec:
    """Return folds, one of which has all rows of class 2."""
    for seed in range(2000):
        spec = FoldSpec(scheme, 3, seed)
        for train, _ in make_folds(spec, rows).pairs[0]:
            if 2 not in rows.target[train]:
                return spec
    raise AssertionError("no seed puts all rows of class 2 into one fold")


def two_rows(groups: NDArray[np.int64] | None = None) -> FoldInput:
    """Return rows of three classes, of which the last has two, the last."""
    return FoldInput(np.append(np.arange(28) % 2, [2, 2]), Task.MULTICLASS, groups)


@pytest.mark.filterwarnings("ignore:'n_jobs' has no effect")
@pytest.mark.parametrize(
    ("scheme", "rows", "advice"),
    [
        ("kfold", two_rows(), "Use the scheme 'stratified', which"),
        ("kfold", two_rows(np.arange(30) // 2 % 14), "Leave the class out"),
        ("kfold", two_rows(np.arange(30) % 11), "Use the scheme 'stratified-grouped', which"),
        ("grouped", two_rows(np.arange(30) % 11), "Use the scheme 'stratified-grouped', which"),
        ("column", replace(two_rows(), column=np.arange(30) // 10), "Leave the class out"),
        ("expanding", replace(two_rows(), times=np.arange(30)), "Leave the class out"),
    ],
)
def test_a_fold_that_lacks_a_class_works_as_advised(
    scheme: str, rows: FoldInput, advice: str
) -> None:
    spec = seed_without_class_two(scheme, rows)
    with pytest.raises(UsageError, match="no training row of class 2 outside fold") as refused:
        trained(spec, rows)
    assert advice in str(refused.value)
    trained(*followed(str(refused.value), spec, rows))
