"""Blends of very many members: the same optimum, found among some at a time."""

from __future__ import annotations

import numpy as np
import pytest

from comps.base import Truth
from comps.metrics import LOG_LOSS, ROC_AUC
from ensembles import greedy, log_loss_weights, many_members
from ensembles.convex import gap_of
from ensembles.greedy import greedy_weights
from ensembles.sample import Sample
from ensembles.scorers import AucScorer

rng = np.random.default_rng


def drawn(n_rows: int, n_members: int, dtype: str = "float64", seed: int = 0) -> Sample:
    """Return members of a few families, contiguous as `stack` makes them."""
    random = rng(seed)
    truth = random.normal(0, 1.5, n_rows)
    families = random.normal(size=(5, n_rows))
    odds = np.stack(
        [
            truth * random.uniform(0.4, 1.1)
            + families[number % 5] * random.uniform(0.3, 0.9)
            + random.normal(size=n_rows) * random.uniform(0.2, 0.8)
            for number in range(n_members)
        ]
    )
    target = (random.random(n_rows) < 1 / (1 + np.exp(-truth))).astype(float)
    return Sample(np.moveaxis((1 / (1 + np.exp(-odds))).astype(dtype), 0, 1), target)


def in_classes(n_rows: int, n_members: int) -> Sample:
    random = rng(1)
    target = random.integers(0, 3, n_rows)
    odds = random.normal(size=(n_members, n_rows, 3))
    odds += np.eye(3)[target] * random.uniform(0.2, 1.2, n_members)[:, None, None]
    shares = np.exp(odds)
    shares /= shares.sum(axis=2, keepdims=True)
    return Sample(np.moveaxis(shares, 0, 1), target.astype(float))


def weighted(sample: Sample) -> Sample:
    weight = rng(2).uniform(0.2, 3, len(sample.target))
    return Sample(sample.predictions, Truth(np.asarray(sample.target), weight))


def unknown(sample: Sample, known: np.ndarray) -> Sample:
    """Return the sample with some rows used, and no predictions of the others."""
    predictions = np.moveaxis(sample.predictions.copy("K"), 1, 0)
    predictions[:, ~known] = np.nan
    return Sample(np.moveaxis(predictions, 0, 1), sample.target, known)


SAMPLES = {
    "two classes": drawn(1500, 60),
    "many rows": drawn(25_000, 40),
    "single precision": drawn(1500, 60, "float32"),
    "some rows": drawn(1500, 60).only(rng(3).random(1500) < 0.7),
    "many rows of some": drawn(30_000, 30).only(rng(3).random(30_000) < 0.8),
    "weights": weighted(drawn(1500, 60)),
    "classes": in_classes(1000, 30),
    "rows without predictions": unknown(drawn(1500, 60), rng(6).random(1500) < 0.6),
    "classes without predictions": unknown(in_classes(1000, 30), rng(6).random(1000) < 0.6),
    # Every tenth row is among those that are left out.
    "many rows of four folds of five": drawn(30_000, 30).only(np.arange(30_000) % 5 > 0),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_members_that_join_reach_the_optimum_of_all(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = SAMPLES[name]
    direct = log_loss_weights.log_loss_weights(sample)
    monkeypatch.setattr(log_loss_weights, "WIDE", 10)
    monkeypatch.setattr(many_members, "_JOINING", 4)
    found = log_loss_weights.log_loss_weights(sample)
    assert found.weights.min() >= 0 and found.weights.sum() == pytest.approx(1)
    assert found.gap <= 1e-10
    assert found.loss == pytest.approx(direct.loss, abs=1e-9)
    rows = slice(None) if sample.rows is None else sample.rows
    if sample.predictions.ndim == 2 and Truth.of(sample.target).weight is None:
        mean = sample.predictions.astype(np.float64)[rows] @ found.weights
        assert found.loss == pytest.approx(LOG_LOSS.score(sample.target[rows], mean), abs=1e-12)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    sample = SAMPLES[name]
    weights = np.zeros(sample.n_members)
    weights[:5] = 0.2
    found = many_members.log_loss_gradient(sample, weights)

    def loss(at: np.ndarray) -> float:
        total = 0.0
        for predictions, target in sample.blocks():
            true = many_members.probabilities_of_truth(predictions, target)
            weight = Truth.of(target).weight
            losses = -np.log(true @ at)
            total += float(losses.sum() if weight is None else losses @ weight)
        return total / sample.total_weight

    for place in (0, 7, sample.n_members - 1):
        step = np.zeros(sample.n_members)
        step[place] = 1e-6
        slope = (loss(weights + step) - loss(weights - step)) / 2e-6
        assert found[place] == pytest.approx(slope, rel=1e-5)


def test_a_gradient_that_is_unknown_bounds_no_gap() -> None:
    assert np.isnan(gap_of(np.array([0.5, 0.5]), np.array([1.0, np.nan])))


def test_a_member_that_is_there_many_times_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    few = drawn(500, 6)
    monkeypatch.setattr(log_loss_weights, "WIDE", 10)
    expected = log_loss_weights.log_loss_weights(few).loss
    many = Sample(np.tile(few.predictions, (1, 20)), few.target)
    found = log_loss_weights.log_loss_weights(many)
    assert found.loss == pytest.approx(expected, abs=1e-8) and found.gap < 1e-7


def test_candidates_that_are_raced_make_as_good_an_ensemble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = drawn(20_000, 40, "float32")
    score = AucScorer(np.asarray(sample.target))
    plain = score(sample.predictions @ greedy_weights(sample, ROC_AUC, rounds=10))
    monkeypatch.setattr(greedy, "_RACED", 1)
    monkeypatch.setattr(greedy, "_SAMPLED", ((2000, 12), (8000, 4)))
    raced = greedy_weights(sample, ROC_AUC, rounds=10)
    assert raced.sum() == pytest.approx(1)
    assert score(sample.predictions @ raced) == pytest.approx(plain, abs=2e-4)
    best_alone = max(score(member) for member in sample.predictions.T)
    assert plain > best_alone + 0.003


def test_rows_that_are_left_out_do_not_count_in_a_race(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greedy, "_RACED", 1)
    monkeypatch.setattr(greedy, "_SAMPLED", ((1000, 12), (3000, 4)))
    sample = drawn(6000, 20)
    inside = rng(4).random(6000) < 0.7
    expected = greedy_weights(sample.only(inside), ROC_AUC, rounds=6)
    changed = sample.predictions.copy()
    changed[~inside] = rng(5).random((int((~inside).sum()), 20))
    flipped = np.where(inside, sample.target, 1 - sample.target)
    found = greedy_weights(Sample(changed, flipped, inside), ROC_AUC, rounds=6)
    np.testing.assert_array_equal(found, expected)
