"""The gain of one prediction over another: its direction, its error, and what noise does to it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from comps.base import Metric
from comps.metrics import ACCURACY, LOG_LOSS, MEAN_ABSOLUTE_ERROR, ROC_AUC
from ensembles.choice import difference_error
from ensembles.left_out import blocks_in_time
from ensembles.paired import paired_gain


@pytest.mark.parametrize("metric", [ROC_AUC, LOG_LOSS, ACCURACY, MEAN_ABSOLUTE_ERROR])
def test_the_better_prediction_gains_whatever_the_direction(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    target = (rng.random(400) < 0.5).astype(float)
    bad = rng.uniform(0.05, 0.95, 400)
    good = np.clip(0.7 * target + 0.3 * bad, 0.05, 0.95)
    found = paired_gain(metric, target, bad, good)
    back = paired_gain(metric, target, good, bad)
    assert metric.better(found.after, than=found.before)
    assert found.gain == abs(found.after - found.before) > 0
    assert back.gain == -found.gain and back.error == found.error
    assert found.error is not None and found.gain > found.error


def test_the_error_is_the_deviation_over_draws_and_noise_gains_in_a_minority() -> None:
    rng = np.random.default_rng(1)
    gains, errors = [], []
    for _ in range(300):
        target = (rng.random(100) < 0.5).astype(float)
        one, other = rng.random((2, 100))
        found = paired_gain(ROC_AUC, target, one, other)
        gains.append(found.gain)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.15)
    # Of a normal distribution 16 %.
    assert 0.1 < np.mean(np.array(gains) > np.array(errors)) < 0.22


def test_rows_of_a_group_are_left_out_together() -> None:
    rng = np.random.default_rng(2)
    once = rng.normal(size=(3, 40))
    thrice = np.repeat(once, 3, axis=1)
    groups = np.repeat(rng.permutation(40), 3)
    alone = paired_gain(MEAN_ABSOLUTE_ERROR, *thrice)
    together = paired_gain(MEAN_ABSOLUTE_ERROR, *thrice, groups=groups)
    assert together.gain == alone.gain and None not in (together.error, alone.error)
    # Each row three times tells no more than once.
    assert together.error == pytest.approx(np.sqrt(3) * alone.error, rel=0.35)  # type: ignore[operator]


def test_rows_in_time_are_left_out_in_blocks_of_neighbours() -> None:
    rng = np.random.default_rng(3)
    when = rng.permutation(300)
    target, one = np.zeros((2, 300))
    other = np.sin(when / 40)
    found = paired_gain(MEAN_ABSOLUTE_ERROR, target, one, other, times=when * 3.5)
    expected = difference_error(MEAN_ABSOLUTE_ERROR, target, one, other, blocks_in_time(when))
    assert found.error == expected
    by_chance = paired_gain(MEAN_ABSOLUTE_ERROR, target, one, other).error
    assert by_chance is not None and expected > 1.5 * by_chance


@pytest.mark.parametrize("groups", [None, np.arange(200) // 2])
def test_thirty_parts_are_left_out_however_many_rows_and_groups_there_are(
    groups: NDArray[np.int64] | None,
) -> None:
    scored: list[int] = []

    def count(target: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
        scored.append(len(target))
        return float(np.mean(prediction))

    metric = Metric("counted", "counted", count, greater_is_better=False)
    paired_gain(metric, np.zeros(200), *np.random.default_rng(5).random((2, 200)), groups=groups)
    assert scored[:2] == [200, 200]
    # Both predictions without each of the parts, which have 6 or 7 rows, or 3 or 4 groups of 2.
    assert len(scored[2:]) == 2 * 30 and set(scored[2:]) <= {192, 193, 194}


def test_an_error_that_cannot_be_told_is_none() -> None:
    rng = np.random.default_rng(4)
    one, other = rng.random((2, 40))
    lonely = np.zeros(40)
    lonely[0] = 1.0
    assert paired_gain(ROC_AUC, lonely, one, other).error is None
    same = paired_gain(MEAN_ABSOLUTE_ERROR, lonely, one, other, groups=np.zeros(40))
    assert same.error is None and same.gain != 0
