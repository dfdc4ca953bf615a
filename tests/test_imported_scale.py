"""Imported predictions on another scale than the target's are told from those that are bad."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.results.imported_scale import (
    problems_of_oof,
    problems_of_submission,
    problems_of_test,
)

RNG = np.random.default_rng(0)
PRICES = np.exp(RNG.normal(12, 0.4, 300))
COUNTS = RNG.negative_binomial(1, 0.01, 300).astype(float)
DEGREES = RNG.normal(9, 8, 300)
TARGETS = {"prices": PRICES, "counts": COUNTS, "degrees": DEGREES}


def predicted(target: np.ndarray, share: float = 0.3) -> np.ndarray:
    """Return what a model would say: nearer to the mean, with errors of its own."""
    noise = np.random.default_rng(1).normal(0, share * target.std(), len(target))
    return target.mean() + 0.7 * (target - target.mean()) + noise


@pytest.mark.parametrize(
    ("target", "scale"),
    [
        (PRICES, np.log),
        (PRICES, np.log1p),
        (PRICES, np.log10),
        (PRICES, np.sqrt),
        (PRICES, lambda x: x / 1000),
        (PRICES, lambda x: x * 1000),
        (COUNTS, np.log1p),
        (COUNTS, np.sqrt),
        (DEGREES, lambda x: x + 273.15),
    ],
)
def test_another_scale_is_refused_in_either_file_with_both_ranges(
    target: np.ndarray, scale: Callable[[np.ndarray], np.ndarray]
) -> None:
    oof = np.abs(predicted(target)) if target is not DEGREES else predicted(target)
    other = scale(oof)
    (problem,) = problems_of_oof("y", target, scale(target) * 0.99)
    assert "on another scale" in problem and f"{target.max():g}" in problem
    if scale is not np.sqrt or target is PRICES:
        (problem,) = problems_of_test("y", target, oof, other)
        assert f"{other.min():g} to {other.max():g}" in problem


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "predict",
    [
        predicted,
        lambda target: predicted(target, 2.0),
        lambda target: np.full_like(target, np.median(target)),
        lambda target: np.full_like(target, np.quantile(target, 0.1)),
        lambda target: target * 1.5,
        lambda target: np.quantile(target, 0.95) + 0 * target,
    ],
)
def test_bad_predictions_in_the_own_unit_are_taken(
    name: str, predict: Callable[[np.ndarray], np.ndarray]
) -> None:
    target = TARGETS[name]
    assert list(problems_of_oof("y", target, predict(target))) == []
    assert list(problems_of_test("y", target, predict(target), predict(target[:50]))) == []


@given(st.floats(-0.5, 1.5))
def test_test_rows_of_a_later_time_are_taken(trend: float) -> None:
    later = PRICES * (1 + trend)
    assert list(problems_of_test("y", PRICES, PRICES, later)) == []


def test_sound_predictions_of_a_target_that_is_mostly_zero_are_taken() -> None:
    claims = np.where(RNG.random(300) < 0.8, 0.0, np.exp(RNG.normal(7, 1, 300)))
    chances = 0.5 * claims.mean() + 0.2 * claims
    assert list(problems_of_oof("y", claims, chances)) == []
    assert list(problems_of_submission("y", claims, chances)) == []
    (problem,) = problems_of_oof("y", claims, 1000 * claims.max() + chances)
    assert "on another scale" in problem


def test_targets_that_are_all_the_same_have_no_scale() -> None:
    same = np.full(10, 3.0)
    assert list(problems_of_oof("y", same, same * 1.1)) == []


def test_a_submission_on_another_scale_is_told() -> None:
    (problem,) = problems_of_submission("y", PRICES, np.log(PRICES))
    assert "the training target from" in problem
    assert list(problems_of_submission("y", PRICES, predicted(PRICES))) == []
