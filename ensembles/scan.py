"""Scores of labels at many cut points at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base import CountScore, Metric, Truth, label_counts
from ensembles.sample import Floats

Codes = NDArray[np.int64]
# A function that is no `CountScore` is called for each cut point.
_CALLS = 50


def candidates(values: Floats, most: int) -> Floats:
    """Return cut points between the values, ascending, the first and last outside them.

    Args:
        values: [n], of any order.
        most: how many there are at most; of more, those between quantiles.
    """
    found = np.unique(values)
    if len(found) >= most:
        found = np.unique(np.quantile(found, np.linspace(0, 1, most - 1)))
    beyond = 1e-6 * np.maximum(1.0, np.abs(found[[0, -1]]))
    between = (found[1:] + found[:-1]) / 2
    return np.concatenate([[found[0] - beyond[0]], between, [found[-1] + beyond[1]]])


def most_candidates(metric: Metric, wanted: int) -> int:
    """Return how many cut points may be scored: fewer, where each one costs a call."""
    return wanted if isinstance(metric.function, CountScore) else min(wanted, _CALLS)


def scan(
    metric: Metric, truth: Truth, value: Floats, below: Codes, above: Codes, cuts: Floats
) -> Floats:
    """Return the score for each cut point, [cuts].

    Args:
        metric: of labels.
        truth: [n] codes of classes.
        value: [n], what is cut.
        below: [n] the code of a row whose value is not above the cut point.
        above: [n] the code of a row whose value is.
        cuts: ascending.
    """
    if not isinstance(metric.function, CountScore):
        return np.array(
            [metric.score_labels(truth, np.where(value > cut, above, below)) for cut in cuts]
        )
    true = truth.values.astype(np.int64)
    n_classes = int(max(1, true.max(), below.max(), above.max())) + 1
    # A row is above the cut points before its place, and below the others.
    place = np.searchsorted(cuts, value, side="left")
    shape = len(cuts) + 1, n_classes, n_classes

    def upto(labels: Codes) -> Floats:
        cells = (place * n_classes + true) * n_classes + labels
        counts = np.bincount(cells, truth.weight, int(np.prod(shape))).reshape(shape)
        return np.cumsum(counts, axis=0, dtype=np.float64)

    over = upto(above)
    return metric.function.of_classes(upto(below)[:-1] + over[-1] - over[:-1])


def scan_label(
    metric: Metric, truth: Truth, labels: Codes, place: int, value: Floats, cuts: Floats
) -> Floats:
    """Return the score of several labels for each cut point of one of them, [cuts].

    Args:
        metric: of labels.
        truth: [n, labels] zeros and ones.
        labels: of the same shape, as they are at present.
        place: of the label that is cut.
        value: [n], its probabilities.
        cuts: ascending.
    """
    if not isinstance(metric.function, CountScore):
        tried = labels.copy()
        scores = []
        for cut in cuts:
            tried[:, place] = value > cut
            scores.append(metric.score_labels(truth, tried))
        return np.array(scores)
    own = threshold_counts(truth.values[:, place], truth.weight, value, cuts)
    if metric.function.of_labels is None:
        return metric.function.of_classes(own)
    counts = np.repeat(label_counts(truth.values, labels, truth.weight)[None], len(cuts), axis=0)
    counts[:, place] = own
    return metric.function.several(counts)


def threshold_counts(target: Floats, weight: Floats | None, value: Floats, cuts: Floats) -> Floats:
    """Return the counts of one label for each cut point, [cuts, 2, 2]."""
    place = np.searchsorted(cuts, value, side="left")
    cells = place * 2 + target.astype(np.int64)
    counts = np.bincount(cells, weight, 2 * (len(cuts) + 1)).reshape(-1, 2).astype(np.float64)
    below = np.cumsum(counts, axis=0)
    # [cuts, true, predicted]
    return np.stack([below[:-1], below[-1] - below[:-1]], axis=2)


def best_place(scores: Floats, distance: Floats) -> int:
    """Return the place of the best score; of equal ones, that of the least distance."""
    known = np.where(np.isnan(scores), -np.inf, scores)
    equal = known >= known.max() - 1e-12
    return int(np.argmin(np.where(equal, distance, np.inf)))
