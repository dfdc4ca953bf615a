"""Which way the numbers of a column are written in, and what is refused of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError
from comps.reading.column import Column, few_of
from comps.reading.missing import says_missing
from comps.reading.numbers import PLAIN, STYLES, Written, parse

_ORDER = {style.name: place for place, style in enumerate(STYLES)}
_THOUSANDS = {style.name for style in STYLES if "thousands" in style.name}
# So many different cells with a sign before three digits are no decimals by chance: of decimals,
# one in ten would end with a zero, which is not written.
_ENOUGH = 50


@dataclass(frozen=True)
class Way:
    """A way to write numbers; plain numbers unless said otherwise.

    Attributes:
        unit: beside each number.
        style: name of one of `numbers.STYLES`.
    """

    unit: str = ""
    style: str = PLAIN

    def value(self, written: Written | None) -> float | None:
        """Return a number that is written so; None if it is not."""
        if written is None or written.unit != self.unit:
            return None
        return written.by_style.get(self.style)

    def is_plain(self, part: Part) -> bool:
        """Whether the numbers of a part are the same as plain ones."""
        return np.array_equal(part.values(self), part.values(Way()), equal_nan=True)

    def __str__(self) -> str:
        sign = [f"the sign {self.unit!r}"] if self.unit else []
        style = [] if sign and self.style == PLAIN else [self.style]
        return " and ".join(style + sign)


class Part:
    """A column of one file, by its different texts."""

    def __init__(self, column: Column) -> None:
        self.column = column
        cells = column.cells
        codes, values = cells.factorize()
        # Each different text has a place; the last one is that of missing values.
        self._different = values
        self._codes: NDArray[np.int64] = np.where(codes < 0, len(values), codes)
        self._counts = np.bincount(self._codes, minlength=len(values) + 1)
        self._plain = _plain(values)
        self._missing = np.isnan(self._plain)
        for place in np.flatnonzero(self._missing).tolist():
            self._missing[place] = says_missing(self._text(place))

    def _text(self, place: int) -> str:
        return "" if place == len(self._different) else str(self._different[place])

    @property
    def present(self) -> int:
        """The number of cells that have a value, be it a number or not."""
        return int(self._counts[~self._missing].sum())

    @cached_property
    def _odd(self) -> dict[int, Written]:
        """The numbers that are not plain, by the place of their text."""
        places = np.flatnonzero(np.isnan(self._plain) & ~self._missing).tolist()
        found = {place: parse(self._text(place)) for place in places}
        odd = {place: written for place, written in found.items() if written is not None}
        # Beside numbers with a minus, brackets say something else.
        minus = (self._plain < 0).any() or any(written.below == "-" for written in odd.values())
        return {p: written for p, written in odd.items() if not (minus and written.below == "(")}

    @cached_property
    def written(self) -> dict[int, Written]:
        """The numbers by the place of their text."""
        plain = np.flatnonzero(~np.isnan(self._plain)).tolist()
        found = {place: parse(self._text(place)) for place in plain}
        return self._odd | {place: one for place, one in found.items() if one is not None}

    def share_of_numbers(self) -> float:
        """Return the share of numbers among the cells that have a value."""
        numbers = self._counts[~np.isnan(self._plain)].sum() + self._counts[[*self._odd]].sum()
        return float(numbers / self.present) if self.present else 0.0

    @property
    def mixed(self) -> str | None:
        """A text with a unit beside its number, where more than a few have one and others none."""
        beside = [place for place, written in self._odd.items() if written.unit]
        bare = [place for place, written in self._odd.items() if not written.unit]
        without = self._counts[~np.isnan(self._plain)].sum() + self._counts[bare].sum()
        mixed = min(self._counts[beside].sum(), without) > self.few
        return self._text(beside[0]) if mixed else None

    @property
    def few(self) -> int:
        """The number of cells that may be no numbers without making the column none."""
        return few_of(self.present)

    @cached_property
    def ways(self) -> dict[Way, int]:
        """The ways that read the most cells, with the number of these; none if none is a number.

        Plain numbers are one of them where all cells but a few are plain.
        """
        plain = int(self._counts[~np.isnan(self._plain)].sum())
        if not self._odd:
            return {Way(): plain} if plain else {}
        tally: Counter[Way] = Counter()
        for place, written in self.written.items():
            for style in written.by_style:
                tally[Way(written.unit, style)] += int(self._counts[place])
        most = max(tally.values())
        ways = {way: count for way, count in tally.items() if count == most}
        return ways | ({Way(): ways.get(Way(), plain)} if plain >= self.present - self.few else {})

    @property
    def best(self) -> Way:
        """The way that reads the most cells, the most usual one of several."""
        order = sorted(self.ways, key=lambda way: (-self.ways[way], _ORDER[way.style]))
        return order[0] if order else Way()

    def values(self, way: Way) -> NDArray[np.float64]:
        """Return [n] float64, NaN where there is no number that is written in this way."""
        return self._values(way)[self._codes]

    def strange(self, way: Way) -> NDArray[np.int64]:
        """Return the rows that have a value and no number in this way."""
        return np.flatnonzero((np.isnan(self._values(way)) & ~self._missing)[self._codes])

    def example(self, way: Way, below: str | None = None) -> tuple[str, float] | None:
        """Return a text that is no plain number, and what it is in this way.

        Args:
            way: that it is written in.
            below: what says that it is below zero, see `Written`; None for any.
        """
        values = self._values(way)
        fitting = (p for p, one in self._odd.items() if below in (None, one.below))
        place = next((p for p in fitting if not np.isnan(values[p])), None)
        return None if place is None else (self._text(place), float(values[place]))

    def words(self) -> dict[str, int]:
        """Return the texts that say that a value is missing, with the number of their cells."""
        counts: Counter[str] = Counter()
        for place in np.flatnonzero(self._missing & (self._counts > 0)).tolist():
            counts[self._text(place).strip()] += int(self._counts[place])
        return dict(counts)

    def _values(self, way: Way) -> NDArray[np.float64]:
        values = self._plain.copy() if way == Way() else np.full(len(self._counts), np.nan)
        for place, written in (self._odd if way == Way() else self.written).items():
            value = way.value(written)
            values[place] = np.nan if value is None else value
        return values


def common_way(parts: Sequence[Part]) -> Way:
    """Return the one way in which the numbers of a column are written in all files.

    Args:
        parts: the column in each file.

    Raises:
        DataError: if more than a few cells of a file are no numbers or are written otherwise, the
            files differ, or a way can be understood in two ways.
    """
    for part in parts:
        _check_alike(part)
    told = [part for part in parts if part.ways]
    if not told:
        return Way()
    common = set.intersection(*(set(part.ways) for part in told)) or _thousands_of(told)
    if not common:
        raise _differ(told)
    read = {way: sum(part.ways.get(way, part.present) for part in told) for way in common}
    way = min(common, key=lambda way: (-read[way], _ORDER[way.style]))
    if way != Way():
        _check_clear(way, told)
    return way


def _thousands_of(parts: Sequence[Part]) -> set[Way]:
    """Return the ways with signs between thousands in which the parts without signs say the same.

    Of a file whose numbers are all below a thousand, nothing tells the way.
    """
    plain = [part for part in parts if set(part.ways) == {Way()}]
    signed = [set(part.ways) for part in parts if part not in plain]
    common: set[Way] = set.intersection(*signed) if signed else set()
    return {way for way in common if way.style in _THOUSANDS and all(map(way.is_plain, plain))}


def _check_alike(part: Part) -> None:
    """Refuse a column of which more than a few cells are not as the others."""
    way = part.best
    strange = part.strange(way)
    if len(strange) <= part.few:
        return
    column = part.column
    if part.share_of_numbers() * part.present <= part.present - len(strange):
        raise DataError(
            f"{column.name} must hold numbers; {len(strange)} of the {part.present} cells of "
            f"{column.file} that have a value are none. {column.shown(strange)}."
        )
    raise DataError(
        f"The numbers of {column.name} in {column.file} are written in several ways: "
        f"{part.present - len(strange)} are {_kind(way)}, and {len(strange)} are not, such as "
        f"{column.shown(strange)}. Write all of them in one way."
    )


def _differ(parts: Sequence[Part]) -> DataError:
    shown = []
    for part in parts:
        way = part.best
        rows = np.flatnonzero(~np.isnan(part.values(way)))
        if way != Way() and (example := part.example(way)) is not None:
            rows = np.flatnonzero((part.column.cells.astype(str) == example[0]).to_numpy())
        shown.append(f"{part.column.file} has {_kind(way)}, {part.column.shown(rows[:2])}")
    return DataError(
        f"The numbers of {parts[0].column.name} are written differently: {'; '.join(shown)}. What "
        "is learned from one file would be wrong for the other one: write both in one way."
    )


def _kind(way: Way) -> str:
    return "plain numbers" if way == Way() else f"numbers with {way}"


def _check_clear(way: Way, parts: Sequence[Part]) -> None:
    """Refuse numbers such as "8,450" alone, which are thousands or decimals."""
    written = [one for part in parts for one in part.written.values() if one.unit == way.unit]
    signed = [one.by_style for one in written if PLAIN not in one.by_style]
    rival = next(
        (style for style in _ORDER if signed and _disputed(signed, way.style, style)), None
    )
    if rival is None:
        return
    small = any(abs(one.by_style.get(PLAIN, np.inf)) < 1000 for one in written)
    if way.style in _THOUSANDS and small and len(signed) >= _ENOUGH:
        return
    column = parts[0].column
    text = next(text for part in parts if (text := part.example(way)) is not None)[0]
    one, other = (Way(way.unit, style).value(parse(text)) for style in (way.style, rival))
    raise DataError(
        f"It is not clear what {text!r} in {column.name} of {column.file} means: {one:.10g} (with "
        f"{way.style}) or {other:.10g} (with {rival}). Write plain numbers."
    )


def _disputed(signed: Sequence[Mapping[str, float]], style: str, rival: str) -> bool:
    """Whether another style reads all of these numbers, too, as others."""
    return all(rival in one and one[rival] != one.get(style) for one in signed)


def _plain(values: Any) -> NDArray[np.float64]:
    """Return [texts + 1] plain numbers of different texts, NaN where a text is none."""
    import pandas as pd

    found = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=np.float64)
    return np.append(found, np.nan)
