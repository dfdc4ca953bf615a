"""From tables of readings to series side by side on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Metric, counted, some, unknown_name
from comps.kinds.series.given import Said
from comps.kinds.series.grid import Grid, check_density, find_grid
from comps.kinds.series.panel import Covariate, Panel
from comps.kinds.series.times import has_zone, read_times
from comps.kinds.table.kinds import is_text
from comps.kinds.table.memory_columns import typed_columns
from comps.kinds.table.targets import check_possible, check_varied, numbers_of
from comps.reading.column import Column
from comps.reading.dates import refuse_isolated
from comps.reading.missing import missing_cells

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

Places = NDArray[np.int64]
Floats = NDArray[np.float64]

# Fewer known values than this tell nothing.
_LEAST_VALUES = 10


@dataclass(frozen=True, eq=False)
class Part:
    """The training or the test rows, as they are given.

    Attributes:
        rows: the table.
        name: for messages: the file, or "the training rows".
        lines: [n] of the file, or rows counted from 1.
        place: what `lines` count.
    """

    rows: pd.DataFrame
    name: str
    lines: NDArray[np.int64]
    place: str = "line"

    def column(self, name: str) -> Column:
        """Return a column, with its places for messages."""
        return Column(name, self.rows[name], self.name, self.lines, self.place)

    def take(self, which: NDArray[np.bool_], without: str | None = None) -> Part:
        """Return some of the rows, perhaps without a column."""
        rows = self.rows[which].reset_index(drop=True)
        rows = rows if without is None else rows.drop(columns=without)
        return Part(rows, self.name, self.lines[which], self.place)


@dataclass(frozen=True, eq=False)
class Readings:
    """The series of a training and a test part.

    Attributes:
        panel: the series; its steps reach to the last one of the test part.
        series: [m] of the test rows; empty where there is no test part.
        places: [m] the steps of the test rows.
        why: the step of the grid was chosen.
        gaps: steps without a value between the first and the last one of each series.
        notes: what the user should know.
    """

    panel: Panel
    series: Places
    places: Places
    why: str
    gaps: int
    notes: tuple[str, ...]


def read_series(
    train: Part, test: Part | None, said: Said, metric: Metric, *, learn: bool = True
) -> Readings:
    """Return the series of tables.

    Args:
        train: the training rows, a row for each time of each series.
        test: the rows to forecast, or None.
        said: the columns by their roles.
        metric: on whose scale the target is kept.
        learn: whether models are to be trained on these rows, whose target must differ then.

    Raises:
        WorkbenchError: if a column is not there, a time or a key is missing, one time of one key
            has two rows, a key is to be forecast and has no value of the target, or the target
            holds something else than numbers.
    """
    parts = [train] if test is None else [train, test]
    check_columns(parts, said)
    times = times_of(parts, said)
    keys, series = keys_of(parts, said)
    for part, own, when in zip(parts, series, times, strict=True):
        _check_once(part, own, when, said)
    grid, why = find_grid(np.concatenate(times), np.concatenate(series), said.time)
    places = [grid.places(when) for when in times]
    check_density(np.concatenate(places), np.concatenate(series), said.time)
    notes: list[str] = []
    if any(has_zone(part.rows[said.time]) for part in parts):
        notes.append(f"Times of {said.time!r} have a zone: they are counted and shown in UTC.")
    known, target, told = _target(train, said, metric, learn=learn)
    notes += told
    empty = np.bincount(series[0][known], minlength=len(keys)) == 0
    if empty.any():
        return _without_empty(parts, said, metric, keys, series, empty, learn=learn)
    if test is not None:
        _check_later(test, series[1], places[1], _last(series[0], places[0], known), said)
    # Where several readings share a step, the last one is its value.
    order = np.argsort(times[0], kind="stable")
    shape = max(int(own.max()) for own in places) + 1, len(keys)
    kept = order[known[order]]
    raw = _filled(shape, places[0][kept], series[0][kept], target[kept])
    _note_moved(notes, grid, times[0], places[0], series[0])
    panel = Panel(grid, metric.scale.forward(raw), raw, keys)
    gaps = _gaps(panel)
    if gaps:
        notes.append(
            f"{gaps:,} of {_span(panel):,} steps have no value: they are gaps, not trained on, and "
            "the last value before is the last one known."
        )
    covariates, further = _covariates(parts, said, order, places, series, shape)
    nothing: Places = np.zeros(0, dtype=np.int64)
    return Readings(
        Panel(grid, panel.values, raw, keys, covariates),
        nothing if test is None else series[1],
        nothing if test is None else places[1],
        why,
        gaps,
        (*notes, *further),
    )


def _without_empty(
    parts: Sequence[Part],
    said: Said,
    metric: Metric,
    keys: tuple[str, ...],
    series: Sequence[Places],
    empty: NDArray[np.bool_],
    *,
    learn: bool,
) -> Readings:
    """Return the series that have a value of the target, where the others are not to be forecast.

    Raises:
        DataError: if they are.
    """
    train, *tested = parts
    wanted = np.unique(series[-1][empty[series[-1]]])
    if len(wanted):
        raise DataError(
            f"{train.name} has no value of {said.target!r} for {counted(len(wanted), 'key')}: "
            f"{some(repr(keys[own]) for own in wanted)}. A series is forecast from its own past: "
            "leave these rows out, or give theirs."
        )
    found = read_series(train.take(~empty[series[0]]), tested[0], said, metric, learn=learn)
    names = some(repr(keys[own]) for own in np.flatnonzero(empty))
    told = counted(int(empty.sum()), "series has", "series have")
    note = f"{told} no value of {said.target!r}, and no rows to forecast: left out are {names}."
    return replace(found, notes=(note, *found.notes))


def check_columns(parts: Sequence[Part], said: Said) -> None:
    """Check that the columns that the user names are there, and that there are rows.

    Raises:
        WorkbenchError: that names the first that is not.
    """
    for part in parts:
        wanted = [said.time, said.key]
        wanted += [said.target] if part is parts[0] else [said.id]
        for name in wanted:
            if name and name not in part.rows:
                raise unknown_name(
                    f"column of {part.name} called", name, map(str, part.rows.columns)
                )
        if not len(part.rows):
            raise DataError(f"{part.name} has no rows.")
    for name in said.known or ():
        if name not in parts[0].rows:
            raise unknown_name(
                f"column of {parts[0].name} called", name, map(str, parts[0].rows.columns)
            )
        if name not in parts[-1].rows or len(parts) == 1:
            raise DataError(
                f"{name!r} is said to be known in the future, and no test row gives its values. "
                "Give test rows with them, or leave it out of `known`."
            )


def times_of(parts: Sequence[Part], said: Said) -> list[NDArray[Any]]:
    """Return [n] datetime64[us] or float64 of each part, all read in one way.

    Raises:
        WorkbenchError: if a time is missing, cannot be read, or is far from all others.
    """
    import pandas as pd
    from pandas.api import types

    kind, _, way = said.columns.get(said.time, "").partition(":")
    cells = [part.rows[said.time] for part in parts]
    numeric = all(types.is_numeric_dtype(cell) for cell in cells)
    if len({cell.dtype.kind for cell in cells}) > 1 and not numeric:
        cells = [cell.astype(str) for cell in cells]
    found = read_times(
        pd.concat(cells, ignore_index=True), way if kind == "date" else "", said.time
    )
    bounds = np.cumsum([len(cell) for cell in cells])[:-1]
    times = np.split(found, bounds)
    for part, own in zip(parts, times, strict=True):
        missing = np.flatnonzero(~np.isfinite(own))
        if len(missing):
            column = part.column(said.time)
            told = column.counted(len(missing), "is no time", "are no times")
            raise DataError(
                f"{told}: {column.shown(missing)}. Mend or leave out these rows, or say how times "
                f"are written, as in --column {said.time}=date:%d.%m.%Y."
            )
    if times[0].dtype.kind == "M":
        train = parts[0]
        refuse_isolated(
            times[0].astype("M8[s]"),
            train.rows[said.time],
            f"{said.time!r} of {train.name}",
            train.lines,
        )
    return times


def keys_of(parts: Sequence[Part], said: Said) -> tuple[tuple[str, ...], list[Places]]:
    """Return the names of the series, sorted, and [n] the series of the rows of each part.

    Raises:
        DataError: if a key is missing, or has no rows in the first part.
    """
    if said.key is None:
        return ("",), [np.zeros(len(part.rows), dtype=np.int64) for part in parts]
    labels = []
    for part in parts:
        column = part.column(said.key)
        missing = np.flatnonzero(column.cells.isna())
        if len(missing):
            told = column.counted(len(missing), "is missing", "are missing")
            raise DataError(f"{told}: {column.shown(missing)}. Every row needs its key.")
        labels.append(_labels(column.cells))
    names: tuple[str, ...] = tuple(sorted(set(labels[0])))
    for own, part in zip(labels[1:], parts[1:], strict=True):
        new = sorted(set(own) - set(names))
        if new:
            raise DataError(
                f"{part.name} has {counted(len(new), 'key')} without any past in {parts[0].name}: "
                f"{some(map(repr, new))}. A series is forecast from its own past: leave these rows "
                "out, or give theirs."
            )
    numbers = {name: number for number, name in enumerate(names)}
    series = [np.array([numbers[label] for label in own], dtype=np.int64) for own in labels]
    return names, series


def _labels(cells: Cells) -> NDArray[Any]:
    """Return [n] keys as texts; 7.0 is the key 7."""
    from pandas.api import types

    if types.is_float_dtype(cells):
        numbers = [str(int(key)) if float(key).is_integer() else str(key) for key in cells]
        return np.array(numbers, dtype=object)
    found: NDArray[Any] = cells.astype(str).str.strip().to_numpy(dtype=object)
    return found


def _check_once(part: Part, series: Places, times: NDArray[Any], said: Said) -> None:
    """Refuse two rows of one time and key."""
    import pandas as pd

    twice = pd.DataFrame({"series": series, "time": times}).duplicated(keep=False).to_numpy()
    if not twice.any():
        return
    column, rows = part.column(said.time), np.flatnonzero(twice)
    if said.key is None:
        told = (
            f"{counted(len(rows), 'row')} of {part.name} share their time with another row, and "
            f"one series has one value a time: {column.shown(rows)}. If a column says which series "
            "a row belongs to, name it with --key (key=...); else keep one row of each time."
        )
        raise DataError(told)
    labels = part.rows[said.key].astype(str).to_numpy()
    shown = some(f"{labels[row]!r} at {column.cells.iloc[row]}" for row in rows)
    raise DataError(
        f"{counted(len(rows), 'row')} of {part.name} share time and key with another row: {shown}. "
        "Keep one of each."
    )


def _target(
    train: Part, said: Said, metric: Metric, *, learn: bool
) -> tuple[NDArray[np.bool_], Floats, tuple[str, ...]]:
    """Return which targets are known, and [n] values, NaN where they are not."""
    column = train.column(said.target)
    known = has_value(column.cells)
    if int(known.sum()) < _LEAST_VALUES:
        raise DataError(
            f"{train.name} has {counted(int(known.sum()), 'value')} of {said.target!r}; at least "
            f"{_LEAST_VALUES} are needed to forecast from."
        )
    cells = Column(column.name, column.cells[known], column.file, train.lines[known], column.place)
    numbers, notes = numbers_of(cells, metric, hint=" An empty cell is a gap.")
    check_possible(numbers, metric, cells)
    if learn:
        check_varied([numbers], [said.target])
    values = np.full(len(known), np.nan)
    values[known] = numbers
    return known, values, notes


def has_value(cells: Cells) -> NDArray[np.bool_]:
    """Return [n] whether cells of a target hold a value: no mark that one is missing."""
    if cells.dtype.kind in "iufb":
        numbers: Floats = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.isfinite(numbers)
    found: NDArray[np.bool_] = ~missing_cells(cells.astype("string")).to_numpy(dtype=bool)
    return found & cells.notna().to_numpy()


def _last(series: Places, places: Places, known: NDArray[np.bool_]) -> Places:
    """Return [series] the last step with a value, -1 where there is none."""
    found = np.full(int(series.max()) + 1, -1)
    np.maximum.at(found, series[known], places[known])
    return found


def _check_later(test: Part, series: Places, places: Places, last: Places, said: Said) -> None:
    """Refuse test rows that do not come after the training rows of their series."""
    early = np.flatnonzero(places <= last[series])
    if len(early):
        column = test.column(said.time)
        raise DataError(
            f"{counted(len(early), 'row')} of {test.name} do not come after the training rows"
            f"{'' if said.key is None else ' of their key'}: {column.shown(early)}. What is "
            "forecast must lie after what is known."
        )


def _filled(shape: tuple[int, int], places: Places, series: Places, values: Floats) -> Floats:
    found = np.full(shape, np.nan)
    found[places, series] = values
    return found


def _note_moved(
    notes: list[str], grid: Grid, times: NDArray[Any], places: Places, series: Places
) -> None:
    """Add notes of how many readings lie between the steps, and of how many share one."""
    moved = int((grid.times(places) != times).sum()) if grid.unit != "month" else 0
    shared = len(places) - len(np.unique(places + series * (int(places.max()) + 1)))
    if moved:
        notes.append(
            f"{moved:,} of {len(times):,} times do not lie on steps of {grid.name}: each step has "
            "the last reading within it."
        )
    if shared:
        notes.append(f"{shared:,} readings share a step with a later one, which counts.")


def _span(panel: Panel) -> int:
    return int((panel.last - panel.first + 1).sum())


def _gaps(panel: Panel) -> int:
    return _span(panel) - int((~np.isnan(panel.values)).sum())


def _covariates(
    parts: Sequence[Part],
    said: Said,
    order: Places,
    places: Sequence[Places],
    series: Sequence[Places],
    shape: tuple[int, int],
) -> tuple[dict[str, Covariate], list[str]]:
    """Return the columns beside the target, on the grid, and notes."""
    train = parts[0].rows
    names = [name for name in train if name not in said.roles]
    tested = parts[-1].rows if len(parts) > 1 else None
    known = [
        name
        for name in names
        if tested is not None
        and name in tested
        and tested[name].notna().any()
        and (said.known is None or name in said.known)
    ]
    kinds = {name: kind for name, kind in said.columns.items() if name in names}
    ahead = train.head(1)[names] if tested is None else tested.reindex(columns=names)
    first, second, notes = typed_columns(
        train[names].reset_index(drop=True), ahead.reset_index(drop=True), kinds
    )
    found, left_out = {}, []
    for name in first:
        ahead_cells = second[name] if name in known else None
        cells = _as_numbers(first[name], ahead_cells)
        if cells is None:
            left_out.append(str(name))
            continue
        values, levels = cells
        grid = _filled(shape, places[0][order], series[0][order], values[0][order])
        if ahead_cells is not None:
            grid[places[1], series[1]] = values[1]
        found[str(name)] = Covariate(grid, name in known, levels)
    if left_out:
        notes.append(
            f"{some(map(repr, left_out))}: dates and free texts beside series play no part."
        )
    return found, notes


def _as_numbers(
    cells: Cells, ahead: Cells | None
) -> tuple[Sequence[Floats], tuple[str, ...]] | None:
    """Return numbers, or codes of levels, of both parts; None of a column that is neither."""
    import pandas as pd
    from pandas.api import types

    parts = [cells] if ahead is None else [cells, ahead]
    if types.is_numeric_dtype(cells) and all(types.is_numeric_dtype(part) for part in parts):
        return [part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts], ()
    if cells.dtype.kind in "mM" or is_text(cells):
        return None
    texts = [part.astype("string").str.strip() for part in parts]
    levels = sorted(set(pd.concat(texts).dropna()))
    codes = {level: float(code) for code, level in enumerate(levels)}
    values = [np.array(part.map(codes), dtype=np.float64) for part in texts]
    return values, tuple(levels)
