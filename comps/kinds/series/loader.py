"""From tables of series to the rows of a competition."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    DataError,
    Dataset,
    Forecasts,
    Metric,
    counted,
    some,
)
from comps.kinds.series.features import feature_table
from comps.kinds.series.given import Said
from comps.kinds.series.origins import (
    always_trained,
    check_folds,
    fold_count,
    forecasts,
    training_rows,
)
from comps.kinds.series.panel import Panel, Rows
from comps.kinds.series.reading import (
    Readings,
    read_series,
)
from comps.kinds.series.sampled import sampled_rows
from comps.kinds.series.seasons import Season, candidates, rank
from comps.kinds.series.tables import Tables, divided, file_tables, in_memory, new_tables
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    import pandas as pd

Places = NDArray[np.int64]
Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The rows of a competition, and what was found on the way.

    Attributes:
        dataset: the rows.
        readings: the series.
        ranked: the seasons, the best first.
        said: what the user said, with what was found: the horizon is that of the test part if it
            reaches farther, `known` names the columns, `id` the column of the test rows.
        between: steps between two origins of training rows.
        n_folds: how many folds the rows allow.
        id_column: of the submission.
        tested_by: the name of the table with the rows to forecast; empty where there is none.
    """

    dataset: Dataset
    readings: Readings
    ranked: list[Season]
    said: Said
    between: int
    n_folds: int
    id_column: str
    tested_by: str = ""


@dataclass(frozen=True)
class SeriesFiles:
    """The loader of a competition whose series lie in files.

    Attributes:
        said: columns by their roles.
        metric: on whose scale models learn.
        files: of each part, where their names do not say it; see `tables_of`.
        n_folds: number of folds; as many as the rows allow unless given.
    """

    # New rows are no table of which an exported folder could keep a few.
    of_tables: ClassVar[bool] = False

    said: Said
    metric: Metric
    files: Mapping[str, str] = field(default_factory=dict)
    n_folds: int | None = None

    def __call__(self, path: Path) -> Dataset:
        """Return the rows of an archive, a folder or a file.

        Raises:
            WorkbenchError: see `read_series`.
        """
        return self.loaded(path).dataset

    def loaded(self, path: Path) -> Loaded:
        """Return the rows, and what was found on the way."""
        tables = file_tables(path, self.said, self.files)
        return load_series(tables, self.said, self.metric, self.n_folds)

    def with_test(self, path: Path, rows: Any) -> Dataset:
        """Return what follows other readings, as models of these see it.

        Args:
            path: of the competition.
            rows: a table in memory, or the path of readings: a single table, see `divided`, or
                tables laid out as the competition's own.
        """
        loaded = self.loaded(path)
        if hasattr(rows, "columns"):
            tables = divided(in_memory(rows, "the rows"), loaded.said)
        else:
            tables = new_tables(Path(rows), loaded.said, self.files)
        return following(loaded, tables, self.metric)


def following(loaded: Loaded, tables: Tables, metric: Metric) -> Dataset:
    """Return what follows other readings of a competition, as models of its own readings see it.

    Raises:
        DataError: if their steps have another length, none of their keys was trained on, or they
            reach less far back than models want.
    """
    found = load_series(tables, loaded.said, metric, loaded.n_folds, loaded).dataset
    wanted: Any = loaded.dataset.test
    made: Any = found.test
    learned: Any = found.train
    lacking = [name for name in wanted.columns if name not in made.columns]
    if lacking:
        raise DataError(
            f"The readings reach less far back than those of training: {some(lacking)} cannot be "
            "made of them. Give as much of the past as the training rows have."
        )
    # More time has further windows and parts of the calendar, of which models know nothing.
    columns = list(wanted.columns)
    return replace(found, train=learned[columns], test=made[columns])


def load_series(
    tables: Tables,
    said: Said,
    metric: Metric,
    n_folds: int | None = None,
    trained: Loaded | None = None,
) -> Loaded:
    """Return the rows of tables: those to learn from, and those to forecast.

    The season of the naive forecast is chosen on rows that all folds train on.

    Args:
        tables: the readings.
        said: their columns by role.
        metric: on whose scale models learn.
        n_folds: number of folds; as many as the rows allow unless given.
        trained: the rows that models were trained on: these are to be forecast alone, and may be
            too few to learn from.

    Raises:
        WorkbenchError: see `read_series`; or if the horizon is too long for the past, or readings
            are unlike those trained on.
    """
    own_id, sampled = said.id, tables.test is None and tables.sample is not None
    if tables.test is None and tables.sample is not None:
        tables = replace(tables, test=sampled_rows(tables.sample, tables.train, said))
    columns = _id_columns(tables, said)
    said = replace(said, id=columns[1] or said.id)
    readings = read_series(tables.train, tables.test, said, metric, learn=trained is None)
    given = tables.test is not None
    panel, notes = readings.panel, list(readings.notes)
    if sampled:
        notes.append("There is no test table: the sample submission says what is forecast.")
    if trained is not None:
        notes += _compared(panel, trained.readings.panel, tables.train.name)
    ends, horizon = _ends(readings, given=given), said.horizon
    if given:
        farthest = int((readings.places - ends[readings.series]).max())
        if farthest > horizon:
            notes.append(
                f"The test part reaches {counted(farthest, 'step')} beyond the last known value: "
                f"the horizon is {farthest}, not {horizon}."
            )
            horizon = farthest
    panel = _longer(panel, int(ends.max()) + horizon + 1)
    span = int((panel.last - panel.first).max()) + 1
    rows, between, told = training_rows(panel, ends, horizon, n_folds)
    notes += told
    if n_folds is None:
        n_folds = fold_count(rows.origins, horizon, span)
    if trained is None:
        check_folds(rows.origins, horizon, n_folds)
    ranked = _ranked(panel, rows, horizon, n_folds) if trained is None else trained.ranked
    known = tuple(name for name, own in panel.covariates.items() if own.known)
    said = replace(said, horizon=horizon, known=known)
    if given:
        tested = Rows(
            readings.series, ends[readings.series], readings.places - ends[readings.series]
        )
    else:
        tested = forecasts(np.arange(len(ends)), ends, horizon)
    ids, sample = _ids(tables, said, columns, panel, tested)
    form: Any = {
        "ranked": ranked,
        "trained": rows.times,
        "stepped": horizon > 1,
        # One of the series that were trained on has its key still.
        "keyed": len((readings if trained is None else trained.readings).panel.keys) > 1,
    }
    dataset = Dataset(
        train=feature_table(panel, rows, **form),
        test=feature_table(panel, tested, **form),
        target=panel.raw[rows.times, rows.series],
        train_ids=_named(panel, rows, steps=True),
        test_ids=ids,
        sample_submission=sample,
        source=tables.source,
        fingerprint=_fingerprint(tables, said, ranked),
        # Of two forecasts, the one with the earlier origin was made earlier: folds follow origins.
        times=rows.origins,
        notes=tuple(dict.fromkeys(notes)),
        made_sample=tables.sample is None,
        forecasts=_forecasts(panel, rows),
    )
    # Ids that are keys and times follow from these: later rows to forecast need none.
    said = replace(said, id=own_id) if sampled else said
    tested_by = "" if tables.test is None else tables.test.name
    return Loaded(dataset, readings, ranked, said, between, n_folds, columns[0], tested_by)


def _compared(panel: Panel, trained: Panel, name: str) -> Iterator[str]:
    """Yield a note of the series that were not trained on.

    Raises:
        DataError: if steps have another length, or none of the series was trained on.
    """
    same = np.isclose(panel.grid.size, trained.grid.size, rtol=1e-6)
    if panel.grid.unit != trained.grid.unit or not same:
        raise DataError(
            f"Times of {name} are {panel.grid.name} apart, and models were trained on steps of "
            f"{trained.grid.name}. Give readings with the step of the training rows."
        )
    new = [key for key in panel.keys if key not in set(trained.keys)]
    if len(new) == len(panel.keys):
        raise DataError(
            f"No key of {name} is one of those that models were trained on: it has "
            f"{some(map(repr, new))}, and they were trained on {some(map(repr, trained.keys))}. "
            "Write keys as they are there."
        )
    if new:
        yield (
            f"{len(new)} of {counted(len(panel.keys), 'series', 'series')} "
            f"{'was' if len(new) == 1 else 'were'} not trained on: {some(map(repr, new))}. What is "
            "forecast of them follows from the others."
        )


def _ranked(panel: Panel, rows: Rows, horizon: int, n_folds: int) -> list[Season]:
    """Return the seasons by their errors on the rows that all folds train on."""
    first = rows.take(always_trained(rows.origins, horizon, n_folds))
    learned = int(first.times.max(initial=0))
    return rank(panel, first, candidates(panel.grid, panel.values, learned))


def _ends(readings: Readings, *, given: bool) -> Places:
    """Return [series] the origins of the test part.

    With test rows it is one time for all, the last one of which anything is known: a series that
    ended before has a gap. Where a series is to be forecast from before that time, or the test part
    is what follows each series, it is its own last value.
    """
    last = readings.panel.last
    if not given:
        return last
    first = np.full(len(last), np.iinfo(np.int64).max)
    np.minimum.at(first, readings.series, readings.places)
    return np.where(first > last.max(), last.max(), last)


def _longer(panel: Panel, steps: int) -> Panel:
    """Return the panel with steps to the last one that is forecast."""
    more = max(steps - len(panel.values), 0)

    def longer(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([values, np.full((more, values.shape[1]), np.nan)])

    covariates = {
        name: replace(own, cells=longer(own.cells)) for name, own in panel.covariates.items()
    }
    return replace(panel, values=longer(panel.values), raw=longer(panel.raw), covariates=covariates)


def _forecasts(panel: Panel, rows: Rows) -> Forecasts:
    """Return when, how far ahead and of which series rows forecast."""
    series = np.array(panel.keys)[rows.series] if len(panel.keys) > 1 else None
    return Forecasts(panel.grid.times(rows.times), rows.steps, series)


def _named(panel: Panel, rows: Rows, *, steps: bool = False) -> Ids:
    """Return [n] the key and the time of each forecast, with how many steps ahead it is."""
    names = panel.grid.texts(rows.times)
    if len(panel.keys) > 1 or panel.keys[0]:
        names = np.char.add(np.char.add(np.array(panel.keys)[rows.series], " "), names)
    if steps:
        names = np.char.add(np.char.add(names, " +"), rows.steps.astype(np.str_))
    return names


def _id_columns(tables: Tables, said: Said) -> tuple[str, str | None]:
    """Return the columns of the ids, of the submission and of the test rows.

    None where the test rows have none, and ids are made of key and time.
    """
    sample, test = tables.sample, tables.test
    usual = said.time if said.key is None else "id"
    if test is None:
        return usual, None
    name = str(sample.columns[0]) if sample is not None else said.id or usual
    column = said.id or name
    of_several = said.key is not None and column in (said.time, said.key)
    return name, column if column in test.rows and not of_several else None


def _ids(
    tables: Tables, said: Said, columns: tuple[str, str | None], panel: Panel, tested: Rows
) -> tuple[Ids, pd.DataFrame]:
    """Return the test ids, and the template of the submission.

    Args:
        tables: the readings.
        said: their columns by role.
        columns: see `_id_columns`.
        panel: the series.
        tested: what is forecast.
    """
    import pandas as pd

    sample, test = tables.sample, tables.test
    name, column = columns
    if test is not None and column is not None:
        ids = checked_ids(test.rows[column], test.name)
    else:
        ids = _named(panel, tested)
        _check_unique(ids, panel, said)
    if test is None or sample is None:
        return ids, pd.DataFrame({name: ids, said.target: 0.0})
    lacking = [column for column in (said.target,) if column not in sample]
    if lacking:
        raise DataError(
            f"The sample submission lacks {some(map(repr, lacking))}; it has "
            f"{some(map(repr, sample.columns))}."
        )
    check_same_ids(
        checked_ids(sample[name], "the sample submission"), ids, "the sample submission", test.name
    )
    return ids, sample


def _check_unique(ids: Ids, panel: Panel, said: Said) -> None:
    """Refuse rows to forecast that share a step, and have no ids of their own.

    Raises:
        DataError: that names the steps.
    """
    found, counts = np.unique(ids, return_counts=True)
    if counts.max(initial=0) > 1:
        raise DataError(
            f"{counted(int(counts[counts > 1].sum()), 'row')} to forecast share a step of "
            f"{panel.grid.name}, and would have one id: "
            f"{some(repr(str(own)) for own in found[counts > 1])}. Keep one row of each step of "
            f"{said.time!r}, or name a column of ids with --id (id=...)."
        )


def _fingerprint(tables: Tables, said: Said, ranked: list[Season]) -> str:
    seasons = [season.steps for season in ranked]
    text = json.dumps([asdict(said), seasons], sort_keys=True, default=str)
    return hashlib.sha256(f"{tables.fingerprint}\0{text}".encode()).hexdigest()[:16]
