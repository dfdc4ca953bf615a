"""What is predicted: values, classes or labels, and in which columns of the submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from comps.base import AmbiguousError, DataError, Prediction, Task, counted, some, unknown_name
from comps.kinds.table.given import AS_YOU_SAY
from comps.kinds.table.labels import (
    TWO_CLASSES,
    classes_of,
    label_texts,
    labels_in,
    named_labels,
    positive_last,
)
from comps.kinds.table.order import check_order, known_order
from comps.kinds.table.parts import Parts
from comps.reading.levels import level_key

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Predicted:
    """What is predicted.

    Attributes:
        task: its kind.
        classes: labels by class code; empty for values.
        outputs: columns of the submission.
    """

    task: Task
    classes: Sequence[str]
    outputs: Sequence[str]


def find_task(parts: Parts, targets: list[str]) -> Predicted:
    """Return what is predicted: it follows from the metric, the targets and the sample submission.

    Raises:
        AmbiguousError: if it is not clear which of two classes is class 1.
        DataError: if metric, targets and sample submission contradict each other.
    """
    # Targets go to the columns of their names, in whichever order the user names them.
    outputs = targets if set(parts.outputs) == set(targets) else parts.outputs or targets
    if parts.metric.needs is Prediction.VALUE:
        many = f" of {len(targets)} targets" if len(targets) > 1 else ""
        parts.say("task", f"regression{many}", f"{parts.metric.label} is of values")
        _check_count(parts, outputs, len(targets))
        return Predicted(Task.REGRESSION, (), outputs)
    if len(targets) > 1:
        return _labels(parts, targets, outputs)
    (target,) = targets
    cells = parts.train[target]
    said = (*parts.given.labels, *parts.given.classes)
    named = named_labels(cells, parts.outputs, said)
    classes = classes_of(cells, target, "rare-class" in parts.given.leave_out, named)
    blanks = [label for label in classes if len(label.split()) > 1]
    if parts.metric.needs is Prediction.RANKED_LABELS and blanks:
        raise DataError(
            f"{parts.metric.label} submits labels with blanks between them, and labels of "
            f"{target!r} have blanks: {some(map(repr, blanks))}. Write each as one word."
        )
    if parts.metric.two_classes and len(classes) > 2:
        raise DataError(
            f"{parts.metric.label} is of two classes, and {target!r} has {len(classes)}: "
            f"{some(classes)}. {TWO_CLASSES}"
        )
    if len(parts.outputs) > 1:
        return _column_a_class(parts, target, classes)
    _check_count(parts, outputs, 1)
    _tell_form(parts, classes)
    order = known_order(classes, parts.given, target)
    if len(classes) == 2:
        return _two_classes(parts, target, classes, outputs, order)
    parts.say("task", f"{len(classes)} classes", f"labels of {target}")
    if order is None:
        check_order(parts.metric, classes, parts.given, target, "--label")
        parts.say("classes", some(classes), "in order")
    else:
        classes = order
        parts.say("classes", ", ".join(classes), f"{AS_YOU_SAY}, in this order")
    if parts.metric.needs is Prediction.PROBABILITY:
        if parts.sample is not None:
            raise DataError(
                f"{parts.metric.label} is of a probability of each of the {len(classes)} classes, "
                f"and the sample submission has the column {outputs[0]!r} alone. Name a metric of "
                "labels, such as --metric accuracy, if labels are submitted."
            )
        outputs = classes
    return Predicted(Task.MULTICLASS, classes, outputs)


def _two_classes(
    parts: Parts,
    target: str,
    classes: Sequence[str],
    outputs: Sequence[str],
    order: Sequence[str] | None,
) -> Predicted:
    positive = parts.given.positive
    if positive is None and order is not None:
        positive = order[-1]
    if positive is not None and positive not in classes:
        raise unknown_name("class called", positive, classes)
    parts.say("task", "binary", f"{target} has two labels")
    ordered, reason = positive_last(classes, positive)
    # Only what is not symmetric has to know: the probability of one class, the F1 of one.
    asymmetric = parts.metric.needs is Prediction.PROBABILITY or parts.metric.two_classes
    if not reason and asymmetric:
        raise AmbiguousError(
            f"{parts.metric.label} is of one of two classes. Which one?", classes, "--positive"
        )
    parts.say("class 1", ordered[1], reason or "in order; both classes count alike")
    return Predicted(Task.BINARY, ordered, outputs)


def _labels(parts: Parts, targets: list[str], outputs: Sequence[str]) -> Predicted:
    """Return the task of several columns of zeros and ones."""
    for name in targets:
        strange = sorted(set(label_texts(parts.train[name])) - {"0", "1", "0.0", "1.0"})
        if strange:
            raise DataError(
                f"{parts.metric.label} is of classes; several targets must then hold 0 and 1 "
                f"alone, and {name!r} holds {some(strange)}."
            )
    _check_count(parts, outputs, len(targets))
    reason = "columns of 0 and 1, none to many of them 1"
    if _are_classes(parts.train[targets]):
        reason = "columns of 0 and 1, exactly one of them 1 in each row"
        parts.notes.append(
            f"Each row has a single 1 in {some(targets)}, as classes have: they are predicted as "
            "labels, whose probabilities need not sum to 1. If they are classes, write their names "
            "into one column, and name it as target."
        )
    parts.say("task", f"{len(targets)} labels", reason)
    return Predicted(Task.MULTILABEL, ("0", "1"), outputs)


def _are_classes(labels: pd.DataFrame) -> bool:
    """Whether each row has one label, and one alone."""
    there = [label_texts(labels[name]).isin(["1", "1.0"]) for name in labels]
    count = sum(found.reindex(labels.index, fill_value=False).astype(int) for found in there)
    return bool(np.all(count == 1))


def _column_a_class(parts: Parts, target: str, classes: Sequence[str]) -> Predicted:
    outputs = parts.outputs
    ordered = labels_in(outputs, classes)
    if ordered is None:
        raise DataError(
            f"The sample submission has the columns {some(outputs)}, and the labels of {target!r} "
            f"are {some(classes)}: a column for each label was expected, called as the label is, "
            f"or with something before it, as {target}_{classes[0]}."
        )
    if parts.metric.needs is not Prediction.PROBABILITY:
        raise DataError(
            f"{parts.metric.label} is of labels, which are submitted in one column, and the sample "
            f"submission has a column for each of the {len(outputs)} classes ({some(outputs)}). "
            "Name a metric of probabilities, such as --metric log_loss, or give a sample "
            "submission with one column."
        )
    parts.say("task", f"{len(outputs)} classes", f"labels of {target}")
    parts.say("classes", some(ordered), "columns of the sample submission, in its order")
    return Predicted(Task.MULTICLASS if len(outputs) > 2 else Task.BINARY, ordered, outputs)


def _tell_form(parts: Parts, classes: Sequence[str]) -> None:
    """Note that labels are submitted, where the sample submission has something else."""
    if parts.metric.needs is not Prediction.LABEL or parts.sample is None:
        return
    (output,) = parts.outputs
    cells = label_texts(parts.sample[output], classes)
    others = cells[~cells.map(level_key).isin(set(map(level_key, classes)))]
    if len(others):
        parts.notes.append(
            f"{output!r} of the sample submission holds {some(map(repr, others.unique()))}, and "
            f"{parts.metric.label} is of labels: labels are written, "
            f"{some(map(repr, classes))}. For probabilities, name a metric of them, such as auc "
            "or log_loss."
        )


def _check_count(parts: Parts, outputs: Sequence[str], wanted: int) -> None:
    if len(outputs) != wanted:
        raise DataError(
            f"The sample submission has {counted(len(outputs), 'column')} to predict "
            f"({some(outputs)}), and {parts.metric.label} of this target needs {wanted}."
        )
