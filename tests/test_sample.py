"""Samples: some rows, some members, block after block, without changing a number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ensembles import Sample
from ensembles import sample as module
from ensembles.sample import sample_of, stack
from tests.support import kfold
from tests.test_blend import member

Rows = NDArray[np.bool_]


@st.composite
def samples(draw: st.DrawFn) -> tuple[Sample, list[Rows]]:
    """Draw a sample, of values or of classes, and masks of its rows."""
    n_rows, n_members = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    shape = (n_rows, n_members, *draw(st.sampled_from([(), (3,)])))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    masks = [rng.random(n_rows) < 0.6 for _ in range(draw(st.integers(0, 2)))]
    return Sample(rng.random(shape).astype(dtype), rng.random(n_rows)), masks


@given(samples(), st.integers(1, 60))
def test_blocks_one_after_the_other_are_the_rows_that_count(
    drawn: tuple[Sample, list[Rows]], block: int
) -> None:
    sample, masks = drawn
    counting = np.ones(len(sample.target), dtype=bool)
    some = sample
    for mask in masks:
        some, counting = some.only(mask), counting & mask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        parts = list(some.blocks())
    assert all(part.dtype == np.float64 and len(part) == len(target) for part, target in parts)
    for found in (some.whole(), [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]):
        np.testing.assert_array_equal(found[0], sample.predictions[counting])
        np.testing.assert_array_equal(found[1], sample.target[counting])
    assert some.n_rows == counting.sum()
    assert some.whole()[0].dtype == np.float64


@given(samples(), st.data())
def test_some_members_of_some_rows_are_those(
    drawn: tuple[Sample, list[Rows]], data: st.DataObject
) -> None:
    sample, masks = drawn
    places = data.draw(st.lists(st.integers(0, sample.n_members - 1), min_size=1, unique=True))
    places.sort()
    rows = masks[0] if masks else np.ones(len(sample.target), dtype=bool)
    predictions, target = sample.only(rows).of(places).whole()
    np.testing.assert_array_equal(predictions, sample.predictions[rows][:, places])
    np.testing.assert_array_equal(target, sample.target[rows])


def test_a_block_is_about_so_many_numbers_and_never_a_row_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BLOCK", 100)
    sizes = [len(target) for _, target in Sample(np.zeros((95, 5)), np.zeros(95)).blocks()]
    assert sizes == [20, 20, 20, 20, 15]
    # Each block is as tall as it is wide at least: a QR decomposition has no use for less.
    sizes = [len(target) for _, target in Sample(np.zeros((50, 20)), np.zeros(50)).blocks()]
    assert sizes == [20, 20, 10]


@pytest.mark.parametrize("shape", [(7,), (7, 3)])
def test_arrays_are_stacked_member_by_member(shape: tuple[int, ...]) -> None:
    arrays = [np.random.default_rng(seed).random(shape) for seed in range(4)]
    found = stack(iter(arrays), 4)
    assert found.shape == (7, 4, *shape[1:]) and found.dtype == np.float64
    for place, array in enumerate(arrays):
        np.testing.assert_array_equal(found[:, place], array)


@pytest.mark.parametrize("n_unknown", [0, 7])
def test_rows_that_no_member_predicts_are_left_out(n_unknown: int) -> None:
    folds, rng = kfold(30), np.random.default_rng(0)
    target, valid = rng.random(30), rng.random((2, 30))
    valid[:, :n_unknown] = np.nan
    found = sample_of([member(str(i), each, folds=folds) for i, each in enumerate(valid)], target)
    np.testing.assert_array_equal(found.predictions, valid.T[n_unknown:])
    np.testing.assert_array_equal(found.target, target[n_unknown:])
