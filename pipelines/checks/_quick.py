"""Quick models: boosted trees with few rounds, and straight lines, scored out of fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._scores import Floats, unexplained
from pipelines.checks._table import Column, Kind, features, matrix

Pairs = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
_FOLDS = 3
_ROUNDS = 80
# Levels with an order of their own only, beyond these: their codes are taken as numbers.
_MOST_LEVELS = 60
_MOST_LEVELS_OF_LINES = 12
# Columns of a model; those that tell most alone.
_MOST_COLUMNS = 150


@dataclass(frozen=True, eq=False)
class Quick:
    """Boosted trees of some columns.

    Attributes:
        booster: LightGBM's.
        places: [j] the columns that it looks at.
    """

    booster: Any
    places: NDArray[np.int64]

    def predict(self, rows: Floats) -> Floats:
        """Return [n] predictions of rows, [n, k]."""
        predictions: Floats = self.booster.predict(rows[:, self.places])
        return predictions

    def gains(self, n_columns: int) -> Floats:
        """Return [k] what each column brought."""
        gains = np.zeros(n_columns)
        gains[self.places] = self.booster.feature_importance("gain")
        return gains


def fitted(columns: Sequence[Column], train: Floats, answer: Answer) -> Quick:
    """Return a model that was trained on all given rows.

    Args:
        columns: of the k features.
        train: [n, k].
        answer: of the n rows.
    """
    import lightgbm

    places = _telling(train, answer)
    settings = {
        "objective": "binary" if answer.binary else "regression",
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": int(np.clip(len(train) // 100, 5, 20)),
        "min_data_per_group": 10,
        "verbosity": -1,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        # Beside other processes, a second thread often waits longer than it helps.
        "num_threads": 1,
    }
    levels = [
        at
        for at, column in enumerate(columns[place] for place in places)
        if column.kind is Kind.LEVEL and len(column.levels) <= _MOST_LEVELS
    ]
    rows = lightgbm.Dataset(
        train[:, places], answer.values, categorical_feature=levels, params=settings
    )
    return Quick(lightgbm.train(settings, rows, num_boost_round=_ROUNDS), places)


def out_of_fold(
    columns: Sequence[Column], train: Floats, answer: Answer, pairs: Pairs | None = None
) -> Floats:
    """Return [n] predictions of rows by models that were not trained on them.

    Args:
        columns: of the k features.
        train: [n, k].
        answer: of the n rows.
        pairs: rows to train on and to predict, of each fold; None takes shuffled folds. Rows that
            no fold predicts are NaN.
    """
    prediction = np.full(len(train), np.nan)
    for known, held in shuffled(len(train)) if pairs is None else pairs:
        model = fitted(columns, train[known], _rows_of(answer, known))
        prediction[held] = model.predict(train[held])
    return prediction


def shuffled(n: int, n_folds: int = _FOLDS, seed: int = 1) -> Pairs:
    """Return the rows to train on and to predict, of each fold."""
    order = np.random.default_rng(seed).permutation(n)
    return [
        (np.sort(np.concatenate(parts[:fold] + parts[fold + 1 :])), np.sort(parts[fold]))
        for parts in [np.array_split(order, n_folds)]
        for fold in range(n_folds)
    ]


def by_all(subject: Subject) -> Floats:
    """Return [rows, answers]: the predictions of models of all features, out of fold."""
    return predicted_without(subject, frozenset())


def predicted_without(subject: Subject, left_out: frozenset[str]) -> Floats:
    """Return [rows, answers]: predictions, out of fold, without some columns.

    Where no column is left they are all zero: they tell nothing.
    """
    known = subject.once(_predictions)
    if left_out not in known:
        known[left_out] = _predicted_without(subject, left_out)
    return known[left_out]


def _predictions(subject: Subject) -> dict[frozenset[str], Floats]:
    """Return what was predicted already, by the columns that were left out."""
    del subject
    return {}


def _predicted_without(subject: Subject, left_out: frozenset[str]) -> Floats:
    kept = [
        (place, column)
        for place, column in enumerate(subject.once(features))
        if column.name not in left_out
    ]
    rows, columns = subject.once(matrix), [column for _, column in kept]
    rows = rows[:, [place for place, _ in kept]]
    found = np.zeros((len(rows), len(subject.once(answers))))
    for at, answer in enumerate(subject.once(answers)):
        if kept:
            # Of few rows, trees learn less than straight lines.
            tried = out_of_fold(columns, rows, answer), lines(columns, rows, answer)
            found[:, at] = min(tried, key=lambda prediction: unexplained(answer, prediction))
    return found


def lines(columns: Sequence[Column], train: Floats, answer: Answer) -> Floats:
    """Return [n] predictions, out of fold, of a ridge regression on numbers and levels."""
    prediction = np.empty(len(train))
    for known, held in shuffled(len(train)):
        places = _telling(train[known], _rows_of(answer, known))
        terms = _standardised([columns[place] for place in places], train[:, places])
        basis = np.column_stack([*terms, np.ones(len(train))])
        rows = basis[known]
        normal = rows.T @ rows + np.diag([1.0] * (basis.shape[1] - 1) + [0.0])
        weights = np.linalg.lstsq(normal, rows.T @ answer.values[known], rcond=None)[0]
        prediction[held] = basis[held] @ weights
    return prediction


def _standardised(columns: Sequence[Column], train: Floats) -> Iterator[Floats]:
    """Yield numbers with mean 0 and deviation 1, missing ones as 0, and levels as 0 and 1."""
    for column, values in zip(columns, train.T, strict=True):
        if column.kind is Kind.LEVEL:
            usual, counts = np.unique(values[~np.isnan(values)], return_counts=True)
            for level in usual[np.argsort(-counts)[:_MOST_LEVELS_OF_LINES]]:
                yield (values == level).astype(np.float64)
        elif np.isfinite(values).any() and np.nanstd(values) > 0:
            yield np.nan_to_num((values - np.nanmean(values)) / np.nanstd(values))


def _telling(train: Floats, answer: Answer) -> NDArray[np.int64]:
    """Return the columns of a model: all, or where they are many, those that go with the answer."""
    if train.shape[1] <= _MOST_COLUMNS:
        return np.arange(train.shape[1])
    centred = answer.values - answer.values.mean()
    values = np.nan_to_num(train)
    deviations = values.std(axis=0)
    strength = np.abs(centred @ values) / np.where(deviations > 0, deviations, np.inf)
    return np.sort(np.argsort(-strength)[:_MOST_COLUMNS])


def _rows_of(answer: Answer, rows: NDArray[np.int64]) -> Answer:
    return Answer(answer.name, answer.values[rows], answer.binary)
