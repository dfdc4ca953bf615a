"""L005: a column that was computed from the targets of rows with the same level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._scores import Floats, correlation
from pipelines.checks._table import Column, Kind, features, on_more_rows, train_rows
from pipelines.checks.single_column import strong_scores

# Levels that are enough to compare halves of; of fewer, so many rows each are needed.
_MANY_LEVELS, _ROWS_OF_FEW = 30, 15
_LEAST_LEVELS = 10
# The correlation of halves, and the scatter as a part of its expectation, from which on a mean may
# hold the targets of its own rows; and the chance of it, divided among all that is looked at.
_HALVES, _CLOSE, _CHANCE = -0.3, 0.6, 0.003
# Of a column with the target within levels, which no measured column reaches.
_WITHIN, _OF_OTHERS = 0.995, 0.97
_MOST_KEYS = 8
_RARE = 0.03
# No model is trained: rows are cheap, and each of them makes chance smaller.
_MOST_ROWS = 10_000


class Aggregates:
    """Looks for means of the target by level, which include the target of their own row.

    The mean target of the rows with one level scatters around any function of columns that were
    measured, by chance. If a column holds that mean, it does not: where one half of a level's rows
    lies above the column's value, the other half lies below.
    """

    code = "L005"
    title = "A column was computed from the target by level"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        strong = {name for name, _ in subject.once(strong_scores)}
        subject = on_more_rows(subject, _MOST_ROWS)
        rows = subject.once(train_rows)
        keys = [(None, None), *_keys(subject, rows)]
        suspects = [
            _Suspect(column.name, answer.name, *told)
            for column in subject.once(features)
            if column.kind is Kind.NUMBER and column.name not in strong
            for answer in subject.once(answers)
            for told in _suspects(answer, column.train[rows], keys)
        ]
        found: set[str] = set()
        for suspect in sorted(suspects, key=lambda suspect: suspect.chance):
            if suspect.chance * len(suspects) < _CHANCE and suspect.column not in found:
                found.add(suspect.column)
                yield Finding(
                    text=f"Column '{suspect.column}' {suspect.text}. Means of the target must be "
                    "made of other rows, within each fold.",
                    columns=(suspect.column,),
                    values={"answer": suspect.answer, "chance": suspect.chance},
                )


class _Suspect(NamedTuple):
    """A column that was looked at: what is told of it, and the chance of that."""

    column: str
    answer: str
    text: str
    chance: float


Key = tuple[str | None, NDArray[np.int64] | None]


def _keys(subject: Subject, rows: NDArray[np.int64]) -> list[tuple[str, NDArray[np.int64]]]:
    """Return columns whose levels have several rows each, as codes, those with most levels first.

    Values that are missing are a level.
    """
    found = []
    for column in subject.once(features):
        values = column.train[rows]
        codes = np.unique(np.nan_to_num(values, nan=-1e300), return_inverse=True)[1]
        n_levels = int(codes.max()) + 1
        if _LEAST_LEVELS <= n_levels <= len(rows) / 2 and _is_key(column, values):
            found.append((column.name, codes))
    return sorted(found, key=lambda key: -int(key[1].max()))[:_MOST_KEYS]


def _is_key(column: Column, values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return column.kind is Kind.LEVEL or bool((present % 1 == 0).all())


def _suspects(answer: Answer, values: Floats, keys: Sequence[Key]) -> Iterator[tuple[str, float]]:
    """Yield what could be told of a column, for each key by which it may have been computed."""
    present = ~np.isnan(values)
    part, values = Answer(answer.name, answer.values[present], answer.binary), values[present]
    if len(values) < 5 * _LEAST_LEVELS or _is_nearly_constant(part):
        return
    for key, codes in keys:
        by = values if codes is None else codes[present]
        levels = _Levels(part, values, np.unique(by, return_inverse=True)[1])
        if levels.n < _LEAST_LEVELS:
            continue
        if codes is None:
            text = f"follows the mean of {answer.name} of the rows that share its value"
            yield text, levels.chance_of_means()
            continue
        within = levels.within()
        if within > 0:
            text = f"goes with {answer.name} by {within:.3f} (correlation) among rows of one"
            yield f"{text} '{key}', as if it was computed from it", 0.0
        elif levels.steady():
            text = f"follows the mean of {answer.name} of the rows with the same '{key}'"
            yield text, levels.chance_of_means()


def _is_nearly_constant(answer: Answer) -> bool:
    if answer.binary:
        return not _RARE <= answer.values.mean() <= 1 - _RARE
    return bool(np.ptp(answer.values) == 0)


class _Levels:
    """The rows by level.

    Args:
        answer: of the rows.
        values: of the column.
        codes: of the levels, 0..n-1.
    """

    def __init__(self, answer: Answer, values: Floats, codes: NDArray[np.int64]) -> None:
        self.target, self.values, self.codes = answer.values, values, codes
        self.counts = np.bincount(codes).astype(np.float64)
        self.n, self.binary = len(self.counts), answer.binary
        self.means, self.column = self._means(self.target), self._means(values)

    def _means(self, values: Floats) -> Floats:
        means: Floats = np.bincount(self.codes, weights=values) / self.counts
        return means

    def steady(self) -> bool:
        """Whether the column is nearly the same in all rows of a level."""
        inside = self.values - self.column[self.codes]
        return bool(inside @ inside <= 0.1 * len(inside) * self.values.var())

    def within(self) -> float:
        """Return the correlation of column and target within levels; 0 where it says nothing.

        A mean of the level's other rows falls by (n - 1)th parts of what the target rises.
        """
        inside = self.values - self.column[self.codes]
        target = self.target - self.means[self.codes]
        several = self.counts[self.codes] > 1
        if several.sum() < 5 * _LEAST_LEVELS or not target[several].any():
            return 0.0
        others = inside * (self.counts[self.codes] - 1)
        plain = abs(correlation(inside[several], target[several]))
        ranked = abs(correlation(*(self._ranked(part)[several] for part in (inside, target))))
        plain = max(plain, ranked)
        overall = abs(correlation(self.values, self.target))
        best = plain if plain > _WITHIN else self._of_others(others[several], target[several])
        # What goes with the target as much over all rows is the check of single columns' to tell.
        return best if overall < 0.9 * best else 0.0

    def _of_others(self, others: Floats, target: Floats) -> float:
        """Return the correlation with means of the level's other rows; 0 if the scale is not so."""
        slope = float(others @ target / (target @ target))
        together = -correlation(others, target)
        return together if together > _OF_OTHERS and -1.3 < slope < -0.4 else 0.0

    def _ranked(self, values: Floats) -> Floats:
        """Return the place of each row among those of its level, from -0.5 to 0.5."""
        order = np.lexsort((values, self.codes))
        starts = np.cumsum(self.counts) - self.counts
        place = np.empty(len(order))
        place[order] = np.arange(len(order)) - starts[self.codes[order]]
        ranked: Floats = (place + 0.5) / self.counts[self.codes] - 0.5
        return ranked

    def chance_of_means(self) -> float:
        """Return the chance that means of the target lie so close to a column that was measured."""
        enough = self.counts >= 2
        if enough.sum() < _LEAST_LEVELS or self.counts[enough].sum() < 0.3 * len(self.codes):
            return 1.0
        close = self._chance_of_closeness(enough if self.binary else self.counts >= _ROWS_OF_FEW)
        many = enough.sum() >= _MANY_LEVELS
        return min(close, self._chance_of_halves(enough)) if many else close

    def _chance_of_halves(self, enough: NDArray[np.bool_]) -> float:
        """Look whether one half of a level's rows is above the column where the other is below."""
        from scipy import stats

        half = self._ranked(np.random.default_rng(0).random(len(self.codes))) < 0
        left = self.target - self._line(enough)[self.codes]
        first, second = (
            np.bincount(self.codes, weights=np.where(side, left, 0.0), minlength=self.n)
            / np.sqrt(np.bincount(self.codes, weights=side, minlength=self.n).clip(1))
            for side in (half, ~half)
        )
        together = correlation(first[enough], second[enough])
        errors = together * np.sqrt(enough.sum())
        return float(stats.norm.cdf(errors)) if together < _HALVES else 1.0

    def _chance_of_closeness(self, enough: NDArray[np.bool_]) -> float:
        """Look whether means scatter less around the column than their errors."""
        from scipy import stats

        if enough.sum() < _LEAST_LEVELS:
            return 1.0
        line = self._line(enough)[enough]
        if self.binary:
            # The error of a share follows from the share.
            shares = np.clip(line, 0.02, 0.98)
            errors = shares * (1 - shares) / self.counts[enough]
        else:
            squares = self._means(self.target**2) - self.means**2
            errors = squares[enough] / (self.counts[enough] - 1)
            if (errors <= 0).mean() > 0.2:
                return 1.0
            errors = np.maximum(errors, 1e-12 * self.target.var())
        distance = float(((self.means[enough] - line) ** 2 / errors).sum())
        freedom = enough.sum() - (6 if enough.sum() >= _MANY_LEVELS else 3)
        close = distance < _CLOSE * freedom
        return float(stats.chi2.cdf(distance, freedom)) if close else 1.0

    def _line(self, enough: NDArray[np.bool_]) -> Floats:
        """Return the mean target of each level as a curve of the column says.

        A smoothed mean depends on the number of rows, too.
        """
        scaled = (self.column - self.column.mean()) / (self.column.std() + 1e-300)
        terms = [np.ones(self.n), scaled, scaled**2]
        if enough.sum() >= _MANY_LEVELS:
            terms += [scaled**3, 1 / self.counts, scaled / self.counts]
        basis, weights = np.column_stack(terms), np.sqrt(self.counts * enough)
        solved = np.linalg.lstsq(basis * weights[:, None], self.means * weights, rcond=None)[0]
        line: Floats = basis @ solved
        return line
