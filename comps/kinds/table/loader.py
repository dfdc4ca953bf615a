"""From a competition's files to its rows, as its schema says."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import (
    Array,
    DataError,
    Dataset,
    Metric,
    OwnCodeError,
    Task,
    UsageError,
    counted,
    own_code_error,
    some,
)
from comps.kinds.table.cells import categories
from comps.kinds.table.checks import check_same_columns, left_out_note
from comps.kinds.table.files import Tables, tables_of
from comps.kinds.table.kinds import Kind, is_text, parse_kind
from comps.kinds.table.rows import (
    equal_rows,
    fold_numbers,
    group_codes,
    row_times,
    template,
    weights_of,
    whole_numbers,
)
from comps.kinds.table.schema import Schema
from comps.kinds.table.several import with_labels
from comps.kinds.table.targets import targets_of
from comps.reading.column import Column
from comps.reading.delimited import ALL, Table
from comps.reading.ids import check_same_ids, checked_ids
from comps.reading.other_test import only_table, table_file

if TYPE_CHECKING:
    import pandas as pd

# `(rows) -> rows` or `(rows, tables) -> rows`: more columns, or others, row by row.
RowFunction = Callable[..., "pd.DataFrame"]
# Rows that a function of the user's must turn into the same, whatever comes with them.
_TRIED = 20
# Kinds of columns whose cells are names, whatever they look like.
_NAMES = ("boolean", "category", "text")


@dataclass(frozen=True)
class TableFiles:
    """The loader of a competition whose tables lie in files.

    Attributes:
        schema: what their columns are.
        metric: on whose scale targets must be.
        features: makes more columns of each row, or other ones; None changes nothing.
        files: of each part, where their names do not say it; see `tables_of`.
    """

    schema: Schema
    metric: Metric
    features: RowFunction | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, path: Path) -> Dataset:
        """Return the rows of an archive, a folder or a file.

        Raises:
            DataError: if the files are not as the schema says, with the first places.
        """
        return _Loading(tables_of(path, self.files), self).dataset()

    def with_test(self, path: Path, rows: Any) -> Dataset:
        """Return the same with the test rows of another file, or of a table in memory.

        Raises:
            DataError: as above.
        """
        tables = tables_of(path, self.files)
        with table_file(rows) as other:
            content, name = only_table(other)
        known = _Loading(tables, self)
        new = _Loading(tables.with_test(content, name), self)
        assert new.test is not None
        check_same_columns(known.seen, new.test.frame, name)
        return new.dataset()


class _Loading:
    def __init__(self, tables: Tables, loader: TableFiles) -> None:
        self.tables, self.schema, self.loader = tables, loader.schema, loader
        schema = self.schema
        # To the character, or a part of which all levels are numbers says "2.0" for "2".
        named = [name for name, kind in schema.kinds.items() if kind in _NAMES]
        exact = {*schema.targets, *named, schema.separated, schema.id or ""}
        train, test = (tables.read(part, exact) for part in ("train", "test"))
        if train is None:
            raise DataError(f"{tables.path} holds no training rows.")
        if schema.separated:
            lacking = [] if schema.separated in train.frame else [schema.separated]
            _refuse_lacking(lacking, train, tables.names["train"])
            frame = with_labels(train.frame, schema.separated, schema.targets, train.name)
            train = replace(train, frame=frame)
        self.train, self.test = train, test
        self.notes = [note for table in (train, test) if table is not None for note in table.notes]
        self._check_columns()

    def dataset(self) -> Dataset:
        schema = self.schema
        found = targets_of(self.train, schema, self.loader.metric, self.train.name)
        self.notes += found.notes
        # All that follows is of the rows that are kept.
        frame = self.train.frame.iloc[found.rows].reset_index(drop=True)
        train = replace(self.train, frame=frame, lines=self.train.lines[found.rows])
        test = self.test or replace(train, frame=frame.head(1), lines=train.lines[:1])
        rows, test_rows = self._typed(train, test)
        groups = None
        if schema.group is not None:
            groups = group_codes(frame[schema.group])
        elif schema.time is None and schema.folds is None:
            groups, told = equal_rows(rows)
            self.notes += told
        rows, test_rows = self._with_features(rows, test_rows, train, test)
        train_ids, test_ids, sample = self._ids(train, test)
        return Dataset(
            train=rows,
            test=test_rows,
            target=found.values,
            train_ids=train_ids,
            test_ids=test_ids,
            sample_submission=sample,
            source=str(self.tables.path),
            fingerprint=self._fingerprint(),
            groups=groups,
            times=None if schema.time is None else row_times(train, schema),
            classes=schema.classes if schema.task is not Task.MULTILABEL else (),
            notes=tuple(dict.fromkeys(self.notes)),
            weights=None if schema.weight is None else weights_of(frame[schema.weight]),
            queries=None if schema.query is None else group_codes(frame[schema.query]),
            folds=None if schema.folds is None else fold_numbers(frame[schema.folds]),
            made_sample=sample is not None and "sample" not in self.tables.names,
        )

    def _check_columns(self) -> None:
        """Check that the columns that the schema names are there.

        Raises:
            DataError: that names those which are not.
        """
        schema = self.schema
        seen = [name for name, kind in schema.kinds.items() if parse_kind(kind)[0].typed]
        roles = (schema.id, schema.group, schema.time, schema.weight, schema.query, schema.folds)
        of_train = {*schema.targets, *seen, *(name for name in roles if name is not None)}
        of_test = set(seen) | ({schema.id} if schema.id else set())
        for table, part, wanted in ((self.train, "train", of_train), (self.test, "test", of_test)):
            if table is None:
                continue
            lacking = sorted(name for name in wanted if name not in table.frame)
            if part == "train" and schema.id in lacking:
                lacking.remove(schema.id)
            _refuse_lacking(lacking, table, self.tables.names[part])

    @property
    def seen(self) -> list[str]:
        """The columns of the training and the test rows that models see."""
        test = self.train if self.test is None else self.test
        names = [name for name in map(str, self.train.frame) if name not in self.schema.beside]
        return [name for name in names if name in test.frame and self._kind(name)[0].typed]

    def _kind(self, name: str) -> tuple[Kind, str]:
        """Return the kind of a column, and its argument."""
        return parse_kind(self.schema.kinds.get(name, "number"))

    def _typed(self, train: Table, test: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the columns that models see, as their kinds say."""
        import pandas as pd

        seen = [name for name in map(str, train.frame) if name not in self.schema.beside]
        names = [name for name in seen if name in test.frame]
        self.notes += left_out_note([name for name in seen if name not in test.frame])
        columns: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for name in names:
            kind, argument = self._kind(name)
            if kind.typed is None:
                continue
            found = kind.typed([Column.of(table, name) for table in (train, test)], argument)
            self.notes += found.notes
            for cells, part in zip(columns, found.parts, strict=True):
                cells[name] = part
        first, second = (pd.DataFrame(part) for part in columns)
        return first, second

    def _with_features(
        self, train: pd.DataFrame, test: pd.DataFrame, kept: Table, tested: Table
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        function = self.loader.features
        if function is not None:
            tables = self.tables.extra if takes_tables(function) else {}
            parts = (self._with_names(train, kept), self._with_names(test, tested))
            train, test = (
                changed_rows(function, part, tables, self.notes).drop(
                    columns=self._names, errors="ignore"
                )
                for part in parts
            )
        kinds = self.schema.kinds.items()
        return with_levels(train, test, [name for name, kind in kinds if kind == "category"])

    @property
    def _names(self) -> list[str]:
        """The columns that say which rows belong together, which models do not see."""
        schema = self.schema
        return [name for name in (schema.id, schema.group, schema.query) if name is not None]

    def _with_names(self, rows: pd.DataFrame, table: Table) -> pd.DataFrame:
        """Return rows with ids, groups and queries, by which further tables are joined."""
        added = {}
        for name in self._names:
            if name in table.frame:
                cells = table.frame[name].reset_index(drop=True)
                added[name] = whole_numbers(cells) if name == self.schema.id else cells
        return rows.assign(**added)

    def _ids(self, train: Table, test: Table) -> tuple[Array, Array, pd.DataFrame | None]:
        schema, names = self.schema, self.tables.names
        if schema.id is None or schema.id not in train.frame:
            train_ids: Array = np.arange(len(train.frame))
        else:
            train_ids = _own_ids(train.frame[schema.id], names["train"])
        if self.test is None:
            return train_ids, train_ids[:1], None
        if schema.id is None:
            test_ids: Array = np.arange(len(test.frame)) + schema.first_id
        else:
            test_ids = _own_ids(test.frame[schema.id], names["test"])
        sample = self.tables.read("sample", ALL)
        if sample is None:
            made = template(test_ids, schema.submitted_id, schema.submitted)
            return train_ids, test_ids, made
        self.notes += sample.notes
        wanted = [schema.submitted_id, *schema.submitted]
        lacking = [name for name in wanted if name not in sample.frame]
        if lacking:
            raise DataError(
                f"{names['sample']} lacks {some(map(repr, lacking))}; it has "
                f"{some(map(repr, sample.frame))}."
            )
        check_same_ids(
            checked_ids(sample.frame[schema.submitted_id], names["sample"]),
            test_ids,
            names["sample"],
            names["test"],
        )
        return train_ids, test_ids, sample.frame

    def _fingerprint(self) -> str:
        import hashlib

        schema = json.dumps(asdict(self.schema), sort_keys=True)
        content = f"{self.tables.fingerprint()}\0{schema}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def _refuse_lacking(lacking: Sequence[str], table: Table, file: str) -> None:
    """Refuse a table that lacks columns.

    Raises:
        DataError: that names them.
    """
    if lacking:
        raise DataError(
            f"{file} lacks {some(map(repr, lacking))}, which this competition names. It has: "
            f"{some(map(repr, table.frame))}."
        )


def _own_ids(cells: pd.Series[Any], file: str) -> Array:
    """Return the ids of a part.

    Raises:
        DataError: if one is missing or comes twice; with the option that names another column.
    """
    try:
        return checked_ids(cells, file)
    except DataError as error:
        raise DataError(f"{error} If another column holds the ids, name it with --id.") from error


def takes_tables(function: RowFunction) -> bool:
    """Whether a function of the user's wants the further tables, too."""
    return len(inspect.signature(function).parameters) > 1


def changed_rows(
    function: RowFunction,
    rows: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    notes: list[str],
) -> pd.DataFrame:
    """Return what a function of the user's makes of rows.

    Args:
        function: `(rows) -> rows`, or `(rows, tables) -> rows`.
        rows: of one part.
        tables: the further tables.
        notes: gets one if a row depends on the other rows.

    Raises:
        UsageError: if it returns something else.
    """
    name = getattr(function, "__name__", "features")

    def made(of: pd.DataFrame) -> pd.DataFrame:
        try:
            return function(of, tables) if takes_tables(function) else function(of)
        except Exception as error:  # the code of the user may raise anything
            failure = own_code_error(f"{name}()", function, error)
            raise OwnCodeError(f"{failure} Its rows have the columns {some(of)}.") from error

    found = made(rows.copy())
    if not hasattr(found, "columns") or len(found) != len(rows):
        came = counted(len(found), "row") if hasattr(found, "columns") else type(found).__name__
        raise UsageError(
            f"{name}() must return a table with a row for each of the {len(rows)} rows that "
            f"it got, in their order; {came} came."
        )
    found = found.reset_index(drop=True)
    alone = made(rows.head(_TRIED).copy()).reset_index(drop=True)
    together = found.head(_TRIED)
    same = list(alone) == list(together) and all(
        alone[column].astype(str).equals(together[column].astype(str)) for column in alone
    )
    if not same:
        notes.append(
            f"{name}() makes something else of the first {len(alone)} rows when it gets them "
            "alone: what it learns from other rows, it learns outside the folds, which makes "
            "scores too good. Put this into the transformer of a model."
        )
    return found


def with_levels(
    train: pd.DataFrame, test: pd.DataFrame, levels: Container[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables whose levels are categories, the same in both.

    Free texts stay as they are: those that a schema says, and those that a function of the user's
    made of several words.

    Args:
        train: numbers, dates, levels as texts, free texts.
        test: of the same columns.
        levels: columns that are said to hold levels, of however many words.
    """
    train, test = train.copy(), test.copy()
    for name, kind in zip(train, train.dtypes, strict=True):
        if name not in levels and is_text(train[name]):
            train[name], test[name] = (part[name].astype("string") for part in (train, test))
        elif kind.kind == "O":
            train[name], test[name] = categories((train[name], test[name]))
    return train, test
