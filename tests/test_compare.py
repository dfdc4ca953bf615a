"""Comparisons: the corrected t-test, the bootstrap over rows, and the command that shows both."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from comps.base import Metric, UsageError
from comps.catalog import find_competition
from comps.house_prices.competition import HOUSE_PRICES
from comps.house_prices.loader import FILES
from comps.metrics import ACCURACY, MEAN_ABSOLUTE_ERROR, RMSLE, ROC_AUC
from comps.reading.archives import read_files
from comps.reading.delimited import ALL, read_table
from ensembles.compare import (
    MOST_ROWS,
    TIME_BLOCKS,
    Comparison,
    Interval,
    TTest,
    compare,
    corrected_t_test,
    dependent_rows,
    holm,
    percentile_interval,
    resampled_scores,
    share_of_test,
)
from pipelines.api.verdicts import verdicts
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore
from tests.commands import Done, comps
from tests.support import LIGHTGBM, MEAN, NETWORK, RIDGE, TINY, kfold
from tests.test_blend import member
from tests.test_house_prices import load_tables

Floats = NDArray[np.float64]
DIFFERENCES = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=2, max_size=12)
N_ROWS = 60


# The corrected t-test


@given(DIFFERENCES)
def test_without_overlap_the_test_is_the_paired_t_test(values: list[float]) -> None:
    differences = np.array(values)
    if differences.std() < 1e-6:
        return
    found, wanted = (
        corrected_t_test(differences, 0.0),
        stats.ttest_rel(differences, 0 * differences),
    )
    low, high = wanted.confidence_interval(0.95)
    assert found.p_value == pytest.approx(wanted.pvalue, abs=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))


def test_the_overlap_widens_the_interval_by_the_formula() -> None:
    # Nadeau and Bengio: variance (1/J + n_test/n_train) s^2, J - 1 degrees of freedom.
    differences = np.array([[0.3, -0.1, 0.4], [0.2, 0.5, 0.1]])
    found = corrected_t_test(differences, test_share=0.5)
    mean = (0.3 - 0.1 + 0.4 + 0.2 + 0.5 + 0.1) / 6
    variance = sum((x - mean) ** 2 for x in differences.ravel()) / 5
    error = math.sqrt((1 / 6 + 0.5) * variance)
    assert found.mean == pytest.approx(mean)
    assert found.p_value == pytest.approx(2 * stats.t.sf(mean / error, 5))
    assert found.interval.high - mean == pytest.approx(stats.t.ppf(0.975, 5) * error)


@given(DIFFERENCES, st.floats(0, 2))
def test_what_holds_for_all_differences(values: list[float], share: float) -> None:
    found = corrected_t_test(np.array(values), share)
    swapped = corrected_t_test(-np.array(values), share)
    assert 0 <= found.p_value <= 1
    assert found.interval.low <= found.mean <= found.interval.high
    assert (swapped.mean, swapped.p_value) == (-found.mean, found.p_value)
    assert swapped.interval == Interval(-found.interval.high, -found.interval.low)
    assert found.p_value >= corrected_t_test(np.array(values), 0.0).p_value - 1e-12


def test_equal_scores_are_no_difference() -> None:
    found = corrected_t_test(np.zeros(5), 0.25)
    assert (found.mean, found.p_value, found.interval) == (0.0, 1.0, Interval(0.0, 0.0))


def test_differences_that_are_all_equal_leave_no_doubt() -> None:
    found = corrected_t_test(np.full(4, 0.5), 0.25)
    assert (found.mean, found.p_value, found.interval) == (0.5, 0.0, Interval(0.5, 0.5))


@pytest.mark.parametrize("values", [[0.3], [0.1, math.nan, 0.2], [0.1, math.inf]])
def test_there_is_no_p_value_without_numbers_to_take_it_from(values: list[float]) -> None:
    found = corrected_t_test(np.array(values), 0.25)
    assert all(map(math.isnan, (found.p_value, found.interval.low, found.interval.high)))


@pytest.mark.parametrize(
    ("values", "share", "confidence", "message"),
    [
        ([], 0.25, 0.95, "there are none"),
        ([0.1, 0.2], -0.1, 0.95, "zero or more; it is -0.1"),
        ([0.1, 0.2], math.nan, 0.95, "zero or more; it is nan"),
        ([0.1, 0.2], 0.25, 95, "between 0 and 1, such as 0.95; it is 95"),
    ],
)
def test_impossible_tests_are_refused(
    values: list[float], share: float, confidence: float, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        corrected_t_test(np.array(values), share, confidence)


@pytest.mark.parametrize("n_folds", [2, 5, 10])
def test_a_fold_of_k_tests_on_one_part_and_trains_on_the_others(n_folds: int) -> None:
    folds = kfold(20 * n_folds, n_folds, n_repeats=2)
    assert share_of_test(folds) == pytest.approx(1 / (n_folds - 1))


# Many comparisons


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_what_its_definition_says(p_values: list[float]) -> None:
    found = holm(p_values)
    for p, corrected in zip(p_values, found, strict=True):
        # Of all that are as small or smaller: p times the number of those not smaller.
        wanted = max(q * sum(other >= q for other in p_values) for q in p_values if q <= p)
        assert corrected == pytest.approx(min(1.0, wanted))


def test_holm_passes_over_what_has_no_p_value() -> None:
    assert holm([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(holm([math.nan])[0])


# Rows that depend on each other


def test_rows_of_a_group_belong_together() -> None:
    units = dependent_rows(5, groups=np.array(["b", "a", "b", "c", "a"]))
    assert units.tolist() == [1, 0, 1, 2, 0]


@given(st.integers(1, 400), st.randoms(use_true_random=False))
def test_rows_with_times_are_cut_into_blocks_of_equal_length(n_rows: int, random: Any) -> None:
    times = np.array(random.sample(range(1000), n_rows))
    blocks = dependent_rows(n_rows, times=times)[np.argsort(times)]
    assert (np.diff(blocks) >= 0).all()
    sizes = np.bincount(blocks)
    assert len(sizes) == min(TIME_BLOCKS, n_rows) and sizes.max() - sizes.min() <= 1


# The bootstrap


def rows_of_pairs(n_rows: int, seed: int = 0) -> tuple[Floats, list[Floats], NDArray[np.int64]]:
    """Return a target, the predictions of two members, and units of 1, 2 or 3 rows."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=n_rows)
    predictions = [target + rng.normal(size=n_rows) for _ in range(2)]
    return target, predictions, rng.integers(0, n_rows // 2, n_rows) * 7


def test_units_are_drawn_whole_as_in_a_plain_loop() -> None:
    target, predictions, units = rows_of_pairs(40)
    found, factor = resampled_scores(
        MEAN_ABSOLUTE_ERROR, target, predictions, units, resamples=30, seed=5
    )
    names = np.unique(units)
    rng = np.random.default_rng(5)
    for scores in found:
        rows = [
            row
            for unit in names[rng.integers(0, len(names), len(names))]
            for row in range(40)
            if units[row] == unit
        ]
        wanted = [MEAN_ABSOLUTE_ERROR.score(target[rows], each[rows]) for each in predictions]
        assert scores == pytest.approx(wanted)
    assert factor == 1.0


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() -> None:
    rng = np.random.default_rng(1)
    target, errors = np.zeros(2000), rng.exponential(size=2000)
    scores, factor = resampled_scores(MEAN_ABSOLUTE_ERROR, target, [errors], np.arange(2000), 2000)
    found = percentile_interval(float(errors.mean()), scores[:, 0], factor)
    assert found.high - found.low == pytest.approx(2 * 1.96 * errors.std() / 2000**0.5, rel=0.1)


def test_rows_that_come_in_equal_pairs_count_once() -> None:
    rng = np.random.default_rng(2)
    errors, pairs = np.repeat(rng.normal(size=400), 2), np.repeat(np.arange(400), 2)
    widths = []
    for units in (np.arange(800), pairs):
        scores, _ = resampled_scores(MEAN_ABSOLUTE_ERROR, np.zeros(800), [errors], units, 1000)
        widths.append(scores.std())
    assert widths[1] / widths[0] == pytest.approx(2**0.5, rel=0.1)


def test_of_many_rows_some_are_drawn_and_the_interval_is_that_of_all() -> None:
    n_rows = 8 * MOST_ROWS
    errors = np.random.default_rng(3).exponential(size=n_rows)
    scores, factor = resampled_scores(
        MEAN_ABSOLUTE_ERROR, np.zeros(n_rows), [errors], np.arange(n_rows), 1000
    )
    assert factor == pytest.approx(8**-0.5)
    assert factor * scores.std() == pytest.approx(errors.std() / n_rows**0.5, rel=0.1)


def test_a_resample_without_one_of_the_classes_is_passed_over() -> None:
    target = np.array([0.0, 0.0, 0.0, 1.0])
    scores, _ = resampled_scores(
        ROC_AUC, target, [np.array([0.1, 0.2, 0.9, 0.8])], np.arange(4), 100
    )
    assert np.isnan(scores).any() and not np.isnan(scores).all()
    found = percentile_interval(2 / 3, scores[:, 0])
    assert 0 <= found.low <= 2 / 3 <= found.high <= 1
    assert math.isnan(percentile_interval(0.5, np.full(3, math.nan)).low)


# Members


def scored(
    metric: Metric,
    folds: Folds,
    target: Floats,
    predictions: dict[str, Floats],
) -> list[OutOfFold]:
    """Return members with the scores that these predictions have, the same in all repeats."""
    found = []
    for name, valid in predictions.items():
        fold_scores = np.array(
            [[metric.score(target[v], valid[v]) for _, v in pairs] for pairs in folds.pairs]
        )
        score = metric.score(target, valid)
        found.append(member(name, valid, folds=folds, fold_scores=fold_scores, score=score))
    return found


def example(
    metric: Metric, n_repeats: int = 2, seed: int = 0
) -> tuple[list[OutOfFold], Floats, Folds]:
    """Return a bad, a good and a middling member, under whatever metric."""
    rng = np.random.default_rng(seed)
    folds = kfold(N_ROWS, 5, n_repeats, seed)
    target = rng.integers(0, 2, N_ROWS).astype(float)
    predictions = {
        name: np.clip(target + rng.normal(scale=noise, size=N_ROWS), 0, 1)
        for name, noise in (("bad", 3.0), ("good", 0.3), ("middling", 0.9))
    }
    return scored(metric, folds, target, predictions), target, folds


@pytest.mark.parametrize("metric", [RMSLE, ACCURACY], ids=lambda metric: metric.label)
def test_the_better_member_is_the_first_and_ahead(metric: Metric) -> None:
    members, target, folds = example(metric)
    found = compare(members, target, folds, metric)
    names = [("good", "middling"), ("good", "bad"), ("middling", "bad")]
    assert [(each.first, each.second) for each in found] == names
    scores = {each.model: each for each in members}
    for each in found:
        first, second = scores[each.first], scores[each.second]
        gaps = np.abs(first.fold_scores - second.fold_scores).ravel()
        better = [
            metric.better(a, than=b)
            for a, b in zip(first.fold_scores.ravel(), second.fold_scores.ravel(), strict=True)
        ]
        signs = np.where(better, 1, -1)
        wanted = corrected_t_test(signs * gaps, 1 / 4)
        assert each.folds.mean == pytest.approx(wanted.mean)
        assert each.folds.p_value == pytest.approx(wanted.p_value)
        assert each.wins == sum(better) and each.n_folds == 10
        assert each.ties == sum(gaps == 0)
        assert each.overall == pytest.approx(abs(first.score - second.score))
        assert each.overall_interval.low <= each.overall <= each.overall_interval.high
    assert [each.p_holm for each in found] == holm([each.folds.p_value for each in found])


def test_members_that_are_alike_give_no_alarm() -> None:
    (one, *_), target, folds = example(RMSLE)
    twin = member("twin", one.valid, folds=folds, fold_scores=one.fold_scores, score=one.score)
    (found,) = compare([one, twin], target, folds, RMSLE)
    assert (found.folds.mean, found.folds.p_value, found.p_holm) == (0.0, 1.0, 1.0)
    assert (found.wins, found.ties, found.n_folds) == (0, 10, 10)
    assert found.overall_interval == Interval(0.0, 0.0)


def test_the_order_of_the_members_plays_no_part() -> None:
    members, target, folds = example(RMSLE)
    assert compare(members, target, folds, RMSLE) == compare(members[::-1], target, folds, RMSLE)


def test_the_seed_decides_the_interval_over_rows_alone() -> None:
    members, target, folds = example(RMSLE)
    one, again, other = (compare(members, target, folds, RMSLE, seed=seed)[0] for seed in (1, 1, 2))
    assert one == again
    assert one.overall_interval != other.overall_interval and one.folds == other.folds


def test_rows_that_depend_on_each_other_are_drawn_together() -> None:
    """A row three times says no more than once, and the interval must not become narrower."""
    members, target, folds = example(RMSLE)
    (alone, *_) = compare(members[:2], target, folds, RMSLE)
    # The rows are repeated one behind the other, as they would lie after a shuffle.
    tripled = scored(
        RMSLE,
        kfold(3 * N_ROWS, 5),
        np.tile(target, 3),
        {each.model: np.tile(each.valid, 3) for each in members[:2]},
    )
    units = np.tile(np.arange(N_ROWS), 3)
    both = (units, None)
    grouped, each_for_itself = (
        compare(tripled, np.tile(target, 3), kfold(3 * N_ROWS, 5), RMSLE, given)[0].overall_interval
        for given in both
    )
    width = alone.overall_interval.high - alone.overall_interval.low
    assert grouped.high - grouped.low == pytest.approx(width)
    assert each_for_itself.high - each_for_itself.low == pytest.approx(width / 3**0.5, rel=0.15)


def test_rows_that_are_not_predicted_play_no_part() -> None:
    members, target, folds = example(RMSLE)
    blank = [
        member(
            each.model,
            np.where(np.arange(N_ROWS) < 7, np.nan, each.valid),
            folds=folds,
            fold_scores=each.fold_scores,
            score=RMSLE.score(target[7:], each.valid[7:]),
        )
        for each in members
    ]
    found = compare(blank, target, folds, RMSLE)
    assert found == compare(blank, np.where(np.arange(N_ROWS) < 7, 1e9, target), folds, RMSLE)
    assert all(math.isfinite(each.overall_interval.low) for each in found)


def test_repeats_on_the_same_rows_count_as_one() -> None:
    once = kfold(N_ROWS, 5)
    thrice = Folds(FoldSpec("kfold", 5), N_ROWS, once.pairs * 3)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 3, 5))
    found, wanted = (
        compare(
            [
                member(name, np.zeros(N_ROWS), folds=folds, fold_scores=each, score=number)
                for number, (name, each) in enumerate(zip("ab", values, strict=True))
            ],
            np.zeros(N_ROWS),
            folds,
            RMSLE,
        )[0]
        for folds, values in ((thrice, scores), (once, scores.mean(axis=1, keepdims=True)))
    )
    assert found.folds.mean == pytest.approx(wanted.folds.mean)
    assert found.folds.p_value == pytest.approx(wanted.folds.p_value)
    assert (found.n_folds, wanted.n_folds) == (15, 5)


def test_members_that_do_not_go_together_are_refused() -> None:
    members, target, folds = example(RMSLE, n_repeats=1)
    with pytest.raises(UsageError, match="needs two members; it got: bad"):
        compare(members[:1], target, folds, RMSLE)
    with pytest.raises(UsageError, match="named twice among the members: bad, bad"):
        compare([members[0], members[0]], target, folds, RMSLE)
    with pytest.raises(UsageError, match=r"number of repeats differ \(1, not 2\)"):
        compare(members, target, kfold(N_ROWS, 5, n_repeats=2), RMSLE)
    with pytest.raises(UsageError, match="its folds differ"):
        compare(members, target, kfold(N_ROWS, 4), RMSLE)
    stranger = member("stranger", target, folds=folds, data_fingerprint="other")
    with pytest.raises(UsageError, match=r"'stranger' cannot be compared: its data differ"):
        compare([members[0], stranger], target, folds, RMSLE)


# Verdicts


def judged(first: str, second: str, mean: float, p_value: float) -> Comparison:
    interval = Interval(mean - 1, mean + 1)
    return Comparison(
        first, second, TTest(mean, interval, p_value), p_value, 3, 1, 5, mean, interval
    )


FAMILIES = {model.name: model.family for model in TINY.models}


def test_two_members_are_told_apart_where_chance_does_not_explain_them() -> None:
    ((text, row),) = verdicts(TINY.metric, FAMILIES, [judged("ridge", "mean", 0.25, 0.01)])
    assert text == (
        "ridge is better than mean by 0.25000 RMSLE a fold "
        "(95 % interval -0.75000 to 1.25000, p 0.010)."
    )
    assert row["told_apart"] and (row["wins"], row["ties"], row["folds"]) == (3, 1, 5)


@pytest.mark.parametrize(("mean", "p_value"), [(0.25, 0.05), (0.25, math.nan), (-0.25, 0.01)])
def test_two_members_are_not_told_apart_otherwise(mean: float, p_value: float) -> None:
    ((text, row),) = verdicts(TINY.metric, FAMILIES, [judged("ridge", "mean", mean, p_value)])
    assert text.startswith("The data do not tell ridge and mean apart: ridge is ahead by ")
    assert not row["told_apart"]
    assert row["p_value"] == (None if math.isnan(p_value) else p_value)


def test_the_best_network_is_set_against_the_best_boosting_model() -> None:
    boosting, network = LIGHTGBM.name, NETWORK.name
    pairs = [
        judged(RIDGE.name, boosting, 0.1, 0.2),
        judged(RIDGE.name, MEAN.name, 0.9, 0.001),
        judged(boosting, network, 0.3, 0.04),
    ]
    best, deep = verdicts(TINY.metric, FAMILIES, pairs)
    assert best[0] == (
        "ridge is better than mean. The data do not tell ridge apart from lightgbm. "
        "(p below 0.05, corrected for 3 pairs.)"
    )
    assert best[1] == {
        "best": "ridge",
        "better_than": ["mean"],
        "not_told_apart_from": ["lightgbm"],
    }
    assert deep[0].startswith("lightgbm is better than network by 0.30000")
    assert "p 0.040, corrected for 3 pairs" in deep[0]


# The command line


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A comparison over two repeats, and the folder with its results."""
    folder = tmp_path_factory.mktemp("compared")
    arguments = ("--members", "median,ridge", "--folds", "3", "--repeats", "2")
    return folder, comps(
        "compare", "house-prices", *arguments, "--engine", "inline", "--json", cwd=folder
    )


def test_the_command_shows_all_repeats_and_what_they_took(compared: tuple[Path, Done]) -> None:
    _, done = compared
    rows = done.event("comparison")["rows"]
    assert [(row["repeat"], row["fold"]) for row in rows] == [
        (repeat, fold) for repeat in (1, 2) for fold in (1, 2, 3)
    ]
    members = done.event("members")["rows"]
    assert [row["model"] for row in members] == ["ridge", "median"]
    assert members[0]["score"] < members[1]["score"]
    assert all(row["fold_seconds"] > 0 and row["size"] > 0 for row in members)


def test_the_command_tests_what_it_shows(compared: tuple[Path, Done]) -> None:
    _, done = compared
    scores = done.event("comparison")["rows"]
    wanted = corrected_t_test(np.array([row["median"] - row["ridge"] for row in scores]), 1 / 2)
    (row,) = done.event("differences")["rows"]
    assert (row["first"], row["second"]) == ("ridge", "median")
    assert row["mean_difference"] == pytest.approx(wanted.mean)
    assert row["interval"] == pytest.approx([wanted.interval.low, wanted.interval.high])
    assert row["p_value"] == row["p_holm"] == pytest.approx(wanted.p_value, rel=1e-3)
    assert (row["wins"], row["ties"], row["folds"]) == (6, 0, 6)
    low, high = row["overall_interval"]
    assert 0 < low < row["overall_difference"] < high
    result = done.event("result")
    assert result["text"].startswith("ridge is better than median by 0.2")
    assert row.items() <= result.items()


@pytest.mark.slow
def test_the_command_says_the_same_to_people_and_again(compared: tuple[Path, Done]) -> None:
    folder, done = compared
    again = comps(
        "compare", "house-prices", "--members", "ridge,median", "--folds", "3", "--repeats", "2",
        cwd=folder,
    )  # fmt: skip
    assert "Nothing to fit: all 12 fits are stored." in again.err
    assert again.out.splitlines()[-1] == done.event("result")["text"]
    assert "ridge over" in again.out and "6/6" in again.out and "…" not in again.out


def houses_twice(folder: Path) -> Path:
    """Write 200 houses of which each is there twice, the second time a little dearer."""
    content = read_files(HOUSE_PRICES.sample, FILES)["train.csv"]
    raw = read_table(content, "train.csv", text=ALL).frame.fillna("")
    again = raw[:200].assign(Id="9000" + raw["Id"], SalePrice=raw["SalePrice"].str[:-1] + "9")
    folder.mkdir()
    load_tables(folder, pd.concat([raw[:200], again]), raw[200:260])
    return folder


@pytest.mark.parametrize(
    ("name", "members"), [("temperature", "common-sense,ridge"), ("house-prices", "median,ridge")]
)
@pytest.mark.slow
def test_the_command_draws_rows_together_that_depend_on_each_other(
    tmp_path: Path, name: str, members: str
) -> None:
    competition = find_competition(name)
    data = houses_twice(tmp_path / "twice") if name == "house-prices" else competition.sample
    dataset = competition.load(data)
    arguments = ("--members", members, "--folds", "3", "--engine", "inline", "--json")
    done = comps("compare", name, "--data", data, *arguments, cwd=tmp_path)
    folds = make_folds(FoldSpec(competition.scheme, 3), FoldInput.of(competition, dataset))
    target, metric = competition.scaled_target(dataset), competition.metric
    oofs = RunStore(tmp_path / "runs" / name).predictions(dataset, folds)
    units = dataset.groups
    if units is None:
        units = np.arange(len(target)) * TIME_BLOCKS // len(target)
    (together,) = compare(oofs, target, folds, metric, units)
    (alone,) = compare(oofs, target, folds, metric)
    interval = together.overall_interval
    (row,) = done.event("differences")["rows"]
    assert row["overall_interval"] == pytest.approx([interval.low, interval.high])
    assert interval.high - interval.low > 1.2 * (
        alone.overall_interval.high - alone.overall_interval.low
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("ridge", "at least two different members; it got: ridge."),
        ("ridge,ridge", "at least two different members; it got: ridge."),
        ("ridge,rdige", "There is no model 'rdige'. Did you mean 'ridge'?"),
        (",", "No model was named"),
    ],
)
def test_members_that_cannot_be_compared_are_refused(
    tmp_path: Path, members: str, message: str
) -> None:
    done = comps("compare", "house-prices", "--members", members, cwd=tmp_path, code=2)
    assert message in done.err and not done.out
    assert not (tmp_path / "runs").exists()
