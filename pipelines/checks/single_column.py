"""L001: a column that gives the target away alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Finding, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._giveaway import Evidence, Limits, evidence
from pipelines.checks._quick import predicted_without
from pipelines.checks._scores import Floats, alone
from pipelines.checks._table import Column, Kind, columns, features, train_rows

# What a column may leave unexplained: an AUC of 0.925, an R² of 0.85. One of few values that is
# nearly the class is rarely something that was measured.
_LIMITS, _LIMITS_OF_FEW = Limits(), Limits(near=0.12)
_FEW_VALUES = 12
# A measure that differs between two classes, given the class by chance alone, looks like a copy of
# the class with noise. Up to here, an AUC of 0.985, a copy is likelier.
_SURE = 0.03
# Present values that are looked at where the others are missing.
_LEAST_ROWS, _LEAST_SHARE = 50, 0.03
# Columns that leave about as much, which may be leaks themselves, are not compared with; unless
# there are more of them, which then measure one thing in several ways.
_ALIKE, _PERFECT, _MOST_ALIKE = 3.0, 0.005, 3
# The strongest columns, for each of which models of the others are trained.
_MOST_LOOKED_AT = 8


class SingleColumn:
    """Compares each column's own score, out of fold, with that of all others together."""

    code = "L001"
    title = "A column gives the target away alone"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        scores = subject.once(strong_scores)
        told: set[str] = set()
        strongest = sorted(scores.items(), key=lambda item: item[1][0])
        for (name, at), (left, prediction, rows) in strongest[:_MOST_LOOKED_AT]:
            if name in told:
                continue
            answer = subject.once(answers)[at]
            alike = frozenset(
                other
                for (other, of), (theirs, _, _) in scores.items()
                if of == at and theirs <= _ALIKE * left + _PERFECT
            )
            without = alike if len(alike) <= _MOST_ALIKE else frozenset([name])
            others = predicted_without(subject, without)[:, at]
            few = len(np.unique(prediction)) <= _FEW_VALUES
            limits = _LIMITS_OF_FEW if few and answer.binary else _LIMITS
            found = evidence(answer, prediction, left, others, rows, limits)
            if found is not None and len(without) > 1 and not (found.perfect or found.by_others):
                # Scores alone speak: then those of columns like this one count, too.
                others = predicted_without(subject, frozenset([name]))[:, at]
                found = evidence(answer, prediction, left, others, rows, limits)
            if found is not None:
                told.add(name)
                sure = few or not answer.binary or left <= _SURE
                yield _finding(name, answer, found, float(rows.mean()), sure)


Scores = dict[tuple[str, int], tuple[float, Floats, np.ndarray]]


def strong_scores(subject: Subject) -> Scores:
    """Return the own scores of columns that predict an answer well alone."""
    return {key: own for key, own in own_scores(subject).items() if own[0] <= _LIMITS.most}


def own_scores(subject: Subject) -> Scores:
    """Return, by column and number of the answer, what the column alone leaves unexplained.

    With it come its predictions, and the rows where it is present.
    """
    rows, found = subject.once(train_rows), {}
    subject.once(features)
    for column in subject.once(columns):
        values = column.train[rows]
        present = ~np.isnan(values)
        enough = present.sum() >= max(_LEAST_ROWS, _LEAST_SHARE * len(rows))
        if not enough or _has_no_meaning(column):
            continue
        for at, answer in enumerate(subject.once(answers)):
            part = Answer(answer.name, answer.values[present], answer.binary)
            if len(np.unique(part.values)) < 2:
                continue
            left, prediction = alone(values[present], part, column.kind is Kind.LEVEL)
            found[column.name, at] = left, prediction, present
    return found


def _has_no_meaning(column: Column) -> bool:
    """Whether the codes of a column say nothing: another text in every row."""
    return column.kind in (Kind.TEXT, Kind.IDENTIFIER) and len(column.levels) > 0


def _finding(name: str, answer: Answer, found: Evidence, present: float, sure: bool) -> Finding:
    severity = Severity.WARNING if sure else Severity.NOTE
    where = "" if present > 0.995 else f" where it is present ({present:.0%} of the rows)"
    return Finding(
        text=f"Column '{name}' alone predicts {answer.name} with {answer.score(found.left)}, out "
        f"of fold{where}; the other columns together with "
        f"{answer.score(found.left_by_others)}. Is it known before the target is?",
        columns=(name,),
        severity=Severity.ERROR if found.perfect else severity,
        values={
            "measure": answer.measure,
            "answer": answer.name,
            "alone": 1 - found.left / (2 if answer.binary else 1),
            "others": 1 - found.left_by_others / (2 if answer.binary else 1),
            "present": present,
        },
    )
