"""A competition of series: of DataFrames in memory, or of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comps.base import (
    AmbiguousError,
    Competition,
    Dataset,
    Metric,
    Prediction,
    Task,
    UsageError,
    counted,
    some,
)
from comps.declared import featured
from comps.kinds.memory import InMemory
from comps.kinds.series.features import forecast
from comps.kinds.series.given import Said
from comps.kinds.series.loader import Loaded, SeriesFiles, following, load_series
from comps.kinds.series.sampled import NAME as SAMPLE
from comps.kinds.series.tables import divided, in_memory, memory_tables
from comps.kinds.series.written import series_call
from comps.kinds.series.zoo import correcting, series_models
from comps.kinds.table import Inference, Inferred, tables_of
from comps.kinds.table.competition import (
    check_lists,
    check_n_folds,
    check_name,
    chosen_models,
    kinds_of,
)
from comps.kinds.table.given import AS_YOU_SAY
from comps.kinds.table.schema import Schema
from comps.kinds.table.zoo import TRANSFORMERS
from comps.metrics import as_metric

if TYPE_CHECKING:
    import pandas as pd

SCHEME = "expanding"
# Past targets are features here, known at the origin, and rows of one origin are alike. What is
# forecast from several origins is several rows, which do not scatter about a mean by chance.
_BY_DESIGN = ("L005", "L006", "L008")


def series_competition(
    train: pd.DataFrame | str | Path,
    test: pd.DataFrame | None = None,
    *,
    time: str,
    target: str,
    horizon: int,
    metric: str | Metric,
    key: str | None = None,
    name: str = "series",
    id: str | None = None,
    known: Sequence[str] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    models: Sequence[object] | None = None,
    n_folds: int | None = None,
    files: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> Competition:
    """Return a competition of series, whose target is forecast some steps ahead.

    Times are put on the grid of their commonest step, where the last reading within a step is its
    value, and steps without one are gaps. Folds follow time: each forecast is made by models that
    were trained on what was known at its origin. Models learn the difference to the seasonal naive
    forecast, the value one season before, unless they have the parameter `residual=False`.

    Args:
        train: a row for each time of each series, with the target; rows without one are gaps. Or
            the path of an archive, a folder or a file with them.
        test: the rows to forecast, of DataFrames; without them, or a test table among files, these
            are the steps after the end of each series.
        time: column of dates or numbers.
        target: column to forecast.
        horizon: how many steps ahead; that of the test rows where these reach farther.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`, of values.
        key: column that says which series a row belongs to.
        name: of the folder of results.
        id: column of the test rows with the ids of the submission; else they are made of key and
            time.
        known: columns whose values in the future the test rows give; all that they have unless
            given. The others enter as they were at the origin.
        columns: columns by kind, as in {"date:%d.%m.%Y": ["when"]}, see
            `comps.kinds.table.kinds.KINDS`.
        models: those of the competition; see `comps.table_competition`.
        n_folds: number of folds, at most 5 unless given.
        files: files of the parts "train", "test" and "sample", where their names do not say it.
        ignore: codes of checks that are switched off.

    Raises:
        UsageError: if a column or a metric does not exist, or the metric is not of values.
        DataError: if times or keys are missing, one time of one key has two rows, the target holds
            something else than numbers, or the past is too short for the horizon.

    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> rows = pd.DataFrame({"day": days, "sold": [5 + day.weekday() % 3 for day in days]})
    >>> shop = series_competition(rows, time="day", target="sold", horizon=7, metric="mae")
    >>> dataset = shop.load(None)
    >>> str(dataset.test_ids[0]), dataset.test.shape[0], shop.offset(dataset.test)[:3].tolist()
    ('2024-04-30', 7, [6.0, 7.0, 5.0])
    """
    judged = _judged(metric)
    check_n_folds(n_folds)
    check_lists(known=known)
    said = Said(
        time=time,
        target=target,
        # NumPy's whole numbers, too.
        horizon=int(horizon) if isinstance(horizon, Integral) else horizon,
        key=key,
        id=id,
        known=None if known is None else tuple(known),
        columns=kinds_of(columns or {}),
    )
    if isinstance(train, (str, Path)):
        if test is not None:
            raise UsageError(
                "Of files, the test rows lie beside the training rows: leave out `test`."
            )
        path = Path(os.path.normpath(train))
        load = SeriesFiles(said, judged, files or {}, n_folds)
        return _assembled(name, judged, load.loaded(path), load, models, ignore, data=path)
    loaded = load_series(memory_tables(train, test), said, judged, n_folds)

    def with_test(rows: pd.DataFrame) -> Dataset:
        return following(loaded, divided(in_memory(rows, "the rows"), loaded.said), judged)

    rows = InMemory(loaded.dataset, with_test)
    return _assembled(name, judged, loaded, rows, models, ignore)


def infer_series(
    path: Path,
    *,
    name: str,
    metric: Metric,
    said: Said,
    files: Mapping[str, str] | None = None,
    n_folds: int | None = None,
) -> tuple[Competition, Inference]:
    """Return the competition of series that a path holds, and what was inferred of it.

    Raises:
        WorkbenchError: see `series_competition`.
    """
    judged = _judged(metric)
    said, reason = _with_target(path, said, files or {})
    load = SeriesFiles(said, judged, files or {}, n_folds)
    loaded = load.loaded(path)
    competition = _assembled(name, judged, loaded, load, data=path)
    said, rows = loaded.said, tuple(_told(loaded, reason))
    schema = Schema(targets=(said.target,), task=Task.REGRESSION, time=said.time, id=said.id)
    call = series_call(said, loaded.n_folds, files or {})
    return competition, Inference(schema, SCHEME, loaded.n_folds, rows, "series", call=call)


def _with_target(path: Path, said: Said, files: Mapping[str, str]) -> tuple[Said, str]:
    """Return what was said with the target: the column that the test rows lack, if they are given.

    Raises:
        AmbiguousError: if there may be several.
    """
    if said.target:
        return said, AS_YOU_SAY
    tables = tables_of(path, files)
    train, test = tables.read("train"), tables.read("test")
    assert train is not None
    columns = [str(name) for name in train.frame if str(name) not in said.roles]
    lacking = [] if test is None else [name for name in columns if name not in test.frame]
    if len(lacking) != 1:
        raise AmbiguousError("Which column is to be forecast?", lacking or columns, "--target")
    return replace(said, target=lacking[0]), "the test rows lack it"


def _judged(metric: str | Metric) -> Metric:
    judged = as_metric(metric)
    if judged.needs is not Prediction.VALUE or judged.by_query:
        raise UsageError(
            f"{judged.label} does not judge values, which series are. Name a metric of values, "
            "such as mae, rmse, rmsle or mape."
        )
    return judged


def _assembled(
    name: str,
    metric: Metric,
    loaded: Loaded,
    load: Callable[[Path], Dataset],
    models: Sequence[object] | None = None,
    ignore: Sequence[str] = (),
    *,
    data: Path | None = None,
) -> Competition:
    check_name(name)
    zoo = correcting(chosen_models(models, series_models(metric)))
    return Competition(
        name=name,
        title=name,
        task=Task.REGRESSION,
        metric=metric,
        load=load,
        with_test=getattr(load, "with_test", None),
        models=tuple(featured(model, TRANSFORMERS) for model in zoo),
        sample=None,
        archive="",
        id_column=loaded.id_column,
        target_columns=(loaded.said.target,),
        scheme=SCHEME,
        n_folds=loaded.n_folds,
        # The last target of a training row is known at the origin of a fold's first forecast.
        gap=float(loaded.said.horizon),
        offset=forecast,
        transformers=TRANSFORMERS,
        data=data,
        ignore=(*_BY_DESIGN, *ignore),
    )


def _told(loaded: Loaded, target: str) -> Iterable[Inferred]:
    """Tell what was found of series, and why."""
    panel, said = loaded.readings.panel, loaded.said
    first, last = panel.grid.texts(np.array([panel.first.min(), panel.last.max()]))
    yield Inferred("time", f"{said.time}, {first} to {last}", AS_YOU_SAY)
    yield Inferred("step", panel.grid.name, loaded.readings.why)
    yield Inferred("target", said.target, target)
    series = f"one for each {said.key}" if said.key else "no key is named"
    yield Inferred("series", counted(len(panel.keys), "series", "series"), series)
    if loaded.readings.gaps:
        yield Inferred("gaps", f"{loaded.readings.gaps:,} steps", "no value was read there")
    errors = ", ".join(
        f"{season.name or 'last value'} {season.error:.4g}"
        if np.isfinite(season.error)
        else f"{season.name} unknown"
        for season in loaded.ranked
    )
    yield Inferred(
        "forecast to beat",
        str(loaded.ranked[0]),
        f"mean absolute errors before the first fold: {errors}",
    )
    test = loaded.readings.series
    steps = counted(said.horizon, "step")
    if len(test):
        given = "the test table" if loaded.tested_by != SAMPLE else SAMPLE
        yield Inferred("test part", counted(len(test), "row"), f"{given}, up to {steps} ahead")
    else:
        count = counted(len(loaded.dataset.test_ids), "row")
        yield Inferred("test part", count, f"no test table: the {steps} after the end")
    for state, reason in ((True, "the test rows give them"), (False, "as they were at the origin")):
        names = [name for name, own in panel.covariates.items() if own.known is state]
        if names:
            word = "known ahead" if state else "known until now"
            yield Inferred(f"{word} ({len(names)})", some(names), reason)
    yield Inferred(
        "folds",
        f"{loaded.n_folds}, {SCHEME}",
        f"models know no target after a forecast's origin; "
        f"an origin every {counted(loaded.between, 'step')}",
    )


def suggested_series_metrics() -> list[str]:
    """Return metrics that suit series, the most usual first."""
    return ["mae", "rmse", "rmsle", "mape"]
