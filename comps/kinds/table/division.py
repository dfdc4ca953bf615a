"""How rows are divided into folds: by the evidence of the way the test part was made."""

from __future__ import annotations

from collections.abc import Mapping

from comps.base import AmbiguousError, Task, counted
from comps.kinds.table.evidence import group_evidence, time_evidence
from comps.kinds.table.given import AS_YOU_SAY
from comps.kinds.table.labels import label_texts
from comps.kinds.table.parts import Parts
from comps.kinds.table.rows import fold_count
from comps.kinds.table.schema import Schema

# Folds, unless the smallest class has fewer rows.
N_FOLDS = 5
# Schemes that keep groups whole, though their names do not say it.
_WHOLE = ("kfold", "stratified", "stratified-grouped")
# Schemes that divide rows by something else than groups.
_BY_ROW = ("expanding", "column")


def find_group(parts: Parts, kinds: Mapping[str, str], time: str | None) -> str | None:
    """Return the column whose equal values stay in one fold, or None.

    None where rows are ordered by a `time`: what comes later may be new in any column.
    """
    if parts.given.group is not None:
        parts.say("group", parts.given.group, AS_YOU_SAY)
        return parts.given.group
    if parts.given.query is not None and not _in_time(parts):
        parts.say("group", parts.given.query, "rows that are ranked together stay together")
        return parts.given.query
    if parts.refuses("group") or parts.given.scheme in _BY_ROW or parts.test is None:
        return None
    if time is not None and parts.given.scheme is None:
        return None
    varied = {name: kind for name, kind in kinds.items() if kind != "constant"}
    found = group_evidence(parts.train, parts.test, varied)
    if found is None:
        return None
    parts.say("group", *found)
    return found[0]


def _in_time(parts: Parts) -> bool:
    """Whether folds follow time because the user says so: rows of a query may be divided then."""
    named = parts.given.time is not None and not parts.refuses("time")
    return parts.given.scheme == "expanding" or (named and parts.given.scheme is None)


def find_time(parts: Parts, kinds: Mapping[str, str]) -> str | None:
    """Return the column that rows are ordered by, or None."""
    if parts.given.time is not None:
        parts.say("time", parts.given.time, AS_YOU_SAY)
        return parts.given.time
    named = (parts.given.group, parts.given.query)
    given = parts.given.scheme not in (None, "expanding") or named != (None, None)
    if parts.refuses("time") or given or parts.test is None:
        return None
    found = time_evidence(parts.train, parts.test, kinds)
    if found is None:
        return None
    parts.say("time", *found)
    return found[0]


def find_query(parts: Parts, kinds: Mapping[str, str]) -> str | None:
    """Return the column of the rows that the metric ranks together, as the user names it.

    Raises:
        AmbiguousError: if the metric ranks, and he does not.
    """
    if parts.given.query is None and parts.metric.by_query:
        repeated = [n for n in kinds if 1 < parts.train[n].nunique() < len(parts.train) / 2]
        raise AmbiguousError(
            f"{parts.metric.label} ranks rows together. Which column says which?",
            repeated,
            "--query",
        )
    return parts.given.query


def find_folds(parts: Parts, schema: Schema) -> tuple[str, int]:
    """Return the scheme, and the number of folds."""
    n_folds, few = N_FOLDS, ""
    if schema.task in (Task.BINARY, Task.MULTICLASS):
        labels = label_texts(parts.train[schema.targets[0]], schema.classes)
        counts = labels[labels.isin(schema.classes)].value_counts()
        if 2 <= counts.iloc[-1] < N_FOLDS:
            n_folds = int(counts.iloc[-1])
            few = f"; class {counts.index[-1]} has {counted(n_folds, 'row')}"
    if schema.folds is not None:
        n_folds = fold_count(parts.train[schema.folds])
    scheme, reason = _scheme(parts, schema)
    if parts.given.n_folds is not None:
        n_folds, few = parts.given.n_folds, ""
        if reason != AS_YOU_SAY:
            few = f"; {n_folds} {AS_YOU_SAY}"
    whole = ""
    if schema.group is not None and scheme in _WHOLE:
        whole = f", whole groups of {schema.group}"
    parts.say("folds", f"{n_folds}, {scheme}{whole}", f"{reason}{few}")
    return scheme, n_folds


def _scheme(parts: Parts, schema: Schema) -> tuple[str, str]:
    if parts.given.scheme is not None:
        return parts.given.scheme, AS_YOU_SAY
    if schema.folds is not None:
        return "column", f"{schema.folds} says the fold of each row"
    if schema.time is not None:
        return "expanding", f"rows are ordered by {schema.time}"
    if schema.group is not None:
        return "grouped", f"rows of one {schema.group} stay together"
    if schema.classes:
        return "stratified", "every fold has its share of each class"
    return "stratified", "every fold has its share of low and high targets"
