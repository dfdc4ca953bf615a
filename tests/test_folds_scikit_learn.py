"""scikit-learn's own tests of its splitters, run on our schemes through an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from comps.base import Task, UsageError
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.faults.divisions import try_divisions

theirs = pytest.importorskip("sklearn.model_selection.tests.test_split")


def splitter(scheme: str, called: str) -> type:
    """Return a class that divides by one of our schemes, in the form of scikit-learn's.

    Their tests give groups to classes of some names alone. Whatever is asked for, rows are
    shuffled.
    """

    class Ours:
        def __init__(
            self, n_splits: int = 5, *, shuffle: bool = True, random_state: int | None = None
        ) -> None:
            self.n_splits, self.seed = n_splits, random_state or 0

        def get_n_splits(self, *rows: object) -> int:
            return self.n_splits

        def split(
            self,
            X: Any,  # noqa: N803
            y: Any = None,
            groups: Any = None,
        ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            target = np.zeros(len(X)) if y is None else np.asarray(y, dtype=np.float64)
            task = Task.MULTICLASS if "strat" in scheme else Task.REGRESSION
            together = None if groups is None else np.asarray(groups)
            rows = FoldInput(target, task, together if "group" in scheme else None)
            spec = FoldSpec(scheme, self.n_splits, self.seed)
            try:
                yield from make_folds(spec, rows).pairs[0]
            except UsageError as error:
                assert "folds need as many groups" in str(error)
                raise ValueError("Cannot have number of splits greater than groups") from error

    Ours.__name__ = called
    return Ours


KFOLD = splitter("kfold", "KFold")
STRATIFIED = splitter("stratified", "StratifiedKFold")
GROUPED = splitter("grouped", "GroupKFold")
STRATIFIED_GROUPED = splitter("stratified-grouped", "StratifiedGroupKFold")


@pytest.mark.parametrize("k", [4, 5, 6, 7, 8, 9, 10])
@pytest.mark.parametrize("ours", [STRATIFIED, STRATIFIED_GROUPED])
def test_class_shares(ours: type, k: int) -> None:
    theirs.test_stratified_kfold_ratios(k, True, ours)


@pytest.mark.parametrize("ours", [STRATIFIED, STRATIFIED_GROUPED])
def test_sizes_of_stratified_folds(ours: type) -> None:
    theirs.test_stratifiedkfold_balance(ours)


def test_sizes_of_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theirs, "KFold", KFOLD)
    theirs.test_kfold_balance()


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_together_and_folds_are_of_one_size(seed: int) -> None:
    theirs.test_group_kfold(GROUPED, True, seed)


@pytest.mark.parametrize("ours", [KFOLD, STRATIFIED, GROUPED, STRATIFIED_GROUPED])
def test_every_row_is_predicted_once(ours: type) -> None:
    rows, y = np.ones((40, 2)), np.arange(40) % 2
    theirs.check_cv_coverage(ours(4), rows, y, np.arange(40) // 3, expected_n_splits=4)


@pytest.mark.slow
def test_random_rows_are_divided_without_a_violation() -> None:
    tally, refused = try_divisions(600, seed=0)
    assert tally.lost == []
    assert all(count < 60 for count in refused.values())
