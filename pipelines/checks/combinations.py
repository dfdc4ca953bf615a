"""L007: a few columns that together give the target exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._quick import predicted_without
from pipelines.checks._scores import Floats, alone, auc, unexplained
from pipelines.checks._table import Kind, features, matrix

# What a sum may leave unexplained of the target: rounding.
_EXACT = 1e-5
# One column that explains so much is the check of single columns' to tell.
_ALONE = 0.02
_LEAST_WEIGHT = 1e-3
_MOST_COLUMNS, _MOST_PARTS = 60, 4
_MOST_ROWS = 1500
_LEAST_ROWS = 30


class Combinations:
    """Looks for sums, differences, products and ratios of few columns that are the target."""

    code = "L007"
    title = "A few columns together give the target away"
    severity = Severity.ERROR

    def find(self, subject: Subject) -> Iterator[Finding]:
        columns = subject.once(features)
        places = [
            place for place, column in enumerate(columns) if column.kind in (Kind.NUMBER, Kind.DATE)
        ]
        values = subject.once(matrix)[:, places]
        whole = ~np.isnan(values).any(axis=0) & (values.std(axis=0) > 0)
        places = [place for place, keep in zip(places, whole, strict=True) if keep]
        places = places[:_MOST_COLUMNS]
        values = subject.once(matrix)[:, places]
        if len(places) < 2 or len(values) < _LEAST_ROWS + 2 * len(places):
            return
        for at, answer in enumerate(subject.once(answers)):
            parts, how = _difference(values, answer) if answer.binary else _sum(values, answer)
            if not parts:
                continue
            names = tuple(columns[places[part]].name for part in parts)
            others = unexplained(answer, predicted_without(subject, frozenset(names))[:, at])
            if others < 0.05:
                continue
            shown = " and ".join([", ".join(f"'{name}'" for name in names[:-1]), f"'{names[-1]}'"])
            yield Finding(
                text=f"A {how} of the columns {shown} is {answer.name}, but for rounding. Are they "
                "known before the target is?",
                columns=names,
                values={"answer": answer.name, "how": how},
            )


def _sum(values: Floats, answer: Answer) -> tuple[Sequence[int], str]:
    """Return the columns whose weighted sum is the target, and what kind of sum it is."""
    parts = _parts(values, answer.values)
    if parts:
        return parts, "sum or difference"
    positive = (values > 0).all(axis=0)
    if (answer.values > 0).all() and positive.sum() > 1:
        kept = np.flatnonzero(positive)
        parts = _parts(np.log(values[:, kept]), np.log(answer.values))
        return [int(kept[part]) for part in parts], "product or ratio"
    return [], ""


def _parts(values: Floats, target: Floats) -> Sequence[int]:
    """Return the few columns of which the target is a sum with weights; none if it is not."""
    scaled, wanted = _standard(values), _standard(target[:, None])[:, 0]
    if _left(scaled, wanted) > _EXACT:
        return []
    weights = np.linalg.lstsq(scaled, wanted, rcond=None)[0]
    kept = np.flatnonzero(np.abs(weights) > _LEAST_WEIGHT).tolist()
    # Columns leave one by one, the one that is missed least first.
    while len(kept) > 1:
        left = [_left(scaled[:, kept[:at] + kept[at + 1 :]], wanted) for at in range(len(kept))]
        at = int(np.argmin(left))
        if left[at] > _EXACT:
            break
        del kept[at]
    several = 2 <= len(kept) <= _MOST_PARTS
    return kept if several and all(_left(scaled[:, [at]], wanted) > _ALONE for at in kept) else []


def _left(basis: Floats, wanted: Floats) -> float:
    left = wanted - basis @ np.linalg.lstsq(basis, wanted, rcond=None)[0]
    return float(left @ left / (wanted @ wanted))


def _standard(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    deviation = centred.std(axis=0)
    scaled: Floats = centred / np.where(deviation > 0, deviation, 1.0)
    return scaled


def _difference(values: Floats, answer: Answer) -> tuple[Sequence[int], str]:
    """Return two columns of one scale whose order is the class."""
    some = slice(None, None, max(1, len(values) // _MOST_ROWS))
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    for one, other in itertools.combinations(range(values.shape[1]), 2):
        overlap = min(high[one], high[other]) - max(low[one], low[other])
        if overlap < 0.3 * max(high[one] - low[one], high[other] - low[other]):
            continue
        area = auc(answer.values[some], values[some, one] - values[some, other])
        if max(area, 1 - area) < 0.998:
            continue
        own = [alone(values[:, place], answer, levels=False)[0] for place in (one, other)]
        if min(own) > 0.15:
            return [one, other], "comparison"
    return [], ""
