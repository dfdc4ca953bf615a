"""The rows of DataFrames in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset, Metric, Prediction, Task, UsageError, some
from comps.kinds.table.checks import (
    check_complete,
    check_features,
    check_kinds,
    check_same_columns,
    check_spelling,
    check_table,
    check_tables,
    check_tested,
    left_out_note,
)
from comps.kinds.table.division import N_FOLDS
from comps.kinds.table.fingerprint import table_fingerprint
from comps.kinds.table.given import Given
from comps.kinds.table.kinds import parse_kind
from comps.kinds.table.loader import RowFunction, changed_rows
from comps.kinds.table.memory_columns import has_texts, text_kinds, typed_columns, usual_id
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
        kinds: those that were found before of columns of texts, see `text_kinds`: neither they
            nor the ids are inferred again then.

    Attributes:
        given: the same, with the column of the ids where it was inferred.
        kinds: of columns of texts, once `dataset` was called.
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
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.metric, self.features, self.kinds = metric, features, kinds
        self.notes: list[str] = []
        roles = {"target": None, "id": given.id, "group": given.group, "time": given.time}
        roles |= {"weight": given.weight, "query": given.query, "folds": given.folds}
        check_tables(train, test, list(given.target), roles)
        check_kinds(given.columns, given.target)
        there = {name: kind for name, kind in given.columns.items() if name in train}
        check_tested(there, test, "the table of the test rows")
        if given.id is None and kinds is None:
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
        self._whole = train
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

    @property
    def _shown(self) -> tuple[list[Any], list[Any]]:
        """The columns without a role that both tables have, and those that the test rows lack."""
        named = [*self.given.roles.values()]
        free = [column for column in self.train if column not in named]
        shown = [column for column in free if column in self.rows]
        return shown, [column for column in free if column not in shown]

    @property
    def texts(self) -> set[str]:
        """The names of columns that hold texts: of a file, they are read to the character."""
        return {str(name) for name in self._whole if has_texts(self._whole[name])}

    def with_test(self, rows: pd.DataFrame) -> Dataset:
        """Return the same rows with other test rows, of which nothing is inferred.

        Args:
            rows: with the columns that models see and the id. Other columns do no harm; those of a
                file are texts where the names of the training rows may be numbers.

        Raises:
            UsageError: if something else than a table came, or the column of the ids is missing.
            DataError: if a column is missing, or an id is missing or duplicate.
        """
        check_table(rows, "test")
        shown, unseen = self._shown
        rows = rows.rename(
            columns={str(name): name for name in self._whole if name not in rows.columns}
        )
        said = {name: parse_kind(kind)[0] for name, kind in self.given.columns.items()}
        seen = [name for name in shown if name not in said or said[name].typed is not None]
        check_same_columns(seen, rows, "The table")
        # The models know nothing of what the first test rows lacked.
        rows = rows.drop(columns=[name for name in unseen if name in rows])
        given, features = self.given, self.features
        return Memory(self._whole, rows, given, self.metric, features, self.kinds).dataset()

    def dataset(self) -> Dataset:
        """Return the rows."""
        given, train, rows = self.given, self.train, self.rows
        shown, lacking = self._shown
        if self.kinds is None:
            check_spelling(lacking, [column for column in rows if column not in train])
        first = train[shown].reset_index(drop=True)
        second = rows[shown].reset_index(drop=True)
        said = {name: kind for name, kind in given.columns.items() if name not in lacking}
        if self.kinds is None:
            self.kinds = text_kinds(first, second, said)
        first, second, notes = typed_columns(first, second, said, self.kinds)
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
