"""Every metric is scikit-learn's, with weights and without, or a naive loop's where it has none."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import sklearn.metrics as theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from comps.base import Metric, Prediction, Truth, ranked_classes
from comps.metrics import METRICS, find_metric

Floats = NDArray[np.float64]
Score = Callable[..., float]

VALUES: dict[str, Score] = {
    "rmse": theirs.root_mean_squared_error,
    "mae": theirs.mean_absolute_error,
    "medae": theirs.median_absolute_error,
    "mape": theirs.mean_absolute_percentage_error,
    "r2": theirs.r2_score,
    "pinball@0.9": partial(theirs.mean_pinball_loss, alpha=0.9),
    "pinball@0.25": partial(theirs.mean_pinball_loss, alpha=0.25),
    "poisson": theirs.mean_poisson_deviance,
    "tweedie@1": theirs.mean_poisson_deviance,
    "tweedie@1.5": partial(theirs.mean_tweedie_deviance, power=1.5),
    "tweedie@2": theirs.mean_gamma_deviance,
    "tweedie@3": partial(theirs.mean_tweedie_deviance, power=3),
}
OF_TWO: dict[str, Score] = {
    "log_loss": theirs.log_loss,
    "brier": theirs.brier_score_loss,
    "auc": theirs.roc_auc_score,
    "average_precision": theirs.average_precision_score,
}
OF_MANY: dict[str, Score] = {
    "log_loss": theirs.log_loss,
    "brier": theirs.brier_score_loss,
    "auc": partial(theirs.roc_auc_score, multi_class="ovr"),
    "average_precision": theirs.average_precision_score,
}
LABELS: dict[str, Score] = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "f1_macro": partial(theirs.f1_score, average="macro", zero_division=0),
    "f1_micro": partial(theirs.f1_score, average="micro"),
    "f1_weighted": partial(theirs.f1_score, average="weighted", zero_division=0),
    "mcc": theirs.matthews_corrcoef,
}
LABELS_OF_TWO: dict[str, Score] = {
    **LABELS,
    "f1": partial(theirs.f1_score, zero_division=0),
    "qwk": partial(theirs.cohen_kappa_score, weights="quadratic", labels=[0, 1]),
}
SEVERAL_LABELS: dict[str, Score] = {
    "f1": partial(theirs.f1_score, average="macro", zero_division=0),
    "f1_macro": partial(theirs.f1_score, average="macro", zero_division=0),
    "f1_micro": partial(theirs.f1_score, average="micro", zero_division=0),
    "f1_weighted": partial(theirs.f1_score, average="weighted", zero_division=0),
}
TESTED = {*VALUES, *OF_TWO, *OF_MANY, *LABELS, *LABELS_OF_TWO, "rmsle", "smape", "ndcg"}

seeds = st.integers(0, 2**32 - 1)


def weight_of(rng: np.random.Generator, n_rows: int) -> Floats | None:
    """Return weights, or none."""
    return rng.uniform(0.1, 3.0, n_rows) if rng.random() < 0.5 else None


def shares(rng: np.random.Generator, n_rows: int, n_classes: int) -> Floats:
    """Return probabilities with ties among them; [n] of class 1 for two classes."""
    drawn = rng.integers(1, 6, (n_rows, n_classes)).astype(float)
    drawn /= drawn.sum(axis=1, keepdims=True)
    return drawn[:, 1] if n_classes == 2 else drawn


def all_there(rng: np.random.Generator, n_rows: int, n_classes: int) -> Floats:
    """Return codes of classes, each there at least once."""
    codes = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)])
    return rng.permutation(codes).astype(float)


def test_each_metric_is_tested_here() -> None:
    assert {find_metric(name).name for name in TESTED} >= set(METRICS)


@pytest.mark.parametrize("name", VALUES)
@given(seed=seeds)
def test_of_values(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(2, 30))
    target, prediction = np.round(rng.gamma(1.0, 5.0, (2, n_rows)), 1) + 0.1
    weight = weight_of(rng, n_rows)
    metric = find_metric(name)
    expected = VALUES[name](target, prediction, sample_weight=weight)
    assert metric.score(Truth(target, weight), prediction) == pytest.approx(expected, rel=1e-12)


@given(seed=seeds)
def test_deviances_of_targets_of_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, prediction = rng.poisson(0.5, 9) * 1.0, rng.gamma(1.0, 1.0, 9) + 1e-3
    for name in ("poisson", "tweedie@1.5"):
        expected = VALUES[name](target, prediction)
        assert find_metric(name).score(target, prediction) == pytest.approx(expected, rel=1e-12)


@given(seed=seeds)
def test_rmsle_with_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    metric = find_metric("rmsle")
    (target, prediction), weight = rng.gamma(1.0, 5.0, (2, 9)), rng.uniform(0.1, 3.0, 9)
    expected = theirs.root_mean_squared_log_error(target, prediction, sample_weight=weight)
    truth = Truth(metric.scale.forward(target), weight)
    assert metric.score(truth, metric.scale.forward(prediction)) == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("name", OF_TWO)
@given(seed=seeds)
@settings(max_examples=40)
def test_of_probabilities(name: str, n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(n_classes, 30))
    target, weight = all_there(rng, n_rows, n_classes), weight_of(rng, n_rows)
    prediction = shares(rng, n_rows, n_classes)
    score = (OF_TWO if n_classes == 2 else OF_MANY)[name]
    expected = score(target, prediction, sample_weight=weight)
    found = find_metric(name).score(Truth(target, weight), prediction)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", [*OF_TWO])
@given(seed=seeds)
@settings(max_examples=40)
def test_several_labels_have_the_mean_of_their_columns(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = np.column_stack([all_there(rng, 12, 2) for _ in range(3)])
    prediction, weight = rng.uniform(0, 1, (12, 3)), weight_of(rng, 12)
    metric = find_metric(name)
    expected = np.mean(
        [OF_TWO[name](target[:, k], prediction[:, k], sample_weight=weight) for k in range(3)]
    )
    assert metric.score(Truth(target, weight), prediction) == pytest.approx(expected, rel=1e-9)
    if name == "log_loss":
        flat = theirs.log_loss(target.ravel(), prediction.ravel())
        assert metric.score(target, prediction) == pytest.approx(flat)
    if name in ("auc", "average_precision"):
        assert metric.score(target, prediction) == pytest.approx(
            OF_TWO[name](target, prediction, average="macro")
        )


def test_a_label_that_no_row_has_is_left_out_of_the_mean() -> None:
    target = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    prediction = np.array([[0.1, 0.3], [0.9, 0.2], [0.2, 0.1]])
    assert find_metric("auc").score(target, prediction) == 1.0
    assert math.isnan(find_metric("auc").score(target[:, 1], prediction[:, 1]))


@pytest.mark.parametrize("name", LABELS_OF_TWO)
@pytest.mark.filterwarnings("ignore")
@given(seed=seeds)
@settings(max_examples=60)
def test_of_labels(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_classes = 2 if name in ("f1", "qwk") else int(rng.integers(2, 6))
    target, labels = rng.integers(0, n_classes, (2, int(rng.integers(1, 20))))
    weight = weight_of(rng, len(target))
    expected = LABELS_OF_TWO[name](target, labels, sample_weight=weight)
    found = find_metric(name).score_labels(Truth(target, weight), labels)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@given(seed=seeds)
@pytest.mark.filterwarnings("ignore")
def test_kappa_of_steps_counts_steps_that_no_row_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, labels = rng.choice([0, 2, 5], (2, 10))
    expected = theirs.cohen_kappa_score(target, labels, weights="quadratic", labels=range(7))
    found = find_metric("qwk").score_labels(target, labels)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", SEVERAL_LABELS)
@given(seed=seeds)
@settings(max_examples=40)
def test_f1_of_several_labels(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, labels = rng.integers(0, 2, (2, 8, 4))
    weight = weight_of(rng, 8)
    expected = SEVERAL_LABELS[name](target, labels, sample_weight=weight)
    metric = find_metric(name)
    assert metric.score_labels(Truth(target, weight), labels) == pytest.approx(expected, rel=1e-9)
    # Probabilities above one half are labels.
    prediction = np.where(labels == 1, 0.7, 0.5)
    assert metric.score(Truth(target, weight), prediction) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["accuracy", "mcc", "balanced_accuracy"])
def test_other_metrics_of_several_labels_are_the_mean_of_their_columns(name: str) -> None:
    rng = np.random.default_rng(3)
    target, labels = rng.integers(0, 2, (2, 30, 4))
    expected = np.mean([LABELS[name](target[:, k], labels[:, k]) for k in range(4)])
    assert find_metric(name).score_labels(target, labels) == pytest.approx(expected)


@given(seed=seeds)
def test_smape_is_the_naive_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, prediction = rng.integers(-3, 4, (2, 8)).astype(float)
    errors = [
        0.0 if t == p == 0 else 200 * abs(t - p) / (abs(t) + abs(p))
        for t, p in zip(target, prediction, strict=True)
    ]
    assert find_metric("smape").score(target, prediction) == pytest.approx(np.mean(errors))


@pytest.mark.parametrize("count", [1, 3, 8])
@given(seed=seeds)
def test_map_at_k_is_the_naive_loops(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, prediction = rng.integers(0, 5, 9), shares(rng, 9, 5)
    weight = weight_of(rng, 9)
    gains = []
    for true, row in zip(target, prediction, strict=True):
        ranking = sorted(range(5), key=lambda code: (-row[code], code))[:count]
        gains.append(1 / (ranking.index(true) + 1) if true in ranking else 0.0)
    metric = find_metric(f"map@{count}")
    assert metric.needs is Prediction.RANKED_LABELS
    found = metric.score(Truth(target, weight), prediction)
    assert found == pytest.approx(np.average(gains, weights=weight))


def test_map_at_one_of_two_classes_is_accuracy() -> None:
    prediction, target = np.array([0.2, 0.5, 0.6, 0.9]), np.array([0.0, 0.0, 0.0, 1.0])
    assert find_metric("map@1").score(target, prediction) == 0.75
    assert ranked_classes(prediction, 2).tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]


def test_a_label_that_is_not_ranked_counts_for_nothing() -> None:
    prediction, target = np.array([[2.0, -1.0, 1.0], [2.0, -1.0, -1.0]]), np.array([2.0, 1.0])
    assert find_metric("map@3").score(target, prediction) == 0.25


@pytest.mark.parametrize("count", [None, 1, 3, 50])
@given(seed=seeds)
def test_ndcg_is_scikit_learns_query_by_query(count: int | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, 5)
    names = rng.permutation(["b", "a", "zz", "c", "d"])
    query, order = np.repeat(names, sizes), rng.permutation(sizes.sum())
    target, scores = rng.integers(0, 4, (2, len(query))).astype(float)
    query, weights = query[order], dict(zip(names, rng.uniform(0.1, 3, 5), strict=True))
    expected = [
        theirs.ndcg_score([target[query == name]], [scores[query == name]], k=count)
        for name in names
    ]
    metric = find_metric("ndcg" if count is None else f"ndcg@{count}")
    found = metric.score(Truth(target, query=query), scores)
    assert found == pytest.approx(np.mean(expected))
    weight = np.array([weights[name] for name in query])
    found = metric.score(Truth(target, weight, query), scores)
    wanted = np.average(expected, weights=[weights[name] for name in names])
    assert found == pytest.approx(wanted)


def test_ndcg_without_queries_ranks_all_rows() -> None:
    target, scores = np.array([3.0, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])
    assert find_metric("ndcg").score(target, scores) == theirs.ndcg_score([target], [scores])


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_perfect_prediction_is_the_best(metric: Metric) -> None:
    target = np.array([0.0, 1.0, 1.0, 0.0, 1.0]) + (metric.needs is Prediction.VALUE)
    perfect = metric.score(target, target)
    worse = metric.score(target, np.where(target == target.max(), target.min(), target.max()))
    assert metric.better(perfect, than=worse)
