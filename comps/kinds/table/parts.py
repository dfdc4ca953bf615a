"""The tables that are looked at, and what was said of them so far."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from comps.base import DataError, Metric, counted, unknown_name
from comps.kinds.table.files import TARGETS
from comps.kinds.table.given import AS_YOU_SAY, NONE, Given, Inferred
from comps.reading.delimited import ALL, Table

if TYPE_CHECKING:
    import pandas as pd

# Training rows below which no fold tells anything.
LEAST_ROWS = 10


class Readable(Protocol):
    """What has tables of training rows, test rows and a sample submission."""

    @property
    def path(self) -> Path:
        """Of the files."""
        ...

    @property
    def names(self) -> Mapping[str, str]:
        """The table of each part."""
        ...

    def read(self, part: str, text: Container[str] = ()) -> Table | None:
        """Return the table of a part, or None where there is none; see `Tables.read`."""
        ...


class Parts:
    """The training rows, the test rows and the sample submission, while they are looked at.

    Args:
        tables: the files.
        metric: by which predictions are judged.
        given: what the user says.

    Raises:
        UsageError: if he names a column that is not there.
    """

    def __init__(self, tables: Readable, metric: Metric, given: Given) -> None:
        self.tables, self.metric, self.given = tables, metric, given
        self.rows: list[Inferred] = []
        sample = tables.read("sample", ALL)
        self.sample: pd.DataFrame | None = None if sample is None else sample.frame
        # Ids and targets are read to the character, so far as they are known.
        self._exact = {*given.target, given.id, *([] if sample is None else sample.frame)}
        train, test = (tables.read(part, self._exact) for part in ("train", "test"))
        if train is None:
            raise DataError(f"{tables.path} holds no training rows.")
        if TARGETS in tables.names:
            self.say(
                "table of targets",
                tables.names[TARGETS],
                f"joined to {tables.names['train']}, which has no target; by their common column",
            )
        read = [table for table in (sample, train, test) if table is not None]
        self.notes = [note for table in read for note in table.notes]
        self.train: pd.DataFrame = train.frame
        self.test: pd.DataFrame | None = None if test is None else test.frame
        if len(self.train) < LEAST_ROWS:
            raise DataError(
                f"{train.name} has {counted(len(self.train), 'row')}; at least {LEAST_ROWS} are "
                "needed to train on some and to score on others."
            )
        # A column may be called so.
        named = {"group": given.group, "time": given.time}
        self.refused = {r for r, name in named.items() if name == NONE and name not in self.train}
        without: dict[str, Any] = dict.fromkeys(self.refused)
        self.given = given = replace(given, **without)
        for column in (*given.roles.values(), *given.columns):
            if column not in self.train and not (column == given.id and self.tested(column)):
                raise unknown_name("column called", column, map(str, self.train))

    def say(self, what: str, value: object, reason: str) -> None:
        """Keep what was inferred, to be shown."""
        self.rows.append(Inferred(what, str(value), reason))

    def refuses(self, role: str) -> bool:
        """Whether the user says that no column has a role; if so, it is kept to be shown."""
        if role in self.refused:
            self.say(role, NONE, AS_YOU_SAY)
        return role in self.refused

    def tested(self, column: str) -> bool:
        """Whether the test rows have a column."""
        return self.test is not None and column in self.test

    @property
    def outputs(self) -> list[str]:
        """The columns of the sample submission behind the ids; none where there is none."""
        return [] if self.sample is None else [str(name) for name in self.sample.columns[1:]]

    @property
    def of_train_alone(self) -> list[str]:
        """The columns that the test rows lack."""
        if self.test is None:
            return []
        return [str(name) for name in self.train if name not in self.test]

    def read_exactly(self, columns: Collection[str]) -> None:
        """Read both parts once more, if some columns are not there to the character."""
        if set(columns) <= self._exact:
            return
        train, test = (self.tables.read(part, columns) for part in ("train", "test"))
        assert train is not None
        self.train, self.test = train.frame, None if test is None else test.frame
