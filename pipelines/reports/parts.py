"""What sections are made of: texts, facts, tables and plots; each knows itself as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from comps.base import JSON

Cells = Mapping[str, Any]


def plain(value: Any) -> JSON:
    """Return a value as JSON has it: NumPy's as Python's, and None for what is no number.

    >>> plain({"a": np.array([1.0, np.nan])})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


@dataclass(frozen=True)
class Text:
    """A paragraph; `kind` is "plain", "small" or "warning"."""

    text: str
    kind: str = "plain"

    def values(self) -> dict[str, JSON]:
        """Return nothing: texts are `notes` of their section."""
        return {}


@dataclass(frozen=True)
class Facts:
    """Names with a value each."""

    name: str
    rows: Sequence[tuple[str, str]]

    def values(self) -> dict[str, JSON]:
        """Return the values by name."""
        return {self.name: dict(self.rows)}


@dataclass(frozen=True)
class Lines:
    """A list of texts under a heading."""

    name: str
    title: str
    lines: Sequence[str]

    def values(self) -> dict[str, JSON]:
        """Return the texts."""
        return {self.name: list(self.lines)}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: under which rows have the value.
        heading: above it.
        show: returns a value as people read it.
        numeric: whether it is aligned to the right.
    """

    key: str
    heading: str
    show: Callable[[Any], str] = str
    numeric: bool = False

    def cell(self, row: Cells) -> str:
        """Return the text of a row's cell; empty where it has no value."""
        value = row.get(self.key)
        empty = value is None or (isinstance(value, float) and math.isnan(value))
        return "" if empty else self.show(value)

    def sort_key(self, row: Cells) -> str:
        """Return what rows are sorted by where it is not the text: the whole number."""
        value = plain(row.get(self.key))
        number = self.numeric and isinstance(value, (int, float)) and self.cell(row)
        return repr(value) if number else ""


@dataclass(frozen=True)
class Table:
    """Rows that can be sorted.

    Attributes:
        name: in JSON.
        title: the caption.
        columns: what is shown of the rows.
        rows: values by key; JSON has all of them, shown or not.
        marked: numbers of rows that are shown in grey.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Cells]
    marked: frozenset[int] = frozenset()

    def values(self) -> dict[str, JSON]:
        """Return the rows."""
        return {self.name: plain(list(self.rows))}


@dataclass(frozen=True)
class Plot:
    """A chart.

    Attributes:
        name: in JSON, unique in its section.
        title: above it.
        alt: the same in words, for those who do not see it.
        svg: an element to be put into a page as it is.
        data: what is drawn, as JSON values; None where a table beside it has it.
        note: how it is read; shown below it, or beside a chart that stands alone.
    """

    name: str
    title: str
    alt: str
    svg: str
    data: JSON = None
    note: str = ""

    def values(self) -> dict[str, JSON]:
        """Return what is drawn."""
        return {} if self.data is None else {self.name: self.data}


@dataclass(frozen=True)
class Picture:
    """A picture of the data: the text of a data URI, and what it is."""

    source: str
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Some pictures of the data."""

    title: str
    pictures: Sequence[Picture]

    def values(self) -> dict[str, JSON]:
        """Return nothing: a table beside them has their ids."""
        return {}


Part: TypeAlias = "Text | Facts | Lines | Table | Plot | Pictures"


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading.

    Attributes:
        name: in JSON, and of the anchor.
        title: the heading.
        parts: in order.
    """

    name: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)

    def values(self) -> dict[str, JSON]:
        """Return what the parts show, by their names, and their texts as `notes`."""
        texts = [_text_of(part) for part in self.parts]
        notes: dict[str, JSON] = {"notes": [text for text in texts if text]}
        return notes | {name: v for part in self.parts for name, v in part.values().items()}


def _text_of(part: Part) -> str:
    """Return what is said in words beside what is shown."""
    return part.text if isinstance(part, Text) else getattr(part, "note", "")
