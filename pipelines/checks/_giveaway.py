"""Whether something tells the target because it was made from it, or because it decides it.

A column that was made from the target, such as a copy with noise, goes with the other columns only
through the target: once the target is known, they say nothing of it. A column that decides the
target together with others does the opposite. Of two rows with one target, the row with the higher
value has lower values of the others ("explaining away"). This tells a leak from a strong predictor
where scores alone cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.checks._answers import Answer
from pipelines.checks._scores import Floats, correlation, given, unexplained

# Less than this is left: an AUC of 0.9975, an R² of 0.995.
_PERFECT = 0.005
# Rounding leaves so much.
_EXACT = 1e-4
# What the others leave if they do not predict the target well themselves. Classes often lie apart
# in every column, so that the others have to be weaker before one of them stands out.
_LEAST_LEFT, _LEAST_LEFT_OF_CLASSES = 0.02, 0.12
# The same of a column that gives the target exactly: of values, nothing that was measured does.
_LEAST_LEFT_OF_EXACT, _LEAST_LEFT_OF_EXACT_CLASSES = 0.003, 0.03
# Standard errors of what the others explain that do not count, and that they explain at least.
_DISCOUNT, _TELLING = 2.0, 3.0
# Standard errors between "made from" and "decides" from which on the two can be told apart.
_APART = 5.0
_LEAST_ROWS = 30


@dataclass(frozen=True)
class Limits:
    """What something may leave unexplained, and still give the target away.

    Attributes:
        most: at most.
        near: where the others tell too little to speak for or against it, so that its score alone
            does: an AUC of 0.995, an R² of 0.99.
        times: the others leave at least so many times as much.
    """

    most: float = 0.15
    near: float = 0.01
    times: float = 3.0


@dataclass(frozen=True)
class Evidence:
    """What something leaves unexplained, and what speaks for a leak.

    Attributes:
        left: unexplained by it alone.
        left_by_others: unexplained by other columns together.
        perfect: whether it is as good as the target itself.
        by_others: whether how it goes with others speaks for it, beside the scores.
    """

    left: float
    left_by_others: float
    perfect: bool
    by_others: bool = False


def evidence(
    answer: Answer,
    prediction: Floats,
    left: float,
    others: Floats,
    rows: NDArray[np.bool_],
    limits: Limits,
) -> Evidence | None:
    """Return the evidence that something gives an answer away; None if it does not.

    Args:
        answer: of the n rows.
        prediction: [k] of `rows`, by it alone.
        left: what it leaves unexplained.
        others: [n] predictions by other columns together.
        rows: [n] those for which it says something.
        limits: what it may leave unexplained.
    """
    if left > limits.most or rows.sum() < _LEAST_ROWS:
        return None
    part = Answer(answer.name, answer.values[rows], answer.binary)
    left_by_others = unexplained(part, others[rows])
    least = _LEAST_LEFT_OF_CLASSES if answer.binary else _LEAST_LEFT
    if left <= _EXACT:
        least = _LEAST_LEFT_OF_EXACT_CLASSES if answer.binary else _LEAST_LEFT_OF_EXACT
    if left_by_others < max(least, limits.times * left):
        return None
    if left <= _PERFECT:
        return Evidence(left, left_by_others, perfect=True)
    error = 1 / np.sqrt(len(prediction))
    apart, together = _together(part, prediction, others[rows], left, left_by_others)
    can_tell = _strength(part, left_by_others) > _TELLING * error and apart > _APART * error
    made_from = abs(together) < apart / 2 if can_tell else left <= limits.near
    return Evidence(left, left_by_others, False, bool(can_tell)) if made_from else None


def _together(
    answer: Answer, prediction: Floats, others: Floats, left: float, left_by_others: float
) -> tuple[float, float]:
    """Return how strongly a column that decides would go with others, and how this one does.

    Both are correlations given the target.
    """
    residuals = given(answer, np.column_stack([prediction, others]))
    together = correlation(residuals[:, 0], residuals[:, 1])
    if answer.binary:
        return _expected_of_classes(answer, prediction, others), together
    error = 1 / np.sqrt(len(prediction))
    theirs = max(0.0, _strength(answer, left_by_others) - _DISCOUNT * error) ** 2
    expected = np.sqrt((1 - left) * theirs / (left * (1 - theirs)))
    return min(1.0, float(expected)), together


def _strength(answer: Answer, left: float) -> float:
    """Return the correlation of a prediction with values, or 2 AUC - 1: by chance 0 ± 1/√n."""
    return 1 - left if answer.binary else float(np.sqrt(1 - left))


def _expected_of_classes(answer: Answer, prediction: Floats, others: Floats) -> float:
    """Return the correlation if both decided the class, each in its own way.

    The classes are drawn from a logistic model of both, with the rows of one shuffled.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    both = np.column_stack([_standard(prediction), _standard(others)])
    model = LogisticRegression().fit(both, answer.values)
    both[:, 1] = rng.permutation(both[:, 1])
    drawn = (rng.random(len(both)) < model.predict_proba(both)[:, 1]).astype(np.float64)
    if not 0 < drawn.sum() < len(drawn):
        return 0.0
    residuals = given(Answer("drawn", drawn, binary=True), both)
    return abs(correlation(residuals[:, 0], residuals[:, 1]))


def _standard(values: Floats) -> Floats:
    """Return values, or the log odds of probabilities, with mean 0 and deviation 1."""
    if values.min() >= 0 and values.max() <= 1:
        clipped = np.clip(values, 1e-3, 1 - 1e-3)
        values = np.log(clipped / (1 - clipped))
    centred: Floats = values - values.mean()
    deviation = centred.std()
    return centred / deviation if deviation > 0 else centred
