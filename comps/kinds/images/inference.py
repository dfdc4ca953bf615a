"""What a competition of images predicts, and in which folds, with reasons."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from comps.base import Metric, Prediction, Task, UsageError, counted, some, unknown_name
from comps.kinds.images.layout import Layout
from comps.kinds.images.places import Said, find_layout
from comps.kinds.images.rows import labelled, rows_of, table_of
from comps.kinds.images.tree import Tree
from comps.kinds.images.written import image_call
from comps.kinds.table.division import find_folds, find_group
from comps.kinds.table.given import Inference
from comps.kinds.table.labels import classes_of, positive_last
from comps.kinds.table.order import known_order
from comps.kinds.table.parts import Parts
from comps.kinds.table.roles import find_beside, find_targets
from comps.kinds.table.schema import Schema
from comps.kinds.table.several import find_several
from comps.kinds.table.tasks import Predicted, find_task
from comps.reading.delimited import Table


@dataclass(frozen=True)
class ImageTables:
    """The rows of a competition of images, as tables are looked at.

    Attributes:
        path: of the files.
        names: the table of each part.
        tables: their rows.
    """

    path: Path
    names: Mapping[str, str]
    tables: Mapping[str, Table]

    @classmethod
    def of(cls, tree: Tree, layout: Layout) -> ImageTables:
        """Read the rows. Raises as `rows_of`."""
        import numpy as np
        import pandas as pd

        rows = rows_of(tree, layout)
        train = labelled(tree, layout, rows.train_ids, rows.places)
        tests = pd.DataFrame({layout.column: rows.test_ids}, dtype=object)
        test = Table(tests, (), np.arange(1, len(tests) + 1), "the test images")
        tables = {"train": replace(train, notes=(*train.notes, *rows.notes)), "test": test}
        if layout.sample is not None:
            tables["sample"] = table_of(tree, layout.sample)
        return cls(tree.path, {part: table.name for part, table in tables.items()}, tables)

    def read(self, part: str, text: Container[str] = ()) -> Table | None:
        """Return the rows of a part, whose cells are all as they are written."""
        del text
        return self.tables.get(part)


def infer(tree: Tree, metric: Metric, said: Said) -> tuple[Inference, Layout]:
    """Find out what a competition of images predicts, and where they lie.

    Raises:
        AmbiguousError: if something may be read in several ways; it names the option that says it.
        DataError: if the files cannot be those of such a competition.
        UsageError: if a folder, a column or a task does not exist, or is none of images.
    """
    if said.task is not None and said.task not in list(map(str, Task)):
        raise unknown_name("task", said.task, map(str, Task))
    layout, told = find_layout(tree, said)
    # The column of ids names the images, and is no role of the rows.
    parts = Parts(ImageTables.of(tree, layout), metric, replace(said.given, id=None))
    parts.rows += told
    targets = _targets(parts, layout)
    several = (
        None if layout.table is None else find_several(parts, targets, said.task, said.outputs)
    )
    predicted = _predicted(parts, targets, said) if several is None else several.predicted
    if several is not None:
        targets = list(predicted.outputs)
    if said.task is not None and predicted.task != said.task:
        raise UsageError(
            f"The task is {said.task!r} as you say, and {predicted.task!s} by the metric and the "
            "labels. Change one of them."
        )
    beside = find_beside(parts, targets, layout.column)
    schema = Schema(
        targets=tuple(targets),
        task=predicted.task,
        classes=tuple(predicted.classes),
        outputs=tuple(predicted.outputs),
        id=layout.column,
        submitted_id=_submitted_id(parts, layout),
        group=find_group(parts, {}, None),
        leave_out=tuple(parts.given.leave_out),
        separated="" if several is None else several.separated,
        together="" if several is None else several.together,
        weight=beside.get("weight"),
        folds=beside.get("folds"),
    )
    scheme, n_folds = find_folds(parts, schema)
    call = image_call(schema, scheme, n_folds, layout)
    found = Inference(
        schema, scheme, n_folds, tuple(parts.rows), "images", tuple(parts.notes), call
    )
    return found, layout


def _targets(parts: Parts, layout: Layout) -> list[str]:
    """Return the columns to predict: the only one that there is, else as of tables."""
    others = [str(name) for name in parts.train if name != layout.column]
    if parts.given.target or len(others) != 1:
        return find_targets(parts)
    if layout.table is not None:
        parts.say("target", others[0], f"the other column of {layout.table}")
    return others


def _predicted(parts: Parts, targets: list[str], said: Said) -> Predicted:
    """Return what is predicted, in the columns that the user names.

    Raises:
        UsageError: if there must be more or fewer of them.
    """
    found = _two_columns(parts, targets, said) or find_task(parts, targets)
    if not said.outputs:
        return found
    if len(said.outputs) != len(found.outputs):
        raise UsageError(
            f"outputs names {counted(len(said.outputs), 'column')} ({some(said.outputs)}), and "
            f"{parts.metric.label} of these labels needs {len(found.outputs)} "
            f"({some(found.outputs)})."
        )
    return replace(found, outputs=said.outputs)


def _two_columns(parts: Parts, targets: list[str], said: Said) -> Predicted | None:
    """Return two classes with a column for each, unless something says which one is class 1."""
    given, said_so = parts.given, len(said.outputs) == 2
    known = parts.sample is not None or given.positive is not None
    known |= bool(given.classes) and not said_so
    if known or len(targets) > 1 or parts.metric.needs is not Prediction.PROBABILITY:
        return None
    (target,) = targets
    rare = "rare-class" in given.leave_out
    classes = classes_of(parts.train[target], target, rare, given.labels)
    if len(classes) != 2 or (positive_last(classes, None)[1] and not said_so):
        return None
    ordered = known_order(classes, given, target) or classes
    parts.say("task", "binary", f"{target} has two labels")
    parts.say("classes", ", ".join(ordered), "in order; the submission has a column each")
    return Predicted(Task.BINARY, ordered, ordered)


def _submitted_id(parts: Parts, layout: Layout) -> str:
    if parts.sample is not None:
        return str(parts.sample.columns[0])
    return "id" if layout.table is None else layout.column
