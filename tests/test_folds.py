"""Folds: partitions by property, and every impossible request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from comps.base import Task, UsageError
from pipelines.basics.seeds import derive_seed
from pipelines.folds import SCHEMES, FoldInput, Folds, FoldSpec, make_folds
from pipelines.folds.files import folds_to_arrays
from pipelines.folds.schemes import quantile_bins

# Blocks in time are no partition of all rows: `test_expanding` looks at them.
SHUFFLED = sorted(set(SCHEMES) - {"expanding"})

SEEDS = st.integers(0, 2**31 - 1)


@st.composite
def divisible_rows(draw: st.DrawFn) -> tuple[FoldSpec, FoldInput]:
    """Draw any scheme with rows that it can divide: ties, rare groups, uneven classes."""
    scheme = draw(st.sampled_from(SHUFFLED))
    n_folds = draw(st.integers(2, 6))
    n_rows = draw(st.integers(n_folds, 60))
    target = np.array(
        draw(st.lists(st.integers(-5, 5), min_size=n_rows, max_size=n_rows)), dtype=np.float64
    )
    task, groups = Task.REGRESSION, None
    if scheme == "stratified" and draw(st.booleans()):
        task = Task.MULTICLASS
        target = np.arange(n_rows) % draw(st.integers(1, n_rows // n_folds))
    if scheme == "grouped":
        n_groups = draw(st.integers(n_folds, n_rows))
        others = draw(
            st.lists(
                st.integers(0, n_groups - 1),
                min_size=n_rows - n_groups,
                max_size=n_rows - n_groups,
            )
        )
        groups = np.array([f"g{number}" for number in [*range(n_groups), *others]])
    return FoldSpec(scheme, n_folds, draw(SEEDS)), FoldInput(target, task, groups)


def valid_rows(folds: Folds, repeat: int = 0) -> list[NDArray[np.int64]]:
    """Return the rows that each fold predicts."""
    return [valid for _, valid in folds.pairs[repeat]]


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(divisible_rows(), st.integers(1, 3))
def test_every_scheme_partitions_the_rows_in_every_repeat(
    case: tuple[FoldSpec, FoldInput], n_repeats: int
) -> None:
    spec, rows = case
    folds = make_folds(spec, rows, n_repeats)
    everyone = np.arange(len(rows.target))
    assert (folds.n_repeats, folds.n_folds) == (n_repeats, spec.n_folds)
    for repeat in range(n_repeats):
        np.testing.assert_array_equal(np.sort(np.concatenate(valid_rows(folds, repeat))), everyone)
        for train, valid in folds.pairs[repeat]:
            np.testing.assert_array_equal(train, np.setdiff1d(everyone, valid))


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(divisible_rows())
def test_row_numbers_are_ascending_int64(case: tuple[FoldSpec, FoldInput]) -> None:
    for pair in make_folds(*case).pairs[0]:
        for rows in pair:
            assert rows.dtype == np.int64
            assert (np.diff(rows) > 0).all()


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(divisible_rows())
def test_every_row_is_covered_by_the_fold_that_predicts_it(
    case: tuple[FoldSpec, FoldInput],
) -> None:
    folds = make_folds(*case)
    assert folds.covered().all()
    owner = folds.fold_of_row()
    for fold, valid in enumerate(valid_rows(folds)):
        np.testing.assert_array_equal(np.flatnonzero(owner == fold), valid)


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(divisible_rows())
def test_the_same_seed_gives_the_same_folds(case: tuple[FoldSpec, FoldInput]) -> None:
    one, other = make_folds(*case, n_repeats=2), make_folds(*case, n_repeats=2)
    assert one.fingerprint == other.fingerprint
    for name, rows in folds_to_arrays(one).items():
        np.testing.assert_array_equal(rows, folds_to_arrays(other)[name])


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(divisible_rows(), st.integers(2, 4))
def test_more_repeats_keep_the_first_ones_and_the_fingerprint(
    case: tuple[FoldSpec, FoldInput], n_repeats: int
) -> None:
    one, more = make_folds(*case), make_folds(*case, n_repeats=n_repeats)
    assert one.fingerprint == more.fingerprint
    arrays = folds_to_arrays(more)
    for name, rows in folds_to_arrays(one).items():
        np.testing.assert_array_equal(rows, arrays[name])


@given(st.integers(2, 5), st.integers(2, 5), SEEDS)
def test_no_group_is_ever_split(n_folds: int, rows_each: int, seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(12), rows_each))
    rows = FoldInput(np.zeros(len(groups)), Task.REGRESSION, groups)
    for train, valid in make_folds(FoldSpec("grouped", n_folds, seed), rows).pairs[0]:
        assert not set(groups[train]) & set(groups[valid])


@given(st.lists(st.integers(6, 30), min_size=2, max_size=5), st.integers(2, 6), SEEDS)
def test_stratified_folds_hold_each_class_in_its_share(
    sizes: list[int], n_folds: int, seed: int
) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    rows = FoldInput(classes, Task.MULTICLASS)
    folds = make_folds(FoldSpec("stratified", n_folds, seed), rows)
    for valid in valid_rows(folds):
        found = np.bincount(classes[valid], minlength=len(sizes))
        assert (np.abs(found - np.array(sizes) / n_folds) <= 1).all()


@given(st.integers(2, 6), st.integers(60, 200), SEEDS)
def test_stratified_regression_folds_share_out_cheap_and_dear(
    n_folds: int, n_rows: int, seed: int
) -> None:
    values = np.random.default_rng(seed).lognormal(size=n_rows)
    folds = make_folds(FoldSpec("stratified", n_folds, seed), FoldInput(values, Task.REGRESSION))
    for part in np.array_split(np.argsort(values), 10):
        found = np.array([np.isin(part, valid).sum() for valid in valid_rows(folds)])
        # Bins may be a row off these tenths at either end.
        assert (np.abs(found - len(part) / n_folds) <= 3).all()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50, unique=True).filter(
        lambda values: np.min(np.diff(np.sort(values))) > 1e-3
    ),
    st.integers(1, 10),
)
def test_quantile_bins_of_distinct_values_are_equal_to_a_row_or_two(
    values: list[float], n_bins: int
) -> None:
    assume(n_bins <= len(values))
    counts = np.bincount(quantile_bins(np.array(values), n_bins), minlength=n_bins)
    assert len(counts) == n_bins
    assert counts.max() - counts.min() <= 1


def test_quantile_bins_are_equal_where_an_edge_falls_on_a_value() -> None:
    counts = np.bincount(quantile_bins(np.arange(6.0), 5))
    assert counts.max() - counts.min() <= 1


def test_quantile_bins_follow_the_order_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=100)
    assert (np.diff(quantile_bins(values, 7)[np.argsort(values)]) >= 0).all()


def test_repeats_are_shuffled_anew() -> None:
    rows = FoldInput(np.arange(30.0), Task.REGRESSION)
    folds = make_folds(FoldSpec("kfold", 3), rows, n_repeats=4)
    assert len({tuple(folds.fold_of_row(repeat)) for repeat in range(4)}) == 4


def test_kfold_is_scikit_learns_with_a_derived_seed() -> None:
    rows = FoldInput(np.arange(25.0), Task.REGRESSION)
    found = make_folds(FoldSpec("kfold", 4, seed=7), rows, n_repeats=2)
    for repeat in range(2):
        splitter = KFold(4, shuffle=True, random_state=derive_seed(7, "folds", repeat))
        assert_same_pairs(found.pairs[repeat], list(splitter.split(rows.target)))


def test_stratified_is_scikit_learns_with_a_derived_seed() -> None:
    classes = np.arange(25) % 3
    found = make_folds(FoldSpec("stratified", 4, seed=7), FoldInput(classes, Task.MULTICLASS))
    splitter = StratifiedKFold(4, shuffle=True, random_state=derive_seed(7, "folds", 0))
    assert_same_pairs(found.pairs[0], list(splitter.split(classes, classes)))


def test_grouped_is_scikit_learns_with_a_derived_seed() -> None:
    groups = np.arange(25) // 3
    rows = FoldInput(np.zeros(25), Task.REGRESSION, groups)
    splitter = GroupKFold(4, shuffle=True, random_state=derive_seed(7, "folds", 0))
    expected = list(splitter.split(groups, groups=groups))
    assert_same_pairs(make_folds(FoldSpec("grouped", 4, seed=7), rows).pairs[0], expected)


def assert_same_pairs(
    found: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    expected: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> None:
    """Compare train and validation rows of all folds."""
    for pair, wanted in zip(found, expected, strict=True):
        for rows, other in zip(pair, wanted, strict=True):
            np.testing.assert_array_equal(rows, other)


# The fingerprint

BASE = FoldSpec("kfold", 3, seed=0)
ROWS = FoldInput(np.arange(30.0), Task.REGRESSION, np.arange(30))


@pytest.mark.parametrize(
    "spec",
    [FoldSpec("kfold", 3, seed=1), FoldSpec("kfold", 4), FoldSpec("grouped", 3)],
    ids=["seed", "n_folds", "scheme"],
)
def test_the_fingerprint_changes_with_the_specification(spec: FoldSpec) -> None:
    assert make_folds(spec, ROWS).fingerprint != make_folds(BASE, ROWS).fingerprint


def test_the_fingerprint_changes_with_the_scheme_even_where_the_rows_do_not() -> None:
    pairs = make_folds(BASE, ROWS).pairs
    other = Folds(FoldSpec("grouped", 3), 30, pairs)
    assert other.fingerprint != Folds(BASE, 30, pairs).fingerprint


def test_the_fingerprint_changes_with_the_rows() -> None:
    classes = np.arange(30) % 2
    spec = FoldSpec("stratified", 3)
    one = make_folds(spec, FoldInput(classes, Task.BINARY))
    other = make_folds(spec, FoldInput(np.sort(classes), Task.BINARY))
    assert one.fingerprint != other.fingerprint


# What is refused


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no fold scheme 'kfolds'.*'kfold'.*grouped, kfold"):
        make_folds(FoldSpec("kfolds", 3), ROWS)


@pytest.mark.parametrize("n_folds", [-1, 0, 1, 31])
@pytest.mark.parametrize("scheme", SHUFFLED)
def test_an_impossible_number_of_folds_is_refused(scheme: str, n_folds: int) -> None:
    expected = rf"--folds must be between 2 and the number of training rows, 30; it is {n_folds}\."
    with pytest.raises(UsageError, match=expected):
        make_folds(FoldSpec(scheme, n_folds), ROWS)


@pytest.mark.parametrize("n_repeats", [0, -2])
def test_less_than_one_repeat_is_refused(n_repeats: int) -> None:
    with pytest.raises(UsageError, match=rf"--repeats must be at least 1; it is {n_repeats}\."):
        make_folds(BASE, ROWS, n_repeats)


def test_a_class_with_fewer_rows_than_folds_is_refused() -> None:
    rows = FoldInput(np.array([0] * 20 + [1] * 2), Task.BINARY)
    with pytest.raises(UsageError, match="smallest class has 2 rows, fewer than the 3 folds"):
        make_folds(FoldSpec("stratified", 3), rows)


def test_grouped_folds_without_groups_are_refused() -> None:
    with pytest.raises(UsageError, match="'grouped' needs groups"):
        make_folds(FoldSpec("grouped", 3), FoldInput(np.arange(9.0), Task.REGRESSION))


def test_fewer_groups_than_folds_are_refused() -> None:
    rows = FoldInput(np.arange(9.0), Task.REGRESSION, np.arange(9) % 2)
    with pytest.raises(UsageError, match="3 folds need as many groups; there are 2"):
        make_folds(FoldSpec("grouped", 3), rows)


def rows(*numbers: int) -> NDArray[np.int64]:
    """Return row numbers as an array."""
    return np.array(numbers, dtype=np.int64)


def test_training_on_a_row_that_is_predicted_is_refused() -> None:
    pairs = [[(rows(0, 1, 2), rows(2, 3))]]
    with pytest.raises(UsageError, match="Row 2 is trained on and predicted in fold 0 of repeat 0"):
        Folds(FoldSpec("kfold", 2), 4, pairs)


def test_predicting_a_row_twice_is_refused_in_any_repeat() -> None:
    good = [(rows(0, 1), rows(2, 3)), (rows(2, 3), rows(0, 1))]
    bad = [(rows(0, 1), rows(2, 3)), (rows(2), rows(0, 3))]
    with pytest.raises(UsageError, match="Row 3 is predicted 2 times in repeat 1"):
        Folds(FoldSpec("kfold", 2), 4, [good, bad])


@pytest.mark.parametrize("pair", [(rows(), rows(0, 1)), (rows(0, 1), rows())])
def test_an_empty_side_of_a_fold_is_refused(
    pair: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    with pytest.raises(UsageError, match="nothing to train on or to predict in fold 0 of repeat 0"):
        Folds(FoldSpec("kfold", 2), 4, [[pair]])


def test_rows_that_no_fold_predicts_are_not_covered() -> None:
    folds = Folds(FoldSpec("kfold", 2), 5, [[(rows(0, 1), rows(2)), (rows(0, 1, 2), rows(3, 4))]])
    np.testing.assert_array_equal(folds.covered(), [False, False, True, True, True])
    np.testing.assert_array_equal(folds.fold_of_row(), [-1, -1, 0, 1, 1])
