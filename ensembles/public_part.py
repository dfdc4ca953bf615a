"""What a public score can tell: how far from the honest one chance alone may bring it.

A leaderboard's public score is of some test rows, the honest score of all training rows. The
jackknife of the honest score (see `ensembles.choice`) says how much the metric varies from rows to
rows, and as standard errors fall with the root of the number of rows, how much it would on fewer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Metric, Target, Truth
from ensembles.choice import jackknife_error, left_out_scores
from ensembles.left_out import left_out_together
from ensembles.sample import Floats

# What is said to be more than chance happens by chance in one of twenty cases, all together.
LEVEL = 0.05
# Of a public score, behind the point.
_MOST_DIGITS = 5


def score_error(
    metric: Metric,
    target: Target,
    predictions: Floats,
    groups: Array | None = None,
    times: Array | None = None,
) -> float | None:
    """Return the standard error of a score, from the rows that it is of; None where none is known.

    Args:
        metric: any metric.
        target: [n], [n, targets] or a `Truth`, the rows of the predictions.
        predictions: [n] or [n, columns], without NaN.
        groups: [n] labels of rows that belong together, or None.
        times: [n] time of each row, or None.

    >>> from comps.metrics import find_metric
    >>> rng = np.random.default_rng(0)
    >>> target, zero = rng.normal(size=5000), np.zeros(5000)
    >>> error = score_error(find_metric("rmse"), target, zero)
    >>> bool(0.007 < error < 0.014)  # that of a normal deviation: 1 / sqrt(2 * 5000)
    True
    """
    groups = Truth.of(target).query if groups is None else groups
    left_out = left_out_together(len(target), groups, times)
    try:
        scores, share = left_out_scores(metric, target, [predictions], left_out)
    except ValueError:
        # A metric of two classes needs rows of both.
        return None
    error = float(jackknife_error(scores, share)[0])
    return error if math.isfinite(error) and len(scores) > 1 else None


def known_rows(*predictions: Floats) -> NDArray[np.int64]:
    """Return the numbers of the rows that all predictions have, [k] int64."""
    known = [np.isfinite(one).reshape(len(one), -1).all(axis=1) for one in predictions]
    return np.flatnonzero(np.all(known, axis=0))


@dataclass(frozen=True)
class Scored:
    """An honest score with a public one.

    Attributes:
        name: of what was scored.
        honest: its honest score.
        error: standard error of it.
        rows: that it is of.
        public: the public score.
        gains: of others over which it is better: how much, and the standard error of that.
    """

    name: str
    honest: float
    error: float
    rows: int
    public: float
    gains: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Doubt:
    """Two scores that disagree by more than chance would, as far as the rows can tell.

    Attributes:
        name: of what was scored.
        other: with which it is compared; empty where its honest and public scores are.
        gap: by how much the public score says something else; positive where it is the better.
        error: standard error of that by chance.
    """

    name: str
    other: str
    gap: float
    error: float


def gap_error(error: float, rows: int, public_rows: float) -> float:
    """Return the standard error of a public score around the honest one.

    Args:
        error: standard error of the honest score.
        rows: that it is of.
        public_rows: that the public score is of.

    >>> round(gap_error(0.01, 1000, 250), 4)
    0.0224
    """
    return error * math.sqrt(1 + rows / public_rows)


def doubts(metric: Metric, scored: Sequence[Scored], public_rows: float) -> list[Doubt]:
    """Return where public scores say something else than honest ones, by more than chance.

    Each score is looked at alone, and each pair that was compared on the same training rows: a pair
    tells more, since rows that are hard for one are hard for the other. With many looks some are
    beyond any limit by chance, so that the limit follows from their number (Bonferroni). Public
    scores are rounded, which moves nearly equal ones by more than their rows do: what rounding can
    make of a gap at most is no doubt.

    Args:
        metric: of the scores.
        scored: in the order in which they were made.
        public_rows: that public scores are of.
    """
    found = [_alone(metric, one, public_rows) for one in scored]
    by_name = {one.name: one for one in scored}
    for one in scored:
        for name, (gain, error) in one.gains.items():
            if name in by_name:
                found.append(_pair(metric, one, by_name[name], gain, error, public_rows))
    limit, rounding = _limit(len(found)), _rounding([one.public for one in scored])

    def beyond_rounding(doubt: Doubt) -> float:
        return abs(doubt.gap) - rounding * (2 if doubt.other else 1)

    return [doubt for doubt in found if beyond_rounding(doubt) > limit * doubt.error > 0]


def _alone(metric: Metric, one: Scored, public_rows: float) -> Doubt:
    gap = metric.sort_key(one.honest) - metric.sort_key(one.public)
    return Doubt(one.name, "", gap, gap_error(one.error, one.rows, public_rows))


def _pair(
    metric: Metric, one: Scored, other: Scored, gain: float, error: float, public_rows: float
) -> Doubt:
    public = metric.sort_key(other.public) - metric.sort_key(one.public)
    return Doubt(one.name, other.name, public - gain, gap_error(error, one.rows, public_rows))


def _rounding(scores: Sequence[float]) -> float:
    """Return how far rounding moves one score at most: half of its last digit.

    All are rounded to as many digits; those of the score that shows most.
    """
    digits = max((_digits(score) for score in scores), default=_MOST_DIGITS)
    return float(10.0**-digits / 2)


def _digits(score: float) -> int:
    exponent = Decimal(repr(score)).as_tuple().exponent
    return min(_MOST_DIGITS, max(0, -exponent)) if isinstance(exponent, int) else _MOST_DIGITS


def _limit(looks: int) -> float:
    from scipy.stats import norm

    return float(norm.isf(LEVEL / 2 / max(1, looks)))
