"""When training ends, and the stage that is used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import UsageError
from pipelines.results.stopping import bounded_patience, out_of_patience, stopping_stage
from tests.support import METRIC

HIGHER = replace(METRIC, greater_is_better=True)
SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=12)


@given(SCORES, st.integers(1, 6), st.booleans())
def test_patience_is_counted_from_the_best_stage_so_far(
    curve: list[float], patience: int, higher: bool
) -> None:
    metric = HIGHER if higher else METRIC
    steps = list(range(2, 2 * len(curve) + 2, 2))
    wanted = None
    for stages in range(1, len(curve) + 1):
        best = metric.best(curve[:stages])
        if steps[stages - 1] - steps[best] >= patience:
            wanted = stages
            break
    assert out_of_patience(metric, steps, curve, patience) == wanted


def test_without_patience_training_does_not_end() -> None:
    assert out_of_patience(METRIC, [1, 2, 3], [0.1, 0.2, 0.3], None) is None


def test_nan_is_never_better_and_never_waited_for_before_a_score() -> None:
    assert out_of_patience(METRIC, [1, 2, 3], [np.nan] * 3, 1) is None
    assert out_of_patience(METRIC, [1, 2, 3, 4], [np.nan, 0.3, np.nan, 0.2], 2) is None
    assert out_of_patience(METRIC, [1, 2, 3, 4], [np.nan, 0.3, np.nan, np.nan], 2) == 4


@given(st.lists(SCORES, min_size=1, max_size=4), st.booleans())
def test_the_stage_is_the_best_of_the_mean_curve_as_far_as_all_folds_came(
    curves: list[list[float]], higher: bool
) -> None:
    metric = HIGHER if higher else METRIC
    stage, mean = stopping_stage(metric, [np.array(curve) for curve in curves])
    shared = min(map(len, curves))
    wanted = [sum(curve[s] for curve in curves) / len(curves) for s in range(shared)]
    assert mean.tolist() == pytest.approx(wanted)
    assert stage == wanted.index((max if higher else min)(wanted)) or mean[stage] == pytest.approx(
        (max if higher else min)(wanted)
    )


def test_a_fold_without_a_score_does_not_count_and_none_at_all_is_an_error() -> None:
    lacking, other = np.array([np.nan, np.nan]), np.array([0.4, 0.3])
    stage, mean = stopping_stage(METRIC, [lacking, other])
    assert (stage, mean.tolist()) == (1, [0.4, 0.3])
    with pytest.raises(UsageError, match="use fewer of them, or the scheme 'stratified'"):
        stopping_stage(METRIC, [lacking, lacking])


@pytest.mark.parametrize(("rows", "growing", "wanted"), [(2000, False, None), (2001, False, 7)])
def test_patience_counts_where_scores_are_not_nested(
    rows: int, growing: bool, wanted: int | None
) -> None:
    assert bounded_patience(7, rows, growing) == wanted
    assert bounded_patience(7, rows, growing=True) is None
