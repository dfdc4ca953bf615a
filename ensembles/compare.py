"""Comparison of members: whether one is better than another, or only by chance.

Two questions with an answer each. Would the first be better on folds drawn anew, training
included? The corrected t-test over the folds answers this. Would these predictions be better on
other rows? The bootstrap over rows answers this; it does not include training.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Metric, Target, Truth, UsageError
from pipelines.folds import Folds
from pipelines.results.oof import OutOfFold

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 400
# ROC AUC of so many rows takes 4 ms in scikit-learn, of 25,000 rows 12 ms.
MOST_ROWS = 5_000
# Far longer than errors of neighbouring rows resemble each other, and enough to resample.
TIME_BLOCKS = 50


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN on both sides where there is none."""

    low: float
    high: float


@dataclass(frozen=True)
class TTest:
    """A t-test of a mean difference.

    Attributes:
        mean: of the differences.
        interval: covers the true mean difference with the wanted confidence.
        p_value: two-sided.
    """

    mean: float
    interval: Interval
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """A first member against a second; differences are positive where the first is better.

    That holds for every metric, whichever its direction. The unit is the metric's.

    Attributes:
        first: name of a model.
        second: name of the other.
        folds: corrected t-test of the differences in the folds of all repeats.
        p_holm: its p-value, corrected for all pairs of members that were compared.
        wins: folds, of all repeats, in which the first is better.
        ties: folds with equal scores.
        n_folds: folds of all repeats.
        overall: difference of the metric on all rows that are predicted.
        overall_interval: of `overall`, by the bootstrap over rows.
    """

    first: str
    second: str
    folds: TTest
    p_holm: float
    wins: int
    ties: int
    n_folds: int
    overall: float
    overall_interval: Interval


def corrected_t_test(
    differences: Floats, test_share: float, confidence: float = CONFIDENCE
) -> TTest:
    """Test whether the mean difference over the folds of all repeats is zero.

    The training sets of the folds overlap, so that the differences vary less than those of
    independent data sets would. Nadeau and Bengio ("Inference for the Generalization Error",
    Machine Learning 52, 2003, section 3.1, "corrected resampled t-test") therefore take
    (1/J + n_test/n_train) s^2 as the variance of their mean, with J - 1 degrees of freedom;
    Bouckaert and Frank (PAKDD 2004) use it for repeated cross-validation.

    Args:
        differences: one for each of J folds of all repeats, in any shape.
        test_share: n_test/n_train of a fold; 0 gives the plain paired t-test.
        confidence: of the interval.

    Returns:
        The test. With a single difference, or one that is not finite, p-value and interval are
        NaN. If all differences are equal, p is 0, or 1 if they are zero.

    Raises:
        UsageError: if there is no difference, or a number is out of range.

    >>> test = corrected_t_test(np.array([0.02, 0.01, 0.03, 0.00, 0.02]), test_share=1 / 4)
    >>> round(test.mean, 4), round(test.p_value, 4), round(test.interval.low, 4)
    (0.016, 0.1046, -0.0052)
    """
    from scipy.special import stdtr, stdtrit

    _check_confidence(confidence)
    if not (0 <= test_share < math.inf):
        raise UsageError(f"test_share is n_test/n_train, zero or more; it is {test_share}.")
    if differences.size == 0:
        raise UsageError("A test needs differences; there are none.")
    mean = float(np.mean(differences))
    freedom = differences.size - 1
    if freedom == 0 or not np.isfinite(differences).all():
        return TTest(mean, Interval(math.nan, math.nan), math.nan)
    error = math.sqrt((1 / differences.size + test_share) * float(np.var(differences, ddof=1)))
    margin = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    p_value = 2 * float(stdtr(freedom, -abs(mean) / error)) if error > 0 else float(mean == 0)
    return TTest(mean, Interval(mean - margin, mean + margin), p_value)


def share_of_test(folds: Folds) -> float:
    """Return n_test/n_train, the mean over the folds of all repeats.

    Nadeau and Bengio have folds of one size. Where training sets grow with time, the mean is
    above the ratio of the mean sizes, so that the test is rather too careful.
    """
    return float(
        np.mean([len(valid) / len(train) for pairs in folds.pairs for train, valid in pairs])
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm, 1979); NaN is not counted.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [math.nan] * len(p_values)
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        corrected[place] = largest
    return corrected


def dependent_rows(
    n_rows: int, groups: Array | None = None, times: Array | None = None
) -> NDArray[np.int64]:
    """Return [n] int64, equal for rows that depend on each other and are resampled together.

    Rows with times are cut, in the order of time, into `TIME_BLOCKS` blocks of equal length;
    other rows belong together where their groups say so, or each stands for itself.

    >>> dependent_rows(4, groups=np.array(["b", "a", "b", "c"]))
    array([1, 0, 1, 2])
    """
    if times is not None:
        order = np.argsort(times, kind="stable")
        blocks = np.empty(n_rows, dtype=np.int64)
        blocks[order] = np.arange(n_rows) * min(TIME_BLOCKS, n_rows) // n_rows
        return blocks
    if groups is not None:
        return np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return np.arange(n_rows)


def resampled_scores(
    metric: Metric,
    target: Target,
    predictions: Sequence[Floats],
    units: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Floats, float]:
    """Score members on rows drawn anew, the same rows for all of them.

    What is drawn, with replacement, is units of rows that depend on each other, because a
    metric of rows that come in pairs varies more than that of as many independent ones. Of
    many rows about `MOST_ROWS` are drawn, by no less than `TIME_BLOCKS` units: the m out of n
    bootstrap, whose deviations are the square root of n/m times as large (Bickel, Goetze and
    van Zwet, Statistica Sinica 7, 1997). So a metric that is slow on many rows stays quick,
    and none need be a mean over rows.

    Args:
        metric: what is scored.
        target: [n] or [n, targets] on the metric's scale, or a `Truth`. A query that is drawn
            twice is two queries.
        predictions: for each member [n] or [n, columns]; without NaN.
        units: [n] int64, equal for rows that are drawn together.
        resamples: how many times.
        seed: of the drawing.

    Returns:
        [resamples, members] float64 scores, and the factor by which their deviations from the
        score of all rows are to be multiplied, 1 or less. A score that a resample does not have,
        such as the AUC of a single class, is NaN.
    """
    truth = Truth.of(target)
    _, units = np.unique(units, return_inverse=True)
    sizes = np.bincount(units)
    rows, starts = np.argsort(units, kind="stable"), np.cumsum(sizes) - sizes
    n_units = len(sizes)
    drawn_units = min(n_units, max(TIME_BLOCKS, n_units * MOST_ROWS // len(target)))
    rng = np.random.default_rng(seed)
    scores = np.empty((resamples, len(predictions)))
    with warnings.catch_warnings():
        # Of scikit-learn's, that a metric is not defined where a class is not drawn.
        warnings.simplefilter("ignore")
        for resample in range(resamples):
            drawn = rng.integers(0, n_units, drawn_units)
            ends = np.cumsum(sizes[drawn])
            within = np.arange(ends[-1]) - np.repeat(ends - sizes[drawn], sizes[drawn])
            chosen = rows[np.repeat(starts[drawn], sizes[drawn]) + within]
            some = _apart(truth[chosen], np.repeat(np.arange(drawn_units), sizes[drawn]))
            scores[resample] = [metric.score(some, each[chosen]) for each in predictions]
    return scores, math.sqrt(drawn_units / n_units)


def _apart(truth: Truth, draw: NDArray[np.int64]) -> Truth:
    """Return the truth of drawn rows, with a query of its own for each draw of a query."""
    if truth.query is None:
        return truth
    codes = np.unique(truth.query, return_inverse=True)[1]
    return replace(truth, query=draw * (codes.max() + 1) + codes)


def percentile_interval(
    value: float, resampled: Floats, factor: float = 1.0, confidence: float = CONFIDENCE
) -> Interval:
    """Return the percentile interval of the bootstrap; NaN where nothing could be scored.

    The basic interval turns the skewness of the resamples the wrong way round (Hesterberg,
    The American Statistician 69, 2015, section 4).

    Args:
        value: on all rows.
        resampled: [resamples], NaN is passed over.
        factor: of the deviations of `resampled` from `value`.
        confidence: of the interval.

    >>> percentile_interval(0.0, np.arange(-50.0, 51.0), factor=0.1, confidence=0.9)
    Interval(low=-4.5, high=4.5)
    """
    _check_confidence(confidence)
    known = resampled[np.isfinite(resampled)]
    if len(known) == 0:
        return Interval(math.nan, math.nan)
    tail = (1 - confidence) / 2
    low, high = value + factor * (np.quantile(known, [tail, 1 - tail]) - value)
    return Interval(float(low), float(high))


def compare(
    members: Sequence[OutOfFold],
    target: Target,
    folds: Folds,
    metric: Metric,
    units: NDArray[np.int64] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every two members; the one with the better score on all rows is the first.

    The pairs come in the order of the scores: those with the best member are at the front. It
    was found by looking at these scores, so any pair could have come up, and `p_holm` corrects
    for all of them.

    Args:
        members: two or more, of the same data, folds and repeats.
        target: [n] or [n, targets] on the metric's scale, or a `Truth`.
        folds: those of the members, with their repeats.
        metric: what they are judged by.
        units: [n], see `dependent_rows`; None takes each row, or each query, for itself.
        resamples: of the bootstrap over rows.
        seed: of the bootstrap.

    Raises:
        UsageError: if there are less than two members or they do not go together.
    """
    _check_members(members, folds)
    ordered = sorted(members, key=lambda member: metric.sort_key(member.score))
    sign = 1 if metric.greater_is_better else -1
    covered = ordered[0].covered
    scores, factor = resampled_scores(
        metric,
        target[covered],
        [member.valid[covered] for member in ordered],
        (dependent_rows(len(target), Truth.of(target).query) if units is None else units)[covered],
        resamples,
        seed,
    )
    share = share_of_test(folds)
    pairs = list(itertools.combinations(range(len(ordered)), 2))
    differences = [sign * (ordered[i].fold_scores - ordered[j].fold_scores) for i, j in pairs]
    tests = [
        corrected_t_test(each.mean(axis=0) if _same_rows(folds) else each, share)
        for each in differences
    ]
    corrected = holm([test.p_value for test in tests])
    found = []
    for (i, j), difference, test, p_holm in zip(pairs, differences, tests, corrected, strict=True):
        overall = sign * (ordered[i].score - ordered[j].score)
        resampled = sign * (scores[:, i] - scores[:, j])
        found.append(
            Comparison(
                first=ordered[i].model,
                second=ordered[j].model,
                folds=test,
                p_holm=p_holm,
                wins=int((difference > 0).sum()),
                ties=int((difference == 0).sum()),
                n_folds=difference.size,
                overall=overall,
                overall_interval=percentile_interval(overall, resampled, factor),
            )
        )
    return found


def _same_rows(folds: Folds) -> bool:
    """Whether all repeats have the same rows in each fold, as in a time-ordered scheme.

    Such repeats differ in the seeds of the models alone. Their differences in a fold are nearly the
    same, and count as one, their mean.
    """
    return all(
        np.array_equal(valid, first)
        for pairs in folds.pairs
        for (_, valid), (_, first) in zip(pairs, folds.pairs[0], strict=True)
    )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise UsageError(f"A confidence lies between 0 and 1, such as 0.95; it is {confidence}.")


def _check_members(members: Sequence[OutOfFold], folds: Folds) -> None:
    names = [member.model for member in members]
    if len(names) < 2:
        raise UsageError(f"A comparison needs two members; it got: {', '.join(names) or 'none'}.")
    if len(set(names)) != len(names):
        raise UsageError(f"A model is named twice among the members: {', '.join(names)}.")
    for member in members:
        for what, found, wanted in (
            ("data", member.data_fingerprint, members[0].data_fingerprint),
            ("folds", member.folds_fingerprint, folds.fingerprint),
            ("number of repeats", member.n_repeats, folds.n_repeats),
        ):
            if found != wanted:
                raise UsageError(
                    f"'{member.model}' cannot be compared: its {what} differ ({found}, not "
                    f"{wanted}). Train all members on the same."
                )
