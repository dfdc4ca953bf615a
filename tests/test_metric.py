"""Metrics: equal to scikit-learn's, with a direction, and with NaN never better."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import root_mean_squared_log_error

from comps.base import (
    IDENTITY,
    LOG1P,
    Loss,
    Metric,
    Prediction,
    Scale,
    Truth,
    root_mean_squared_error,
)
from comps.house_prices.competition import HOUSE_PRICES
from comps.metrics import RMSLE

Floats = NDArray[np.float64]

# The accuracy of a hit rate: larger is better.
RMSE = Metric("rmse", "RMSE", root_mean_squared_error, greater_is_better=False)
HITS = Metric("hits", "hits", lambda target, label: float(np.mean(target == label)), True)
METRICS = [RMSLE, HITS]

prices = st.floats(1.0, 1e9)
scores = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))


def pairs(elements: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    """Return arrays [2, rows]."""
    return st.integers(1, 20).flatmap(lambda rows: arrays(np.float64, (2, rows), elements=elements))


@given(pairs(prices))
def test_rmsle_on_its_scale_is_scikit_learns_in_dollars(dollars: Floats) -> None:
    target, prediction = dollars
    ours = RMSLE.score(RMSLE.scale.forward(target), RMSLE.scale.forward(prediction))
    assert ours == pytest.approx(root_mean_squared_log_error(target, prediction), abs=1e-12)


def test_rmsle_of_a_known_example() -> None:
    # log(11/10) and log(9/10), squared, averaged, rooted.
    target, prediction = np.log1p([9.0, 9.0]), np.log1p([10.0, 8.0])
    expected = math.sqrt((math.log(1.1) ** 2 + math.log(0.9) ** 2) / 2)
    assert RMSLE.score(target, prediction) == pytest.approx(expected)


def test_house_prices_is_judged_by_rmsle_with_a_loss_that_blends_can_minimise() -> None:
    metric = HOUSE_PRICES.metric
    assert (metric.name, metric.greater_is_better) == ("root_mean_squared_log_error", False)
    assert (metric.loss, metric.needs) == (Loss.SQUARED_ERROR, Prediction.VALUE)
    assert metric.scale is LOG1P


@given(pairs(st.floats(0.0, 30.0)))
def test_a_perfect_prediction_is_better_than_any_other(logs: Floats) -> None:
    target, other = logs
    perfect, score = RMSLE.score(target, target), RMSLE.score(target, other)
    assert perfect == 0
    assert RMSLE.better(perfect, than=score) == (score > 0)


# NaN and infinity


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_prediction_with_nan_or_infinity_scores_nan(metric: Metric, bad: float) -> None:
    assert math.isnan(metric.score(np.zeros(3), np.array([0.0, bad, 0.0])))


def test_one_bad_probability_among_classes_scores_nan() -> None:
    rows = replace(HITS, function=lambda target, shares: 1.0)
    assert rows.score(np.zeros(2), np.full((2, 3), 1 / 3)) == 1.0
    assert math.isnan(rows.score(np.zeros(2), np.array([[1.0, 0.0], [math.nan, 1.0]])))


@pytest.mark.parametrize("metric", METRICS)
@given(score=scores)
def test_nan_is_never_better(metric: Metric, score: float) -> None:
    assert not metric.better(math.nan, than=score)


# The direction


@given(scores, scores)
def test_better_follows_the_direction_and_is_strict(one: float, other: float) -> None:
    assert RMSLE.better(one, than=other) == (one < other)
    assert HITS.better(one, than=other) == (one > other)
    assert not RMSLE.better(one, than=one)


@pytest.mark.parametrize("metric", METRICS)
@given(st.lists(scores, min_size=1).filter(lambda values: not all(map(math.isnan, values))))
def test_best_is_the_first_that_no_other_is_better_than(
    metric: Metric, values: list[float]
) -> None:
    index = metric.best(values)
    assert not math.isnan(values[index])
    assert not any(metric.better(value, than=values[index]) for value in values)
    assert values.index(values[index]) == index


@pytest.mark.parametrize("metric", METRICS)
def test_there_is_no_best_of_nothing_or_of_nan_alone(metric: Metric) -> None:
    with pytest.raises(ValueError, match="All-NaN slice"):
        metric.best([math.nan, math.nan])
    with pytest.raises(ValueError, match="empty sequence"):
        metric.best([])


@pytest.mark.parametrize("metric", METRICS)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, unique=True))
def test_sorting_by_the_key_puts_better_scores_first(metric: Metric, values: list[float]) -> None:
    ordered = sorted(values, key=metric.sort_key)
    for first, second in itertools.pairwise(ordered):
        assert metric.better(first, than=second)


# Scales


@pytest.mark.parametrize("scale", [LOG1P, IDENTITY])
@given(values=arrays(np.float64, st.integers(0, 20), elements=st.floats(0.0, 1e12)))
def test_a_scale_there_and_back_changes_nothing(scale: Scale, values: Floats) -> None:
    np.testing.assert_allclose(scale.inverse(scale.forward(values)), values, rtol=1e-12)


@pytest.mark.parametrize("scale", [LOG1P, IDENTITY])
@given(values=arrays(np.float64, (4, 3), elements=st.floats(-5.0, 25.0)))
def test_a_scale_back_and_there_keeps_the_shape_and_the_order(scale: Scale, values: Floats) -> None:
    own_unit = scale.inverse(values)
    assert own_unit.shape == values.shape
    np.testing.assert_allclose(scale.forward(own_unit), values, rtol=1e-9, atol=1e-9)
    ordered = own_unit.ravel()[np.argsort(values.ravel())]
    assert (np.diff(ordered) >= 0).all()


def test_the_scale_of_rmsle_is_the_logarithm_of_one_plus_dollars() -> None:
    assert RMSLE.scale.forward(np.array([0.0, math.e - 1])).tolist() == pytest.approx([0.0, 1.0])


def test_a_score_of_several_targets_is_the_mean_of_their_scores() -> None:
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 20, 3))
    alone = [RMSE.score(target[:, column], prediction[:, column]) for column in range(3)]
    assert RMSE.score(target, prediction) == np.mean(alone)


def test_weights_and_queries_reach_the_functions_that_take_them() -> None:
    def weighted(target: Floats, prediction: Floats, sample_weight: Floats | None = None) -> float:
        return float(np.average(np.abs(target - prediction), weights=sample_weight))

    metric = Metric("weighted", "weighted", weighted, greater_is_better=False, weighted=True)
    truth = Truth(np.array([0.0, 0.0, 0.0]), weight=np.array([3.0, 1.0, 0.0]))
    prediction = np.array([1.0, 2.0, 50.0])
    assert metric.score(truth, prediction) == 1.25
    assert metric.score(truth[np.array([1, 2])], prediction[1:]) == 2.0
    assert metric.score(truth.values, prediction) == pytest.approx(53 / 3)
