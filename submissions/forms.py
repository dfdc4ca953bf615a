"""What a submission holds: values, probabilities, labels, or several labels in a ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from comps.base import (
    Array,
    Competition,
    Cuts,
    Dataset,
    Prediction,
    Task,
    UsageError,
    class_columns,
    labels_of,
    ranked_classes,
)
from submissions.labels import as_sample_writes
from submissions.together import joined_labels

Columns = Mapping[str, Array]


def columns_of(
    competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None
) -> Columns:
    """Return the columns of a submission by name, each [m], in the target's own unit.

    Args:
        competition: says what is submitted, and how columns are called.
        dataset: gives the labels.
        test: [m] or [m, columns] predictions on the metric's scale.
        cuts: by which probabilities become labels; None takes the most probable class.

    Raises:
        UsageError: if predictions have another number of columns than the submission.
    """
    return _FORMS[competition.submits](competition, dataset, test, cuts)


def _values(competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None) -> Columns:
    del dataset, cuts
    return _named(competition, np.asarray(competition.metric.scale.inverse(test)))


def _probabilities(
    competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None
) -> Columns:
    names = competition.target_columns
    if competition.task is Task.BINARY and len(names) == 2:
        test = np.column_stack([1 - test, test])
    if competition.task is Task.MULTILABEL or len(names) == 1:
        return _values(competition, dataset, test, cuts)
    found = class_columns(names, dataset.classes)
    if found is None:
        return _values(competition, dataset, test, cuts)
    # A class that no training row has is as improbable as can be.
    return {
        name: np.zeros(len(test)) if code is None else test[:, code]
        for name, code in zip(names, found, strict=True)
    }


def _labels(competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None) -> Columns:
    several = competition.task is Task.MULTILABEL
    if competition.together:
        there = labels_of(cuts, test, several=True) == 1
        return {competition.together: joined_labels(competition.target_columns, there)}
    classes = labels_of_columns(competition, dataset.classes) or competition.labels(dataset)
    sample = dataset.sample_submission
    if sample is not None and not (several or dataset.made_sample):
        classes = as_sample_writes(classes, sample[competition.target_columns[0]])
    codes = labels_of(cuts, test, several=several)
    return _named(competition, np.asarray(classes)[codes])


def _ranked(competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None) -> Columns:
    del cuts
    labels = [str(label) for label in competition.labels(dataset)]
    blanks = [label for label in labels if not label or label.split() != [label]]
    if blanks:
        raise UsageError(
            f"Labels are submitted with blanks between them; {blanks[0]!r} has some itself. Name "
            "the labels otherwise."
        )
    ranked = np.array(labels)[ranked_classes(test, labels_in_a_row(competition))]
    return _named(competition, np.array([" ".join(row) for row in ranked]))


_FORMS: Mapping[Prediction, Callable[[Competition, Dataset, Array, Cuts | None], Columns]] = {
    Prediction.VALUE: _values,
    Prediction.PROBABILITY: _probabilities,
    Prediction.LABEL: _labels,
    Prediction.RANKED_LABELS: _ranked,
}


def labels_of_columns(
    competition: Competition, classes: tuple[object, ...]
) -> tuple[object, ...] | None:
    """Return what each of several labels is written as, absent and present; else None."""
    if competition.task is not Task.MULTILABEL:
        return None
    return classes if len(classes) == 2 else (0, 1)


def labels_in_a_row(competition: Competition) -> int:
    """Return how many labels a row of the submission has at most."""
    return int(competition.metric.parameter or 1)


def _named(competition: Competition, values: Array) -> Columns:
    names, columns = competition.target_columns, values.reshape(len(values), -1)
    if columns.shape[1] != len(names):
        raise UsageError(
            f"A submission of {competition.name} has {len(names)} columns of predictions "
            f"({', '.join(names)}); the predictions have {columns.shape[1]}."
        )
    return dict(zip(names, columns.T, strict=True))
