"""Which columns hold ids and targets, and which have no part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comps.base import AmbiguousError, some
from comps.kinds.table.checks import check_spelling
from comps.kinds.table.given import AS_YOU_SAY
from comps.kinds.table.labels import named_labels
from comps.kinds.table.parts import Parts

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

_ID_NAMES = ("id", "index", "row_id", "rowid")
# "user_id" and "PassengerId" are ids; "userid" may be one, "amount_paid" is a quantity.
_ID_WORD = re.compile(r"(?:^|[\W_])id$", re.IGNORECASE)
_ID_HUMP = re.compile(r"[a-z0-9]I[Dd]$")
_NO_IDS = re.compile(
    r"(?:paid|grid|humid|acid|solid|fluid|liquid|valid|void|mid|amid|covid|hybrid|rigid|rapid|lipid|"
    r"centroid|steroid|asteroid|thyroid|said|raid|(?:^|[\W_])(?:bid|aid|kid|lid))$",
    re.IGNORECASE,
)
_FOLD_NAMES = {"fold", "folds", "kfold", "fold_id"}
_WEIGHT_NAMES = {"weight", "weights", "sample_weight"}


def find_ids(parts: Parts) -> tuple[str | None, str, int]:
    """Return the column of the ids or None, its name in the submission, and the first number.

    Raises:
        AmbiguousError: if the sample submission has ids that no column holds.
    """
    sample, test, given = parts.sample, parts.test, parts.given.id
    submitted = "id" if sample is None else str(sample.columns[0])
    if given is not None:
        parts.say("id", given, AS_YOU_SAY)
        return given, given if sample is None else submitted, 0
    if test is None or sample is None:
        return _usual_id(parts)
    if submitted in test:
        parts.say("id", submitted, "first column of the sample submission")
        return submitted, submitted, 0
    wanted = sample.iloc[:, 0]
    unique = [str(name) for name in test if test[name].nunique() == len(test)]
    for name in unique:
        if set(test[name].astype(str)) == set(wanted.astype(str)):
            parts.say("id", name, f"holds the {submitted!r} of the sample submission")
            return name, submitted, 0
    first = _numbered_from(wanted, len(test))
    if first is None:
        raise AmbiguousError(
            f"The sample submission has ids in {submitted!r}, and test rows have no such column. "
            "Which column holds the ids?",
            unique,
            "--id",
        )
    parts.say("id", "row number", f"{submitted!r} of the sample submission counts test rows")
    return None, submitted, first


def _usual_id(parts: Parts) -> tuple[str | None, str, int]:
    """Return the column that is called as ids are, and differs in every row."""
    tables = [table for table in (parts.train, parts.test) if table is not None]
    name = id_named(tables)
    if name is not None:
        parts.say("id", name, "its name, and every row has another one")
        return name, name, 0
    parts.say("id", "row number", _why_no_id(tables))
    return None, "id", 0


def _why_no_id(tables: Sequence[pd.DataFrame]) -> str:
    """Return why no column names each row; a damaged id must not become a feature unnoticed."""
    for name in map(str, tables[-1]):
        if name.lower() in _ID_NAMES and all(name in table for table in tables):
            for table in tables:
                wrong = table[name].isna() | table[name].duplicated()
                if 0 < wrong.sum() < len(table) / 2:
                    cells = some(table[name][wrong].unique())
                    return f"{name!r} names not every row: again or missing is {cells}"
    return "no column names each row"


def id_named(tables: Sequence[pd.DataFrame]) -> str | None:
    """Return the column that is called as ids are, and differs in every row; None if there is none.

    Args:
        tables: the training rows, and the test rows where there are any.
    """
    named = [str(name) for name in tables[-1] if _is_called_id(str(name))]
    for name in sorted(named, key=lambda name: name.lower() not in _ID_NAMES):
        if all(name in table and _names_rows(table[name]) for table in tables):
            return name
    return None


def _is_called_id(name: str) -> bool:
    if name.lower() in _ID_NAMES or _ID_WORD.search(name) or _ID_HUMP.search(name):
        return True
    return name.lower().endswith("id") and _NO_IDS.search(name) is None


def _names_rows(cells: Cells) -> bool:
    """Whether every cell is another one, and none a number with decimals, which is measured."""
    if cells.nunique() < len(cells):
        return False
    return cells.dtype.kind != "f" or bool((cells == cells.round()).all())


def _numbered_from(ids: Cells, count: int) -> int | None:
    """Return the first number if ids count rows up, else None."""
    texts = ids.astype(str).tolist()
    for first in (0, 1):
        if texts == [str(number) for number in range(first, first + count)]:
            return first
    return None


def find_targets(parts: Parts) -> list[str]:
    """Return the columns to predict.

    Raises:
        AmbiguousError: if several could be.
    """
    if parts.given.target:
        parts.say("target", ", ".join(parts.given.target), AS_YOU_SAY)
        return list(parts.given.target)
    wanted = parts.outputs
    if wanted and all(name in parts.train for name in wanted):
        several = "columns" if len(wanted) > 1 else "column"
        parts.say("target", some(wanted), f"{several} of the sample submission")
        return wanted
    if parts.test is None:
        raise AmbiguousError(
            "Which column is to be predicted?", list(map(str, parts.train)), "--target"
        )
    only = parts.of_train_alone
    fitting = [name for name in only if named_labels(parts.train[name], wanted, ())]
    if len(fitting) == 1 and len(wanted) > 1:
        parts.say("target", fitting[0], "its labels are columns of the sample submission")
        return fitting
    taken = _FOLD_NAMES | _WEIGHT_NAMES
    roles = {*parts.given.roles.values(), *parts.given.columns}
    likely = [name for name in only if name.lower() not in taken and name not in roles]
    if len(likely) != 1:
        question = "Which column is to be predicted?"
        if not only:
            question = f"The test rows have every column of the training rows. {question}"
        raise AmbiguousError(question, only or list(map(str, parts.train)), "--target")
    parts.say("target", likely[0], "the test rows lack it")
    return likely


def find_beside(parts: Parts, targets: list[str], id_: str | None) -> dict[str, str]:
    """Return the columns of weights and folds, and say which others have no part."""
    given = parts.given
    found = {
        role: name
        for role, name in (("weight", given.weight), ("folds", given.folds))
        if name is not None
    }
    for role, name in found.items():
        parts.say(role, name, AS_YOU_SAY)
    if parts.test is None:
        return found
    only = [name for name in parts.of_train_alone if name not in (*targets, id_)]
    folds = [name for name in only if name.lower() in _FOLD_NAMES]
    if "folds" not in found and len(folds) == 1 and given.scheme in (None, "column"):
        found["folds"] = folds[0]
        parts.say("folds column", folds[0], "its name, and the test rows lack it")
    rest = [name for name in only if name not in (*found.values(), *given.roles.values())]
    more = [str(name) for name in parts.test if name not in parts.train]
    leaked = [f"{name} of the test rows" for name in targets if name in parts.test]
    check_spelling(rest, more)
    hint = (
        "; --weight names one of weights" if any(n.lower() in _WEIGHT_NAMES for n in rest) else ""
    )
    for names, reason in (
        (rest, f"the test rows lack them{hint}"),
        (more, "the training rows lack them"),
        (leaked, "it is the target"),
    ):
        if names:
            parts.say("left out", ", ".join(names), reason)
    return found
