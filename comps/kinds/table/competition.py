"""A competition from DataFrames in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Metric,
    Model,
    Prediction,
    Task,
    UsageError,
    some,
    unknown_name,
)
from comps.kinds.memory import InMemory
from comps.kinds.table.zoo import TRANSFORMERS, table_models
from comps.metrics import find_metric

if TYPE_CHECKING:
    import pandas as pd


def table_competition(
    train: pd.DataFrame,
    test: pd.DataFrame | None = None,
    *,
    target: str,
    metric: str | Metric,
    name: str = "table",
    id: str | None = None,
    group: str | None = None,
    time: str | None = None,
    models: Sequence[Model] | None = None,
    scheme: str | None = None,
    n_folds: int = 5,
) -> Competition:
    """Return a competition of the rows of a DataFrame.

    Args:
        train: the training rows, with the target; its index plays no part unless there is no `id`.
        test: the rows to predict; None where out-of-fold predictions are all that is wanted.
        target: column of `train`. Of a metric of labels or probabilities, its values are classes.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`.
        name: of the folder of results; results are kept apart by the content of the data, too.
        id: column with the ids; the index unless given.
        group: column whose equal values stay in one fold. Models do not see it.
        time: column that rows are ordered by: folds then predict what came later. Models do
            not see it.
        models: those of the competition; a small zoo unless given. The first of the family
            "baseline" is what every model has to beat, and one is added if there is none.
        scheme: of the folds; "expanding" with a time, "grouped" with a group, "stratified"
            elsewhere.
        n_folds: number of folds.

    Raises:
        UsageError: if a column or a metric does not exist.
        DataError: if targets are missing, ids are duplicates, there is a single class, or the
            columns of the two tables differ.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [50, 80, 65, 70], "price": [1.0, 1.7, 1.3, 1.5]})
    >>> flats = table_competition(rows, target="price", metric="root_mean_squared_error")
    >>> str(flats.task), [model.name for model in flats.models]
    ('regression', ['median', 'ridge', 'lightgbm', 'xgboost', 'mlp'])
    """
    judged = find_metric(metric) if isinstance(metric, str) else metric
    own = [column for column in (target, id, group, time) if column is not None]
    for column in own:
        if column not in train:
            raise unknown_name("column of the training rows called", column, map(str, train))
    _check_columns(train)
    classes, values = _targets(train[target], judged)
    task = _task(judged, classes)
    shown = [column for column in train if column not in own]
    ids = _ids(train, id, "training")
    held = test is not None
    rows = test if test is not None else train.iloc[:1]
    for column in (id,) if id is not None and held else ():
        if column not in rows:
            raise unknown_name("column of the test rows called", column, map(str, rows))
    lacking = [column for column in shown if column not in rows]
    if lacking:
        raise DataError(
            f"The test rows lack columns of the training rows: {some(map(repr, lacking))}."
        )
    test_ids = _ids(rows, id, "test")
    many = task is Task.MULTICLASS and judged.needs is Prediction.PROBABILITY
    columns = tuple(map(str, classes)) if many else (target,)
    dataset = Dataset(
        train=train[shown].reset_index(drop=True),
        test=rows[shown].reset_index(drop=True),
        target=values,
        train_ids=ids,
        test_ids=test_ids,
        sample_submission=_template(test_ids, id or "id", columns) if held else None,
        source="memory",
        fingerprint=_fingerprint(train, test, own),
        groups=None if group is None else train[group].to_numpy(),
        times=None if time is None else train[time].to_numpy(),
        classes=classes,
    )
    zoo = list(table_models(task, len(classes))) if models is None else list(models)
    if not any(model.family == "baseline" for model in zoo):
        zoo.insert(0, table_models(task, len(classes))[0])
    return Competition(
        name=name,
        title=name,
        task=task,
        metric=judged,
        load=InMemory(dataset),
        models=tuple(zoo),
        sample=None,
        archive="",
        id_column=id or "id",
        target_columns=columns,
        scheme=scheme or _scheme(group, time),
        n_folds=n_folds,
        submits=judged.needs,
        transformers=TRANSFORMERS,
    )


def _check_columns(train: pd.DataFrame) -> None:
    twice = train.columns[train.columns.duplicated()]
    if len(twice):
        raise DataError(f"Two columns have one name: {some(map(repr, twice))}. Rename one.")


def _scheme(group: str | None, time: str | None) -> str:
    if time is not None:
        return "expanding"
    return "stratified" if group is None else "grouped"


def _task(metric: Metric, classes: tuple[Any, ...]) -> Task:
    """Return the task that follows from what the metric needs and the number of classes."""
    if metric.needs is Prediction.VALUE:
        return Task.REGRESSION
    return Task.BINARY if len(classes) == 2 else Task.MULTICLASS


def _targets(column: pd.Series[Any], metric: Metric) -> tuple[tuple[Any, ...], NDArray[np.float64]]:
    """Return the classes, ascending, and [n] float64: the values, or the codes of the classes."""
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        rows = some(str(row + 1) for row in missing)
        raise DataError(f"The target {column.name!r} is missing in {len(missing)} rows: {rows}.")
    if metric.needs is Prediction.VALUE:
        try:
            values = column.to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{metric.label} needs numbers, and the target {column.name!r} has others: {error}."
            ) from error
        if not np.isfinite(values).all():
            raise DataError(f"The target {column.name!r} has infinite values.")
        return (), values
    classes, codes = np.unique(column.to_numpy(), return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"The target {column.name!r} has a single class, {classes[0]!r}.")
    if metric.needs is Prediction.PROBABILITY and len(classes) > 2 and metric.order_alone:
        raise UsageError(f"{metric.label} is of two classes; {column.name!r} has {len(classes)}.")
    return tuple(classes.tolist()), codes.astype(np.float64)


def _ids(rows: pd.DataFrame, column: str | None, part: str) -> NDArray[Any]:
    ids: NDArray[Any] = (rows.index if column is None else rows[column]).to_numpy()
    values, counts = np.unique(ids.astype(str), return_counts=True)
    if (counts > 1).any():
        raise DataError(f"Duplicate ids among the {part} rows: {some(values[counts > 1])}.")
    return ids


def _template(ids: NDArray[Any], column: str, targets: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column: ids, **dict.fromkeys(targets, 0)})


def _fingerprint(train: pd.DataFrame, test: pd.DataFrame | None, own: Sequence[str]) -> str:
    """Return a text that is equal for equal content: names, types, values and ids."""
    import pandas as pd

    digest = hashlib.sha256(repr(list(own)).encode())
    for table in (train, test):
        if table is None:
            continue
        digest.update(repr([(str(name), str(table[name].dtype)) for name in table]).encode())
        try:
            hashed = pd.util.hash_pandas_object(table, index=True)
        except TypeError:  # of cells such as lists
            hashed = pd.util.hash_pandas_object(table.astype(str), index=True)
        digest.update(hashed.to_numpy().tobytes())
    return digest.hexdigest()[:32]
