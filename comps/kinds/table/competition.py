"""A competition of tables: DataFrames in memory, or Kaggle's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import (
    Check,
    Competition,
    Dataset,
    Family,
    Metric,
    Model,
    Prediction,
    Task,
    UsageError,
    names_a_folder,
    unknown_name,
)
from comps.declared import as_model, featured
from comps.kinds.memory import InMemory
from comps.kinds.table.division import N_FOLDS
from comps.kinds.table.files import tables_of
from comps.kinds.table.given import Given, Inference
from comps.kinds.table.inference import infer
from comps.kinds.table.loader import RowFunction, TableFiles
from comps.kinds.table.memory_rows import Memory
from comps.kinds.table.schema import Schema
from comps.kinds.table.zoo import TRANSFORMERS, table_models
from comps.metrics import find_metric

if TYPE_CHECKING:
    import pandas as pd


def table_competition(
    train: pd.DataFrame | str | Path,
    test: pd.DataFrame | None = None,
    *,
    metric: str | Metric,
    name: str = "table",
    target: str | Sequence[str] | None = None,
    id: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    query: str | None = None,
    folds: str | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    features: RowFunction | None = None,
    models: Sequence[object] | None = None,
    scheme: str | None = None,
    n_folds: int | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    outputs: Sequence[str] = (),
    submitted_id: str | None = None,
    first_id: int = 0,
    positive: str | None = None,
    leave_out: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    checks: Sequence[Check] = (),
    ignore: Sequence[str] = (),
) -> Competition:
    """Return a competition of tables: of DataFrames, or of Kaggle's files.

    Of files, whatever is not said is inferred when this is called; with `task`, nothing is, and
    they are read when their rows are needed. `comps init` writes such a call.

    Args:
        train: the training rows, with the target; their index plays no part unless there is no
            `id`. Or the path of an archive, a folder or a file with them.
        test: the rows to predict, of DataFrames; None where out-of-fold predictions are all that is
            wanted. Of their columns, those that the training rows lack, and the target, play no
            part.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`.
        name: of the folder of results; results are kept apart by the content of the data, too.
        target: column of `train`, or several. Of a metric of labels or probabilities, its values
            are classes.
        id: column with the ids; the index, or numbers of rows, unless given.
        group: column whose equal values stay in one fold. Models do not see it.
        time: column of numbers or dates that rows are ordered by: folds then predict what came
            later. Of DataFrames, models do not see it.
        weight: column of what each training row counts for, in training and in the metric.
        query: column of the rows that the metric ranks together.
        folds: column with the number of the fold of each training row.
        columns: columns by kind, as in {"text": ["title"]}, see `comps.kinds.table.kinds.KINDS`;
            where `task` is given, those that are not named are numbers.
        features: `(rows) -> rows` or `(rows, tables) -> rows`, which makes more columns, or others,
            of each row by itself; `tables` are the further tables of the files, by name.
        models: those of the competition, declared, or estimators and functions that build a Keras
            network; a zoo unless given. The one of the family "baseline" is what every model
            has to beat, and one is added if there is none.
        scheme: of the folds; "expanding" with a time, "grouped" with a group, "stratified"
            elsewhere.
        n_folds: number of folds, 5 unless given.
        task: "regression", "binary", "multiclass" or "multilabel". It follows from the metric and
            the target unless given.
        classes: labels by class code, as the files write them.
        outputs: columns of the submission; those of `target` unless given.
        submitted_id: column of the ids in the submission; `id` unless given.
        first_id: the number of the first test row, where no column holds ids.
        positive: the label whose probability is predicted, of two.
        leave_out: training rows that are left out: "missing-target", "rare-class".
        files: files of the parts "train", "test" and "sample", where their names do not say it.
        checks: further checks of the data, see `comps check-data`.
        ignore: codes of checks that are switched off.

    Raises:
        UsageError: if a column or a metric does not exist, or something else than a table came.
        DataError: if targets, ids, groups or times are missing, ids are duplicates, there is a
            single class, or the columns of the two tables differ.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [50, 80, 65, 70], "price": [1.0, 1.7, 1.3, 1.5]})
    >>> flats = table_competition(rows, target="price", metric="root_mean_squared_error")
    >>> str(flats.task), [model.name for model in flats.models]
    ('regression', ['median', 'ridge', 'lightgbm', 'xgboost', 'mlp', 'tabm'])
    """
    judged = find_metric(metric) if isinstance(metric, str) else metric
    if not isinstance(judged, Metric):
        raise UsageError(
            f"The name of a metric, such as 'rmse', or a Metric was expected; {metric!r} came."
        )
    _check_name(name)
    _check_checks(checks)
    if n_folds is not None and (not isinstance(n_folds, int) or n_folds < 2):
        raise UsageError(f"n_folds must be a whole number from 2 on; {n_folds!r} came.")
    given = Given(
        target=[target] if isinstance(target, str) else target or (),
        id=id,
        group=group,
        time=time,
        weight=weight,
        query=query,
        folds=folds,
        columns=kinds_of(columns or {}),
        positive=positive,
        leave_out=leave_out,
        scheme=scheme,
    )
    if not isinstance(train, (str, Path)):
        memory = Memory(train, test, given, judged, features)
        schema, load = memory.schema, InMemory(memory.dataset())
        found = Inference(schema, scheme or _scheme(group, time, folds), N_FOLDS, ())
        return _assembled(name, judged, found, load, n_folds, models, checks, ignore)
    if test is not None:
        raise UsageError("Of files, the test rows lie beside the training rows: leave out `test`.")
    if task is None:
        found = infer(tables_of(Path(train), files), judged, given)
    else:
        schema = Schema(
            targets=tuple(given.target),
            task=_task(task, judged),
            classes=tuple(classes),
            outputs=tuple(outputs) or tuple(given.target),
            id=id,
            submitted_id=submitted_id or id or "id",
            first_id=first_id,
            kinds=dict(given.columns),
            group=group,
            time=time,
            weight=weight,
            query=query,
            folds=folds,
            leave_out=tuple(leave_out),
        )
        found = Inference(schema, scheme or _scheme(group, time, folds), N_FOLDS, ())
    loader = TableFiles(found.schema, judged, features, dict(files or {}))
    return _assembled(
        name, judged, found, loader, n_folds, models, checks, ignore, data=_plain(train)
    )


def infer_table(
    path: Path,
    *,
    name: str,
    metric: Metric,
    given: Given | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[Competition, Inference]:
    """Return the competition that a path holds, and what was inferred of it.

    Raises:
        WorkbenchError: see `table_competition`.
    """
    _check_name(name)
    found = infer(tables_of(path, files), metric, given)
    loader = TableFiles(found.schema, metric, None, dict(files or {}))
    return _assembled(name, metric, found, loader, data=path), found


def _assembled(
    name: str,
    metric: Metric,
    found: Inference,
    load: Callable[[Path], Dataset],
    n_folds: int | None = None,
    models: Sequence[object] | None = None,
    checks: Sequence[Check] = (),
    ignore: Sequence[str] = (),
    data: Path | None = None,
) -> Competition:
    schema = found.schema
    usual = table_models(schema.task, len(schema.classes), len(schema.targets), metric=metric)
    zoo = list(usual) if models is None else _given(models)
    if not any(model.family is Family.BASELINE for model in zoo):
        zoo.insert(0, usual[0])
    return Competition(
        name=name,
        title=name,
        task=schema.task,
        metric=metric,
        load=load,
        models=tuple(featured(model, TRANSFORMERS) for model in zoo),
        sample=None,
        archive="",
        id_column=schema.submitted_id,
        target_columns=schema.outputs,
        scheme=found.scheme,
        n_folds=found.n_folds if n_folds is None else n_folds,
        submits=metric.needs,
        transformers=TRANSFORMERS,
        data=data,
        checks=tuple(checks),
        ignore=tuple(ignore),
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


def kinds_of(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the kind of each column, of columns by kind.

    Raises:
        UsageError: if a column has two kinds, or a name came instead of a list.
    """
    found: dict[str, str] = {}
    for kind, names in columns.items():
        if isinstance(names, str):
            raise UsageError(f"columns takes lists of names, such as {{{kind!r}: [{names!r}]}}.")
        for name in names:
            if found.setdefault(name, kind) != kind:
                raise UsageError(f"The column {name!r} is said to be {found[name]} and {kind}.")
    return found


def _scheme(group: str | None, time: str | None, folds: str | None) -> str:
    """Return the scheme that suits the columns that have a role."""
    if folds is not None:
        return "column"
    if time is not None:
        return "expanding"
    return "stratified" if group is None else "grouped"


def _check_checks(checks: Sequence[object]) -> None:
    """Check that checks have a code and a function to find something."""
    for check in checks:
        if not (hasattr(check, "code") and callable(getattr(check, "find", None))):
            raise UsageError(
                f"checks takes objects with a code and a function find(subject); {check!r} came."
            )


def _plain(path: str | Path) -> Path:
    """Return a path without ways up and down again, to be shown."""
    return Path(os.path.normpath(path))


def _task(name: str, metric: Metric) -> Task:
    """Return the task of that name.

    Raises:
        UsageError: if there is none, or the metric judges something else than it predicts.
    """
    if name not in [str(task) for task in Task]:
        raise unknown_name("task", name, map(str, Task))
    task = Task(name)
    if (metric.needs is Prediction.VALUE) != (task is Task.REGRESSION):
        of = "values" if metric.needs is Prediction.VALUE else "classes"
        raise UsageError(
            f"{metric.label} judges {of}, and the task is {name!r}. Change the metric or the task "
            "(and the classes with it)."
        )
    return task
