"""The file of a competition, written from what was inferred, for the user to change."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from comps.base import Task
from comps.kinds.table.given import Inference
from comps.kinds.table.schema import Schema
from comps.kinds.table.zoo import usual_zoo

_WIDTH = 100
_TEMPLATE = '''\
"""{name}: {task}, judged by {metric}. 'comps init' inferred it; it is yours to change."""

from pathlib import Path

from comps import table_competition

# For the models below:
# from comps import boosting, estimator
# from sklearn.ensemble import {example}

DATA = {data}


def features(rows{parameter}):
    """Return more columns, or others, of each row by itself.{about}"""
    return rows


COMPETITION = table_competition(
    DATA,
{arguments}
    features=features,
    # The usual models and two of your own, with the imports above:
    # models=[
    #     "default",
    #     boosting("lightgbm", name="slow", learning_rate=0.01),
    #     estimator({example}(min_samples_leaf=2)),
    # ],
)
'''
# A model of scikit-learn by task, of classes unless named.
_EXAMPLES = {Task.REGRESSION: "ExtraTreesRegressor"}


def competition_file(
    name: str,
    metric: str,
    found: Inference,
    data: Path,
    folder: Path,
    *,
    tables: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a competition's file: a call of `table_competition`.

    Args:
        name: of the competition.
        metric: its name.
        found: what was inferred.
        data: archive, folder or file.
        folder: where the file is going to lie; the data is named from there.
        tables: names of further tables.
        files: of the parts, where their names do not say it.
    """
    schema = found.schema
    reasons = {row.what: row.reason for row in found.rows}
    arguments: dict[str, object] = {
        "name": name,
        "metric": metric,
        "task": str(schema.task),
        "target": schema.targets[0] if len(schema.targets) == 1 else list(schema.targets),
        "classes": list(schema.classes),
        "outputs": [] if schema.outputs == schema.targets else list(schema.outputs),
        "id": schema.id,
        "submitted_id": None if schema.submitted_id == schema.id else schema.submitted_id,
        "first_id": schema.first_id or None,
        **{role: getattr(schema, role) for role in ("group", "time", "weight", "query", "folds")},
        "columns": _by_kind(schema),
        "leave_out": list(schema.leave_out),
        "files": dict(files or {}),
        "zoo": None if found.zoo == usual_zoo(schema.kinds.values()) else found.zoo,
        "scheme": found.scheme,
        "n_folds": found.n_folds,
    }
    lines = [
        _argument(key, value, reasons.get("folds" if key == "scheme" else key, ""))
        for key, value in arguments.items()
        if value
    ]
    about = ""
    if tables:
        about = f"\n\n    `tables` holds {', '.join(tables)}.\n    "
    return _TEMPLATE.format(
        name=name,
        task=schema.task,
        metric=metric,
        data=_path(data, folder),
        parameter=", tables" if tables else "",
        about=about,
        arguments="\n".join(lines),
        example=_EXAMPLES.get(schema.task, "ExtraTreesClassifier"),
    )


def _path(data: Path, folder: Path) -> str:
    """Return an expression for the data's place as seen from a folder."""
    try:
        relative = os.path.relpath(data.resolve(), folder.resolve())
    except ValueError:  # on another drive
        return f"Path({_quoted(str(data.resolve()))})"
    return f"Path(__file__).parent / {_quoted(Path(relative).as_posix())}"


def _by_kind(schema: Schema) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column, kind in schema.kinds.items():
        found.setdefault(kind, []).append(column)
    return found


def _argument(key: str, value: object, reason: str) -> str:
    """Return the lines of one argument, with the reason behind it where there is room."""
    if isinstance(value, dict):
        inner = [_wrapped(f"{_quoted(part)}: ", names, 8) for part, names in value.items()]
        head = "    # Columns that are not named are numbers.\n" if key == "columns" else ""
        return f"{head}    {key}={{\n" + "\n".join(inner) + "\n    },"
    if isinstance(value, list):
        return _wrapped(f"{key}=", value, 4)
    line = f"    {key}={_quoted(value)},"
    return f"{line}  # {reason}" if reason and len(line) + len(reason) < _WIDTH - 4 else line


def _wrapped(before: str, names: object, indent: int) -> str:
    """Return a list, or a text, on as many lines as it needs."""
    blank = " " * indent
    one = f"{blank}{before}{_quoted(names)},"
    if len(one) <= _WIDTH or not isinstance(names, list):
        return one
    inner = textwrap.wrap(
        ", ".join(map(_quoted, names)) + ",",
        _WIDTH - indent - 4,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # A blank within a name must not become the end of a line.
    if any(" " in name for name in names):
        inner = [f"{_quoted(name)}," for name in names]
    body = "\n".join(f"{blank}    {line}" for line in inner)
    return f"{blank}{before}[\n{body}\n{blank}],"


def _quoted(value: object) -> str:
    """Return a number, a text or a list of texts as Python, with double quotation marks."""
    return json.dumps(value, ensure_ascii=False)
