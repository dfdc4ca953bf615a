"""Cut points: exact where they can be, inside the honest score, none where chance explains it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from comps import metric as own_metric
from comps.base import Cuts, Rule, Truth, decided, labels_of, predicted_classes
from comps.metrics import find_metric
from ensembles import best_blend, blend
from ensembles.cuts import cut_score, fit_cuts
from ensembles.outer import kept_members
from ensembles.sample import Sample
from ensembles.scan import best_place, candidates, scan, scan_label
from pipelines import compare, cross_validate, load_run, run, tune
from pipelines.folds import Folds
from pipelines.results.inner import Estimate, Inner, inner_folds
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore
from tests.support import kfold
from tests.tables import own, table
from tests.test_blend import member

Floats = NDArray[np.float64]
seeds = st.integers(0, 10_000)
F1, MCC, QWK, ACCURACY = (find_metric(name) for name in ("f1", "mcc", "qwk", "accuracy"))


def rare(n: int = 600, share: float = 0.1, signal: float = 1.5, seed: int = 0):
    """Return codes, of which few are 1, and calibrated probabilities of 1."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, signal, n) + np.log(share / (1 - share))
    probabilities = 1 / (1 + np.exp(-odds))
    return (rng.uniform(size=n) < probabilities).astype(float), probabilities


def of_classes(
    n: int = 900, shares: tuple[float, ...] = (0.8, 0.15, 0.05), signal: float = 1.0, seed: int = 0
):
    """Return codes and calibrated probabilities [n, classes]."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, signal, (n, len(shares))) + np.log(shares)
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    codes = (rng.uniform(size=(n, 1)) > np.cumsum(probabilities, axis=1)).sum(axis=1)
    return codes.astype(float), probabilities


def folds_of(n: int, count: int = 5) -> NDArray[np.int64]:
    return np.arange(n) % count


# Labels


def test_labels_of_each_rule() -> None:
    three = np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]])
    assert Cuts(Rule.FACTORS, (1.0, 3.0, 1.0)).labels(three).tolist() == [1, 2]
    # Expected: 0.8 and 1.6.
    assert Cuts(Rule.STEPS, (0.9, 1.5)).labels(three).tolist() == [0, 2]
    assert Cuts(Rule.THRESHOLD, (0.4, 0.2, 0.5)).labels(three).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert Cuts(Rule.THRESHOLD, (0.3,)).labels(np.array([0.3, 0.31])).tolist() == [0, 1]
    assert labels_of(None, three).tolist() == [0, 2]
    assert labels_of(None, three, several=True).tolist() == [[0, 0, 0], [0, 0, 1]]


def test_what_was_decided_has_the_same_labels_by_the_rule_without_cut_points() -> None:
    three = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    for cuts, values, several in (
        (Cuts(Rule.FACTORS, (1.0, 3.0, 2.0)), three, False),
        (Cuts(Rule.STEPS, (0.7, 1.2)), three, False),
        (Cuts(Rule.THRESHOLD, (0.2, 0.4, 0.1)), three, True),
        (Cuts(Rule.THRESHOLD, (0.2,)), three[:, 0], False),
        (None, three, False),
        (None, three, True),
    ):
        found = decided(cuts, values, several=several)
        assert found.shape == values.shape
        wanted = labels_of(cuts, values, several=several)
        np.testing.assert_array_equal(labels_of(None, found, several=several), wanted)


def test_cut_points_are_told_in_few_words_and_as_json() -> None:
    assert str(Cuts(Rule.THRESHOLD, (0.31234,))) == "threshold 0.312"
    assert str(Cuts(Rule.FACTORS, tuple(range(1, 8)))) == "factors 1, 2, 3, 4, 5 and 2 more"
    assert Cuts(Rule.STEPS, (0.5, 1.5)).as_json() == {"rule": "steps", "at": [0.5, 1.5]}


# Scanning


@given(seed=seeds, classes=st.integers(2, 4), weighted=st.booleans())
@settings(max_examples=60)
def test_scores_at_all_cut_points_are_those_of_the_labels(
    seed: int, classes: int, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    true, below, above = rng.integers(0, classes, (3, 15))
    value = rng.integers(0, 6, 15) / 5
    weight = rng.uniform(0.1, 2.0, 15) if weighted else None
    truth, cuts = Truth(true.astype(float), weight), candidates(value, 100)
    # Every cut between two values, and outside them.
    assert len(cuts) == len(np.unique(value)) + 1
    for name in ("mcc", "f1_macro", "accuracy"):
        judged = find_metric(name)
        expected = [judged.score_labels(truth, np.where(value > c, above, below)) for c in cuts]
        found = scan(judged, truth, value, below, above, cuts)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        slow = own_metric(
            lambda y, p, sample_weight=None, f=judged.function: f(y, p, sample_weight),
            greater_is_better=True,
            needs="label",
            name="slow",
        )
        np.testing.assert_allclose(scan(slow, truth, value, below, above, cuts), expected)


@given(seed=seeds, weighted=st.booleans())
@settings(max_examples=40)
def test_scores_of_a_label_are_those_beside_the_others(seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    true, labels = rng.integers(0, 2, (2, 12, 3))
    value = rng.uniform(size=12)
    truth = Truth(true.astype(float), rng.uniform(0.1, 2.0, 12) if weighted else None)
    for name in ("f1_micro", "f1_macro", "f1_weighted", "f1"):
        judged, cuts, place = find_metric(name), candidates(value, 100), int(rng.integers(3))
        expected = []
        for cut in cuts:
            changed = labels.copy()
            changed[:, place] = value > cut
            # What the other labels add does not change where they are scored one by one.
            expected.append(judged.score_labels(truth, changed))
        found = scan_label(judged, truth, labels, place, value, cuts)
        if name == "f1":
            found, expected = found - found[0], (np.array(expected) - expected[0]) * 3
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_of_equal_scores_the_nearest_to_the_rule_without_cut_points_counts() -> None:
    scores = np.array([0.5, 0.9, 0.9, np.nan, 0.9])
    assert best_place(scores, np.array([0.0, 0.3, 0.1, 0.0, 0.2])) == 2


@given(seed=seeds)
@settings(max_examples=30)
def test_the_threshold_of_two_classes_is_the_best_of_all(seed: int) -> None:
    target, probabilities = rare(60, 0.3, seed=seed)
    from ensembles.cuts import _threshold

    found = _threshold(F1, Truth(target), probabilities)
    assert found is not None
    best = max(F1.score_labels(target, probabilities > t) for t in [*probabilities, -1.0])
    assert F1.score_labels(target, found.labels(probabilities)) == pytest.approx(best)


# Fitting


def test_a_rare_class_gets_a_threshold_that_pays_on_other_rows() -> None:
    target, probabilities = rare(2000)
    found = fit_cuts(F1, target, probabilities, folds_of(2000))
    assert found is not None and found.rule is Rule.THRESHOLD
    assert 0.1 < min(found.at) < 0.45
    target, probabilities = rare(20_000, seed=1)
    gained = F1.score_labels(target, found.labels(probabilities)) - F1.score(target, probabilities)
    assert gained > 0.05


@pytest.mark.parametrize("name", ["f1_macro", "balanced_accuracy", "mcc"])
def test_rare_classes_of_several_get_factors_that_pay_on_other_rows(name: str) -> None:
    judged = find_metric(name)
    target, probabilities = of_classes(3000)
    found = fit_cuts(judged, target, probabilities, folds_of(3000))
    assert found is not None and found.rule is Rule.FACTORS and min(found.at) == 1.0
    assert np.argmin(found.at) == 0
    target, probabilities = of_classes(20_000, seed=1)
    gained = judged.score_labels(target, found.labels(probabilities)) - judged.score(
        target, probabilities
    )
    assert gained > (0.001 if name == "mcc" else 0.03)


def test_steps_of_a_scale_are_cut_along_the_expected_class() -> None:
    target, probabilities = of_classes(3000, (0.4, 0.3, 0.15, 0.1, 0.05), signal=1.0)
    found = fit_cuts(QWK, target, probabilities, folds_of(3000))
    assert found is not None and found.rule is Rule.STEPS
    assert sorted(found.at) == list(found.at) and len(found.at) == 4
    target, probabilities = of_classes(20_000, (0.4, 0.3, 0.15, 0.1, 0.05), seed=1)
    gained = QWK.score_labels(target, found.labels(probabilities)) - QWK.score(
        target, probabilities
    )
    assert gained > 0.03


def several_labels(n: int, seed: int = 0) -> tuple[Floats, Floats]:
    columns = [rare(n, share, seed=seed * 10 + k) for k, share in enumerate((0.05, 0.2, 0.5))]
    target, probabilities = (np.column_stack(each) for each in zip(*columns, strict=True))
    return target, probabilities


@pytest.mark.parametrize("name", ["f1_micro", "f1_macro", "f1"])
def test_several_labels_get_thresholds(name: str) -> None:
    judged = find_metric(name)
    target, probabilities = several_labels(2000)
    found = fit_cuts(judged, target, probabilities, folds_of(2000))
    assert found is not None and found.rule is Rule.THRESHOLD and len(found.at) == 3
    target, probabilities = several_labels(20_000, seed=1)
    gained = judged.score_labels(target, found.labels(probabilities)) - judged.score(
        target, probabilities
    )
    assert gained > 0.02


def test_labels_of_other_shares_get_thresholds_of_their_own_if_these_pay() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, (800, 2)).astype(float)
    # One member calls everything unlikely, the other likely.
    level = np.array([0.2, 0.8])
    probabilities = level + 0.2 * (target - 0.5) + rng.normal(0, 0.05, (800, 2))
    found = fit_cuts(find_metric("f1_macro"), target, probabilities, folds_of(800))
    assert found is not None
    assert found.at == pytest.approx(level, abs=0.06)


def test_weights_of_rows_count() -> None:
    target, probabilities = rare(3000, 0.3)
    # As though the rare class were not rare, which puts the best threshold elsewhere.
    weight = np.where(target == 1, 20.0, 1.0)
    plain = fit_cuts(F1, target, probabilities, folds_of(3000))
    heavy = fit_cuts(F1, Truth(target, weight), probabilities, folds_of(3000))
    assert plain is not None and heavy is not None
    assert max(heavy.at) < min(plain.at) - 0.1


def test_a_users_metric_of_labels_gets_cut_points() -> None:
    def cost(target: Floats, labels: Floats) -> float:
        return float(np.mean(np.where(target == 1, 10.0 * (labels == 0), labels == 1)))

    judged = own_metric(cost, greater_is_better=False, needs="label")
    target, probabilities = rare(2000)
    found = fit_cuts(judged, target, probabilities, folds_of(2000))
    # A miss costs ten times a false alarm: 1 in 11.
    assert found is not None and found.at == pytest.approx((1 / 11,), abs=0.04)


def test_where_the_most_probable_class_does_as_well_there_are_none() -> None:
    target, probabilities = of_classes(2000, (0.25, 0.25, 0.25, 0.25), signal=2.0)
    assert fit_cuts(ACCURACY, target, probabilities, folds_of(2000)) is None
    assert fit_cuts(find_metric("log_loss"), target, probabilities, folds_of(2000)) is None
    assert fit_cuts(find_metric("map@3"), target, probabilities, folds_of(2000)) is None


def test_accuracy_gets_a_threshold_where_probabilities_are_far_off() -> None:
    target, probabilities = rare(2000, 0.2, signal=2.0)
    # As of a model that was trained on classes of equal weight.
    odds = probabilities / (1 - probabilities) * 4
    found = fit_cuts(ACCURACY, target, odds / (1 + odds), folds_of(2000))
    assert found is not None and found.at == pytest.approx((0.8,), abs=0.1)


def test_classes_of_equal_weight_are_given_back_their_shares() -> None:
    target, probabilities = of_classes(3000, (0.7, 0.2, 0.1), signal=1.0)
    shares = np.bincount(target.astype(int)) / len(target)
    even = probabilities / shares
    even /= even.sum(axis=1, keepdims=True)
    found = fit_cuts(ACCURACY, target, even, folds_of(3000))
    assert found is not None
    factors = np.array(found.at)
    np.testing.assert_allclose(factors / factors[2], shares / shares[2], rtol=0.6)


def test_too_many_classes_get_none() -> None:
    target, probabilities = of_classes(300, tuple(np.full(120, 1 / 120)))
    assert fit_cuts(find_metric("f1_macro"), target, probabilities, folds_of(300)) is None


def test_rows_in_one_part_are_parted_all_the_same() -> None:
    target, probabilities = rare(2000)
    found = fit_cuts(F1, target, probabilities, np.zeros(2000, np.int64))
    assert found is not None and 0.1 < min(found.at) < 0.45


def noise(n: int, share: float, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return (rng.uniform(size=n) < share).astype(float), rng.uniform(0, 2 * share, n)


def test_on_noise_few_cut_points_pass_for_better() -> None:
    found = [fit_cuts(MCC, *noise(300, 0.3, seed), folds_of(300)) for seed in range(60)]
    # One standard error is passed by chance in one of six.
    assert sum(cuts is not None for cuts in found) < 20


# Inside the honest score


def members_of(
    target: Floats, predictions: list[Floats], folds: Folds
) -> tuple[list[OutOfFold], Floats]:
    return [
        member(f"m{place}", each, each[:7], folds) for place, each in enumerate(predictions)
    ], target


def two_members(n: int, seed: int, signal: float = 1.5) -> tuple[Floats, list[Floats]]:
    target, probabilities = rare(n, signal=signal, seed=seed)
    rng = np.random.default_rng(seed)
    noisy = [
        1 / (1 + np.exp(-(np.log(probabilities / (1 - probabilities)) + rng.normal(0, 0.5, n))))
        for _ in range(2)
    ]
    return target, noisy


def test_the_honest_score_is_that_of_cut_points_of_the_other_folds() -> None:
    folds = kfold(600, 3)
    members, target = members_of(*two_members(600, 0), folds)
    found = blend("equal", members, target, folds, F1)
    mean = (members[0].valid + members[1].valid) / 2
    fold_of_row = folds.fold_of_row()
    labels = np.empty(600)
    for fold in range(3):
        inside = fold_of_row == fold
        cuts = fit_cuts(F1, target[~inside], mean[~inside], fold_of_row[~inside])
        labels[inside] = labels_of(cuts, mean[inside])
    np.testing.assert_array_equal(found.judged, labels)
    np.testing.assert_allclose(found.honest, mean)
    assert found.honest_score == F1.score_labels(target, labels.astype(int))
    assert found.cuts == fit_cuts(F1, target, mean, fold_of_row)
    assert found.fitted_score == F1.score_labels(target, labels_of(found.cuts, mean))


def with_inner(one: OutOfFold, folds: Folds) -> OutOfFold:
    """Return a member whose inner predictions are of models without the outer fold."""
    inner = np.full((folds.n_folds, *one.valid.shape), np.nan, np.float32)
    for outer in range(folds.n_folds):
        inside = np.isin(folds.fold_of_row(), inner_folds(folds, Estimate.NESTED, outer))
        inner[outer, inside] = one.valid[inside]
    steps = np.ones(folds.n_folds, np.int64)
    return replace(one, nested=Inner(Estimate.NESTED, steps, inner, one.valid))


@pytest.mark.parametrize("name", ["f1", pytest.param("f1_macro", marks=pytest.mark.slow), "qwk"])
def test_targets_of_a_fold_do_not_change_its_labels(name: str) -> None:
    judged, folds = find_metric(name), kfold(500, 5)
    if name == "f1":
        target, predictions = two_members(500, 1)
    else:
        target, one = of_classes(500)
        predictions = [one, of_classes(500, seed=9)[1] * 0.5 + one * 0.5]
    members = [with_inner(each, folds) for each in members_of(target, predictions, folds)[0]]
    methods = ["equal", "top", "best", "convex"]
    chosen, tried = best_blend(members, target, folds, judged, methods)
    assert chosen.estimate is Estimate.NESTED
    some_cut = False
    for _, rows in folds.pairs[0]:
        changed = target.copy()
        changed[rows] = target.max() - changed[rows]
        again = best_blend(members, changed, folds, judged, methods)[0]
        np.testing.assert_array_equal(again.judged[rows], chosen.judged[rows])
        after = blend("equal", members, changed, folds, judged)
        np.testing.assert_array_equal(after.judged[rows], tried[0].judged[rows])
        default = decided(None, chosen.honest)
        some_cut |= bool((default[rows] != chosen.judged[rows]).any())
    assert some_cut


@pytest.mark.parametrize(("name", "chance"), [("mcc", 0.0), ("balanced_accuracy", 0.5)])
@pytest.mark.slow
def test_on_pure_noise_the_honest_score_is_chance(name: str, chance: float) -> None:
    judged, folds = find_metric(name), kfold(300, 3)
    honest, fitted = [], []
    for seed in range(20):
        target, one = noise(300, 0.3, seed)
        members, _ = members_of(target, [one, noise(300, 0.3, seed + 100)[1]], folds)
        found = best_blend(members, target, folds, judged)[0]
        honest.append(found.honest_score)
        fitted.append(found.fitted_score)
    error = np.std(honest) / np.sqrt(20)
    assert abs(np.mean(honest) - chance) < 3 * error + 0.005
    assert np.mean(honest) < np.mean(fitted) + 0.005


@pytest.mark.slow
def test_on_pure_noise_f1_is_that_of_calling_all_rows_positive_at_most() -> None:
    folds, scores, limits = kfold(400, 4), [], []
    for seed in range(10):
        target, one = noise(400, 0.2, seed)
        members, _ = members_of(target, [one, noise(400, 0.2, seed + 50)[1]], folds)
        scores.append(best_blend(members, target, folds, F1)[0].honest_score)
        limits.append(F1.score_labels(target, np.ones(400, int)))
    assert np.mean(scores) < np.mean(limits) + 0.01


@pytest.mark.slow
def test_on_pure_noise_kappa_is_zero() -> None:
    folds, scores, methods = kfold(300, 3), [], ["equal", "best", "convex"]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        target = rng.integers(0, 4, 300).astype(float)
        members, _ = members_of(target, list(rng.dirichlet(np.ones(4), (2, 300))), folds)
        scores.append(best_blend(members, target, folds, QWK, methods)[0].honest_score)
    assert abs(np.mean(scores)) < 3 * np.std(scores) / np.sqrt(12) + 0.01


def test_without_labels_nothing_is_decided() -> None:
    folds = kfold(600, 3)
    members, target = members_of(*two_members(600, 0), folds)
    found = blend("equal", members, target, folds, find_metric("log_loss"))
    assert found.cuts is None and found.decided is None and found.judged is found.honest


def test_the_score_of_a_member_with_cut_points_is_that_of_its_blend_alone() -> None:
    folds = kfold(600, 3)
    target, probabilities = rare(600, signal=0.8)
    members, _ = members_of(target, [probabilities], folds)
    alone = blend("equal", members, target, folds, F1)
    score = cut_score(F1, target, members[0].valid, folds.fold_of_row())
    assert score == alone.honest_score > F1.score(target, members[0].valid) + 0.1


def test_a_member_that_the_metric_cannot_tell_from_the_baseline_is_kept_by_the_guide() -> None:
    target, probabilities = rare(600, 0.05, signal=1.0)
    prior = np.full(600, target.mean())
    balanced = probabilities * 19 / (1 + 18 * probabilities)
    low = np.minimum(probabilities, 0.45)
    sample = Sample(np.column_stack([prior, low, balanced, np.full(600, 0.4)]), target)
    assert F1.score(target, low) == F1.score(target, prior) == 0.0
    # Balanced weights cost log loss, and gain F1 without cut points.
    log_loss = find_metric("log_loss")
    assert log_loss.score(target, balanced) > log_loss.score(target, prior)
    assert kept_members(F1, sample, folds_of(600), 0) == (1, 2)


def test_blends_are_chosen_by_the_guide() -> None:
    folds = kfold(600, 3)
    members, target = members_of(*two_members(600, 3), folds)
    log_loss = find_metric("log_loss")
    assert best_blend(members, target, folds, F1)[0].method == (
        best_blend(members, target, folds, log_loss)[0].method
    )


# In a run


def rare_table(n: int, seed: int) -> pd.DataFrame:
    rows = table(n, seed=seed)
    chance = 1 / (1 + np.exp(2.5 - 0.7 * rows["y"]))
    hits = np.random.default_rng(seed).uniform(size=n) < chance
    return rows.assign(y=np.where(hits, "yes", "no"))


def test_a_run_submits_by_its_cut_points_and_says_so(tmp_path: Path) -> None:
    competition = own(
        rare_table(800, 0),
        rare_table(300, 1).drop(columns="y"),
        metric="f1",
        models=[LogisticRegression()],
        name="rare",
    )
    result = run(competition, folds=3, runs=tmp_path, engine="inline", nested=False)
    chosen, submission, told = result.blend, result.submission, result.headline
    assert chosen is not None and submission is not None and told is not None
    assert chosen.cuts is not None
    expected = np.array(["no", "yes"])[labels_of(chosen.cuts, chosen.test)]
    assert submission["y"].tolist() == expected.tolist()
    assert (expected == "yes").sum() > (predicted_classes(chosen.test) == 1).sum() + 10
    assert f"with cut points ({chosen.cuts})" in told.text
    assert dict(told.values)["cuts"] == chosen.cuts.as_json()
    record = json.loads((tmp_path / "rare" / "blend.json").read_text())
    assert record["cuts"] == chosen.cuts.as_json()
    row = result.leaderboard.set_index("model").loc["logistic-regression"]
    assert row["cut_score"] == pytest.approx(chosen.honest_score) and row["note"] == ""
    assert load_run(competition, runs=tmp_path).blend.cuts == chosen.cuts


def test_sealed_rows_are_scored_by_the_cut_points(tmp_path: Path) -> None:
    competition = own(
        rare_table(1200, 0),
        rare_table(20, 1).drop(columns="y"),
        metric="f1",
        models=[LogisticRegression()],
        name="rare",
    )
    result = run(competition, folds=3, runs=tmp_path, engine="inline", sealed=0.4)
    assert result.sealed is not None
    assert abs(dict(result.sealed.values)["score"] - result.blend.honest_score) < 0.15


def test_a_metric_that_is_its_own_guide_has_no_column_for_cut_points(tmp_path: Path) -> None:
    competition = own(rare_table(200, 0), metric="accuracy", models=[LogisticRegression()])
    result = run(competition, folds=3, runs=tmp_path, engine="inline")
    assert "cut_score" not in result.leaderboard


@pytest.mark.parametrize("repeats", [1, 2])
def test_members_are_compared_with_cut_points_of_the_other_folds(
    tmp_path: Path, repeats: int
) -> None:
    models = [LogisticRegression(), DecisionTreeClassifier(max_depth=2)]
    competition = own(rare_table(600, 0), metric="f1", models=models, name="rare")
    choices: dict[str, Any] = {"folds": 3, "runs": tmp_path, "engine": "inline"}
    found = compare(competition, repeats=repeats, **choices)
    assert any("with cut points" in note for note in found.notes)
    result = cross_validate(competition, repeats=repeats, **choices)
    board = result.leaderboard.set_index("model")
    truth, folds = result.truth, found.experiment.folds
    for oof in found.members:
        assert oof.score == board.loc[oof.model, "cut_score"] > board.loc[oof.model, "score"]
        assert oof.fold_scores.shape == (repeats, 3) and 0 < oof.valid.mean() < 1
        # The first fold of the last repeat, by hand.
        key, step = result.oof[oof.model].key, oof.step
        store = RunStore(tmp_path / "rare")
        fits = [store.read_fold(oof.model, key, repeats - 1, (fold,)) for fold in range(3)]
        rows = [folds.pairs[repeats - 1][fold][1] for fold in range(3)]
        first, *others = [fit.valid[fit.stage(step)].astype(float) for fit in fits]
        parts = np.repeat([1, 2], [len(rows[1]), len(rows[2])])
        joined = np.concatenate(rows[1:])
        cuts = fit_cuts(
            F1,
            truth[np.sort(joined)],
            np.concatenate(others)[np.argsort(joined)],
            parts[np.argsort(joined)],
        )
        by_hand = F1.score(truth[rows[0]], decided(cuts, first))
        assert oof.fold_scores[-1, 0] == pytest.approx(by_hand)
    best, other = found.members
    differences = best.fold_scores - other.fold_scores
    assert found.pairs[0].folds.mean == pytest.approx(differences.mean())
    assert found.pairs[0].overall == pytest.approx(best.score - other.score)


@pytest.mark.slow
def test_a_submission_of_refitted_configurations_says_that_it_has_no_cut_points(
    tmp_path: Path,
) -> None:
    train, test = rare_table(300, 0), rare_table(20, 1).drop(columns="y")
    choices: dict[str, Any] = {"folds": 3, "runs": tmp_path, "engine": "inline"}
    for metric, told in (("f1", True), ("log_loss", False)):
        competition = own(train, test, metric=metric, name=metric)
        found = tune(competition, "logistic", trials=1, refit=1, outer=0, **choices)
        assert found.submission is not None
        assert any("without cut points" in note for note in found.notes) is told
    # As the note says.
    result = run(own(train, test, metric="f1", name="f1"), models="logistic", tuned=True, **choices)
    assert result.blend is not None and result.blend.cuts is not None
