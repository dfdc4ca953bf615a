"""The ways to blend: exact weights of each loss, means, selection, search, stacking."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import gmean, rankdata
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from comps.base import Array, Metric, Truth, UsageError
from comps.metrics import ACCURACY, LOG_LOSS, MEAN_ABSOLUTE_ERROR, RMSLE, ROC_AUC, find_metric
from ensembles import METHODS, Sample
from ensembles.choice import difference_error
from ensembles.diversity import error_correlations
from ensembles.greedy import greedy_weights
from ensembles.log_loss_weights import log_loss_weights
from ensembles.methods import methods_for
from ensembles.sample import LARGE, Columns, stack
from ensembles.scorers import AucScorer, LogLossScorer
from ensembles.search import nelder_mead_weights, random_weights
from ensembles.weights import absolute_error_weights, squared_error_weights

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)


def binary(seed: int, n_rows: int = 200, n_members: int = 4) -> Sample:
    """Return probabilities of members that know something."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n_rows)
    target = (rng.random(n_rows) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    target[:2] = 0.0, 1.0
    slopes, noise = rng.uniform(0.2, 1.5, n_members), rng.uniform(0.3, 1.5, n_members)
    odds = truth[:, None] * slopes + rng.normal(size=(n_rows, n_members)) * noise
    return Sample(1 / (1 + np.exp(-odds)), target)


def classes(seed: int, n_rows: int = 150, n_members: int = 3) -> Sample:
    """Return probabilities of three classes."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_rows) % 3
    shares = rng.dirichlet(np.ones(3), (n_rows, n_members))
    knows = rng.uniform(0.1, 0.9, n_members)[:, None]
    return Sample(shares * (1 - knows) + np.eye(3)[codes][:, None] * knows, codes.astype(float))


def values(seed: int, n_rows: int = 120, n_members: int = 4) -> Sample:
    """Return positive values with errors of different sizes."""
    rng = np.random.default_rng(seed)
    target = rng.uniform(5, 9, n_rows)
    errors = rng.normal(0, rng.uniform(0.2, 1.0, n_members), (n_rows, n_members))
    return Sample(target[:, None] + errors + rng.normal(0, 0.3, (n_rows, 1)), target)


def simplex(n_members: int, seed: int = 0) -> Floats:
    """Return weights, dense and sparse, the corners among them."""
    rng = np.random.default_rng(seed)
    drawn = [rng.dirichlet(np.full(n_members, alpha), 100) for alpha in (0.2, 1.0)]
    return np.vstack([np.eye(n_members), *drawn])


# Exact weights


def mean_loss(name: str, sample: Sample, weights: Floats) -> float:
    blend = np.tensordot(sample.predictions, weights, axes=(1, 0))
    if name == "absolute":
        return float(np.abs(blend - sample.target).mean())
    if name == "squared":
        return float(np.square(blend - sample.target).mean())
    both = blend if blend.ndim == 2 else np.column_stack([1 - blend, blend])
    true = both[np.arange(len(both)), sample.target.astype(int)]
    return float(-np.log(np.maximum(true, 1e-15)).mean())


EXACT = {
    "log loss": (log_loss_weights, binary),
    "log loss of classes": (log_loss_weights, classes),
    "absolute": (absolute_error_weights, values),
    "squared": (squared_error_weights, values),
}


@pytest.mark.parametrize("name", EXACT)
@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_no_other_weights_are_better_by_more_than_the_gap(name: str, seed: int) -> None:
    solve, draw = EXACT[name]
    sample = draw(seed)
    found = solve(sample)
    assert (found.weights >= 0).all() and found.weights.sum() == pytest.approx(1.0)
    assert found.loss == pytest.approx(mean_loss(name, sample, found.weights), rel=1e-6)
    assert 0 <= found.gap < 1e-9
    for other in simplex(sample.n_members, seed):
        assert mean_loss(name, sample, other) >= found.loss - 1e-7


@pytest.mark.parametrize("name", EXACT)
def test_rows_that_do_not_count_are_left_out(name: str) -> None:
    solve, draw = EXACT[name]
    sample = draw(1)
    rows = np.random.default_rng(0).random(len(sample.target)) < 0.6
    found = solve(sample.only(rows))
    alone = solve(Sample(sample.predictions[rows], sample.target[rows]))
    np.testing.assert_allclose(found.weights, alone.weights, atol=1e-6)
    assert found.loss == pytest.approx(alone.loss)


def test_log_loss_weights_are_those_of_a_general_solver() -> None:
    sample = binary(3, n_rows=500)

    def loss(weights: Floats) -> float:
        blend = sample.predictions @ weights
        return -float(np.mean(np.log(np.where(sample.target == 1, blend, 1 - blend))))

    general = minimize(
        loss,
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(log_loss_weights(sample).weights, general.x, atol=1e-4)


@pytest.mark.slow
@given(seed=SEEDS, worst=st.sampled_from([0.0, 1e-15, 1e-6, 1e-2]))
@settings(max_examples=40, deadline=None)
def test_no_step_of_the_log_loss_weights_makes_the_loss_worse(seed: int, worst: float) -> None:
    """Members are sure, and now and then wrong: the quadratic model says little there."""
    rng = np.random.default_rng(seed)
    target = (rng.random(40) < 0.5).astype(np.float64)
    right = np.where(rng.random((40, 4)) < 0.9, 1 - worst, worst)
    sample = Sample(np.where(target[:, None] == 1, right, 1 - right), target)
    losses = [log_loss_weights(sample, most_steps=steps).loss for steps in range(12)]
    assert (np.diff(losses) <= 1e-12).all()
    equal = LOG_LOSS.score(target, sample.predictions.mean(axis=1))
    assert losses[0] == pytest.approx(equal, rel=1e-6)


@pytest.mark.parametrize("seed", [51, 141, 360, 566, 1346])
def test_a_whole_newton_step_that_would_make_the_loss_worse_is_shortened(seed: int) -> None:
    """Of one in a hundred such problems, a whole step would make it worse by a few percent."""
    rng = np.random.default_rng(seed)
    n_rows, n_members = rng.integers(2, 30), rng.integers(2, 5)
    sure = 10.0 ** rng.uniform(-rng.choice([1, 3, 8]), 0, (n_rows, n_members))
    sample = Sample(sure, np.ones(n_rows))
    losses = [log_loss_weights(sample, most_steps=steps).loss for steps in range(8)]
    assert (np.diff(losses) <= 1e-12).all()


def test_a_few_newton_steps_are_enough() -> None:
    assert log_loss_weights(binary(8, n_rows=2000), most_steps=8).gap < 1e-9


def test_of_many_rows_the_optimum_is_that_of_all() -> None:
    sample = binary(5, n_rows=30_000, n_members=6)
    found = log_loss_weights(sample)
    assert found.gap < 1e-9
    # In one block and without a first solution on some of the rows.
    blocks = list(sample.blocks())
    assert sum(len(target) for _, target in blocks) == 30_000
    for other in simplex(6):
        assert mean_loss("log loss", sample, 0.99 * found.weights + 0.01 * other) >= found.loss


def test_members_that_are_sure_and_wrong_get_finite_weights() -> None:
    target = np.array([0.0, 1.0] * 20)
    wrong = np.where(np.arange(40) == 7, 1 - target, target)
    sample = Sample(np.column_stack([wrong, np.full(40, 0.5)]), target)
    found = log_loss_weights(sample)
    assert np.isfinite(found.weights).all() and 0 < found.weights[0] < 1


def test_equal_members_share_their_weight() -> None:
    sample = binary(2)
    twins = Sample(np.repeat(sample.predictions, 2, axis=1), sample.target)
    assert log_loss_weights(twins).loss == pytest.approx(log_loss_weights(sample).loss, abs=1e-9)


def test_much_is_kept_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [np.full(10, 0.1), np.full(10, 0.2)]
    np.testing.assert_array_equal(stack(iter(members), 2), np.column_stack(members))
    assert stack(members, 2).dtype == np.float64
    monkeypatch.setattr("ensembles.sample.LARGE", 100)
    assert LARGE > 100
    assert stack(members, 2).dtype == np.float32


# Which suit


ALWAYS = ["equal", "geometric", "top", "best", "greedy", "greedy-bagged", "lightgbm"]
SEARCHES = ["nelder-mead", "random"]


@pytest.mark.parametrize(
    ("metric", "columns", "others", "auto"),
    [
        (RMSLE, Columns.ONE, ["convex", "ridge"], "equal top best convex ridge"),
        (
            LOG_LOSS,
            Columns.ONE,
            ["logit", "convex", "logistic"],
            "equal logit top best convex logistic",
        ),
        (
            ROC_AUC,
            Columns.ONE,
            ["logit", "rank", "convex", "logistic"],
            "equal logit top best convex logistic",
        ),
        (
            ACCURACY,
            Columns.CLASSES,
            ["convex", "convex-by-class", "logistic"],
            "equal geometric top best convex convex-by-class logistic",
        ),
        (
            replace(ACCURACY, loss=None),
            Columns.CLASSES,
            ["logistic"],
            "equal geometric top best greedy logistic",
        ),
    ],
    ids=["values", "two classes", "order", "classes", "no loss"],
)
def test_methods_suit_what_they_can_be_fitted_on(
    metric: Metric, columns: Columns, others: list[str], auto: str
) -> None:
    suiting = [name for name, method in METHODS.items() if method.suits(metric, columns)]
    assert sorted(suiting) == sorted([*ALWAYS, *SEARCHES, *others])
    assert methods_for(metric, columns) == auto.split()
    sample = (
        classes(0) if columns is Columns.CLASSES else values(0) if metric is RMSLE else binary(0)
    )
    for name in auto.split():
        predicted = METHODS[name].fit(sample, metric).predict(sample.predictions)
        assert predicted.shape == (len(sample.target), *sample.predictions.shape[2:])


# Means


def test_means_are_those_of_the_books() -> None:
    two, three, sample = binary(4), classes(4), values(4)
    logits = np.log(two.predictions / (1 - two.predictions)).mean(axis=1)
    found = METHODS["logit"].fit(two, ROC_AUC).predict(two.predictions)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)))

    found = METHODS["geometric"].fit(three, ACCURACY).predict(three.predictions)
    pool = gmean(three.predictions, axis=1)
    np.testing.assert_allclose(found, pool / pool.sum(axis=1, keepdims=True), rtol=1e-6)

    found = METHODS["geometric"].fit(sample, RMSLE).predict(sample.predictions)
    np.testing.assert_allclose(found, gmean(sample.predictions, axis=1))

    found = METHODS["rank"].fit(two, ROC_AUC).predict(two.predictions)
    ranks = np.mean([rankdata(member) - 0.5 for member in two.predictions.T], axis=0)
    np.testing.assert_allclose(found, ranks / len(two.target))


def test_of_two_classes_the_geometric_mean_is_that_of_the_odds() -> None:
    one = binary(6)
    both = Sample(np.stack([1 - one.predictions, one.predictions], axis=2), one.target)
    geometric = METHODS["geometric"].fit(both, ACCURACY).predict(both.predictions)[:, 1]
    logit = METHODS["logit"].fit(one, ROC_AUC).predict(one.predictions)
    np.testing.assert_allclose(geometric, logit, rtol=1e-6)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_rank_of_a_row_hangs_on_no_other_new_row(seed: int) -> None:
    fitted = METHODS["rank"].fit(binary(seed), ROC_AUC)
    new = binary(seed + 1).predictions
    together = fitted.predict(new)
    alone = [fitted.predict(new[row : row + 1])[0] for row in range(5)]
    np.testing.assert_array_equal(together[:5], alone)
    assert (together >= 0).all() and (together <= 1).all()


def test_the_top_are_those_that_cannot_be_told_from_the_best() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(0, 1, 400)
    good = target[:, None] + rng.normal(0, 0.5, (400, 3))
    bad = target[:, None] + rng.normal(0, 3.0, (400, 2))
    weights = METHODS["top"].fit(Sample(np.hstack([good, bad]), target), RMSLE).weights
    assert (weights[3:] == 0).all() and weights[:3].max() in (1.0, 1 / 2, 1 / 3)
    same = Sample(np.repeat(good[:, :1], 4, axis=1), target)
    np.testing.assert_allclose(METHODS["top"].fit(same, RMSLE).weights, 0.25)


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_top_are_within_two_standard_errors_of_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 1, 80)
    shared = target + rng.normal(0, 0.5, 80)
    predictions = shared[:, None] + rng.normal(0, np.linspace(0.0, 0.5, 6), (80, 6))
    scores = [MEAN_ABSOLUTE_ERROR.score(target, one) for one in predictions.T]
    best = predictions[:, int(np.argmin(scores))]
    kept = [
        score - min(scores) <= 2 * difference_error(MEAN_ABSOLUTE_ERROR, target, best, one)
        for score, one in zip(scores, predictions.T, strict=True)
    ]
    found = METHODS["top"].fit(Sample(predictions, target), MEAN_ABSOLUTE_ERROR).weights
    np.testing.assert_allclose(found, np.array(kept) / sum(kept))


def test_certain_probabilities_have_finite_odds() -> None:
    rows = np.array([[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [1.0, 0.0]])
    found = METHODS["logit"].fit(Sample(rows, np.array([0.0, 1.0, 1.0, 1.0])), ROC_AUC)
    chances = found.predict(rows)
    # Odds of 2 to the power of 52, and their square root.
    assert chances[:2] == pytest.approx([2.0**-26, 1 - 2.0**-26])
    assert chances[2] == pytest.approx(1.0) and chances[3] == pytest.approx(0.5)


def test_members_that_are_certain_in_single_precision_outweigh_no_others() -> None:
    rows = np.array([[0.0, 0.5], [1.0, 0.5], [1.0, 0.0]])
    two = METHODS["logit"].fit(Sample(rows, np.array([0.0, 1.0, 1.0])), ROC_AUC)
    np.testing.assert_allclose(two.predict(rows.astype(np.float32)), two.predict(rows))
    shares = np.stack([1 - rows, rows], axis=2)
    for method in ("logit", "geometric"):
        whole = METHODS[method].fit(Sample(shares, np.array([0.0, 1.0, 1.0])), ACCURACY)
        np.testing.assert_allclose(whole.predict(shares.astype(np.float32)), whole.predict(shares))


# Selection


@given(seed=SEEDS, decimals=st.integers(1, 8), share=st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_the_area_under_the_curve_is_that_of_scikit_learn(
    seed: int, decimals: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    target = (rng.random(80) < share).astype(np.float64)
    target[:2] = 0.0, 1.0
    scores = np.round(rng.random(80) + 0.3 * target, decimals)
    expected = roc_auc_score(target, scores)
    assert AucScorer(target)(scores) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
@given(seed=st.integers(0, 10**6))
def test_the_log_loss_is_that_of_scikit_learn(n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_classes, size=30).astype(float)
    rows = np.round(rng.dirichlet(np.full(n_classes, 0.3), 30), 1)
    rows[rows.sum(axis=1) == 0] = 1.0
    rows /= rows.sum(axis=1, keepdims=True)
    probabilities = rows[:, 1] if n_classes == 2 else rows
    found = LogLossScorer(codes)(probabilities)
    assert found == pytest.approx(LOG_LOSS.score(codes, probabilities), rel=1e-12)


def test_the_area_of_one_class_is_none() -> None:
    assert np.isnan(AucScorer(np.ones(4))(np.arange(4.0)))


def plain_greedy(sample: Sample, rounds: int) -> Floats:
    """Select by scikit-learn's AUC, the plain way."""
    chosen: list[int] = []
    moments = []
    for _ in range(rounds):
        scores = [
            roc_auc_score(sample.target, sample.predictions[:, [*chosen, number]].mean(axis=1))
            for number in range(sample.n_members)
        ]
        equal = [n for n, score in enumerate(scores) if max(scores) - score <= 1e-12]
        chosen.append(next((number for number in equal if number in chosen), equal[0]))
        moments.append((max(scores), list(chosen)))
    best = max(score for score, _ in moments)
    members = next(chosen for score, chosen in moments if best - score <= 1e-12)
    return np.bincount(members, minlength=sample.n_members) / len(members)


@pytest.mark.slow
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_greedy_selection_is_the_plain_one(seed: int) -> None:
    sample = binary(seed, n_rows=100, n_members=6)
    found = greedy_weights(sample, ROC_AUC, rounds=10)
    np.testing.assert_allclose(found, plain_greedy(sample, 10))


def test_bags_choose_among_some_of_the_members_and_repeat_themselves() -> None:
    sample = binary(1, n_members=8)
    one, other = (greedy_weights(sample, ROC_AUC, bags=10, share=0.25, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.sum() == pytest.approx(1.0) and (one >= 0).all()
    # Of two members at a time, no ensemble can hold more; ten of them hold more than one does.
    single = greedy_weights(sample, ROC_AUC, bags=2, share=1 / 8, seed=3)
    assert (single > 0).sum() <= 2 < (one > 0).sum()


def test_bags_of_all_members_are_the_selection_without_bags() -> None:
    sample = binary(2, n_members=5)
    alone = greedy_weights(sample, ROC_AUC)
    np.testing.assert_allclose(greedy_weights(sample, ROC_AUC, bags=3, share=1.0), alone)


@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_bags_are_the_mean_of_selections_among_some_members(seed: int) -> None:
    sample = binary(seed, n_rows=60, n_members=5)
    rng = np.random.default_rng(4)
    wanted = np.zeros((3, 5))
    for bag in range(3):
        some = np.sort(rng.choice(5, 2, replace=False))
        wanted[bag, some] = plain_greedy(sample.of(some.tolist()), 4)
    found = greedy_weights(sample, ROC_AUC, rounds=4, bags=3, share=0.4, seed=4)
    np.testing.assert_allclose(found, wanted.mean(axis=0))


# Search


def test_a_random_search_begins_with_equal_weights() -> None:
    np.testing.assert_allclose(random_weights(binary(0), LOG_LOSS, draws=1), 0.25)


def test_a_random_search_without_a_score_ends_with_equal_weights() -> None:
    sample = binary(0)
    one_class = Sample(sample.predictions, np.ones_like(np.asarray(sample.target)))
    np.testing.assert_allclose(random_weights(one_class, ROC_AUC, draws=20), 0.25)


@pytest.mark.parametrize("search", [nelder_mead_weights, random_weights])
def test_a_search_ends_between_equal_weights_and_the_optimum(search) -> None:
    sample = binary(7, n_rows=400)
    weights = search(sample, LOG_LOSS)
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1.0)
    exact = log_loss_weights(sample)
    found = mean_loss("log loss", sample, weights)
    equal = mean_loss("log loss", sample, np.full(4, 0.25))
    assert exact.loss - 1e-9 <= found < equal
    # The book's searches come close where members are few.
    assert found - exact.loss < 0.2 * (equal - exact.loss)


# Weights by class


def test_weights_by_class_serve_members_that_know_one_class_each() -> None:
    rng = np.random.default_rng(0)
    codes = np.arange(300) % 3
    knows = np.full((300, 3, 3), 1 / 3)
    for number in range(3):
        right = codes == number
        sure = rng.uniform(0.6, 0.95, 300)
        knows[:, number, number] = np.where(right, sure, (1 - sure))
        others = [code for code in range(3) if code != number]
        knows[:, number, others] = (1 - knows[:, number, number])[:, None] / 2
    sample = Sample(knows, codes.astype(float))
    by_class = METHODS["convex-by-class"].fit(sample, LOG_LOSS)
    convex = METHODS["convex"].fit(sample, LOG_LOSS)
    scores = [LOG_LOSS.score(sample.target, fit.predict(knows)) for fit in (by_class, convex)]
    assert scores[0] < scores[1]
    assert by_class.weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(by_class.predict(knows).sum(axis=1), 1.0)


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_weights_of_a_class_are_the_best_for_it_against_all_others(seed: int) -> None:
    sample = classes(seed)
    rows = np.random.default_rng(seed).random(len(sample.target)) < 0.7
    by_class = METHODS["convex-by-class"].fit(sample.only(rows), LOG_LOSS).by_class
    for code in range(3):
        of_class = sample.predictions[rows][:, :, code]
        is_class = (sample.target[rows] == code).astype(float)
        found = LOG_LOSS.score(is_class, of_class @ by_class[:, code])
        others = [LOG_LOSS.score(is_class, of_class @ weights) for weights in simplex(3, seed)]
        assert found <= min(others) + 1e-9


# Stacking


def test_a_stack_finds_what_no_weighted_mean_can() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(0, 1, 300)
    shrunk = 0.5 * target[:, None] + rng.normal(0, 0.05, (300, 2))
    sample = Sample(shrunk, target)
    ridge, convex = (METHODS[name].fit(sample, RMSLE) for name in ("ridge", "convex"))
    assert RMSLE.score(target, ridge.predict(shrunk)) < 0.3 * RMSLE.score(
        target, convex.predict(shrunk)
    )


def test_overconfident_members_are_put_right_by_a_logistic_stack() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 2000)
    target = (rng.random(2000) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    sure = 1 / (1 + np.exp(-5 * truth))
    sample = Sample(np.column_stack([sure, sure]), target)
    found = METHODS["logistic"].fit(sample, LOG_LOSS)
    assert LOG_LOSS.score(target, found.predict(sample.predictions)) < 0.9 * LOG_LOSS.score(
        target, sure
    )
    np.testing.assert_allclose(found.weights, [0.5, 0.5], atol=1e-3)


def odds_of(probabilities: Floats) -> Floats:
    """Return log odds of members, side by side, which are at most 1 to 9,999."""
    inside = np.clip(probabilities, 1e-4, 1 - 1e-4)
    return np.log(inside / (1 - inside)).reshape(len(inside), -1)


@pytest.mark.parametrize("make", [binary, classes])
@pytest.mark.parametrize("sure", [0.0, 1e-7])
def test_a_logistic_stack_is_the_regression_on_standardised_odds(make: Any, sure: float) -> None:
    sample = make(5)
    sample.predictions[:3, 0] = sure
    sample.predictions[3:6, 0] = 1 - sure
    found = METHODS["logistic"].fit(sample, LOG_LOSS)
    odds = odds_of(sample.predictions)
    standard = (odds - odds.mean(axis=0)) / odds.std(axis=0)
    naive = LogisticRegression(max_iter=10_000).fit(standard, sample.target)
    wanted = naive.predict_proba(standard)
    wanted = wanted[:, 1] if make is binary else wanted
    np.testing.assert_allclose(found.predict(sample.predictions), wanted, atol=2e-4, strict=True)
    sizes = np.abs(naive.coef_).sum(axis=0).reshape(sample.n_members, -1).sum(axis=1)
    np.testing.assert_allclose(found.weights, sizes / sizes.sum(), atol=1e-3)


def leave_one_out_error(columns: Floats, target: Floats, penalty: float) -> float:
    """Return the mean squared error of each row, predicted by a ridge regression of the others."""
    errors = []
    for row in range(len(target)):
        others = np.arange(len(target)) != row
        fitted = Ridge(penalty).fit(columns[others], target[others])
        errors.append(float(fitted.predict(columns[[row]])[0] - target[row]) ** 2)
    return float(np.mean(errors))


@pytest.mark.parametrize("noise", [0.01, 0.3, 1.0, 3.0, 30.0])
def test_a_ridge_stack_chooses_the_power_of_ten_by_leaving_out_rows(noise: float) -> None:
    rng = np.random.default_rng(2)
    target = rng.normal(0, 1, 30)
    members = target[:, None] + noise * rng.normal(0, 1, (30, 4))
    found = METHODS["ridge"].fit(Sample(members, target), RMSLE)
    standard = (members - members.mean(axis=0)) / members.std(axis=0)
    penalties = [0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0]
    errors = [leave_one_out_error(standard, target, penalty) for penalty in penalties]
    naive = Ridge(penalties[int(np.argmin(errors))]).fit(standard, target)
    np.testing.assert_allclose(found.predict(members), naive.predict(standard), rtol=1e-6)
    sizes = np.abs(naive.coef_)
    np.testing.assert_allclose(found.weights, sizes / sizes.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "metric"), [(binary, LOG_LOSS), (classes, LOG_LOSS), (values, RMSLE)]
)
def test_lightgbm_stacks_as_many_columns_as_there_are(make: Any, metric: Metric) -> None:
    sample = make(3)
    found = METHODS["lightgbm"].fit(sample, metric)
    predicted = found.predict(sample.predictions)
    assert predicted.shape == (len(sample.target), *sample.predictions.shape[2:])
    assert found.weights.shape == (sample.n_members,)
    assert found.weights.sum() == pytest.approx(1.0)
    # It learns something: no constant is as good on the rows that it saw.
    constant = np.broadcast_to(
        np.eye(3)[sample.target.astype(int)].mean(axis=0)
        if make is classes
        else sample.target.mean(),
        predicted.shape,
    )
    assert metric.better(
        metric.score(sample.target, predicted), than=metric.score(sample.target, constant)
    )


def test_lightgbm_stacks_the_same_twice() -> None:
    sample = classes(3)
    one, other = (
        METHODS["lightgbm"].fit(sample, LOG_LOSS).predict(sample.predictions) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["ridge", "lightgbm"])
def test_a_stack_of_members_that_say_nothing_shares_its_weights_evenly(method: str) -> None:
    constant = Sample(np.ones((40, 3)), np.linspace(0, 1, 40))
    found = METHODS[method].fit(constant, RMSLE)
    np.testing.assert_allclose(found.weights, 1 / 3)
    np.testing.assert_allclose(found.predict(constant.predictions), 0.5)


# Which are tried


@pytest.mark.parametrize(
    ("metric", "columns", "expected"),
    [
        (RMSLE, Columns.ONE, "equal top best convex ridge"),
        (MEAN_ABSOLUTE_ERROR, Columns.ONE, "equal top best convex ridge"),
        (ROC_AUC, Columns.ONE, "equal logit top best convex logistic"),
        (LOG_LOSS, Columns.ONE, "equal logit top best convex logistic"),
        (LOG_LOSS, Columns.CLASSES, "equal geometric top best convex convex-by-class logistic"),
        (ACCURACY, Columns.CLASSES, "equal geometric top best convex convex-by-class logistic"),
        (replace(ACCURACY, loss=None), Columns.CLASSES, "equal geometric top best greedy logistic"),
        (replace(RMSLE, loss=None), Columns.ONE, "equal top best greedy ridge"),
    ],
)
def test_what_is_tried_where_no_method_is_named(
    metric: Metric, columns: Columns, expected: str
) -> None:
    assert methods_for(metric, columns) == expected.split()


def test_ranks_are_for_metrics_of_the_order_of_rows() -> None:
    suits = METHODS["rank"].suits
    assert suits(ROC_AUC, Columns.ONE)
    assert not suits(ROC_AUC, Columns.CLASSES) and not suits(LOG_LOSS, Columns.ONE)


# Diversity


def test_errors_go_together_as_their_correlation_says() -> None:
    rng = np.random.default_rng(0)
    target, shared = rng.normal(0, 1, 2000), rng.normal(0, 1, 2000)
    members = np.column_stack([target + shared, target + shared, target + rng.normal(0, 1, 2000)])
    found = error_correlations(Sample(members, target), MEAN_ABSOLUTE_ERROR)
    assert found[0, 1] == pytest.approx(1.0) and abs(found[0, 2]) < 0.1
    assert error_correlations(binary(0), ROC_AUC).shape == (4, 4)
    assert error_correlations(classes(0), ACCURACY).shape == (3, 3)


@pytest.mark.parametrize(
    ("draw", "metric"), [(binary, ROC_AUC), (classes, LOG_LOSS), (values, RMSLE)]
)
def test_the_error_of_a_class_is_what_its_probability_lacks_to_one(draw, metric: Metric) -> None:
    sample = draw(5)
    rows = np.arange(len(sample.target))
    if draw is values:
        errors = sample.predictions - sample.target[:, None]
    elif draw is binary:
        errors = np.where(sample.target[:, None] == 1, 1 - sample.predictions, sample.predictions)
    else:
        errors = 1 - sample.predictions[rows, :, sample.target.astype(int)]
    found = error_correlations(sample, metric)
    for one, other in itertools.product(range(sample.n_members), repeat=2):
        wanted = np.corrcoef(errors[:, one], errors[:, other])[0, 1]
        assert found[one, other] == pytest.approx(wanted)


def test_a_method_needs_numbers_that_it_can_use() -> None:
    negative = Sample(np.array([[-1.0, 2.0], [1.0, 2.0]]), np.array([1.0, 2.0]))
    with pytest.raises(UsageError, match="positive"):
        METHODS["geometric"].fit(negative, RMSLE)


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_a_stack_of_rows_that_lack_a_class_knows_of_it(name: str) -> None:
    rng = np.random.default_rng(0)
    three = rng.dirichlet(np.ones(3), (60, 2))
    sample = Sample(three, rng.integers(2, size=60).astype(float) * 2)
    found = METHODS[name].fit(sample, LOG_LOSS).predict(three)
    assert found.shape == (60, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, 1] < found[:, [0, 2]].min(axis=1)).all()


@pytest.mark.parametrize("name", ["logistic", "lightgbm", "top", "greedy", "best"])
@pytest.mark.parametrize("metric", [LOG_LOSS, ROC_AUC], ids=["log loss", "area"])
@pytest.mark.parametrize("positives", [0, 1])
def test_rows_of_one_class_or_nearly_so_are_blended(
    name: str, metric: Metric, positives: int
) -> None:
    predictions = np.random.default_rng(0).uniform(size=(30, 3))
    if not METHODS[name].suits(metric, Columns.ONE):
        return
    target = (np.arange(30) < positives).astype(np.float64)
    fitted = METHODS[name].fit(Sample(predictions, target), metric)
    found = fitted.predict(predictions)
    assert found.shape == (30,) and np.isfinite(found).all()


def test_an_error_of_rows_in_groups_does_not_fall_with_the_rows_of_a_group() -> None:
    group = np.repeat(np.arange(30), 10_000)
    shift = np.random.default_rng(0).normal(size=30)[group]
    target, zero = np.zeros(len(group)), np.zeros(len(group))
    one = 1 + shift / 10
    found = difference_error(MEAN_ABSOLUTE_ERROR, target, one, zero + 1, group)
    few = np.arange(30) * 10_000
    few_rows = (values[few] for values in (target, one, zero + 1, group))
    expected = difference_error(MEAN_ABSOLUTE_ERROR, *few_rows)
    assert found == pytest.approx(expected, rel=0.05)


def test_of_very_many_rows_in_queries_an_error_is_that_of_some_whole_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    query = rng.permutation(np.repeat(np.arange(900), 10))
    gain = rng.integers(0, 4, 9000).astype(np.float64)
    one, other = (gain + rng.normal(0, noise, 9000) for noise in (1.0, 1.5))
    ndcg, seen = find_metric("ndcg"), []

    def score(target: Array, scores: Array, query: Array) -> float:
        seen.append(query)
        return ndcg.function(target, scores, query=query)

    metric = replace(ndcg, function=score, weighted=False)
    of_all = difference_error(metric, Truth(gain, query=query), one, other)
    assert max(map(len, seen)) > 8000
    monkeypatch.setattr("ensembles.choice._ENOUGH_TOGETHER", 3000)
    seen.clear()
    found = difference_error(metric, Truth(gain, query=query), one, other)
    assert {tuple(np.unique(np.bincount(part)[np.unique(part)])) for part in seen} == {(10,)}
    assert 2500 < max(map(len, seen)) <= 3000
    assert found == pytest.approx(of_all, rel=0.5)
    # Of rows in groups, the variance is that of the rows that are used.
    grouped = difference_error(metric, Truth(gain, query=query), one, other, query % 30)
    assert grouped > 1.2 * of_all
