"""Metrics of labels, from how often each true class is predicted as each.

Of a rare class all labels are alike until cut points are fitted, and F1 is zero. All but accuracy
are therefore guided by the log loss.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from comps.base import CountScore, Loss, Metric, Prediction
from comps.metrics.classification import LOG_LOSS

Floats = NDArray[np.float64]


def _share(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, and zero where both are."""
    shares: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return shares


def _right(counts: Floats) -> Floats:
    """Return how often each class is predicted rightly, [..., classes]."""
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _accuracy(counts: Floats) -> Floats:
    right: Floats = _right(counts).sum(axis=-1) / counts.sum(axis=(-2, -1))
    return right


def _balanced_accuracy(counts: Floats) -> Floats:
    true = counts.sum(axis=-1)
    recalls = _share(_right(counts), true)
    mean: Floats = recalls.sum(axis=-1) / (true > 0).sum(axis=-1)
    return mean


def _f1_of_classes(counts: Floats) -> tuple[Floats, Floats]:
    """Return the F1 of each class, and how often it is true or predicted, [..., classes] both."""
    there = counts.sum(axis=-1) + counts.sum(axis=-2)
    return _share(2 * _right(counts), there), there


def _f1(counts: Floats) -> Floats:
    """Return the F1 of the second of two classes."""
    return _f1_of_classes(counts)[0][..., 1]


def _f1_macro(counts: Floats) -> Floats:
    scores, there = _f1_of_classes(counts)
    mean: Floats = scores.sum(axis=-1) / (there > 0).sum(axis=-1)
    return mean


def _f1_macro_of_labels(counts: Floats) -> Floats:
    mean: Floats = _f1(counts).mean(axis=-1)
    return mean


def _f1_micro_of_labels(counts: Floats) -> Floats:
    return _f1(counts.sum(axis=-3))


def _f1_weighted(counts: Floats) -> Floats:
    true = counts.sum(axis=-1)
    mean: Floats = (_f1_of_classes(counts)[0] * true).sum(axis=-1) / true.sum(axis=-1)
    return mean


def _f1_weighted_of_labels(counts: Floats) -> Floats:
    true = counts[..., 1, :].sum(axis=-1)
    return _share((_f1(counts) * true).sum(axis=-1), true.sum(axis=-1))


def _matthews(counts: Floats) -> Floats:
    """Return the correlation of true and predicted classes; 0 where either is all one class."""
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    n_rows = true.sum(axis=-1)
    shared = _right(counts).sum(axis=-1) * n_rows - (true * predicted).sum(axis=-1)
    spreads = (n_rows**2 - (true**2).sum(axis=-1)) * (n_rows**2 - (predicted**2).sum(axis=-1))
    return _share(shared, np.sqrt(np.maximum(spreads, 0.0)))


def _quadratic_kappa(counts: Floats) -> Floats:
    """Return one minus the squared distances of codes, through those of shuffled labels.

    NaN where all true and predicted labels are one class.
    """
    codes = np.arange(counts.shape[-1])
    squares = np.square(codes[:, None] - codes[None, :]).astype(np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    by_chance = np.einsum("...i,ij,...j->...", true, squares, predicted) / true.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: Floats = 1 - (counts * squares).sum(axis=(-2, -1)) / by_chance
    return kappa


# Accuracy has no slope to follow: blend weights minimise the log loss of the probabilities.
ACCURACY = Metric(
    name="accuracy",
    label="accuracy",
    function=CountScore(_accuracy),
    greater_is_better=True,
    needs=Prediction.LABEL,
    loss=Loss.LOG_LOSS,
    digits=4,
    weighted=True,
    together=True,
    aliases=("acc", "accuracy_score"),
)


def _guided(
    name: str,
    label: str,
    function: CountScore,
    *aliases: str,
    two_classes: bool = False,
    ordinal: bool = False,
) -> Metric:
    """Return a metric of labels that is no guide before cut points are fitted."""
    return replace(
        ACCURACY,
        name=name,
        label=label,
        function=function,
        two_classes=two_classes,
        ordinal=ordinal,
        guided_by=LOG_LOSS,
        aliases=aliases,
    )


BALANCED_ACCURACY = _guided(
    "balanced_accuracy",
    "balanced accuracy",
    CountScore(_balanced_accuracy),
    "balanced_accuracy_score",
)
F1 = _guided("f1", "F1", CountScore(_f1), "f1_score", "f1_binary", two_classes=True)
F1_MACRO = _guided("f1_macro", "macro F1", CountScore(_f1_macro, _f1_macro_of_labels))
F1_MICRO = _guided("f1_micro", "micro F1", CountScore(_accuracy, _f1_micro_of_labels))
F1_WEIGHTED = _guided(
    "f1_weighted", "weighted F1", CountScore(_f1_weighted, _f1_weighted_of_labels)
)
MATTHEWS = _guided("matthews_corrcoef", "MCC", CountScore(_matthews), "matthews")
QUADRATIC_KAPPA = _guided(
    "quadratic_kappa",
    "kappa",
    CountScore(_quadratic_kappa),
    "qwk",
    "quadratic_weighted_kappa",
    "cohen_kappa",
    "cohen_kappa_score",
    ordinal=True,
)

METRICS = (
    ACCURACY,
    BALANCED_ACCURACY,
    F1,
    F1_MACRO,
    F1_MICRO,
    F1_WEIGHTED,
    MATTHEWS,
    QUADRATIC_KAPPA,
)
