"""The scheme `expanding`: blocks in the order of time, behind a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from comps.base import Task, UsageError
from pipelines.folds import FoldInput, FoldSpec, make_folds


@given(
    steps=st.lists(st.integers(1, 4), min_size=20, max_size=80),
    n_folds=st.integers(2, 5),
    gap=st.integers(0, 6),
)
def test_training_ends_a_gap_before_what_is_predicted(
    steps: list[int], n_folds: int, gap: int
) -> None:
    times = np.cumsum(steps)
    assume(times[len(times) // (n_folds + 1) - 1] - times[0] >= gap)
    shuffled = np.random.default_rng(0).permutation(times)
    rows = FoldInput(np.zeros(len(times)), Task.REGRESSION, times=shuffled, gap=gap)
    folds = make_folds(FoldSpec("expanding", n_folds), rows)
    assert folds.growing
    for train, valid in folds.pairs[0]:
        begin = shuffled[valid].min()
        early = (shuffled <= begin - gap) & (shuffled < begin)
        np.testing.assert_array_equal(train, np.flatnonzero(early))
    first = np.sort(shuffled)[: -(-len(times) // (n_folds + 1))]
    np.testing.assert_array_equal(np.sort(shuffled[~folds.covered()]), first)


def test_a_gap_that_leaves_nothing_to_train_on_is_refused() -> None:
    rows = FoldInput(np.zeros(20), Task.REGRESSION, times=np.arange(20), gap=10)
    with pytest.raises(UsageError, match="nothing to train on"):
        make_folds(FoldSpec("expanding", 4), rows)


@pytest.mark.parametrize(
    ("times", "gap"),
    [
        (np.repeat([0, 1], [3, 17]), None),
        (np.repeat([0, 1, 2], [3, 15, 2]), None),
        (np.append([0, 100, 200, 300], np.arange(301, 317)), 50),
    ],
    ids=["two times", "one time that is most of all", "a gap longer than the blocks"],
)
def test_blocks_of_which_no_earlier_one_is_known_are_refused(
    times: NDArray[np.int64], gap: int | None
) -> None:
    rows = FoldInput(np.zeros(20), Task.REGRESSION, times=times, gap=gap)
    with pytest.raises(UsageError, match="None of the 4 blocks that follow time has an earlier"):
        make_folds(FoldSpec("expanding", 4), rows)


def test_times_are_needed() -> None:
    with pytest.raises(UsageError, match="needs times"):
        make_folds(FoldSpec("expanding", 4), FoldInput(np.zeros(20), Task.REGRESSION))


def test_blocks_that_begin_at_one_time_are_still_in_time() -> None:
    times = np.repeat(np.arange(6), [100, 100, 100, 300, 300, 100])
    rows = FoldInput(np.zeros(1000), Task.REGRESSION, times=times)
    folds = make_folds(FoldSpec("expanding", 5), rows)
    begins = [times[valid].min() for _, valid in folds.pairs[0]]
    assert len(set(begins)) < 5
    assert folds.growing and folds.neighbours == []
