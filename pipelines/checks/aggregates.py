"""L005: a column that was computed from the targets of rows with the same level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._scores import Floats, correlation
from pipelines.checks._table import Column, Kind, features, train_rows

# Levels that are enough to compare halves of; of fewer, so many rows each are needed.
_MANY_LEVELS, _ROWS_OF_FEW = 30, 15
_LEAST_LEVELS = 10
# Standard errors, and the correlation of halves, below which a mean holds its own rows' targets.
_ERRORS, _HALVES = 4.5, -0.3
_CHANCE, _CHANCE_OF_SHARES = 1e-7, 1e-4
# Of a column with the target within levels, which no measured column reaches.
_WITHIN = 0.97
_MOST_KEYS = 8
_RARE = 0.03


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
        rows = subject.once(train_rows)
        keys = [(None, None), *_keys(subject, rows)]
        for column in subject.once(features):
            if column.kind is not Kind.NUMBER:
                continue
            values = column.train[rows]
            for answer in subject.once(answers):
                text = next(filter(None, (_text(answer, values, *key) for key in keys)), None)
                if text:
                    yield Finding(
                        text=f"Column '{column.name}' {text}. Means of the target must be made of "
                        "other rows, within each fold.",
                        columns=(column.name,),
                        values={"answer": answer.name},
                    )
                    break


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


def _text(
    answer: Answer, values: Floats, key: str | None, codes: NDArray[np.int64] | None
) -> str | None:
    present = ~np.isnan(values)
    part = Answer(answer.name, answer.values[present], answer.binary)
    if present.sum() < 5 * _LEAST_LEVELS or _is_nearly_constant(part):
        return None
    values = values[present]
    if codes is None:
        levels = _Levels(part, values, np.unique(values, return_inverse=True)[1])
        if levels.hold_their_mean(_CHANCE_OF_SHARES):
            return f"follows the mean of {answer.name} of the rows that share its value"
        return None
    levels = _Levels(part, values, np.unique(codes[present], return_inverse=True)[1])
    if levels.n < _LEAST_LEVELS:
        return None
    within = levels.within()
    if within > _WITHIN:
        return (
            f"goes with {answer.name} by {within:.3f} (correlation) among rows of one '{key}', as "
            "if it was computed from it"
        )
    if levels.steady() and levels.hold_their_mean():
        return f"follows the mean of {answer.name} of the rows with the same '{key}'"
    return None


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
        best = max(plain, -correlation(others[several], target[several]))
        # What goes with the target as much over all rows is the check of single columns' to tell.
        return best if overall < 0.9 * best else 0.0

    def _ranked(self, values: Floats) -> Floats:
        """Return the place of each row among those of its level, from -0.5 to 0.5."""
        order = np.lexsort((values, self.codes))
        starts = np.cumsum(self.counts) - self.counts
        place = np.empty(len(order))
        place[order] = np.arange(len(order)) - starts[self.codes[order]]
        ranked: Floats = (place + 0.5) / self.counts[self.codes] - 0.5
        return ranked

    def hold_their_mean(self, chance_of_shares: float = _CHANCE) -> bool:
        """Whether means of the target lie closer to the column than chance lets them."""
        enough = self.counts >= 2
        if enough.sum() < _LEAST_LEVELS or self.counts[enough].sum() < 0.3 * len(self.codes):
            return False
        if enough.sum() >= _MANY_LEVELS and self._halves(enough):
            return True
        if self.binary:
            return self._too_close(self.counts >= 2, chance_of_shares)
        return self._too_close(self.counts >= _ROWS_OF_FEW, _CHANCE)

    def _halves(self, enough: NDArray[np.bool_]) -> bool:
        """Whether one half of a level's rows is above the column where the other is below."""
        half = self._ranked(np.random.default_rng(0).random(len(self.codes))) < 0
        left = self.target - self._line(enough)[self.codes]
        first, second = (
            np.bincount(self.codes, weights=np.where(side, left, 0.0), minlength=self.n)
            / np.sqrt(np.bincount(self.codes, weights=side, minlength=self.n).clip(1))
            for side in (half, ~half)
        )
        together = correlation(first[enough], second[enough])
        return together < _HALVES and together * np.sqrt(enough.sum()) < -_ERRORS

    def _too_close(self, enough: NDArray[np.bool_], chance: float) -> bool:
        """Whether means of many rows scatter less around the column than their error."""
        from scipy import stats

        if enough.sum() < _LEAST_LEVELS:
            return False
        line = self._line(enough)[enough]
        if self.binary:
            # The error of a share follows from the share.
            shares = np.clip(line, 0.02, 0.98)
            errors = shares * (1 - shares) / self.counts[enough]
        else:
            squares = self._means(self.target**2) - self.means**2
            errors = squares[enough] / (self.counts[enough] - 1)
            if (errors <= 0).mean() > 0.2:
                return False
            errors = np.maximum(errors, 1e-12 * self.target.var())
        distance = ((self.means[enough] - line) ** 2 / errors).sum()
        return bool(stats.chi2.cdf(distance, max(enough.sum() - 6, 1)) < chance)

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
