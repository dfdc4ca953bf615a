"""L002: a column whose missing values give the target away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._giveaway import Limits, evidence
from pipelines.checks._quick import predicted_without
from pipelines.checks._scores import Floats, unexplained
from pipelines.checks._table import Column, Kind, columns, features, train_rows

# Missing values rarely tell so much honestly, so that noisier leaks are looked for than of values.
_LIMITS = Limits(most=0.3, near=0.15, times=1.5)
_LEAST_ROWS = 15
# Rows of one side that have the same class, and the usual share from which on this is no news.
_PURE, _USUAL = 0.99, 0.75
# Log-probability, by a model of other columns, below which a pure side is no coincidence.
_SURPRISE = np.log(1e-6)
_MOST_MODE = 0.25
_MOST_SUSPECTS, _MOST_LOOKED_AT = 3, 8
# Values of a column of which zero may mean that there is none.
_LEAST_AMOUNTS = 12


class Missingness:
    """Compares what missing values tell of the target with what other columns tell."""

    code = "L002"
    title = "Missing values give the target away"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows = subject.once(train_rows)
        subject.once(features)
        missing = {
            column.name: lacking
            for column in subject.once(columns)
            for lacking in [_lacking(column, rows)]
            if min(lacking.rows.sum(), (~lacking.rows).sum()) >= _LEAST_ROWS
        }
        told = {
            (name, at): _tells(answer, lacking.rows)
            for name, lacking in missing.items()
            for at, answer in enumerate(_answers(subject))
        }
        suspects = frozenset(name for (name, _), tells in told.items() if tells)
        for name in sorted(suspects)[:_MOST_LOOKED_AT]:
            # Many such columns are the nature of the data: then each is compared with all others.
            without = suspects if len(suspects) <= _MOST_SUSPECTS else frozenset([name])
            for at, answer in enumerate(_answers(subject)):
                others = _others(subject, without, answer, at)
                text = told[name, at] and _text(name, missing[name], answer, others)
                if text:
                    values = _values(missing[name].rows, answer)
                    yield Finding(text=text, columns=(name,), values=values)
                    break


class _Lacking(NamedTuple):
    """Rows where a column has no value, and what stands there: "missing" or "0"."""

    rows: NDArray[np.bool_]
    word: str


def _lacking(column: Column, rows: NDArray[np.int64]) -> _Lacking:
    """Return where a value is missing: NaN, nothing but spaces, or zero where most have another.

    An amount that is zero until the event is no better than a missing one.
    """
    values = column.train[rows]
    if "" in column.levels:
        return _Lacking(np.isnan(values) | (values == list(column.levels).index("")), "missing")
    amounts = column.kind is Kind.NUMBER and not np.isnan(values).any()
    if amounts and len(np.unique(values)) > _LEAST_AMOUNTS:
        return _Lacking(values == 0, "0")
    return _Lacking(np.isnan(values), "missing")


def _answers(subject: Subject) -> list[Answer]:
    """Return the answers; of values also whether they are the most frequent one, often zero."""
    found = list(subject.once(answers))
    for answer in subject.once(answers):
        if not answer.binary:
            values, counts = np.unique(answer.values, return_counts=True)
            if 0.03 < counts.max() / len(answer.values) < 1 - _MOST_MODE:
                mode = values[counts.argmax()]
                name = f"whether {answer.name} is {mode:g}"
                found.append(Answer(name, (answer.values == mode).astype(np.float64), binary=True))
    return found


def _others(subject: Subject, without: frozenset[str], answer: Answer, at: int) -> Floats:
    """Return predictions of an answer by other columns; of values for the most frequent, too."""
    predictions = predicted_without(subject, without)
    found: Floats = predictions[:, min(at, predictions.shape[1] - 1)]
    if at < predictions.shape[1]:
        return found
    # How far a prediction is from the value says how likely it is.
    from sklearn.linear_model import LogisticRegression

    near = np.column_stack([found, found**2])
    near = (near - near.mean(axis=0)) / (near.std(axis=0) + 1e-12)
    model = LogisticRegression().fit(near, answer.values)
    chances: Floats = model.predict_proba(near)[:, 1]
    return chances


def _tells(answer: Answer, lacking: NDArray[np.bool_]) -> bool:
    return _left(answer, lacking) <= _LIMITS.most or _pure_side(answer, lacking) is not None


def _left(answer: Answer, lacking: NDArray[np.bool_]) -> float:
    """Return what missing values leave unexplained: 2 (1 - AUC), of values as scores, too."""
    if answer.binary:
        return min(unexplained(answer, side.astype(float)) for side in (lacking, ~lacking))
    missing = Answer("missing", lacking.astype(np.float64), binary=True)
    return min(unexplained(missing, answer.values), unexplained(missing, -answer.values))


def _pure_side(answer: Answer, lacking: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int] | None:
    """Return a side whose rows all have one class, which is not the usual one, and that class."""
    if not answer.binary:
        return None
    for side in (lacking, ~lacking):
        for label in (0, 1):
            has = answer.values == label
            if has[side].mean() >= _PURE and has.mean() < _USUAL:
                return side, label
    return None


def _text(name: str, lacking: _Lacking, answer: Answer, others: Floats) -> str | None:
    rows, word = lacking
    left = _left(answer, rows)
    share = f"Column '{name}' is {word} in {rows.mean():.1%} of the rows"
    everywhere = np.ones(len(rows), dtype=bool)
    found = evidence(answer, rows.astype(float), left, others, everywhere, _LIMITS)
    if found is not None:
        return (
            f"{share}, and whether it is predicts {answer.name} with AUC {1 - left / 2:.3f}; the "
            f"other columns together reach {answer.score(found.left_by_others)}. Was it filled "
            "when the target was known?"
        )
    pure = _pure_side(answer, rows)
    if pure is None:
        return None
    side, label = pure
    chance = np.clip(others[side], 0.01, 0.99)
    log_chance = np.log(chance if label else 1 - chance).sum()
    if log_chance > _SURPRISE:
        return None
    same = int((answer.values[side] == label).sum())
    what = "is" if side is rows else "is not"
    have = "have" if label else "lack"
    return (
        f"{share}; of the {int(side.sum())} rows where it {what}, {same} {have} {answer.name}, "
        f"of all rows {np.mean(answer.values == label):.0%}. Was it filled when the target was "
        "known?"
    )


def _values(lacking: NDArray[np.bool_], answer: Answer) -> dict[str, float | str]:
    return {
        "missing": float(lacking.mean()),
        "answer": answer.name,
        "AUC": 1 - _left(answer, lacking) / 2,
    }
