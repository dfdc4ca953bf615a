"""Scoring many predictions of the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from comps.base import Array, Metric, Target, Truth, log_loss
from ensembles.sample import Floats

Scorer = Callable[[Array], float]


class AucScorer:
    """Scores predictions of a binary target, a few times as fast as scikit-learn, which sorts rows.

    The area is the share of pairs of a positive and a negative row that are in order, ties
    counted half (Hanley and McNeil 1982): with sorted values, a sum of ranks of the positives.

    Args:
        target: [n], 1 for positives and 0 for negatives. Of one of them alone the area is NaN.

    >>> AucScorer(np.array([0.0, 1.0, 0.0, 1.0]))(np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """

    def __init__(self, target: Floats) -> None:
        self.target = target
        positive = target == 1
        self.n_positive = int(positive.sum())
        self.n_negative = len(target) - self.n_positive
        # The ranks of the rarer class are looked up.
        self.positive_is_rare = self.n_positive <= self.n_negative
        self.rare = np.flatnonzero(positive == self.positive_is_rare)

    def __call__(self, prediction: Array) -> float:
        """Return the area for [n] predictions; of [n, 2], the mean over both classes."""
        if prediction.ndim == 2:
            return AucOfColumns(self.target)(prediction)
        if not self.n_positive or not self.n_negative:
            return math.nan
        ordered = np.sort(prediction)
        rare = np.sort(prediction[self.rare])
        below = np.searchsorted(ordered, rare, "left")
        if (ordered[1:] == ordered[:-1]).any():
            up_to = np.searchsorted(ordered, rare, "right")
        else:
            up_to = below + 1
        twice_ranks = int((below + up_to + 1).sum())
        n_rare = len(rare)
        pairs = self.n_positive * self.n_negative
        area = (twice_ranks - n_rare * (n_rare + 1)) / 2 / pairs
        return area if self.positive_is_rare else 1.0 - area


class AucOfColumns:
    """Scores several labels, or classes each against all others, by the mean of their areas.

    Args:
        target: [n] codes of classes, or [n, labels] zeros and ones. Columns of rows that are all
            alike have no area, and do not count.

    >>> scorer = AucOfColumns(np.array([[0.0, 1.0], [1.0, 1.0]]))
    >>> scorer(np.array([[0.1, 0.4], [0.4, 0.8]]))
    1.0
    """

    def __init__(self, target: Floats) -> None:
        codes = np.unique(target).astype(np.intp)
        columns = target.T if target.ndim == 2 else [target == code for code in codes]
        places = range(target.shape[1]) if target.ndim == 2 else codes
        self.areas = {
            int(place): AucScorer(column * 1.0)
            for place, column in zip(places, columns, strict=True)
            if column.min() != column.max()
        }

    def __call__(self, prediction: Array) -> float:
        """Return the mean area for [n, columns] predictions; NaN where no column has one."""
        areas = [area(prediction[:, place]) for place, area in self.areas.items()]
        return float(np.mean(areas)) if areas else float("nan")


class LogLossScorer:
    """Scores probabilities by `comps.base.log_loss`, with the codes of the classes made once.

    A choice among blends scores thousands of times.

    Args:
        target: [n] codes of classes, 0 or 1 where predictions are [n].

    >>> round(LogLossScorer(np.array([1.0, 0.0]))(np.array([0.5, 0.0])), 4)
    0.3466
    """

    def __init__(self, target: Floats) -> None:
        self.codes = target.astype(np.intp)

    def __call__(self, prediction: Array) -> float:
        """Return the loss of [n] or [n, classes] probabilities; rows are made to sum to 1."""
        return log_loss(self.codes, prediction)


def _auc_scorer(target: Floats) -> Scorer:
    several = target.ndim == 2 or target.max() > 1
    return AucOfColumns(target) if several else AucScorer(target)


# Faster ways to score many predictions of the same rows, which count alike, by the metric's name.
SCORERS: Mapping[str, Callable[[Floats], Scorer]] = {
    "log_loss": LogLossScorer,
    "roc_auc": _auc_scorer,
}


def scorer_of(metric: Metric, target: Target) -> Scorer:
    """Return a function that scores predictions of these rows, [n] or [n, columns]."""
    truth = Truth.of(target)
    of_labels = truth.values.ndim == 2 and not metric.order_alone
    if metric.name not in SCORERS or truth.weight is not None or of_labels:
        return lambda prediction: metric.score(target, prediction)
    return SCORERS[metric.name](truth.values)
