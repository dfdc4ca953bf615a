"""Folds: partitions by property, and every impossible request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from comps.base import Task, UsageError
from pipelines.basics.seeds import derive_seed
from pipelines.folds import SCHEMES, FoldInput, Folds, FoldSpec, make_folds
from pipelines.folds._strata import joint_ranks, label_strata, quantile_bins
from pipelines.folds.files import folds_to_arrays
from pipelines.results.sealed import seal
from tests.support import TINY, load_tiny

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
    task, groups, column = Task.REGRESSION, None, None
    if scheme == "stratified":
        task = draw(st.sampled_from(list(Task)))
        if task in (Task.BINARY, Task.MULTICLASS):
            target = np.arange(n_rows) % draw(st.integers(1, n_rows // n_folds))
        elif task is Task.MULTILABEL or draw(st.booleans()):
            columns = np.stack([target, target[::-1], target**2], axis=1)
            target = (columns > 1).astype(np.float64) if task is Task.MULTILABEL else columns
    if scheme == "column":
        column = np.random.default_rng(draw(SEEDS)).permutation(np.arange(n_rows) % n_folds)
    if scheme in ("grouped", "stratified-grouped"):
        n_groups = draw(st.integers(n_folds, n_rows))
        others = draw(
            st.lists(
                st.integers(0, n_groups - 1),
                min_size=n_rows - n_groups,
                max_size=n_rows - n_groups,
            )
        )
        groups = np.array([f"g{number}" for number in [*range(n_groups), *others]])
    rows = FoldInput(target, task, groups, column=column)
    return FoldSpec(scheme, n_folds, draw(SEEDS)), rows


def valid_rows(folds: Folds, repeat: int = 0) -> list[NDArray[np.int64]]:
    """Return the rows that each fold predicts."""
    return [valid for _, valid in folds.pairs[repeat]]


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


@given(divisible_rows())
def test_row_numbers_are_ascending_int64(case: tuple[FoldSpec, FoldInput]) -> None:
    for pair in make_folds(*case).pairs[0]:
        for rows in pair:
            assert rows.dtype == np.int64
            assert (np.diff(rows) > 0).all()


@given(divisible_rows())
def test_every_row_is_covered_by_the_fold_that_predicts_it(
    case: tuple[FoldSpec, FoldInput],
) -> None:
    folds = make_folds(*case)
    assert folds.covered().all()
    owner = folds.fold_of_row()
    for fold, valid in enumerate(valid_rows(folds)):
        np.testing.assert_array_equal(np.flatnonzero(owner == fold), valid)


@given(divisible_rows())
def test_the_same_seed_gives_the_same_folds(case: tuple[FoldSpec, FoldInput]) -> None:
    one, other = make_folds(*case, n_repeats=2), make_folds(*case, n_repeats=2)
    assert one.fingerprint == other.fingerprint
    for name, rows in folds_to_arrays(one).items():
        np.testing.assert_array_equal(rows, folds_to_arrays(other)[name])


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


# Classes and groups together, several targets, labels, folds of the user's


@given(st.integers(2, 5), SEEDS)
def test_every_fold_learns_a_class_with_two_rows(n_folds: int, seed: int) -> None:
    classes = np.random.default_rng(seed).permutation([0] * 20 + [1, 1])
    folds = make_folds(FoldSpec("stratified", n_folds, seed), FoldInput(classes, Task.BINARY))
    for train, _ in folds.pairs[0]:
        assert classes[train].any()


def test_stratified_grouped_is_scikit_learns_with_a_derived_seed() -> None:
    rng = np.random.default_rng(2)
    groups, classes = rng.integers(0, 15, 60), rng.integers(0, 3, 60)
    rows = FoldInput(classes, Task.MULTICLASS, groups)
    splitter = StratifiedGroupKFold(4, shuffle=True, random_state=derive_seed(7, "folds", 0))
    expected = list(splitter.split(classes, classes, groups))
    found = make_folds(FoldSpec("stratified-grouped", 4, seed=7), rows)
    assert_same_pairs(found.pairs[0], expected)


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_stratified_grouped_keeps_groups_whole_and_shares_even(task: Task) -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 600)
    # Each group leans to some class, and has rows of all three.
    target = np.digitize(rng.normal(size=600) + rng.normal(size=60)[groups], [0.0, 1.0])
    rows = FoldInput(target.astype(float), task, groups)
    shares = np.bincount(target) / 600
    for train, valid in make_folds(FoldSpec("stratified-grouped", 5), rows).pairs[0]:
        assert not set(groups[train]) & set(groups[valid])
        np.testing.assert_allclose(np.bincount(target[valid]) / len(valid), shares, atol=0.06)


def rare_labels(seed: int) -> NDArray[np.float64]:
    """Return [400, 30] labels: a frequent one, some rarer, and many with about eight rows."""
    rng = np.random.default_rng(seed)
    shares = np.concatenate([[0.5, 0.3, 0.1], np.full(27, 0.02)])
    return (rng.random((400, 30)) < shares).astype(np.float64)


def test_rare_labels_are_spread_over_the_folds() -> None:
    def most_in_a_fold(scheme: str, seed: int) -> float:
        """Return the largest share of a rare label's rows that a fold has, of all such labels."""
        labels = rare_labels(seed)
        folds = make_folds(FoldSpec(scheme, 5, seed), FoldInput(labels, Task.MULTILABEL))
        found = np.stack([labels[valid].sum(axis=0) for valid in valid_rows(folds)])[:, 3:]
        return float((found.max(axis=0) / found.sum(axis=0)).mean())

    stratified, shuffled = (
        np.mean([most_in_a_fold(scheme, seed) for seed in range(10)])
        for scheme in ("stratified", "kfold")
    )
    # Of eight rows, two in each fold would be as even as can be.
    assert stratified < 0.33 < 0.38 < shuffled


def test_combinations_of_a_few_labels_keep_their_shares() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([[0, 0], [0, 1], [1, 1]], 20, axis=0))
    folds = make_folds(FoldSpec("stratified", 5), FoldInput(labels, Task.MULTILABEL))
    for valid in valid_rows(folds):
        assert np.unique(labels[valid], axis=0, return_counts=True)[1].tolist() == [4, 4, 4]


def test_labels_that_are_all_too_rare_are_shuffled() -> None:
    rows = FoldInput(np.eye(8), Task.MULTILABEL)
    one, other = (make_folds(FoldSpec(scheme, 4), rows) for scheme in ("stratified", "kfold"))
    assert [len(valid) for valid in valid_rows(one)] == [len(v) for v in valid_rows(other)]


def test_a_row_of_a_rare_combination_counts_as_its_rarest_label() -> None:
    labels = np.array([[1, 0, 0]] * 4 + [[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]])
    strata = label_strata(labels, least=2)
    assert len(set(strata[:4])) == 1
    assert strata[4] == strata[6]
    assert len({strata[0], strata[4], strata[5], strata[7]}) == 4


@pytest.mark.parametrize("sign", [1, -1])
def test_each_of_two_targets_is_spread_over_the_folds(sign: int) -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=500)
    targets = np.exp([shared, sign * 3 * shared] + 0.3 * rng.normal(size=(2, 500))).T
    rows = FoldInput(targets, Task.REGRESSION)
    for valid in valid_rows(make_folds(FoldSpec("stratified", 5), rows)):
        for values in targets.T:
            for part in np.array_split(np.argsort(values), 4):
                assert abs(np.isin(part, valid).sum() - 25) <= 7


def test_the_order_of_several_targets_does_not_depend_on_their_units() -> None:
    targets = np.random.default_rng(0).normal(size=(50, 3))
    expected = joint_ranks(targets)
    np.testing.assert_array_equal(joint_ranks(np.exp(targets * [1.0, 9.0, 2.0])), expected)
    np.testing.assert_array_equal(joint_ranks(targets * [1.0, 1.0, -1.0]), expected)


@pytest.mark.parametrize("times", [None, np.arange(120)], ids=["no time", "time"])
@pytest.mark.parametrize("scheme", ["kfold", "stratified", "grouped", "stratified-grouped"])
def test_rows_of_a_query_stay_together(
    scheme: str, times: NDArray[np.int64] | None, tiny_data: Path
) -> None:
    queries = np.random.default_rng(0).integers(0, 20, 120)
    dataset = replace(load_tiny(tiny_data), queries=queries, times=times)
    for train, valid in make_folds(FoldSpec(scheme, 3), FoldInput.of(TINY, dataset)).pairs[0]:
        assert not set(queries[train]) & set(queries[valid])
    _, part = seal(TINY, replace(dataset, times=None), 0.3)
    held = np.isin(dataset.train_ids, part.ids)
    assert not set(queries[held]) & set(queries[~held])


def test_groups_come_before_queries_and_time_before_both(tiny_data: Path) -> None:
    groups, queries = np.arange(120) // 6, np.arange(120) % 40
    dataset = replace(load_tiny(tiny_data), queries=queries, groups=groups)
    assert FoldInput.of(TINY, dataset).units is groups
    timed = FoldInput.of(TINY, replace(dataset, groups=None, times=np.arange(120)))
    folds = make_folds(FoldSpec("expanding", 3), timed)
    assert [valid[0] for _, valid in folds.pairs[0]] == [30, 60, 90]


def test_folds_of_the_user_are_taken_as_they_are() -> None:
    column = np.array([3, 1, -1, 7, 3, 1, 7, -1])
    rows = FoldInput(np.zeros(8), Task.REGRESSION, column=column)
    folds = make_folds(FoldSpec("column", 3, seed=5), rows, n_repeats=2)
    for repeat in range(2):
        found = [[part.tolist() for part in pair] for pair in folds.pairs[repeat]]
        assert [valid for _, valid in found] == [[1, 5], [0, 4], [3, 6]]
        assert [train for train, _ in found] == [
            [0, 2, 3, 4, 6, 7],
            [1, 2, 3, 5, 6, 7],
            [0, 1, 2, 4, 5, 7],
        ]
    np.testing.assert_array_equal(folds.covered(), column >= 0)


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
    expected = rf"between 2 and the number of training rows, 30; it is {n_folds}\. .*--folds"
    with pytest.raises(UsageError, match=expected):
        make_folds(FoldSpec(scheme, n_folds), ROWS)


@pytest.mark.parametrize("n_repeats", [0, -2])
def test_less_than_one_repeat_is_refused(n_repeats: int) -> None:
    with pytest.raises(UsageError, match=rf"--repeats must be at least 1; it is {n_repeats}\."):
        make_folds(BASE, ROWS, n_repeats)


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
