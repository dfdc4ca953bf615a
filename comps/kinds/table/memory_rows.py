"""The rows of DataFrames in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset, Metric, Prediction, Task, UsageError, some
from comps.kinds.table.checks import (
    check_complete,
    check_features,
    check_kinds,
    check_spelling,
    check_tables,
    check_tested,
    left_out_note,
)
from comps.kinds.table.division import N_FOLDS
from comps.kinds.table.fingerprint import table_fingerprint
from comps.kinds.table.given import Given
from comps.kinds.table.loader import RowFunction, changed_rows
from comps.kinds.table.memory_columns import typed_columns, usual_id
from comps.kinds.table.memory_targets import memory_targets
from comps.kinds.table.rows import (
    equal_rows,
    fold_count,
    fold_numbers,
    template,
    weights_of,
)
from comps.kinds.table.schema import Schema
from comps.kinds.text.columns import text_names

if TYPE_CHECKING:
    import pandas as pd


class Memory:
    """The rows of a competition from DataFrames, checked.

    Args:
        train: the training rows.
        test: the rows to predict, or None.
        given: the columns that have a role.
        metric: decides whether values or classes are predicted.
        features: makes more columns of each row; None changes nothing.

    Attributes:
        columns: the training rows as models see them, once `dataset` was called.

    Raises:
        WorkbenchError: see `table_competition`.
    """

    def __init__(
        self,
        train: pd.DataFrame,
        test: pd.DataFrame | None,
        given: Given,
        metric: Metric,
        features: RowFunction | None = None,
    ) -> None:
        self.metric, self.features = metric, features
        self.notes: list[str] = []
        roles = {"target": None, "id": given.id, "group": given.group, "time": given.time}
        roles |= {"weight": given.weight, "query": given.query, "folds": given.folds}
        check_tables(train, test, list(given.target), roles)
        check_kinds(given.columns, given.target)
        there = {name: kind for name, kind in given.columns.items() if name in train}
        check_tested(there, test, "the table of the test rows")
        if given.id is None:
            id_ = usual_id(train, test, list(given.roles.values()))
            if id_ is not None:
                self.notes += [
                    f"{id_!r} holds the ids: by its name, and every row has another one."
                ]
                given = replace(given, id=id_)
        self.given = given
        if (
            given.group is not None
            and given.time is not None
            and given.scheme in (None, "expanding")
        ):
            raise UsageError(
                "Folds that follow time may have a group on both sides. Leave out the group or the "
                "time, or use scheme='grouped', which takes no heed of time."
            )
        self.targets = memory_targets(train, given, metric)
        self.notes += self.targets.notes
        every = len(self.targets.rows) == len(train)
        self.train, self.test = train if every else train.iloc[self.targets.rows], test
        self.rows = train.iloc[:1] if test is None else test
        self.schema = self._schema()

    def _schema(self) -> Schema:
        given, classes = self.given, self.targets.classes
        names = tuple(map(str, given.target))
        outputs = names
        if len(names) > 1:
            task = Task.REGRESSION if self.metric.needs is Prediction.VALUE else Task.MULTILABEL
        else:
            task = _task(self.metric, classes)
            if task is Task.MULTICLASS and self.metric.needs is Prediction.PROBABILITY:
                outputs = tuple(map(str, classes))
        submitted = "id" if given.id is None else str(given.id)
        if submitted in outputs:
            raise DataError(
                f"{submitted!r} would be two columns of the submission, that of the ids and one of "
                "predictions. Rename it."
            )
        return Schema(
            targets=names,
            task=task,
            classes=tuple(map(str, classes)),
            outputs=outputs,
            id=given.id,
            submitted_id=submitted,
            group=given.group,
            time=given.time,
        )

    @property
    def n_folds(self) -> int:
        """The number of folds: those of the column of folds, where there is one."""
        column = self.given.folds
        return N_FOLDS if column is None else fold_count(self.train[column])

    def dataset(self) -> Dataset:
        """Return the rows."""
        given, train, rows = self.given, self.train, self.rows
        named = [*given.roles.values()]
        seen = [column for column in train if column not in named]
        lacking = [column for column in seen if column not in rows]
        check_spelling(lacking, [column for column in rows if column not in train])
        shown = [column for column in seen if column in rows]
        first, second, notes = typed_columns(
            train[shown].reset_index(drop=True),
            rows[shown].reset_index(drop=True),
            self.given.columns,
        )
        parts: tuple[pd.DataFrame, ...] = (first, second)
        check_features(first, second, list(first))
        ids = _id_column(train, given.id, "training")
        test_ids = _id_column(rows, given.id, "test")
        groups, told = self._group_numbers(first)
        notes = [*self.notes, *left_out_note(lacking), *notes, *told]
        if self.features is not None:
            parts = tuple(changed_rows(self.features, part, {}, notes) for part in parts)
        self.columns = parts[0]
        return Dataset(
            train=parts[0],
            test=parts[1],
            target=self.targets.values,
            train_ids=_ids(ids),
            test_ids=_ids(test_ids),
            sample_submission=None
            if self.test is None
            else template(test_ids, self.schema.submitted_id, self.schema.outputs),
            source="memory",
            fingerprint=self._fingerprint(parts, ids, test_ids),
            groups=groups,
            times=self._column(given.time, _times),
            classes=self.targets.classes,
            notes=tuple(dict.fromkeys(notes)),
            weights=self._column(given.weight, weights_of),
            queries=self._column(given.query, _groups),
            folds=self._column(given.folds, fold_numbers),
            made_sample=self.test is not None,
        )

    def _group_numbers(self, rows: pd.DataFrame) -> tuple[NDArray[np.int64] | None, list[str]]:
        """Return the group of each row, and notes: as the user says, or that of equal texts."""
        given = self.given
        if given.group is not None:
            return _groups(self.train[given.group]), []
        others = (given.time, given.folds, given.query)
        if any(name is not None for name in others) or not text_names(rows):
            return None, []
        return equal_rows(rows)

    def _column(self, name: str | None, made: Callable[[Any], NDArray[Any]]) -> NDArray[Any] | None:
        return None if name is None else made(self.train[name])

    def _fingerprint(self, parts: tuple[pd.DataFrame, ...], ids: Any, test_ids: Any) -> str:
        known = {role: self.train[name] for role, name in self.given.roles.items() if role != "id"}
        return table_fingerprint(
            {
                "train": parts[0],
                "test": None if self.test is None else parts[1],
                "ids": ids,
                "test ids": None if self.test is None else test_ids,
                **known,
            }
        )


def _task(metric: Metric, classes: tuple[Any, ...]) -> Task:
    """Return the task that follows from what the metric needs and the number of classes."""
    if metric.needs is Prediction.VALUE:
        return Task.REGRESSION
    return Task.BINARY if len(classes) == 2 else Task.MULTICLASS


def _id_column(rows: pd.DataFrame, column: str | None, part: str) -> pd.Series[Any]:
    """Return the ids, checked, as they were given."""
    import pandas as pd

    if column is None and isinstance(rows.index, pd.MultiIndex):
        raise DataError(
            f"The index of the {part} rows has several levels; name the column with the ids, as "
            "`id`, or use reset_index()."
        )
    ids = pd.Series(rows.index) if column is None else rows[column].reset_index(drop=True)
    check_complete(ids, f"The id of the {part} rows")
    twice = ids[ids.astype(str).duplicated()]
    if len(twice):
        raise DataError(f"Duplicate ids among the {part} rows: {some(twice.unique())}.")
    return ids


def _ids(ids: pd.Series[Any]) -> NDArray[Any]:
    """Return ids as files of results hold them: whole numbers, or texts."""
    if ids.dtype.kind in "iu":
        return np.array(ids, dtype=np.int64 if ids.dtype.kind == "i" else np.uint64)
    return ids.astype(str).to_numpy(dtype=np.str_)


def _groups(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a number for each group, in the order in which they come."""
    check_complete(column, f"The group {column.name!r}")
    codes: NDArray[np.int64] = column.factorize()[0].astype(np.int64)
    return codes


def _times(column: pd.Series[Any]) -> NDArray[Any]:
    """Return numbers or dates: texts have another order, "10" before "9"."""
    import pandas as pd
    from pandas.api import types

    check_complete(column, f"The time {column.name!r}")
    if types.is_numeric_dtype(column):
        whole = types.is_integer_dtype(column)
        return column.to_numpy(dtype=np.int64 if whole else np.float64, copy=True)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.start_time
    elif types.infer_dtype(column) in ("date", "datetime"):
        column = pd.to_datetime(column, utc=True)
    if types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy(copy=True)
    if column.dtype.kind == "m":
        return column.to_numpy(copy=True)
    raise DataError(
        f"The time {column.name!r} must hold numbers or dates; it holds {column.dtype}. "
        "pandas.to_datetime makes dates of texts."
    )
