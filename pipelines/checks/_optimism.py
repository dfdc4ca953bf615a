"""By how much a shuffled fold flatters: the same model with other training rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from comps.base import Array
from pipelines.checks._answers import Answer
from pipelines.checks._scores import Floats

# Standard errors or chance, the part of the variance, and that of what is explained, from which
# on a difference is told. That the test rows are other ones speaks for it already.
_ERRORS, _CHANCE = 2.0, 0.02
_PART, _PART_OF_EXPLAINED = 0.03, 0.2


@dataclass(frozen=True)
class Optimism:
    """What models explain of an answer in two kinds of folds.

    Attributes:
        shuffled: part of the variance that is explained in shuffled folds.
        honest: the same in folds that keep groups together, or follow time.
        errors: the difference in standard errors.
        chance: of so many units on one side (Wilcoxon's test of signed ranks).
    """

    shuffled: float
    honest: float
    errors: float
    chance: float

    @property
    def notable(self) -> bool:
        """Whether shuffled folds flatter, beyond chance and by a part that matters."""
        beyond_chance = self.errors > _ERRORS or self.chance < _CHANCE
        least = max(_PART, _PART_OF_EXPLAINED * self.shuffled)
        return beyond_chance and self.shuffled - self.honest > least

    def values(self) -> dict[str, float]:
        """Return the figures by name."""
        return {"shuffled": self.shuffled, "honest": self.honest, "errors": self.errors}


def optimism(answer: Answer, shuffled: Floats, honest: Floats, units: Array) -> Optimism:
    """Compare two sets of predictions of the same rows.

    Args:
        answer: of the n rows.
        shuffled: [n], where folds were shuffled.
        honest: [n], where they were not.
        units: [n], equal for rows that stand or fall together; the error is that over units.
    """
    from scipy import stats

    target = answer.values
    losses = [(target - prediction) ** 2 / target.var() for prediction in (shuffled, honest)]
    codes = np.unique(units, return_inverse=True)[1]
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=losses[1] - losses[0])
    difference = sums.sum() / counts.sum()
    # Of a ratio of two sums over units.
    spread = np.sqrt(((sums - difference * counts) ** 2).sum()) / counts.sum()
    n = len(counts)
    errors = difference / (spread * np.sqrt(n / (n - 1))) if n > 1 and spread > 0 else 0.0
    chance = float(stats.wilcoxon(sums / counts, alternative="greater").pvalue) if n > 1 else 1.0
    explained = [float(1 - loss.mean()) for loss in losses]
    return Optimism(explained[0], explained[1], float(errors), chance)


def largest(found: Iterable[tuple[Answer, Optimism]]) -> tuple[Answer, Optimism]:
    """Return the answer with the largest optimism that is beyond chance."""
    return max(found, key=lambda pair: (pair[1].notable, pair[1].shuffled - pair[1].honest))
