"""Blends of several targets and labels, and of rows with weights and queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from comps.base import Loss, Truth
from comps.metrics import find_metric
from ensembles import METHODS, Sample, best_blend, convex_weights
from ensembles.choice import choose, difference_errors
from ensembles.compare import compare, resampled_scores
from ensembles.diversity import error_correlations
from ensembles.methods import methods_for
from ensembles.outer import comparable
from ensembles.paired import paired_gain
from ensembles.sample import Columns
from ensembles.scorers import scorer_of
from tests.support import kfold
from tests.test_blend import member

Floats = NDArray[np.float64]

RMSE, MAE, LOG_LOSS = (find_metric(name) for name in ("rmse", "mae", "log_loss"))
LOSSES = {
    "rmse": lambda y, p, w: np.average((y - p) ** 2, weights=w),
    "brier": lambda y, p, w: np.average((y - p) ** 2, weights=w),
    "mae": lambda y, p, w: np.average(np.abs(y - p), weights=w),
    "mape": lambda y, p, w: np.average(np.abs(y - p) / np.abs(y), weights=w),
    "pinball@0.8": lambda y, p, w: np.average(np.maximum(0.8 * (y - p), 0.2 * (p - y)), weights=w),
    "log_loss": lambda y, p, w: np.average(-np.log(np.where(y == 1, p, 1 - p)), weights=w),
}
seeds = st.integers(0, 10_000)


def values(seed: int, targets: int = 3, rows: int = 60, members: int = 3) -> Sample:
    """Return values of several targets: members differ in which target they know."""
    rng = np.random.default_rng(seed)
    target = rng.normal(5, 1, (rows, targets))
    spread = rng.uniform(0.2, 1.5, (members, targets))
    noise = rng.normal(0, 1, (rows, members, targets)) * spread
    return Sample(target[:, None] + noise, target)


def labels(seed: int, targets: int = 3, rows: int = 80, members: int = 3) -> Sample:
    """Return probabilities of several labels."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, (rows, targets)).astype(float)
    target[:2] = [[0.0] * targets, [1.0] * targets]
    spread = rng.uniform(0.3, 3.0, (members, targets))
    odds = 2 * (target[:, None] - 0.5) + rng.normal(0, 1, (rows, members, targets)) * spread
    return Sample(1 / (1 + np.exp(-odds)), target)


def of_metric(metric: str, seed: int, targets: int) -> Sample:
    probabilities = metric in ("log_loss", "brier")
    several = (labels if probabilities else values)(seed, targets)
    return several if targets > 1 else several.column(0)


def on_simplex(rng: np.random.Generator, members: int) -> Floats:
    return rng.dirichlet(np.ones(members))


# Exact weights


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("metric", LOSSES)
@given(seed=seeds, weighted=st.booleans())
@settings(max_examples=15)
def test_no_other_weights_have_a_lower_loss_over_all_targets(
    metric: str, targets: int, seed: int, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    sample = of_metric(metric, seed, targets)
    truth = Truth.of(sample.target)
    weight = rng.uniform(0.01, 5.0, len(truth)) if weighted else None
    judged = find_metric(metric)
    found = convex_weights(
        judged.loss, replace(sample, target=Truth(truth.values, weight)), judged.parameter
    )

    def loss(weights: Floats) -> float:
        blended = np.tensordot(sample.predictions, weights, (1, 0))
        each = truth.values.reshape(len(truth), -1).T, blended.reshape(len(truth), -1).T
        return float(np.mean([LOSSES[metric](y, p, weight) for y, p in zip(*each, strict=True)]))

    assert found.loss == pytest.approx(loss(found.weights), rel=1e-6)
    assert found.gap < 1e-6
    for _ in range(10):
        other = on_simplex(rng, sample.n_members)
        for share in (0.01, 1.0):
            assert loss((1 - share) * found.weights + share * other) >= found.loss - 1e-7


@pytest.mark.parametrize("metric", LOSSES)
def test_a_row_of_weight_two_is_the_row_twice(metric: str) -> None:
    judged, sample = find_metric(metric), of_metric(metric, 3, 1)
    truth = Truth.of(sample.target)
    counts = np.random.default_rng(0).integers(1, 4, len(truth))
    repeated = Sample(
        np.repeat(sample.predictions, counts, axis=0), np.repeat(truth.values, counts)
    )
    weighted = replace(sample, target=Truth(truth.values, counts * 1.0))
    found = [convex_weights(judged.loss, each, judged.parameter) for each in (weighted, repeated)]
    np.testing.assert_allclose(found[0].weights, found[1].weights, atol=1e-4)
    assert found[0].loss == pytest.approx(found[1].loss)


@given(seed=seeds)
@settings(max_examples=20)
def test_brier_weights_of_many_classes_are_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, 40)
    predictions = rng.dirichlet(np.ones(4), (40, 3)) * 0.7 + 0.3 * np.eye(4)[codes][:, None]
    metric, weight = find_metric("brier"), rng.uniform(0.1, 2.0, 40)
    truth = Truth(codes.astype(float), weight)
    found = convex_weights(metric.loss, Sample(predictions, truth))
    blended = np.tensordot(predictions, found.weights, (1, 0))
    assert found.loss == pytest.approx(metric.score(truth, blended))
    for _ in range(20):
        other = np.tensordot(predictions, on_simplex(rng, 3), (1, 0))
        assert metric.score(truth, other) >= found.loss - 1e-9


def test_blocks_of_weighted_rows_give_the_weights_of_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ensembles.sample as module

    for metric in ("rmse", "log_loss"):
        sample = of_metric(metric, 1, 3)
        weight = np.random.default_rng(2).uniform(0.1, 3.0, len(sample.predictions))
        sample = replace(sample, target=Truth(Truth.of(sample.target).values, weight))
        some = sample.only(np.arange(len(weight)) % 3 > 0)
        whole = convex_weights(find_metric(metric).loss, some).weights
        monkeypatch.setattr(module, "BLOCK", 20)
        np.testing.assert_allclose(
            convex_weights(find_metric(metric).loss, some).weights, whole, atol=1e-6
        )
        monkeypatch.undo()


# Methods


@pytest.mark.parametrize(
    ("metric", "auto"),
    [
        ("rmse", "equal top best convex convex-by-target ridge"),
        ("log_loss", "equal logit top best convex convex-by-target logistic"),
        ("auc", "equal logit top best convex convex-by-target logistic"),
    ],
)
def test_methods_of_several_targets(metric: str, auto: str) -> None:
    judged = find_metric(metric)
    assert methods_for(judged, Columns.TARGETS) == auto.split()
    assert METHODS["rank"].suits(judged, Columns.TARGETS) == (metric == "auc")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", ["rmse", "log_loss", "auc"])
def test_each_method_predicts_each_target(metric: str, weighted: bool) -> None:
    judged = find_metric(metric)
    sample = values(2) if metric == "rmse" else labels(2)
    if weighted:
        weight = np.random.default_rng(0).uniform(0.1, 3.0, len(sample.predictions))
        sample = replace(sample, target=Truth(Truth.of(sample.target).values, weight))
    for name, method in METHODS.items():
        if not method.suits(judged, Columns.TARGETS):
            continue
        fitted = method.fit(sample, judged)
        found = fitted.predict(sample.predictions)
        assert found.shape == (len(sample.predictions), 3), name
        np.testing.assert_allclose(fitted.weights.sum(), 1.0)
        assert np.isfinite(found).all()
        if metric != "rmse":
            assert (found >= 0).all() and (found <= 1).all(), name


BY_TARGET = ["convex-by-target", "ridge", "logistic", "lightgbm", "logit", "geometric", "rank"]


@pytest.mark.parametrize("name", BY_TARGET)
def test_a_blend_by_target_is_that_of_each_target_alone(name: str) -> None:
    metric = RMSE if name in ("convex-by-target", "ridge", "geometric") else find_metric("auc")
    sample = values(4) if metric is RMSE else labels(4)
    found = METHODS[name].fit(sample, metric).predict(sample.predictions)
    alone = "convex" if name == "convex-by-target" else name
    for place in range(3):
        one = sample.column(place)
        expected = METHODS[alone].fit(one, metric).predict(one.predictions)
        np.testing.assert_array_equal(found[:, place], expected)


def test_targets_that_other_members_know_get_other_weights() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(0, 1, (200, 2))
    noise = rng.normal(0, 1, (200, 2, 2)) * np.array([[0.1, 2.0], [2.0, 0.1]])
    sample = Sample(target[:, None] + noise, target)
    by_target, together = (
        RMSE.score(target, METHODS[name].fit(sample, RMSE).predict(sample.predictions))
        for name in ("convex-by-target", "convex")
    )
    assert by_target < 0.12 < 0.5 < together


def test_stacking_counts_weights() -> None:
    rng = np.random.default_rng(1)
    members = rng.normal(0, 1, (200, 2))
    # The first hundred rows follow one member, the others the second.
    target = np.where(np.arange(200) < 100, members[:, 0], members[:, 1])
    weight = np.where(np.arange(200) < 100, 1e-3, 1.0)
    found = METHODS["ridge"].fit(Sample(members, Truth(target, weight)), RMSE)
    assert found.weights[1] > 0.9
    codes = (target > 0) * 1.0
    shares = 1 / (1 + np.exp(-2 * members))
    for name in ("logistic", "lightgbm"):
        found = METHODS[name].fit(Sample(shares, Truth(codes, weight)), LOG_LOSS)
        assert found.weights[1] > 0.8, name


# Scores within ensembles


@pytest.mark.parametrize("metric", ["log_loss", "auc"])
def test_fast_scorers_count_weights_and_targets(metric: str) -> None:
    judged, sample = find_metric(metric), labels(5)
    truth = Truth.of(sample.target)
    weight = np.random.default_rng(0).uniform(0.1, 9.0, len(truth))
    prediction = sample.predictions[:, 0]
    for target, shown in (
        (Truth(truth.values[:, 0], weight), prediction[:, 0]),
        (truth, prediction),
        (Truth(truth.values, weight), prediction),
        (truth.values[:, 0], prediction[:, 0]),
    ):
        assert scorer_of(judged, target)(shown) == pytest.approx(judged.score(target, shown))
    assert scorer_of(judged, Truth(truth.values[:, 0], weight))(prediction[:, 0]) != pytest.approx(
        scorer_of(judged, truth.values[:, 0])(prediction[:, 0]), rel=1e-3
    )


@pytest.mark.parametrize("codes", [[0, 1, 2, 1, 0], [0, 2, 2, 0, 2], [0, 1, 1, 0, 1]])
def test_auc_of_three_classes_is_scored_against_the_rest(codes: list[int]) -> None:
    target, rng = np.array(codes, float), np.random.default_rng(0)
    prediction = rng.dirichlet(np.ones(3), 5)
    judged = find_metric("auc")
    found = scorer_of(judged, target)(prediction)
    assert found == pytest.approx(judged.score(target, prediction))


def test_labels_that_all_rows_have_count_for_no_area() -> None:
    target = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    prediction = np.random.default_rng(0).uniform(size=(4, 3))
    judged = find_metric("auc")
    assert scorer_of(judged, target)(prediction) == judged.score(target, prediction)
    assert np.isnan(scorer_of(judged, target[:, [1]])(prediction[:, [1]]))


def test_levels_of_folds_play_no_part_for_each_label_by_itself() -> None:
    sample, fold_of_row = labels(6), np.arange(80) % 2
    auc, target = find_metric("auc"), np.asarray(sample.target)
    prediction = sample.predictions[:, 0]
    # Two folds on other levels: a label's order within a fold is as it was.
    moved = prediction * 0.4 + 0.5 * fold_of_row[:, None]
    ranked = comparable(auc, moved, fold_of_row)
    np.testing.assert_array_equal(ranked, comparable(auc, prediction, fold_of_row))
    assert auc.score(target, ranked) > auc.score(target, moved) + 0.1
    assert comparable(LOG_LOSS, moved, fold_of_row) is moved


def weighted_pair() -> tuple[Truth, Floats, Floats]:
    """Return a truth and two predictions; the second is better where rows count for most."""
    target, weight = np.zeros(300), np.where(np.arange(300) < 200, 0.01, 1.0)
    rng = np.random.default_rng(0)
    heavy = weight == 1.0
    one = rng.normal(0, np.where(heavy, 1.0, 0.1))
    other = rng.normal(0, np.where(heavy, 0.1, 1.0))
    return Truth(target, weight), one, other


def test_choices_and_pairs_count_weights() -> None:
    truth, one, other = weighted_pair()
    assert choose(RMSE, truth.values, [other, one]) == (1,)
    assert choose(RMSE, truth, [one, other]) == (1,)
    assert choose(RMSE, truth, [other, one]) == (0,)
    assert paired_gain(RMSE, truth, one, other).gain > 0
    assert paired_gain(RMSE, truth.values, one, other).gain < 0
    scores, _ = resampled_scores(RMSE, truth, [one, other], np.arange(300), 20)
    assert (scores[:, 0] > scores[:, 1]).all()


def queries() -> tuple[Truth, Floats, Floats]:
    rng = np.random.default_rng(0)
    query = np.repeat(np.arange(40), 5)
    gains = rng.integers(0, 3, 200).astype(float)
    return Truth(gains, query=query), gains + rng.normal(0, 0.5, 200), rng.normal(0, 1, 200)


def test_queries_are_left_out_and_drawn_whole() -> None:
    truth, good, poor = queries()
    ndcg = find_metric("ndcg")
    seen: list[int] = []

    def score(gains: Floats, prediction: Floats, query: Floats | None = None) -> float:
        assert query is not None
        sizes = np.unique(query, return_counts=True)[1]
        assert (sizes == 5).all()
        seen.append(len(sizes))
        return ndcg.function(gains, prediction, query=query)

    whole = replace(ndcg, name="whole", function=score, weighted=False)
    difference_errors(whole, truth, good, [poor])
    assert set(seen) == {38, 39}
    paired_gain(whole, truth, good, poor)
    seen.clear()
    # A query that is drawn twice counts twice.
    resampled_scores(whole, truth, [good], np.asarray(truth.query), 20)
    assert set(seen) == {40}
    folds = kfold(200)
    members = [member(name, each, folds=folds) for name, each in (("a", good), ("b", poor))]
    compare(members, truth, folds, whole, resamples=5)


# Whole blends


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["rmse", "log_loss", "auc"])
def test_the_best_blend_of_several_targets_is_scored_by_all_of_them(metric: str) -> None:
    judged = find_metric(metric)
    sample = values(7, rows=120) if metric == "rmse" else labels(7, rows=120)
    folds = kfold(120)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, 120)
    truth = Truth(np.asarray(sample.target), weight)
    members = [
        member(f"m{place}", sample.predictions[:, place], sample.predictions[:9, place], folds)
        for place in range(3)
    ]
    chosen, tried = best_blend(members, truth, folds, judged)
    assert {blend.method for blend in tried} >= set(methods_for(judged, Columns.TARGETS))
    assert chosen.honest.shape == (120, 3) and chosen.test.shape == (9, 3)
    for blend in tried:
        scores = [judged.score(truth[rows], blend.honest[rows]) for _, rows in folds.pairs[0]]
        pooled = judged.score(truth, blend.honest)
        assert blend.pooled_score == pytest.approx(pooled)
        expected = np.mean(scores) if metric == "auc" else pooled
        assert blend.honest_score == pytest.approx(expected)


def test_errors_of_all_targets_count_for_the_correlation() -> None:
    sample = values(8)
    target = np.asarray(sample.target)
    errors = (sample.predictions - target[:, None]).transpose(0, 2, 1).reshape(-1, 3)
    np.testing.assert_allclose(error_correlations(sample, RMSE), np.corrcoef(errors, rowvar=False))


def test_a_metric_of_a_loss_without_parameter_takes_the_median() -> None:
    sample = of_metric("mae", 0, 1)
    absolute = convex_weights(Loss.ABSOLUTE_ERROR, sample)
    median = convex_weights(Loss.PINBALL, sample)
    np.testing.assert_allclose(absolute.weights, median.weights, atol=1e-9)
    assert absolute.loss == pytest.approx(2 * median.loss)
