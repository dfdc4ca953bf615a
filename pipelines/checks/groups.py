"""L008: groups that make shuffled folds optimistic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._optimism import largest, optimism
from pipelines.checks._quick import Pairs, out_of_fold, shuffled
from pipelines.checks._structure import group_columns, time_columns
from pipelines.checks._table import Column, Kind, features, has_test, matrix, train_rows

_FOLDS = 4


class Groups:
    """Measures shuffled against grouped folds where the test rows belong to other groups.

    If they belong to the same groups, shuffled folds are right: new rows are of known groups.
    """

    code = "L008"
    title = "Groups make shuffled folds optimistic"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        if subject.dataset.groups is not None:
            raise NotSuitedError("the rows have groups, which folds keep together")
        if not has_test(subject):
            raise NotSuitedError("there are no test rows that would tell which columns are groups")
        if subject.once(time_columns):
            raise NotSuitedError("the test rows are later, so that anything may be new in them")
        rows = subject.once(train_rows)
        for key in subject.once(group_columns)[:1]:
            units = np.nan_to_num(key.train[rows], nan=-1e300)
            if len(np.unique(units)) < 2 * _FOLDS:
                continue
            both = [
                (answer, optimism(answer, *_predicted(subject, key, units, answer), units))
                for answer in subject.once(answers)
            ]
            answer, found = largest(both)
            known = np.unique(key.train[~np.isnan(key.train)])
            unseen = float((~np.isin(key.test, known)).mean())
            measured = (
                f"a quick model explains {found.shuffled:.0%} of the variance of {answer.name} in "
                f"shuffled folds, {max(found.honest, 0):.0%} in grouped ones"
            )
            yield Finding(
                text=f"{unseen:.0%} of the test rows have a '{key.name}' that no training row "
                f"has, and {len(known)} values of it stand in {len(key.train)} training rows: "
                f"{measured}. Group the folds by it: group='{key.name}'.",
                columns=(key.name,),
                values={"answer": answer.name, "unseen": unseen, **found.values()},
                severity=Severity.WARNING if found.notable else Severity.NOTE,
            )


def _predicted(
    subject: Subject, key: Column, units: np.ndarray, answer: Answer
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions in shuffled and in grouped folds.

    The mean target of the known rows of a group is a feature: trees of few rounds find it hardly.
    """
    rows = subject.once(matrix)
    columns = [*subject.once(features), replace(key, name="", kind=Kind.NUMBER, levels=())]
    codes = np.unique(units, return_inverse=True)[1]
    place = np.random.default_rng(2).permutation(int(codes.max()) + 1) % _FOLDS
    grouped: Pairs = [
        (np.flatnonzero(place[codes] != fold), np.flatnonzero(place[codes] == fold))
        for fold in range(_FOLDS)
    ]
    found = []
    for pairs in (shuffled(len(rows), _FOLDS), grouped):
        prediction = np.empty(len(rows))
        for known, held in pairs:
            means = _means_of_others(codes, answer.values, known)
            fold = np.column_stack([rows, means])
            prediction[held] = out_of_fold(columns, fold, answer, [(known, held)])[held]
        found.append(prediction)
    return found[0], found[1]


def _means_of_others(codes: np.ndarray, target: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return [n] the mean target of the known rows of the group beside the row itself, or NaN."""
    is_known = np.zeros(len(codes))
    is_known[known] = 1.0
    counts = np.bincount(codes, weights=is_known)[codes] - is_known
    sums = np.bincount(codes, weights=is_known * target)[codes] - is_known * target
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
