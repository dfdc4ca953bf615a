"""Checks of what a user gives as tables: each names what came, and what to do about it."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError, UsageError, counted, some, unknown_name
from comps.kinds.table.kinds import parse_kind

if TYPE_CHECKING:
    import pandas as pd


def check_tables(train: Any, test: Any, targets: Sequence[Any], roles: Mapping[str, Any]) -> None:
    """Check that tables came, and that the columns with a role are there.

    Args:
        train: the training rows.
        test: the test rows, or None.
        targets: columns of the training rows.
        roles: the other columns by their role; None where there is none.

    Raises:
        UsageError: if something else than a table came, or a column does not exist.
        DataError: if a table has no rows, or two columns of one name.
    """
    check_table(train, "training")
    if test is not None:
        check_table(test, "test")
    if not targets:
        raise UsageError("Which column is to be predicted? Name it as target.")
    for role, column in [*(("target", name) for name in targets), *roles.items()]:
        if column is None:
            continue
        if not isinstance(column, Hashable):
            raise UsageError(
                f"{role} takes the name of a column, such as {role}='{role}'; "
                f"a {type(column).__name__} came."
            )
        if column not in train:
            raise unknown_name("column of the training rows called", column, map(str, train))
        if role != "target" and column in targets:
            raise UsageError(f"{column!r} is the target; name another column as {role}.")
    if test is not None and roles["id"] is not None and roles["id"] not in test:
        raise unknown_name("column of the test rows called", roles["id"], map(str, test))


def check_kinds(kinds: Mapping[str, str], targets: Sequence[Any]) -> None:
    """Refuse a kind of a target, which is no column that models see.

    Args:
        kinds: of columns, as the user says.
        targets: columns to predict.

    Raises:
        UsageError: that names it.
    """
    for name in kinds:
        if name in targets:
            raise UsageError(
                f"{name!r} is the target, and has no kind of column ({kinds[name]!r} came): it is "
                "read as the metric needs it. Name another column as target, or leave out its kind."
            )


def check_tested(kinds: Mapping[str, str], test: Container[Any] | None, file: str) -> None:
    """Refuse a kind of column that models cannot see, as the test rows lack it.

    Args:
        kinds: of columns, as the user says.
        test: columns of the test rows; None where there are none.
        file: of the test rows.

    Raises:
        DataError: that names it.
    """
    for name, kind in kinds.items():
        if test is not None and name not in test and parse_kind(kind)[0].typed is not None:
            raise DataError(
                f"{name!r} is said to be a column of the kind {kind!r}, and {file} lacks it, so "
                "that no model can see it. Add it there, or do not name it."
            )


def check_spelling(of_train: Sequence[Any], of_test: Sequence[Any]) -> None:
    """Refuse columns that are one and the same but for capital letters and blanks.

    Args:
        of_train: names that only the training rows have.
        of_test: names that only the test rows have.

    Raises:
        DataError: that names both.
    """
    plain = {" ".join(str(name).casefold().split()): name for name in of_test}
    for name in of_train:
        other = plain.get(" ".join(str(name).casefold().split()))
        if other is not None:
            raise DataError(
                f"The training rows have a column {name!r} and the test rows {other!r}, which are "
                "likely the same. Call both alike."
            )


def check_same_columns(seen: Sequence[Any], rows: pd.DataFrame, name: str) -> None:
    """Check that new rows have the columns that models were trained on; others do no harm.

    Raises:
        DataError: that shows the difference.
    """
    lacking = [column for column in seen if column not in rows]
    if lacking:
        more = [column for column in rows if column not in seen]
        raise DataError(
            f"{name} lacks {some(map(repr, lacking))}, which the models were trained on."
            + (f" It has, in addition: {some(map(repr, more))}." if more else "")
        )


def left_out_note(names: Sequence[Any]) -> list[str]:
    """Return the note of columns that the test rows lack; none where they lack none.

    >>> left_out_note(["price per m2"])
    ["Left out, for the test rows lack it: 'price per m2'."]
    """
    it = "it" if len(names) == 1 else "them"
    return [f"Left out, for the test rows lack {it}: {some(map(repr, names))}."] if names else []


def check_features(train: pd.DataFrame, test: pd.DataFrame, columns: list[Any]) -> None:
    """Check that models can learn from columns, and find the same in the test rows.

    Args:
        train: the training rows.
        test: the test rows.
        columns: that both have, and models see.

    Raises:
        DataError: if there is no column, their names are of several types, or the test rows hold
            something else there.
    """
    if not columns:
        raise DataError(
            "No column of the training rows is left to predict from, beside those of target, id, "
            "group and time, and those that the test rows lack."
        )
    if len({isinstance(column, str) for column in columns}) > 1:
        raise DataError(
            f"Names of columns are texts and others: {some(map(repr, columns))}. Make all of them "
            "texts: table.columns = table.columns.astype(str)."
        )
    for column in columns:
        kinds = _kind(train[column]), _kind(test[column])
        if None not in kinds and kinds[0] != kinds[1]:
            raise DataError(
                f"Column {column!r} holds {kinds[0]} in the training rows ({train[column].dtype}) "
                f"and {kinds[1]} in the test rows ({test[column].dtype}). Give both one type, "
                "with pandas.to_numeric or astype."
            )


def check_complete(column: pd.Series[Any], what: str) -> None:
    """Check that no value is missing.

    Raises:
        DataError: that names the first rows.
    """
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        rows = some(str(row + 1) for row in missing)
        raise DataError(f"{what} is missing in {counted(len(missing), 'row')}: {rows}.")


def check_table(table: Any, part: str) -> None:
    """Check that a DataFrame with rows came.

    Args:
        table: what came.
        part: whose rows they are, for messages: "training" or "test".

    Raises:
        UsageError: if it is something else.
        DataError: if it has no rows, or two columns of one name.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        hint = "pandas.DataFrame(...) makes one of other tables"
        if isinstance(table, str) or hasattr(table, "__fspath__"):
            hint = f"pandas.read_csv({str(table)!r}) reads one"
        elif hasattr(table, "to_pandas"):
            hint = "its method to_pandas() returns one"
        raise UsageError(
            f"A DataFrame of pandas was expected as {part} rows; a {type(table).__name__} came. "
            f"{hint}."
        )
    if not len(table):
        more = "." if part == "training" else "; leave out `test` where there are none."
        raise DataError(f"The table of the {part} rows has no rows{more}")
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(
            f"Two columns of the {part} rows have one name: {some(map(repr, twice))}. Rename one."
        )


def _kind(column: pd.Series[Any]) -> str | None:
    """Return what a column holds, in words; None if every value is missing."""
    from pandas.api import types

    if column.isna().all():
        return None
    if types.is_numeric_dtype(column):
        return "numbers"
    if types.is_datetime64_any_dtype(column):
        return "dates"
    # Truth values with missing ones among them.
    inferred = types.infer_dtype(column, skipna=True)
    return "numbers" if inferred == "boolean" else "texts or levels"
