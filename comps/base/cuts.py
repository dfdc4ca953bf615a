"""Cut points: labels of probabilities where the most probable class does not score best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from comps.base.metric import THRESHOLD, predicted_classes
from comps.base.values import JSON, Array

Codes = NDArray[np.int64]


class Rule(StrEnum):
    """How cut points make labels."""

    # A label is there where its probability is above the threshold; several labels have one each.
    THRESHOLD = "threshold"
    # The class whose probability is the largest, each times a factor.
    FACTORS = "factors"
    # Classes that are steps of a scale: how many cut points the expected class is above.
    STEPS = "steps"


def _above(probabilities: Array, values: Array) -> Codes:
    return np.asarray(probabilities > (values if probabilities.ndim == 2 else values[0]), np.int64)


def _largest(probabilities: Array, values: Array) -> Codes:
    return np.asarray((probabilities * values).argmax(axis=1), np.int64)


def _steps(probabilities: Array, values: Array) -> Codes:
    expected = probabilities @ np.arange(probabilities.shape[1])
    return np.asarray(np.searchsorted(values, expected, side="left"), np.int64)


_RULES: Mapping[Rule, Callable[[Array, Array], Codes]] = {
    Rule.THRESHOLD: _above,
    Rule.FACTORS: _largest,
    Rule.STEPS: _steps,
}


@dataclass(frozen=True)
class Cuts:
    """Cut points.

    Attributes:
        rule: how they make labels.
        at: one threshold, or one a label; a factor a class; or one less than classes, in
            ascending order.

    >>> Cuts(Rule.THRESHOLD, (0.2,)).labels(np.array([0.1, 0.3])).tolist()
    [0, 1]
    >>> Cuts(Rule.STEPS, (0.5, 1.2)).labels(np.array([[0.2, 0.3, 0.5]])).tolist()
    [2]
    """

    rule: Rule
    at: tuple[float, ...]

    def labels(self, probabilities: Array) -> Codes:
        """Return labels as codes.

        Args:
            probabilities: [n] of class 1, [n, classes], or [n, labels].

        Returns:
            [n] codes of classes, or [n, labels] zeros and ones.
        """
        return _RULES[self.rule](np.asarray(probabilities, np.float64), np.array(self.at))

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.3g}" for value in self.at[:5])
        more = f" and {len(self.at) - 5} more" if len(self.at) > 5 else ""
        return f"{self.rule} {shown}{more}"

    def as_json(self) -> JSON:
        """Return the rule and the numbers as JSON."""
        return {"rule": str(self.rule), "at": list(self.at)}


def labels_of(cuts: Cuts | None, probabilities: Array, *, several: bool = False) -> Codes:
    """Return labels as codes: by cut points, or without any the most probable ones.

    Args:
        cuts: cut points, or None.
        probabilities: [n] of class 1, [n, classes], or [n, labels].
        several: whether the columns are several labels, and not classes.
    """
    if cuts is not None:
        return cuts.labels(probabilities)
    if several:
        return (probabilities > THRESHOLD).astype(np.int64)
    return predicted_classes(probabilities)


def decided(cuts: Cuts | None, probabilities: Array, *, several: bool = False) -> Array:
    """Return zeros and ones in the form of the probabilities, for the labels that are decided on.

    Without cut points these have the same labels, so that `Metric.score` scores what was decided.

    >>> decided(Cuts(Rule.FACTORS, (1.0, 3.0, 1.0)), np.array([[0.5, 0.2, 0.3]])).tolist()
    [[0.0, 1.0, 0.0]]
    """
    codes = labels_of(cuts, probabilities, several=several)
    if probabilities.ndim == 1 or several:
        return codes.astype(np.float64)
    return np.eye(probabilities.shape[1])[codes]
