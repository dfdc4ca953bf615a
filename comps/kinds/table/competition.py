"""A competition of tables: DataFrames in memory, or Kaggle's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from comps.kinds.table.files import stem, tables_of
from comps.kinds.table.given import Given, Inference
from comps.kinds.table.inference import infer
from comps.kinds.table.loader import RowFunction, TableFiles
from comps.kinds.table.memory_rows import Memory
from comps.kinds.table.schema import Schema
from comps.kinds.table.written import table_call
from comps.kinds.table.zoo import ZOOS, Zoo, usual_zoo
from comps.kinds.text.columns import text_names
from comps.metrics import as_metric

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
    zoo: str | None = None,
    scheme: str | None = None,
    n_folds: int | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    outputs: Sequence[str] = (),
    submitted_id: str | None = None,
    first_id: int = 0,
    positive: str | None = None,
    labels: Sequence[str] = (),
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
            wanted. Columns that one of both tables lacks, and the target in this one, play no part;
            a note names those that the test rows lack.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`.
        name: of the folder of results; results are kept apart by the content of the data, too.
        target: column of `train`, or several. Of a metric of labels or probabilities, its values
            are classes.
        id: column with the ids; unless given, one that is called so and differs in every row, else
            the index of DataFrames, or numbers of rows.
        group: column whose equal values stay in one fold. Models do not see it.
        time: column of numbers or dates that rows are ordered by: folds then predict what came
            later. Of DataFrames, models do not see it.
        weight: column of what each training row counts for, in training and in the metric.
        query: column of the rows that the metric ranks together.
        folds: column with the number of the fold of each training row; below zero for rows that are
            trained on in every fold and predicted in none.
        columns: columns by kind, as in {"text": ["title"]}, see `comps.kinds.table.kinds.KINDS`;
            where `task` is given, those of files that are not named are numbers. Of DataFrames,
            texts that are dates or numbers are read as these, with a note, unless named.
        features: `(rows) -> rows` or `(rows, tables) -> rows`, which makes more columns, or others,
            of each row by itself; `tables` are the further tables of the files, by name.
        models: those of the competition: names of the usual ones, "default" for all of these;
            declared ones, estimators and functions that build a Keras network. The usual ones
            unless given. The one of the family "baseline" is what every model has to beat, and one
            is added if there is none.
        zoo: which models are the usual ones: those of "table", of "text", or of "table-and-text";
            they follow from the columns unless given.
        scheme: of the folds; "expanding" with a time, "grouped" with a group, "stratified"
            elsewhere.
        n_folds: number of folds, 5 unless given.
        task: "regression", "binary", "multiclass" or "multilabel". It follows from the metric and
            the target unless given.
        classes: all labels of the target, in their order; the last of two is class 1. Of
            DataFrames, an ordered `pandas.Categorical` says it, too. Of files whose target has
            several labels in a cell, with blanks between them (`task="multilabel"`), all of these.
        outputs: columns of the submission; those of `target` unless given.
        submitted_id: column of the ids in the submission; `id` unless given.
        first_id: the number of the first test row, where no column holds ids.
        positive: the label whose probability is predicted, of two.
        labels: of the target that are classes of their own, though they look like a word for
            "missing", as "NA", or like another label. If all are named, their order counts, as
            quadratic kappa needs it.
        leave_out: training rows that are left out: "missing-target", "rare-class".
        files: files of the parts "train", "test", "sample" and "targets", where their names do not
            say it.
        checks: further checks of the data, see `comps check-data`.
        ignore: codes of checks that are switched off.

    Raises:
        UsageError: if a column or a metric does not exist, or something else than a table came.
        DataError: if targets, ids, groups or times are missing, ids are duplicates, there is a
            single class, or a column holds other things in the two tables.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [50, 80, 65, 70], "price": [1.0, 1.7, 1.3, 1.5]})
    >>> flats = table_competition(rows, target="price", metric="root_mean_squared_error")
    >>> str(flats.task), str(flats.scheme), flats.models[0].name
    ('regression', 'stratified', 'median')
    """
    judged = as_metric(metric)
    check_name(name)
    _check_target(target)
    _check_checks(checks)
    if zoo is not None and zoo not in ZOOS:
        raise unknown_name("zoo called", zoo, ZOOS)
    check_n_folds(n_folds)
    check_lists(classes=classes, outputs=outputs, labels=labels, leave_out=leave_out)
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
        labels=labels,
        classes=classes,
        leave_out=leave_out,
        scheme=scheme,
        n_folds=n_folds,
    )
    if not isinstance(train, (str, Path)):
        memory = Memory(train, test, given, judged, features)
        schema = memory.schema
        dataset = memory.dataset()
        texts = text_names(memory.columns)
        usual = usual_zoo(["text"] * len(texts), others=len(texts) < len(memory.columns.columns))
        division = scheme or _scheme(group, time, folds)
        found = Inference(schema, division, memory.n_folds, (), zoo or usual)
        load = InMemory(dataset, memory.with_test, memory.texts)
        return assembled(name, judged, found, load, n_folds, models, checks, ignore)
    if test is not None:
        raise UsageError("Of files, the test rows lie beside the training rows: leave out `test`.")
    if task is None:
        found = infer(tables_of(Path(train), files), judged, given)
        found = found if zoo is None else replace(found, zoo=zoo)
    else:
        schema = Schema(
            **_predicted(_task(task, judged), given, outputs),
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
        usual = zoo or usual_zoo(schema.kinds.values())
        found = Inference(schema, scheme or _scheme(group, time, folds), N_FOLDS, (), usual)
    loader = TableFiles(found.schema, judged, features, dict(files or {}))
    return assembled(
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
    check_name(name)
    tables = tables_of(path, files)
    found = infer(tables, metric, given)
    others = [stem(other) for other in tables.others]
    found = replace(found, call=table_call(found, files, others))
    loader = TableFiles(found.schema, metric, None, dict(files or {}))
    return assembled(name, metric, found, loader, data=path), found


def assembled(
    name: str,
    metric: Metric,
    found: Inference,
    load: Callable[[Path], Dataset],
    n_folds: int | None = None,
    models: Sequence[object] | None = None,
    checks: Sequence[Check] = (),
    ignore: Sequence[str] = (),
    data: Path | None = None,
    usual: Zoo | None = None,
) -> Competition:
    """Return the competition of what was found.

    Args:
        name: of it.
        metric: that judges predictions.
        found: schema and folds.
        load: reads the rows.
        n_folds: number of folds; that which was found unless given.
        models: as `table_competition` takes them.
        checks: of the user's.
        ignore: codes of checks.
        data: where the files are.
        usual: the zoo; of tables that which was found, unless given.
    """
    schema = found.schema
    usual = ZOOS[found.zoo] if usual is None else usual
    known = usual.models(schema.task, len(schema.classes), len(schema.targets), metric)
    zoo = chosen_models(models, known)
    return Competition(
        name=name,
        title=name,
        task=schema.task,
        metric=metric,
        load=load,
        with_test=getattr(load, "with_test", None),
        models=tuple(
            model if model in known else featured(model, usual.transformers) for model in zoo
        ),
        sample=None,
        archive="",
        id_column=schema.submitted_id,
        target_columns=schema.outputs,
        together=schema.together,
        scheme=found.scheme,
        n_folds=found.n_folds if n_folds is None else n_folds,
        submits=metric.needs,
        transformers=usual.transformers,
        data=data,
        checks=tuple(checks),
        ignore=tuple(ignore),
    )


def _check_target(target: object) -> None:
    """Check that names came, not cells."""
    if target is None or isinstance(target, str | list | tuple):
        return
    name = getattr(target, "name", None)
    raise UsageError(
        f"target takes the name of a column of the training rows, such as {name or 'price'!r}, or "
        f"a list of names; a {type(target).__name__} came."
    )


def check_name(name: str) -> None:
    """Check that a folder of results can be called so."""
    if not names_a_folder(name):
        raise UsageError(
            f"A name of letters, digits, '_', '-' and '.' was expected, not {name!r}: the folder "
            "of results gets it."
        )


def check_lists(**lists: object) -> None:
    """Check that lists of names came, by the name of the parameter, and not a single name."""
    for parameter, value in lists.items():
        if isinstance(value, str):
            raise UsageError(f"{parameter} takes a list of names, such as [{value!r}].")


def check_n_folds(n_folds: object) -> None:
    """Check that so many folds can be made, if a number was given."""
    if n_folds is not None and (not isinstance(n_folds, int) or n_folds < 2):
        raise UsageError(f"n_folds must be a whole number from 2 on; {n_folds!r} came.")


def chosen_models(models: Sequence[object] | None, usual: Sequence[Model]) -> list[Model]:
    """Return models as they were given: usual ones by name, declared, or what declares one.

    Args:
        models: None takes the usual ones.
        usual: the baseline first, which is added where no baseline was given.
    """
    if models is None:
        return list(usual)
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise UsageError(
            "models takes a list, such as ['default', my_model], where 'default' stands for the "
            f"usual models; {models!r} came."
        )
    known = {model.name: [model] for model in usual} | {"default": list(usual)}
    found: list[Model] = []
    for given in models:
        if isinstance(given, str) and given not in known:
            raise unknown_name("usual model", given, known)
        found += known[given] if isinstance(given, str) else [as_model(given)]
    if not any(model.family is Family.BASELINE for model in found):
        found.insert(0, usual[0])
    return found


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


def _predicted(task: Task, given: Given, outputs: Sequence[str]) -> dict[str, Any]:
    """Return what a schema says of the targets: several labels of one column are some themselves.

    Raises:
        UsageError: if their names are not given.
    """
    targets, classes = tuple(given.target), tuple(given.classes)
    if task is not Task.MULTILABEL or len(targets) > 1:
        return {
            "targets": targets,
            "task": task,
            "classes": classes,
            "outputs": tuple(outputs) or targets,
        }
    if not classes:
        raise UsageError(
            f"The cells of {targets[0]!r} have several labels: name all of these, as in "
            "classes=['sea', 'sun']."
        )
    together = "" if set(outputs) == set(classes) else (*outputs, *targets)[0]
    return {
        "targets": classes,
        "task": task,
        "classes": ("0", "1"),
        "outputs": classes,
        "separated": targets[0],
        "together": together,
    }


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
