"""Features that are learned from the targets and the levels of the training rows of a fold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from comps.base import Array

Floats = NDArray[np.float64]
Columns = dict[str, Floats]

# Numbers and levels that are combined: those that matter most. Six numbers make fifteen pairs.
_NUMBERS = 6
_LEVELS = 4
# A mean over fewer rows than this says little; the mean of all rows stands for it by halves.
_PRIOR_ROWS = 5.0
# Parts of the training rows; the statistics of each come from the others.
_PARTS = 5
# A level that most rows have alone is a name, and its count says nothing.
_MOST_SINGLE = 0.5


class TargetStatistics:
    """The mean of the target by level, smoothed, and out-of-fold among the training rows.

    Micci-Barreca (2001), "A preprocessing scheme for high-cardinality categorical attributes"; the
    weight of the mean of all rows follows from the variances within and between levels, as
    scikit-learn's `TargetEncoder` has it. A training row's own target has no part in its value.

    Args:
        n_classes: 0 for values; of more than two classes each has a column.
        seed: of the division of the training rows.

    >>> levels = pd.DataFrame({"city": ["Rome", "Oslo"] * 10})
    >>> found, _ = TargetStatistics(0).fit_transform(levels, np.array([1.0, 3.0] * 10))
    >>> found["mean of target by city"].round(1).tolist()[:2]
    [1.0, 3.0]
    """

    def __init__(self, n_classes: int, seed: int = 0) -> None:
        self.n_classes, self.seed = n_classes, seed

    def fit_transform(self, levels: pd.DataFrame, target: Floats) -> tuple[Columns, Self]:
        """Learn from training rows; return their columns, and itself."""
        kind = {0: "continuous", 2: "binary"}.get(self.n_classes, "multiclass")
        splitter = KFold if kind == "continuous" else StratifiedKFold
        cv = splitter(_PARTS, shuffle=True, random_state=self.seed)
        self._encoder = TargetEncoder(target_type=kind, cv=cv)
        codes = target if kind == "continuous" else target.astype(np.int64)
        return self._named(levels, self._encoder.fit_transform(levels, codes)), self

    def transform(self, levels: pd.DataFrame) -> Columns:
        """Return the columns of other rows."""
        return self._named(levels, self._encoder.transform(levels))

    def _named(self, levels: pd.DataFrame, values: Floats) -> Columns:
        each = values.shape[1] // levels.shape[1]
        names = [
            f"mean of target by {name}" + (f", class {number}" if each > 1 else "")
            for name in levels
            for number in range(each)
        ]
        return dict(zip(names, values.T, strict=True))


class Frequencies:
    """How many training rows have a row's level, as a logarithm."""

    def fit(self, levels: pd.DataFrame) -> Self:
        """Count the levels."""
        counts = {name: levels[name].value_counts() for name in levels}
        self._counts = {
            name: own.to_dict()
            for name, own in counts.items()
            if (own == 1).sum() < _MOST_SINGLE * own.sum()
        }
        return self

    def transform(self, levels: pd.DataFrame) -> Columns:
        """Return a column for each column of levels."""
        return {
            f"rows with {name}": np.log1p(
                levels[name].map(counts).fillna(0).to_numpy(dtype=np.float64)
            )
            for name, counts in self._counts.items()
        }


class GroupMeans:
    """The mean of a number among the training rows of a level, and a row's difference from it."""

    def fit(self, numbers: pd.DataFrame, levels: pd.DataFrame) -> Self:
        """Learn the means, drawn to that of all rows where a level has few rows."""
        # Arrays, not tables of pandas, which no fitted transformer may hold to be kept.
        self._means: dict[str, tuple[Array, Array]] = {}
        self._overall = numbers.mean().to_dict()
        for level in levels:
            grouped = numbers.groupby(levels[level].to_numpy())
            counts, sums = grouped.count(), grouped.sum()
            prior = pd.Series(self._overall)
            means = (sums + _PRIOR_ROWS * prior) / (counts + _PRIOR_ROWS)
            self._means[str(level)] = means.index.to_numpy(dtype=object), means.to_numpy()
        return self

    def transform(self, numbers: pd.DataFrame, levels: pd.DataFrame) -> Columns:
        """Return two columns for each pair of a number and a level."""
        found: Columns = {}
        for level, (known, values) in self._means.items():
            means = pd.DataFrame(values, index=known, columns=[*self._overall])
            own = means.reindex(levels[level].to_numpy()).fillna(self._overall)
            for name in means:
                mean = own[name].to_numpy(dtype=np.float64)
                found[f"mean of {name} by {level}"] = mean
                found[f"{name} from its mean by {level}"] = numbers[name].to_numpy() - mean
        return found


def arithmetic(numbers: pd.DataFrame) -> Columns:
    """Return the difference and the ratio of each pair of numbers.

    >>> arithmetic(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    {'a - b': array([-1.]), 'a / b': array([0.5])}
    """
    found: Columns = {}
    for one, other in combinations(numbers, 2):
        a, b = numbers[one].to_numpy(np.float64), numbers[other].to_numpy(np.float64)
        found[f"{one} - {other}"] = a - b
        found[f"{one} / {other}"] = np.divide(a, b, out=np.full(len(a), np.nan), where=b != 0)
    return found


def important(values: Array, target: Floats, n_classes: int, seed: int = 0) -> NDArray[np.intp]:
    """Return the places of the columns, the most useful to a few boosted trees first.

    Args:
        values: [n, columns], NaN where missing.
        target: [n] values or class codes.
        n_classes: 0 for values.
        seed: of the trees.
    """
    import lightgbm

    kind = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    params: dict[str, Any] = {"objective": kind, "num_leaves": 15, "seed": seed, "verbosity": -1}
    params |= {"num_class": n_classes} if n_classes > 2 else {}
    params |= {"num_threads": 1, "deterministic": True, "force_row_wise": True}
    booster = lightgbm.train(params, lightgbm.Dataset(values, target), num_boost_round=50)
    gains = booster.feature_importance("gain")
    return np.argsort(-gains, kind="stable")[: int((gains > 0).sum())]


def chosen(order: Sequence[str], among: pd.DataFrame, most: int) -> list[str]:
    """Return the first names of an order that are columns of a table."""
    return [name for name in order if name in among][:most]


class EncodedFeatures:
    """Columns of `TableFeatures` for trees, and what is learned of levels and pairs of columns.

    Target statistics and counts of levels; of the columns that matter most to a few boosted trees,
    means of numbers by level, differences and ratios. What AutoML tools and winners of Kaggle's
    table competitions add by hand (NVIDIA, "The Kaggle Grandmasters Playbook", 2025); which pairs
    are worth it is learned on the training rows of the fold alone.

    Args:
        n_classes: 0 for values.
    """

    def __init__(self, n_classes: int) -> None:
        from comps.kinds.table.features import TableFeatures

        self.n_classes, self._table = n_classes, TableFeatures(scaled=False)

    def fit_transform(self, rows: pd.DataFrame, target: Floats) -> NDArray[np.float32]:
        """Learn from the training rows of a fold; return [k, features] float32."""
        values = self._table.fit_transform(rows, target)
        numbers, levels = self._table.typed(rows)
        single = target.ndim == 1
        self._order: list[str] = []
        if single:
            names = [*numbers, *levels]
            self._order = [names[i] for i in important(values, target, self.n_classes)]
        self._numbers = chosen(self._order, numbers, _NUMBERS)
        self._levels = chosen(self._order, levels, _LEVELS)
        self._statistics = TargetStatistics(self.n_classes) if single and len(levels.T) else None
        self._frequencies = Frequencies().fit(levels)
        self._means = GroupMeans().fit(numbers[self._numbers], levels[self._levels])
        known: Columns = {}
        if self._statistics is not None:
            known, _ = self._statistics.fit_transform(levels, target)
        return self._joined(values, known, numbers, levels)

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Return [rows, features] float32."""
        values = self._table.transform(rows)
        numbers, levels = self._table.typed(rows)
        known = {} if self._statistics is None else self._statistics.transform(levels)
        return self._joined(values, known, numbers, levels)

    def _joined(
        self,
        values: NDArray[np.float32],
        known: Columns,
        numbers: pd.DataFrame,
        levels: pd.DataFrame,
    ) -> NDArray[np.float32]:
        best = numbers[self._numbers]
        columns = known | self._frequencies.transform(levels) | arithmetic(best)
        columns |= self._means.transform(best, levels)
        more = [np.clip(column, -_LARGEST, _LARGEST) for column in columns.values()]
        return np.column_stack([values, *more]).astype(np.float32)


# Larger numbers are cut off: models compute in single precision.
_LARGEST = 1e30
