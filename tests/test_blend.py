"""Blending: who may be blended, and what a blend is honestly worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from comps.base import Loss, Metric, Prediction, UsageError
from comps.metrics import F1
from ensembles import METHODS, Sample, best_blend, blend, check_members
from ensembles.choice import choose, difference_error
from ensembles.diversity import marginal_values
from ensembles.left_out import Dependence, blocks_in_time
from ensembles.methods import parts_of
from ensembles.sample import Columns
from ensembles.weights import squared_error_weights
from pipelines import run
from pipelines.folds import Folds
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold
from tests.support import METRIC, kfold
from tests.tables import own, table, unseen

Floats = NDArray[np.float64]

N_ROWS, N_TEST = 60, 9
FOLDS = kfold(N_ROWS, n_folds=4)
# The share of hits: larger is better, and no loss to minimise.
HITS = Metric("hits", "hits", lambda target, value: float(np.mean(abs(target - value) < 0.5)), True)
# Probabilities of three classes.
LOG_LOSS = Metric(
    "neg_log_loss",
    "log loss",
    lambda target, shares: float(
        -np.log(np.maximum(shares[np.arange(len(target)), target.astype(int)], 1e-15)).mean()
    ),
    greater_is_better=False,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
)


# Of values, with the weighted means among them.
MEANS = ["equal", "best", "convex", "greedy"]
OF_VALUES = [name for name, method in METHODS.items() if method.suits(METRIC, Columns.ONE)]
OF_CLASSES = [name for name, method in METHODS.items() if method.suits(LOG_LOSS, Columns.CLASSES)]


def member(
    name: str, valid: Floats, test: Floats | None = None, folds: Folds = FOLDS, **changes: Any
) -> OutOfFold:
    """Return out-of-fold predictions; what blending does not look at is left empty."""
    oof = OutOfFold(
        model=name,
        key="key",
        score=0.0,
        fold_scores=np.zeros((1, folds.n_folds)),
        step=1,
        steps=np.array([1]),
        curve=np.zeros(1),
        valid=valid,
        covered=~np.isnan(valid).reshape(len(valid), -1).any(axis=1),
        test=np.zeros((N_TEST, *valid.shape[1:])) if test is None else test,
        fit_seconds=0.0,
        other_seconds=0.0,
        config={},
        train_ids=np.arange(len(valid)),
        test_ids=np.arange(N_TEST),
        data_fingerprint="data",
        folds_fingerprint=folds.fingerprint,
    )
    return replace(oof, **changes)


def some_members(
    seed: int, count: int = 3, uncovered: Sequence[int] = ()
) -> tuple[list[OutOfFold], Floats]:
    """Return members with errors of their own, and the target."""
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 1, N_ROWS)
    members = []
    for number in range(count):
        valid = target + rng.normal(rng.normal(0, 0.2), rng.uniform(0.3, 1.0), N_ROWS)
        valid[list(uncovered)] = np.nan
        members.append(member(f"model-{number}", valid, rng.normal(0, 1, N_TEST)))
    return members, target


# Who may be blended


def test_members_of_the_same_data_and_folds_are_accepted() -> None:
    check_members(some_members(0)[0])


def test_nothing_cannot_be_blended() -> None:
    with pytest.raises(UsageError, match="nothing to blend"):
        check_members([])


@pytest.mark.parametrize("what", ["data", "folds"])
def test_a_member_of_other_data_or_folds_is_refused_by_name(what: str) -> None:
    members, target = some_members(0)
    members[2] = replace(members[2], **{f"{what}_fingerprint": "other"})
    message = (
        f"'model-0' and 'model-2' cannot be blended: their {what} differ. "
        f"Train both on the same {what}"
    )
    with pytest.raises(UsageError, match=message):
        blend("equal", members, target, FOLDS, METRIC)


def test_a_member_that_predicts_other_rows_is_refused_by_name() -> None:
    members, target = some_members(0)
    valid = members[1].valid.copy()
    valid[5] = np.nan
    members[1] = member("gaps", valid)
    with pytest.raises(UsageError, match="'model-0' and 'gaps' .* different training rows"):
        blend("equal", members, target, FOLDS, METRIC)


def test_a_member_is_not_counted_twice() -> None:
    members, target = some_members(0)
    with pytest.raises(UsageError, match="named twice among the members: model-0, model-1, mod"):
        blend("equal", [*members, members[0]], target, FOLDS, METRIC)


def test_an_unknown_method_is_refused_with_those_that_there_are() -> None:
    members, target = some_members(0)
    with pytest.raises(UsageError, match="no method 'median'. Known: auto, equal, logit"):
        blend("median", members, target, FOLDS, METRIC)


def test_folds_that_are_not_those_of_the_members_are_refused() -> None:
    members, target = some_members(0)
    other = kfold(N_ROWS, n_folds=4, seed=1)
    assert other.fingerprint != FOLDS.fingerprint
    with pytest.raises(UsageError, match="folds"):
        blend("convex", members, target, other, METRIC)


# The scores


def naive_weights(method: str, predictions: Floats, target: Floats, metric: Metric) -> Floats:
    """Return the weights of a method, the plain way."""
    count = predictions.shape[1]
    if method == "equal":
        return np.full(count, 1 / count)
    if method == "convex":
        return squared_error_weights(Sample(predictions, target)).weights
    if method == "greedy":
        return naive_greedy(predictions, target, metric)
    scores = [metric.function(target, predictions[:, number]) for number in range(count)]
    chosen = max(scores) if metric.greater_is_better else min(scores)
    return np.eye(count)[scores.index(chosen)]


def naive_greedy(predictions: Floats, target: Floats, metric: Metric) -> Floats:
    """Add the member that helps most, 25 times; return the shares of the best moment."""
    count = predictions.shape[1]
    chosen: list[int] = []
    moments = []
    for _ in range(25):
        scores = [
            metric.function(target, predictions[:, [*chosen, number]].mean(axis=1))
            for number in range(count)
        ]
        best = max(scores) if metric.greater_is_better else min(scores)
        equal = [number for number in range(count) if abs(scores[number] - best) <= 1e-12]
        chosen.append(next((number for number in equal if number in chosen), equal[0]))
        moments.append((metric.sort_key(best), list(chosen)))
    # Of moments that rounding alone tells apart, the first.
    least = min(key for key, _ in moments)
    best_chosen = next(chosen for key, chosen in moments if key <= least + 1e-12)
    return np.bincount(best_chosen, minlength=count) / len(best_chosen)


def naive_honest_score(
    method: str, members: Sequence[OutOfFold], target: Floats, folds: Folds, metric: Metric
) -> float:
    """Leave out one fold after the other; weights come from the rest."""
    predicted = {}
    for _, valid in folds.pairs[0]:
        inside = [row for row in valid if members[0].covered[row]]
        others = [row for row in range(N_ROWS) if row not in valid and members[0].covered[row]]
        rest = np.array([[one.valid[row] for one in members] for row in others])
        weights = naive_weights(method, rest, target[others], metric)
        for row in inside:
            predicted[row] = sum(
                weight * one.valid[row] for weight, one in zip(weights, members, strict=True)
            )
    rows = sorted(predicted)
    return metric.function(target[rows], np.array([predicted[row] for row in rows]))


@pytest.mark.parametrize("method", MEANS)
@pytest.mark.parametrize("uncovered", [(), (0, 1, 2, 17)], ids=["all rows", "gaps"])
@given(seed=st.integers(0, 10**6), count=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_the_honest_score_is_that_of_a_loop_over_the_folds(
    method: str, uncovered: Sequence[int], seed: int, count: int
) -> None:
    members, target = some_members(seed, count, uncovered)
    found = blend(method, members, target, FOLDS, METRIC)
    expected = naive_honest_score(method, members, target, FOLDS, METRIC)
    assert found.honest_score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["best", "equal", "greedy"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_honest_score_follows_a_direction_where_larger_is_better(
    method: str, seed: int
) -> None:
    members, target = some_members(seed)
    found = blend(method, members, target, FOLDS, HITS)
    expected = naive_honest_score(method, members, target, FOLDS, HITS)
    assert found.honest_score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", MEANS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_fitted_score_is_that_of_the_weighted_mean_on_all_covered_rows(
    method: str, seed: int
) -> None:
    members, target = some_members(seed, uncovered=[3, 4])
    found = blend(method, members, target, FOLDS, METRIC)
    covered = members[0].covered
    mean = sum(w * m.valid[covered] for w, m in zip(found.weights, members, strict=True))
    assert found.fitted_score == pytest.approx(METRIC.function(target[covered], mean))


def test_the_choice_of_the_best_member_is_paid_for_in_its_honest_score() -> None:
    # In each fold another member is right; the one that looks best is chosen on the others.
    target = np.zeros(N_ROWS)
    fold_of_row = FOLDS.fold_of_row()
    members = []
    for number in range(FOLDS.n_folds):
        valid = np.where(fold_of_row == number, 0.0, 1.0)
        members.append(member(f"lucky-{number}", valid))
    found = blend("best", members, target, FOLDS, METRIC)
    assert found.fitted_score == pytest.approx(np.sqrt(3 / 4))
    assert found.honest_score == 1.0


def test_an_overfitted_blend_looks_better_than_it_honestly_is() -> None:
    # Forty members of pure noise: weights can be fitted to it, and are worth nothing.
    rng = np.random.default_rng(0)
    members = [member(f"noise-{i}", rng.normal(0, 1, N_ROWS)) for i in range(40)]
    found = blend("convex", members, rng.normal(0, 1, N_ROWS), FOLDS, METRIC)
    assert found.fitted_score < found.honest_score


# The weights and the test predictions


@pytest.mark.parametrize("method", MEANS)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_test_predictions_are_the_mean_of_the_members_by_their_weights(
    method: str, seed: int, count: int
) -> None:
    members, target = some_members(seed, count)
    found = blend(method, members, target, FOLDS, METRIC)
    assert found.method == method
    assert found.members == tuple(one.model for one in members)
    assert found.weights.sum() == pytest.approx(1.0) and (found.weights >= 0).all()
    expected = sum(w * m.test for w, m in zip(found.weights, members, strict=True))
    np.testing.assert_allclose(found.test, expected, rtol=1e-9, atol=1e-12)


def test_convex_weights_fit_no_worse_than_the_best_member_and_the_mean() -> None:
    members, target = some_members(11, count=5)
    fitted = {name: blend(name, members, target, FOLDS, METRIC).fitted_score for name in MEANS}
    assert fitted["convex"] <= min(fitted.values()) + 1e-12


def test_one_member_is_its_own_mean() -> None:
    members, target = some_members(12, count=1)
    expected = METRIC.function(target, members[0].valid)
    for method in MEANS:
        found = blend(method, members, target, FOLDS, METRIC)
        assert found.honest_score == found.fitted_score == pytest.approx(expected)
        np.testing.assert_allclose(found.test, members[0].test, rtol=1e-15)


@pytest.mark.parametrize("method", OF_VALUES)
def test_every_method_of_values_is_better_than_its_members_where_errors_differ(method: str) -> None:
    rng = np.random.default_rng(5)
    target = rng.uniform(3, 7, N_ROWS)
    members = [
        member(f"model-{i}", target + rng.normal(0, 0.5, N_ROWS), rng.uniform(1, 5, N_TEST))
        for i in range(4)
    ]
    found = blend(method, members, target, FOLDS, METRIC)
    alone = np.mean([METRIC.score(target, one.valid) for one in members])
    assert found.honest_score < (alone if method != "best" else 1.1 * alone)
    assert found.weights.shape == (4,) and found.weights.sum() == pytest.approx(1.0)
    assert (found.weights >= 0).all() and found.test.shape == (N_TEST,)


@pytest.mark.parametrize("method", OF_CLASSES)
def test_every_method_of_classes_gives_probabilities(method: str) -> None:
    rng = np.random.default_rng(6)
    classes = np.arange(N_ROWS) % 3
    members = []
    for number in range(3):
        shares = rng.dirichlet(np.ones(3), N_ROWS)
        shares = (shares + np.eye(3)[classes]) / 2
        members.append(member(f"model-{number}", shares, rng.dirichlet(np.ones(3), N_TEST)))
    found = blend(method, members, classes.astype(np.float64), FOLDS, LOG_LOSS)
    assert found.honest_score < np.log(3)
    assert found.weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.test.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.honest.sum(axis=1), 1.0)


@pytest.mark.parametrize("method", ["best", "equal"])
def test_probabilities_of_classes_are_blended_row_by_row(method: str) -> None:
    rng = np.random.default_rng(13)
    classes = rng.integers(0, 3, N_ROWS).astype(np.float64)
    members = [
        member(f"model-{i}", rng.dirichlet(np.ones(3), N_ROWS), rng.dirichlet(np.ones(3), N_TEST))
        for i in range(3)
    ]
    found = blend(method, members, classes, FOLDS, LOG_LOSS)
    assert found.test.shape == (N_TEST, 3)
    np.testing.assert_allclose(found.test.sum(axis=1), 1.0)
    expected = sum(w * m.test for w, m in zip(found.weights, members, strict=True))
    np.testing.assert_allclose(found.test, expected)
    if method == "equal":
        mean = np.mean([one.valid for one in members], axis=0)
        score = log_loss(classes, mean, labels=[0, 1, 2])
        assert found.honest_score == found.fitted_score == pytest.approx(score)


# The choice between methods


def jackknife(metric: Metric, target: Floats, one: Floats, other: Floats) -> float:
    """Leave out one row after the other, the plain way."""
    n_rows = len(target)
    differences = []
    for row in range(n_rows):
        rest = [other_row for other_row in range(n_rows) if other_row != row]
        scores = [metric.function(target[rest], values[rest]) for values in (one, other)]
        differences.append(scores[0] - scores[1])
    return float(np.sqrt((n_rows - 1) * np.var(differences)))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_error_of_a_difference_is_that_of_the_jackknife(seed: int) -> None:
    members, target = some_members(seed, count=2)
    one, other = (found.valid for found in members)
    found = difference_error(METRIC, target, one, other, np.arange(N_ROWS))
    assert found == pytest.approx(jackknife(METRIC, target, one, other))
    assert difference_error(METRIC, target, one, one) == 0.0


def test_thirty_parts_of_the_rows_are_left_out_however_many_rows_there_are() -> None:
    sizes: list[int] = []

    def counted(target: Floats, prediction: Floats) -> float:
        sizes.append(len(target))
        return float(prediction.mean())

    metric = Metric("counted", "counted", counted, greater_is_better=False)
    one, other = np.random.default_rng(0).random((2, 600))
    difference_error(metric, np.zeros(600), one, other)
    assert sizes == [580] * 2 * 30


def test_the_error_of_a_difference_is_the_spread_of_the_differences() -> None:
    # Over fresh samples of the same kind, the difference spreads as one sample says.
    rng = np.random.default_rng(1)
    differences, errors = [], []
    for _ in range(300):
        target = rng.normal(0, 1, 400)
        one, other = (target + rng.normal(0, size, 400) for size in (1.0, 1.2))
        differences.append(METRIC.score(target, one) - METRIC.score(target, other))
        errors.append(difference_error(METRIC, target, one, other))
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.15)


@pytest.mark.parametrize(("seed", "metric"), [(0, METRIC), (1, METRIC), (2, HITS), (3, HITS)])
def test_the_first_is_chosen_until_others_are_clearly_better(seed: int, metric: Metric) -> None:
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 1, 200)
    good = target + rng.normal(0, 0.5, 200)
    bad = target + rng.normal(0, 5.0, 200)
    # The same errors in other rows: as good to the last digit.
    nearly = target + rng.permutation(good - target)
    assert choose(metric, target, [good, bad]) == (0,)
    # A clear winner is chosen, however complicated it is.
    assert choose(metric, target, [bad, good, target]) == (2,)
    # What cannot be told apart is averaged.
    assert choose(metric, target, [bad, good, bad, nearly]) == (1, 3)


def test_luck_alone_seldom_displaces_the_simplest() -> None:
    chosen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        target = rng.normal(0, 1, 200)
        good = target + rng.normal(0, 0.5, 200)
        # As good on average: what is added is as often right as wrong.
        other = good + rng.normal(0, 0.02, 200)
        chosen.append(choose(METRIC, target, [good, other]))
    assert chosen.count((0,)) >= 30


def test_errors_that_last_make_differences_less_sure() -> None:
    rng = np.random.default_rng(0)
    target = np.zeros(1200)
    # Each day has an error of its own, which all of its hours share.
    one, other = (np.repeat(rng.normal(0, 1, 60), 20) for _ in range(2))
    fold_of_row = np.repeat(np.arange(4), 300)
    blocks = blocks_in_time(fold_of_row)
    assert (np.diff(blocks) >= 0).all() and len(np.unique(blocks)) == 30
    by_chance = difference_error(METRIC, target, one, other)
    assert difference_error(METRIC, target, one, other, blocks) > 2 * by_chance


def test_errors_within_groups_and_times_that_are_out_of_order_make_choices_less_sure() -> None:
    rng = np.random.default_rng(0)
    # Each of sixty groups has errors of its own, and lies anywhere in the file.
    order = rng.permutation(1200)
    group = np.repeat(np.arange(60), 20)[order]
    target = np.zeros(1200)
    one, other = (rng.normal(0, 1, 60)[group] for _ in range(2))
    rows = np.arange(1200)
    by_chance = difference_error(METRIC, target, one, other)
    assert Dependence().of_rows(rows) is None
    for dependence in (Dependence(groups=group.astype(str)), Dependence(times=group)):
        together = dependence.of_rows(rows)
        assert difference_error(METRIC, target, one, other, together) > 2 * by_chance
        half = rows[::2]
        left_out = dependence.of_rows(half)
        assert left_out is not None and len(left_out) == 600 and len(np.unique(left_out)) > 20
    shared = Dependence(groups=group).of_rows(rows)
    assert shared is not None
    assert all(len(np.unique(shared[group == number])) == 1 for number in range(60))
    alone = np.zeros(1200, dtype=np.int64)
    assert difference_error(METRIC, target, one, other, alone) == np.inf


def test_a_choice_heeds_that_rows_of_a_group_err_together() -> None:
    chosen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(20), 20)
        target = rng.normal(0, 1, 400)
        # As good on average: by row, chance makes weights look better than the mean.
        values = [target + rng.normal(0, 1, 20)[group] for _ in range(3)]
        folds = kfold(400)
        members = [member(f"m{n}", one, folds=folds) for n, one in enumerate(values)]
        chosen.append(
            [
                best_blend(members, target, folds, METRIC, ["equal", "convex"], dependence=one)[0]
                for one in (Dependence(), Dependence(groups=group))
            ]
        )
    by_row, by_group = (
        [one.method for one in some].count("equal") for some in zip(*chosen, strict=True)
    )
    assert by_row <= 4 and by_group >= 8


@pytest.mark.parametrize("metric", [METRIC, F1], ids=["values", "labels"])
def test_of_two_folds_one_is_chosen_by_the_other(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    folds = kfold(80, n_folds=2)
    target = rng.normal(0, 1, 80) if metric is METRIC else (rng.random(80) < 0.4).astype(float)
    noise = target + rng.normal(0, 1, (3, 80))
    values = noise if metric is METRIC else 1 / (1 + np.exp(-noise))
    members = [member(f"m{n}", one, folds=folds) for n, one in enumerate(values)]
    found, _ = best_blend(members, target, folds, metric)
    assert np.isfinite(found.honest).all()
    assert found.honest_score == pytest.approx(metric.score(target, found.judged))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [METRIC, F1], ids=["values", "labels"])
def test_a_cross_fitted_choice_knows_no_target_of_the_fold_that_is_scored(metric: Metric) -> None:
    methods = ["equal", "best", "ridge"] if metric is METRIC else ["equal", "best", "logistic"]
    for seed in range(10):
        rng = np.random.default_rng(seed)
        folds = kfold(80)
        target = rng.normal(0, 1, 80) if metric is METRIC else (rng.random(80) < 0.4).astype(float)
        noise = target + rng.normal(0, 1, (4, 80))
        values = noise if metric is METRIC else 1 / (1 + np.exp(-noise))
        members = [member(f"m{n}", one, folds=folds) for n, one in enumerate(values)]
        rows = np.flatnonzero(folds.fold_of_row() == 1)
        shaken = target.copy()
        shaken[rows] = 3 * shaken[rows][::-1] if metric is METRIC else 1 - shaken[rows]
        one, other = (
            best_blend(members, truth, folds, metric, methods)[0] for truth in (target, shaken)
        )
        assert one.estimate is Estimate.CROSS_FITTED
        np.testing.assert_array_equal(one.judged[rows], other.judged[rows])


@pytest.mark.parametrize("metric", [METRIC, HITS], ids=["smaller", "larger"])
def test_the_chosen_blend_is_one_of_those_tried(metric: Metric) -> None:
    for seed in range(5):
        members, target = some_members(seed, count=4)
        chosen, tried = best_blend(members, target, FOLDS, metric)
        (same,) = [one for one in tried if one.method == chosen.method]
        np.testing.assert_array_equal(chosen.test, same.test)
        np.testing.assert_array_equal(chosen.weights, same.weights)
        assert chosen.fitted_score == same.fitted_score


def test_the_honest_score_of_a_choice_is_of_choices_made_on_other_folds() -> None:
    for seed in range(5):
        members, target = some_members(seed, count=4, uncovered=(1, 2))
        chosen, tried = best_blend(members, target, FOLDS, METRIC)
        tried = [one for one in tried if len(one.parts) == 1]
        predicted = np.full(N_ROWS, np.nan)
        covered = members[0].covered
        stacked = np.stack([one.valid for one in members], axis=1)
        for _, valid in FOLDS.pairs[0]:
            inside = np.isin(np.arange(N_ROWS), valid)
            others = covered & ~inside
            # Each inner fold by blends of those that are neither it nor the outer one.
            honest = [np.full(N_ROWS, np.nan) for _ in tried]
            for _, rows in FOLDS.pairs[0]:
                inner = others & np.isin(np.arange(N_ROWS), rows)
                if not inner.any():
                    continue
                sample = Sample(stacked[others & ~inner], target[others & ~inner])
                for values, one in zip(honest, tried, strict=True):
                    fitted = METHODS[one.method].fit(sample, METRIC)
                    values[inner] = fitted.predict(stacked[inner])
            there = choose(METRIC, target[others], [values[others] for values in honest])
            predicted[inside] = np.mean([tried[i].honest[inside] for i in there], axis=0)
        np.testing.assert_allclose(chosen.honest, predicted, rtol=1e-12)
        assert chosen.honest_score == METRIC.score(target[covered], predicted[covered])


def test_members_that_cannot_be_told_apart_are_averaged() -> None:
    chosen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        target = rng.normal(0, 1, N_ROWS)
        members = [member(f"model-{i}", target + rng.normal(0, 1, N_ROWS)) for i in range(12)]
        chosen.append(best_blend(members, target, FOLDS, METRIC, ["equal", "convex"])[0].method)
    assert chosen.count("equal") >= 15


def test_the_methods_that_are_tried_suit_the_metric() -> None:
    members, target = some_members(15)
    _, tried = best_blend(members, target, FOLDS, METRIC)
    assert [one.method for one in tried][:5] == ["equal", "top", "best", "convex", "ridge"]
    _, tried = best_blend(members, target, FOLDS, HITS)
    assert [one.method for one in tried][:5] == ["equal", "top", "best", "greedy", "ridge"]


def test_several_methods_are_averaged() -> None:
    members, target = some_members(18, uncovered=(3,))
    parts = [blend(name, members, target, FOLDS, METRIC) for name in ("best", "convex")]
    found = blend("best+convex", members, target, FOLDS, METRIC)
    for what in ("weights", "honest", "test"):
        mean = np.mean([getattr(part, what) for part in parts], axis=0)
        np.testing.assert_allclose(getattr(found, what), mean, atol=1e-12)
    covered = members[0].covered
    assert found.honest_score == METRIC.score(target[covered], found.honest[covered])
    with pytest.raises(UsageError, match="no method 'median'"):
        blend("best+median", members, target, FOLDS, METRIC)


def test_blends_that_cannot_be_told_apart_are_tried_as_their_mean() -> None:
    several = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        target = rng.normal(0, 1, N_ROWS)
        # One member that dominates: the plain mean is clearly worse than the others.
        sizes = (0.3, 2.0, 2.0, 2.0)
        members = [member(f"{i}", target + rng.normal(0, x, N_ROWS)) for i, x in enumerate(sizes)]
        chosen, tried = best_blend(members, target, FOLDS, METRIC)
        if len(chosen.parts) == 1:
            continue
        several += 1
        assert "equal" not in chosen.parts and tried[-1].method == chosen.method
        again = blend(chosen.method, members, target, FOLDS, METRIC)
        np.testing.assert_array_equal(chosen.test, again.test)
        assert (chosen.fitted_score, tried[-1].honest_score) == (
            again.fitted_score,
            again.honest_score,
        )
    assert several >= 6


def test_what_is_chosen_is_the_mean_of_those_that_the_rule_takes_on_all_rows() -> None:
    counts = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        target = rng.normal(0, 1, N_ROWS)
        sizes = (0.5, 1.5, 1.5)
        members = [member(f"{i}", target + rng.normal(0, x, N_ROWS)) for i, x in enumerate(sizes)]
        names = ["equal", "best", "convex"]
        chosen, tried = best_blend(members, target, FOLDS, METRIC, names)
        wanted = choose(METRIC, target, [one.honest for one in tried[:3]])
        assert chosen.parts == tuple(names[number] for number in wanted)
        mean = np.mean([tried[number].weights for number in wanted], axis=0)
        np.testing.assert_allclose(chosen.weights, mean, atol=1e-12)
        counts.add(len(wanted))
    assert counts >= {1, 2}


def test_one_member_is_left_as_it_is() -> None:
    members, target = some_members(15, count=1)
    chosen, tried = best_blend(members, target, FOLDS, METRIC)
    assert [one.method for one in tried] == ["equal"]
    np.testing.assert_array_equal(chosen.test, members[0].test)


def test_only_the_methods_that_were_asked_for_are_tried() -> None:
    members, target = some_members(16)
    chosen, tried = best_blend(members, target, FOLDS, METRIC, ["equal"])
    assert [one.method for one in tried] == ["equal"] and chosen.method == "equal"


@pytest.mark.parametrize("method", ["convex", "logit", "rank", "convex-by-class", "logistic"])
def test_a_method_that_does_not_suit_is_refused_with_those_that_do(method: str) -> None:
    members, target = some_members(17)
    with pytest.raises(UsageError, match=f"'{method}' does not suit hits .* auto, equal, geo"):
        blend(method, members, target, FOLDS, HITS)


def test_the_geometric_mean_of_values_that_are_not_positive_is_refused() -> None:
    members, target = some_members(17)
    with pytest.raises(UsageError, match="geometric"):
        blend("geometric", members, target, FOLDS, METRIC)


@pytest.mark.parametrize("metric", [METRIC, HITS], ids=["smaller", "larger"])
def test_a_member_is_worth_what_the_blend_loses_without_it(metric: Metric) -> None:
    members, target = some_members(3, count=3)
    found = marginal_values(members, target, FOLDS, metric)
    method = "convex" if metric is METRIC else "equal"
    together = blend(method, members, target, FOLDS, metric).honest_score
    for place, value in enumerate(found):
        rest = [each for number, each in enumerate(members) if number != place]
        without = blend(method, rest, target, FOLDS, metric).honest_score
        assert value == pytest.approx(abs(together - without) * (1 if value > 0 else -1))
        assert (value > 0) == metric.better(together, than=without)


def test_a_member_alone_has_nothing_to_be_compared_with() -> None:
    members, target = some_members(3, count=1)
    assert np.isnan(marginal_values(members, target, FOLDS, METRIC)).tolist() == [True]


def test_honest_predictions_are_those_of_the_honest_score() -> None:
    members, target = some_members(3, uncovered=(0, 7))
    for method in (*MEANS, "top", "ridge", "lightgbm", "random", "top+convex"):
        found = blend(method, members, target, FOLDS, METRIC)
        covered = members[0].covered
        assert np.isnan(found.honest[~covered]).all()
        assert METRIC.score(target[covered], found.honest[covered]) == found.honest_score


# Order of rows alone


def test_an_inner_fold_decides_nothing_by_the_order_of_its_rows() -> None:
    members, target = some_members(22)
    order = np.random.default_rng(0).permutation(N_ROWS)
    back = np.argsort(order)
    pairs = [[tuple(np.sort(back[rows]) for rows in pair) for pair in FOLDS.pairs[0]]]
    folds = Folds(FOLDS.spec, N_ROWS, pairs)  # type: ignore[arg-type]
    moved = [member(one.model, one.valid[order], one.test, folds) for one in members]
    found = blend("convex", moved, target[order], folds, METRIC)
    expected = blend("convex", members, target, FOLDS, METRIC)
    np.testing.assert_allclose(found.honest, expected.honest[order], atol=1e-9)
    assert found.honest_score == pytest.approx(expected.honest_score)


@pytest.mark.parametrize("place", [0, 1])
def test_folds_of_any_other_fingerprint_are_refused(place: int) -> None:
    members, target = some_members(0)
    name = f"{'0z'[place]}{FOLDS.fingerprint[1:]}"
    others = [replace(one, folds_fingerprint=name) for one in members]
    with pytest.raises(UsageError, match="other folds than the honest score needs"):
        blend("equal", others, target, FOLDS, METRIC)


@pytest.mark.slow
def test_a_blend_of_folds_in_time_stays_within_its_members(tmp_path: Path) -> None:
    hours = np.arange(120.0)
    rows = table(120).assign(hour=hours)
    rows["y"] += 10 * np.sin(hours / 30)
    later = unseen(30).assign(hour=120.0 + np.arange(30))
    result = run(own(rows, later, time="hour"), models="ridge,neighbours", runs=tmp_path)
    tried = {part for one in result.tried for part in parts_of(one.method)}
    assert tried and not any(METHODS[method].stacks for method in tried)
    tests = np.stack([oof.test for oof in result.oof.values()])
    assert result.submission is not None
    predicted = result.submission["y"].to_numpy()
    assert (predicted >= tests.min(axis=0) - 1e-9).all()
    assert (predicted <= tests.max(axis=0) + 1e-9).all()
