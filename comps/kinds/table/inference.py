"""What a competition's tables say of themselves: ids, targets, task, kinds, folds, with reasons."""

from __future__ import annotations

from collections.abc import Sequence

from comps.base import AmbiguousError, DataError, Metric, some
from comps.kinds.table import dates
from comps.kinds.table.checks import check_kinds, check_tested
from comps.kinds.table.division import find_folds, find_group, find_query, find_time
from comps.kinds.table.files import Tables
from comps.kinds.table.given import AS_YOU_SAY, Given, Inference
from comps.kinds.table.kinds import KINDS, Column, kind_of
from comps.kinds.table.labels import label_texts
from comps.kinds.table.parts import Parts, Readable
from comps.kinds.table.roles import find_beside, find_ids, find_targets
from comps.kinds.table.schema import Schema
from comps.kinds.table.several import find_several
from comps.kinds.table.tasks import find_task
from comps.kinds.table.zoo import usual_zoo
from comps.reading.cells import mixed_unit
from comps.reading.column import Column as Written
from comps.reading.numbers import parse

# Numbers with more different values are rather measured than counted.
_MOST_LABELS = 20
_VALUES = ("rmse", "mae", "rmsle", "r2")
_TWO_CLASSES = ("auc", "log_loss", "accuracy", "f1")
_CLASSES = ("accuracy", "log_loss", "f1_macro")


def infer(tables: Tables, metric: Metric, given: Given | None = None) -> Inference:
    """Find out what the columns of a competition's tables are for.

    Args:
        tables: its files.
        metric: decides whether values, probabilities or labels are predicted.
        given: what the user says; nothing of it is doubted.

    Raises:
        AmbiguousError: if something may be read in several ways; it names the option that says it.
        DataError: if the tables cannot be those of a competition.
        UsageError: if a named column does not exist.
    """
    parts = Parts(tables, metric, given or Given())
    id_, submitted_id, first_id = find_ids(parts)
    targets = find_targets(parts)
    check_kinds(parts.given.columns, targets)
    check_tested(parts.given.columns, parts.test, tables.names.get("test", ""))
    exact = [*targets, *([] if id_ is None else [id_])]
    parts.read_exactly(exact)
    several = find_several(parts, targets)
    predicted = find_task(parts, targets) if several is None else several.predicted
    if several is not None:
        targets = list(predicted.outputs)
        exact = [*targets, *([] if id_ is None else [id_])]
    beside = find_beside(parts, targets, id_)
    kinds = find_kinds(parts, [*exact, *beside.values()])
    time = find_time(parts, kinds)
    group, query = find_group(parts, kinds, time), find_query(parts, kinds)
    schema = Schema(
        targets=tuple(targets),
        task=predicted.task,
        classes=tuple(predicted.classes),
        outputs=tuple(predicted.outputs),
        id=id_,
        submitted_id=submitted_id,
        first_id=first_id,
        kinds={
            n: kind for n, kind in kinds.items() if kind != "number" and n not in (group, query)
        },
        group=group,
        time=time,
        query=query,
        leave_out=tuple(parts.given.leave_out),
        separated="" if several is None else several.separated,
        together="" if several is None else several.together,
        **beside,
    )
    scheme, n_folds = find_folds(parts, schema)
    typed = [kind for kind in kinds.values() if KINDS[kind.partition(":")[0]].typed]
    zoo = usual_zoo(typed, others=any(kind != "text" for kind in typed))
    return Inference(schema, scheme, n_folds, tuple(parts.rows), zoo, tuple(parts.notes))


def find_kinds(parts: Parts, roles: Sequence[str]) -> dict[str, str]:
    """Return the kind of every column that models may see.

    Args:
        parts: the tables.
        roles: columns that they do not see.

    Raises:
        AmbiguousError: see `find_kind`.
        DataError: if there is no such column.
    """
    found: dict[str, str] = {}
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for name in map(str, parts.train):
        if name in roles or (parts.test is not None and not parts.tested(name)):
            continue
        kind, reason = parts.given.columns.get(name), AS_YOU_SAY
        if kind is None:
            test = None if parts.test is None else parts.test[name]
            kind, reason = find_kind(Column(name, parts.train[name], test))
        found[name] = kind
        by_kind.setdefault(kind.partition(":")[0], []).append((name, reason))
    if not any(KINDS[kind].typed for kind in by_kind):
        unseen = some(f"{name} ({kind})" for name, kind in found.items()) or "there is none"
        raise DataError(
            f"No column of the training rows is left to predict from: {unseen}. Say what a column "
            "holds, as in --column NAME=number."
        )
    for kind in (kind for kind in KINDS if kind in by_kind):
        names, reasons = zip(*by_kind[kind], strict=True)
        parts.say(f"{kind} ({len(names)})", ", ".join(names), some(dict.fromkeys(reasons)))
    return found


def find_kind(column: Column) -> tuple[str, str]:
    """Return the kind of a column, of dates with the way in which they are written; the reason.

    Raises:
        AmbiguousError: if dates can be read in two ways, or are written in several, or numbers
            with and without a unit may be codes.
    """
    kind, reason = kind_of(column)
    if kind == "number" and not column.is_numeric:
        mixed = mixed_unit(Written(column.name, column.train, "the training rows"))
        if mixed is not None:
            raise AmbiguousError(
                f"Some cells of {column.name!r} are numbers, and others have something beside the "
                f"number, such as {mixed!r}. If they are quantities, write all in one way; else "
                "say what the column is.",
                [f"{column.name}=category", f"{column.name}=ignored"],
                "--column",
            )
    if kind in ("category", "id", "text"):
        ways = dates.ways_of(column.known)
        if ways:
            raise AmbiguousError(
                f"Dates of {column.name!r} are written in several ways: {some(ways)}. Write all in "
                "one way, or say what the column is.",
                [f"{column.name}={kind}"],
                "--column",
            )
    if kind != "date":
        return kind, reason
    ways = dates.formats_of(column.known)
    if len(ways) > 1:
        raise AmbiguousError(
            f"Dates of {column.name!r} such as {column.known.iloc[0]} can be read in two ways.",
            [f"{column.name}=date:{way}" for way in ways],
            "--column",
        )
    return f"date:{ways[0]}", reason


def suggested_metrics(tables: Readable, given: Given) -> list[str]:
    """Return metrics that suit the target, the most usual first; all where it is not clear."""
    parts = Parts(tables, _ANY, given)
    try:
        first, *others = find_targets(parts)
    except AmbiguousError:
        return [*_VALUES, *_TWO_CLASSES]
    if others:
        return ["rmse", "auc", "log_loss"]
    labels = label_texts(parts.train[first])
    if labels.nunique() == 2:
        return list(_TWO_CLASSES)
    measured = labels.nunique() > _MOST_LABELS and labels.map(_is_number).all()
    return list(_VALUES if measured else _CLASSES)


def _is_number(text: str) -> bool:
    return parse(text) is not None


def _no_score(target: object, prediction: object) -> float:
    raise NotImplementedError


# Stands for a metric that is not known yet.
_ANY = Metric("any", "any", _no_score, greater_is_better=True)
