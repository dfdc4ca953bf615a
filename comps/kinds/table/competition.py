"""A competition from DataFrames in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Family,
    Metric,
    Model,
    Prediction,
    Task,
    UsageError,
    names_a_folder,
    some,
)
from comps.declared import as_model, featured
from comps.kinds.memory import InMemory
from comps.kinds.table.checks import check_complete, check_features, check_tables
from comps.kinds.table.fingerprint import table_fingerprint
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
    models: Sequence[object] | None = None,
    scheme: str | None = None,
    n_folds: int = 5,
) -> Competition:
    """Return a competition of the rows of a DataFrame.

    Args:
        train: the training rows, with the target; its index plays no part unless there is no `id`.
        test: the rows to predict; None where out-of-fold predictions are all that is wanted. Of
            their columns, those that the training rows lack, and the target, play no part.
        target: column of `train`. Of a metric of labels or probabilities, its values are classes.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`.
        name: of the folder of results; results are kept apart by the content of the data, too.
        id: column with the ids; the index unless given.
        group: column whose equal values stay in one fold. Models do not see it.
        time: column of numbers or dates that rows are ordered by: folds then predict what came
            later. Models do not see it.
        models: those of the competition, declared, or estimators and functions that build a Keras
            network; a small zoo unless given. The one of the family "baseline" is what every model
            has to beat, and one is added if there is none.
        scheme: of the folds; "expanding" with a time, "grouped" with a group, "stratified"
            elsewhere.
        n_folds: number of folds.

    Raises:
        UsageError: if a column or a metric does not exist, or something else than a table came.
        DataError: if targets, ids, groups or times are missing, ids are duplicates, there is a
            single class, or the columns of the two tables differ.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [50, 80, 65, 70], "price": [1.0, 1.7, 1.3, 1.5]})
    >>> flats = table_competition(rows, target="price", metric="root_mean_squared_error")
    >>> str(flats.task), [model.name for model in flats.models]
    ('regression', ['median', 'ridge', 'lightgbm', 'xgboost', 'mlp'])
    """
    judged = find_metric(metric) if isinstance(metric, str) else metric
    if not isinstance(judged, Metric):
        raise UsageError(
            f"The name of a metric, such as 'rmse', or a Metric was expected; {metric!r} came."
        )
    _check_name(name)
    if not isinstance(n_folds, int) or n_folds < 2:
        raise UsageError(f"n_folds must be a whole number from 2 on; {n_folds!r} came.")
    roles = {"target": target, "id": id, "group": group, "time": time}
    check_tables(train, test, roles)
    if group is not None and (scheme or _scheme(group, time)) == "expanding":
        raise UsageError(
            "Folds that follow time may have a group on both sides. Leave out the group or the "
            "time, or use scheme='grouped', which takes no heed of time."
        )
    classes, values = _targets(train[target], judged)
    task = _task(judged, classes)
    shown = [column for column in train if column not in roles.values()]
    rows = train.iloc[:1] if test is None else test
    check_features(train, rows, shown)
    ids, test_ids = _id_column(train, id, "training"), _id_column(rows, id, "test")
    many = task is Task.MULTICLASS and judged.needs is Prediction.PROBABILITY
    columns = tuple(map(str, classes)) if many else (str(target),)
    submitted_id = "id" if id is None else str(id)
    if submitted_id in columns:
        raise DataError(
            f"{submitted_id!r} would be two columns of the submission, that of the ids and one of "
            "predictions. Rename it."
        )
    dataset = Dataset(
        train=train[shown].reset_index(drop=True),
        test=rows[shown].reset_index(drop=True),
        target=values,
        train_ids=_ids(ids),
        test_ids=_ids(test_ids),
        sample_submission=None if test is None else _template(test_ids, submitted_id, columns),
        source="memory",
        fingerprint=table_fingerprint(
            {
                "train": train[shown],
                "test": None if test is None else test[shown],
                "ids": ids,
                "test ids": None if test is None else test_ids,
                **{
                    role: None if column is None else train[column]
                    for role, column in roles.items()
                    if role != "id"
                },
            }
        ),
        groups=None if group is None else _groups(train[group]),
        times=None if time is None else _times(train[time]),
        classes=classes,
    )
    usual = table_models(task, len(classes))
    zoo = list(usual) if models is None else _given(models)
    if not any(model.family is Family.BASELINE for model in zoo):
        zoo.insert(0, usual[0])
    return Competition(
        name=name,
        title=name,
        task=task,
        metric=judged,
        load=InMemory(dataset),
        models=tuple(featured(model, TRANSFORMERS) for model in zoo),
        sample=None,
        archive="",
        id_column=submitted_id,
        target_columns=columns,
        scheme=scheme or _scheme(group, time),
        n_folds=n_folds,
        submits=judged.needs,
        transformers=TRANSFORMERS,
    )


def _check_name(name: str) -> None:
    """Check that a folder of results can be called so."""
    if not names_a_folder(name):
        raise UsageError(
            f"A name of letters, digits, '_', '-' and '.' was expected, not {name!r}: the folder "
            "of results gets it."
        )


def _given(models: Sequence[object]) -> list[Model]:
    """Return models as they were given: declared, estimators, or functions that build networks."""
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise UsageError(
            "models takes a list of models, such as [estimator(Ridge())]; names are for "
            f"`run(..., models='ridge')`. {models!r} came."
        )
    return [as_model(model) for model in models]


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
    check_complete(column, f"The target {column.name!r}")
    if metric.needs is Prediction.VALUE:
        return (), _values(column, metric)
    try:
        classes, codes = np.unique(column.to_numpy(), return_inverse=True)
    except TypeError as error:
        raise DataError(
            f"The classes of the target {column.name!r} are of several types. Make all of them "
            "texts: astype(str)."
        ) from error
    if column.dtype.kind == "f" and 2 * len(classes) > len(column):
        raise DataError(
            f"{metric.label} is of classes, and the target {column.name!r} has {len(classes)} "
            f"different numbers in {len(column)} rows. Name a metric of values, such as 'rmse'."
        )
    if len(classes) < 2:
        raise DataError(f"The target {column.name!r} has a single class, {classes[0]!r}.")
    if metric.two_classes and len(classes) > 2:
        raise UsageError(f"{metric.label} is of two classes; {column.name!r} has {len(classes)}.")
    return tuple(classes.tolist()), codes.astype(np.float64)


def _values(column: pd.Series[Any], metric: Metric) -> NDArray[np.float64]:
    """Return [n] float64, a copy: who changes the table later changes no target."""
    if column.dtype.kind in "mMc":
        raise DataError(
            f"{metric.label} needs numbers, and the target {column.name!r} is {column.dtype}."
        )
    try:
        values = column.to_numpy(dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{metric.label} needs numbers, and the target {column.name!r} has others: {error}."
        ) from error
    if not np.isfinite(values).all():
        raise DataError(f"The target {column.name!r} has infinite values.")
    if (low := values < metric.least_target).any():
        least = "zero or more" if metric.least_target == 0 else "above zero"
        raise DataError(
            f"{metric.label} is of targets that are {least}; {int(low.sum())} of {column.name!r} "
            f"are not: {some(values[low].tolist())}."
        )
    with np.errstate(all="ignore"):
        unscaled = ~np.isfinite(metric.scale.forward(values))
    if unscaled.any():
        raise DataError(
            f"{metric.label} is computed on the scale {metric.scale.name}, which some targets do "
            f"not have: {some(values[unscaled].tolist())}."
        )
    return values


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


def _template(ids: pd.Series[Any], column: str, targets: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column: ids, **dict.fromkeys(targets, 0)})
