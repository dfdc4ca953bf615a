"""Cut points fitted on out-of-fold predictions, from the simplest, each only if it gains enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Cuts, Metric, Prediction, Rule, Target, Truth, decided
from ensembles.choice import difference_error
from ensembles.sample import Columns, Floats
from ensembles.scan import best_place, candidates, most_candidates, scan, scan_label

Search = Callable[[Metric, Truth, Floats], Cuts | None]

# The cut points of a class, a step or a label of several are looked for among so many, and the
# threshold of two classes among all.
_CANDIDATES = 100
# Coordinates are gone through so often at most.
_SWEEPS = 3
# More classes would have more factors than rows can tell.
_MOST_CLASSES = 100
# Factors and steps are looked for on so many rows.
_ENOUGH = 10_000
# Powers of the classes' shares that probabilities are divided by, one parameter for all classes.
# Those below zero give back what models lost that were trained on classes of equal weight.
_POWERS = (0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0)
_WIDEST = np.log(1000.0)


def fit_cuts(
    metric: Metric,
    target: Target,
    predictions: Floats,
    parts: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
) -> Cuts | None:
    """Return cut points for labels, or None where the most probable classes do as well.

    Simple ones are tried first: one threshold for all of several labels before one for each, a
    power of the classes' shares before a factor for each class, rounding the expected class before
    fitted steps. Each has to be better than what came before it, on rows that it was not fitted
    on, by more than one standard error (see `ensembles.choice`); by two for a metric that is its
    own guide, such as accuracy, because the most probable class is rarely wrong for it.

    Args:
        metric: of the score; none is fitted unless it takes labels.
        target: [n] codes of classes or [n, labels], or a `Truth`.
        predictions: [n], [n, classes] or [n, labels] out-of-fold probabilities.
        parts: [n] such as folds: cut points of the others are tried on each of them.
        groups: [n], see `difference_error`.
    """
    if metric.needs is not Prediction.LABEL:
        return None
    truth, columns = Truth.of(target), Columns.of(predictions[:, None], target)
    several = columns is Columns.TARGETS
    parts = _two_at_least(parts)
    found, before = None, decided(None, predictions, several=several)
    for search in _searches(metric, columns, predictions):
        whole = search(metric, truth, predictions)
        if whole is None or not _better(
            metric, truth, decided(whole, predictions, several=several), before, groups
        ):
            continue
        after = before.copy()
        for part in np.unique(parts):
            inside = parts == part
            cuts = search(metric, truth[~inside], predictions[~inside])
            after[inside] = decided(cuts, predictions[inside], several=several)
        if _better(metric, truth, after, before, groups):
            found, before = whole, after
    return found


def needs_cuts(metric: Metric) -> bool:
    """Whether members cannot be told apart by the metric until there are cut points."""
    return metric.needs is Prediction.LABEL and metric.guide is not metric


def decided_by_others(
    metric: Metric, target: Target, predictions: Floats, fold_of_row: NDArray[np.int64]
) -> Floats:
    """Return the labels of each fold that follow from cut points of the other folds.

    Args:
        metric: of labels.
        target: [n] or [n, labels], or a `Truth`.
        predictions: [n], [n, classes] or [n, labels] out-of-fold probabilities.
        fold_of_row: [n].

    Returns:
        As `decided`, in the shape of the predictions.
    """
    truth = Truth.of(target)
    several = truth.values.ndim == 2
    found = np.empty(predictions.shape)
    for fold in np.unique(fold_of_row):
        inside = fold_of_row == fold
        others = ~inside
        cuts = fit_cuts(metric, truth[others], predictions[others], fold_of_row[others])
        found[inside] = decided(cuts, predictions[inside], several=several)
    return found


def cut_score(
    metric: Metric, target: Target, predictions: Floats, fold_of_row: NDArray[np.int64]
) -> float:
    """Return the score of a member by its labels; see `decided_by_others`."""
    truth = Truth.of(target)
    return metric.score(truth, decided_by_others(metric, truth, predictions, fold_of_row))


def _two_at_least(parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return parts of rows, of which there must be two; a single one is cut into neighbours."""
    if len(np.unique(parts)) > 1:
        return parts
    return np.arange(len(parts)) * 5 // len(parts)


def _better(
    metric: Metric,
    truth: Truth,
    one: Floats,
    other: Floats,
    groups: NDArray[np.int64] | None,
) -> bool:
    """Whether labels score better than others by more than chance explains."""
    scores = [metric.sort_key(metric.score(truth, labels)) for labels in (other, one)]
    gained = scores[0] - scores[1]
    errors = 1 if metric.guide is not metric else 2
    return bool(
        gained > 0 and gained > errors * difference_error(metric, truth, one, other, groups)
    )


def _searches(metric: Metric, columns: Columns, predictions: Floats) -> Sequence[Search]:
    if columns is Columns.CLASSES and predictions.shape[1] > _MOST_CLASSES:
        return ()
    if columns is Columns.CLASSES and metric.ordinal:
        return _OF_STEPS
    return _SEARCHES[columns]


def _key(metric: Metric, scores: Floats) -> Floats:
    return scores if metric.greater_is_better else -scores


# Two classes, and several labels


def _threshold(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return the best threshold of all."""
    cuts = candidates(predictions, most_candidates(metric, len(predictions) + 2))
    nothing = np.zeros(len(predictions), np.int64)
    scores = scan(metric, truth, predictions, nothing, nothing + 1, cuts)
    return _at(cuts[best_place(_key(metric, scores), np.abs(cuts - 0.5))])


def _one_threshold(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return the best threshold that several labels share."""
    cuts = candidates(predictions.ravel(), most_candidates(metric, _CANDIDATES))
    scores = np.array([metric.score_labels(truth, predictions > cut) for cut in cuts])
    best = float(cuts[best_place(_key(metric, scores), np.abs(cuts - 0.5))])
    return _at(*[best] * predictions.shape[1])


def _threshold_each(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return thresholds of several labels, each the best beside those of the others."""
    start = _one_threshold(metric, truth, predictions)
    assert start is not None
    values = np.array(start.at)
    labels = (predictions > values).astype(np.int64)
    for _ in range(_SWEEPS):
        before = values.copy()
        for place in range(len(values)):
            value = predictions[:, place]
            cuts = candidates(value, most_candidates(metric, _CANDIDATES))
            scores = scan_label(metric, truth, labels, place, value, cuts)
            values[place] = cuts[best_place(_key(metric, scores), np.abs(cuts - values[place]))]
            labels[:, place] = value > values[place]
        if (values == before).all():
            break
    return _at(*values)


def _at(*values: float) -> Cuts:
    return Cuts(Rule.THRESHOLD, tuple(map(float, values)))


# Many classes


def _power(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return factors that are a power of the classes' shares, or None if none is better."""
    truth, predictions = _some(truth, predictions)
    classes = np.arange(predictions.shape[1])
    counts = np.bincount(truth.values.astype(np.int64), truth.weight, len(classes))
    logs = -np.log(np.maximum(counts, counts[counts > 0].min()) / counts.sum())
    powers = np.array([0.0, *_POWERS])
    tried = [metric.score_labels(truth, _largest(predictions, power * logs)) for power in powers]
    best = best_place(_key(metric, np.array(tried)), np.abs(powers))
    return _factors_of(powers[best] * logs) if best else None


def _factors(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return a factor for each class, each the best beside those of the others."""
    start = _power(metric, truth, predictions)
    truth, predictions = _some(truth, predictions)
    n_classes = predictions.shape[1]
    factors = np.zeros(n_classes) if start is None else np.log(start.at)
    logs = np.log(np.maximum(predictions, np.finfo(np.float64).tiny))
    for _ in range(_SWEEPS):
        before = factors.copy()
        for code in range(n_classes):
            factors[code] = _factor(metric, truth, logs, factors, code)
        if (factors == before).all():
            break
    return _factors_of(factors)


def _factor(metric: Metric, truth: Truth, logs: Floats, factors: Floats, code: int) -> float:
    """Return the logarithm of the best factor of a class beside those of the others."""
    others = logs + factors
    others[:, code] = -np.inf
    rival = others.argmax(axis=1).astype(np.int64)
    # Above minus its factor, the class wins.
    value = logs[:, code] - others[np.arange(len(others)), rival]
    near = value[np.abs(value) < _WIDEST]
    if not len(near):
        return float(factors[code])
    now = -factors[code]
    cuts = np.sort(np.append(candidates(near, most_candidates(metric, _CANDIDATES)), now))
    scores = scan(metric, truth, value, rival, np.full(len(value), code), cuts)
    return -float(cuts[best_place(_key(metric, scores), np.abs(cuts - now))])


def _largest(predictions: Floats, factors: Floats) -> NDArray[np.int64]:
    return np.asarray((predictions * np.exp(factors)).argmax(axis=1), np.int64)


def _factors_of(logs: Floats) -> Cuts:
    """Return factors, of which the least is one."""
    return Cuts(Rule.FACTORS, tuple(np.exp(logs - logs.min()).tolist()))


# Classes that are steps of a scale


def _rounded(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return the cut points that round the expected class."""
    del metric, truth
    return Cuts(Rule.STEPS, tuple((np.arange(predictions.shape[1] - 1) + 0.5).tolist()))


def _steps(metric: Metric, truth: Truth, predictions: Floats) -> Cuts | None:
    """Return the cut points of the expected class, from two starts the better.

    They start where classes are rounded, and where each class is predicted as often as it is true.
    """
    truth, predictions = _some(truth, predictions)
    expected = predictions @ np.arange(predictions.shape[1])
    n_cuts = predictions.shape[1] - 1
    below = [np.mean(truth.values <= code) for code in range(n_cuts)]
    starts = np.arange(n_cuts) + 0.5, np.quantile(expected, below)
    found = [_moved_steps(metric, truth, expected, start.copy()) for start in starts]
    scores = [metric.score_labels(truth, np.searchsorted(cuts, expected)) for cuts in found]
    return Cuts(Rule.STEPS, tuple(found[metric.best(scores)].tolist()))


def _moved_steps(metric: Metric, truth: Truth, expected: Floats, steps: Floats) -> Floats:
    for _ in range(_SWEEPS):
        before = steps.copy()
        for place in range(len(steps)):
            low = steps[place - 1] if place else -np.inf
            high = steps[place + 1] if place + 1 < len(steps) else np.inf
            near = expected[(expected > low) & (expected <= high)]
            if not len(near):
                continue
            cuts = np.clip(candidates(near, most_candidates(metric, _CANDIDATES)), low, high)
            one, other = steps.copy(), steps.copy()
            one[place], other[place] = high, low
            below, above = np.searchsorted(one, expected), np.searchsorted(other, expected)
            scores = scan(metric, truth, expected, below, above, cuts)
            steps[place] = cuts[best_place(_key(metric, scores), np.abs(cuts - steps[place]))]
        if (steps == before).all():
            break
    return steps


def _some(truth: Truth, predictions: Floats) -> tuple[Truth, Floats]:
    """Return so many rows as are enough."""
    if len(truth) <= _ENOUGH:
        return truth, predictions
    rows = np.random.default_rng(0).choice(len(truth), _ENOUGH, replace=False)
    return truth[rows], predictions[rows]


_SEARCHES: Mapping[Columns, Sequence[Search]] = {
    Columns.ONE: (_threshold,),
    Columns.TARGETS: (_one_threshold, _threshold_each),
    Columns.CLASSES: (_power, _factors),
}
_OF_STEPS: Sequence[Search] = (_rounded, _steps)
