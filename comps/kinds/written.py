"""The file of a competition, written from what was found, for the user to change."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from comps.base import Competition, Task

_WIDTH = 100
_TEMPLATE = '''\
"""{name}: {task}, judged by {metric}; inferred by 'comps init', and yours to change."""

from pathlib import Path

from comps import {function}

# For the models below:
# from comps import boosting, estimator
# from sklearn.ensemble import {example}

DATA = {data}
{own}
COMPETITION = {function}(
    DATA,
{arguments}
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


@dataclass(frozen=True)
class Call:
    """The call that makes a competition, as its file has it.

    Attributes:
        function: its name in `comps`.
        arguments: by name, beside the data, the name and the metric. What is empty is left out.
        reasons: of what was found, where it is called otherwise than the argument.
        own: source of a function of the user's, which is the argument of that name.
    """

    function: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)


def competition_file(
    competition: Competition, call: Call, reasons: Mapping[str, str], data: Path, folder: Path
) -> str:
    """Return the text of a competition's file.

    Args:
        competition: that the call makes.
        call: what was found.
        reasons: why, by what it is about.
        data: archive, folder or file.
        folder: where the file is going to lie; the data is named from there.

    >>> from comps.catalog import find_competition
    >>> call = Call("series_competition", {"horizon": 24, "key": None})
    >>> found = competition_file(find_competition("digits"), call, {}, Path("a.csv"), Path())
    >>> print(found[found.index("COMPETITION") :])  # doctest: +ELLIPSIS
    COMPETITION = series_competition(
        DATA,
        name="digits",
        metric="accuracy",
        horizon=24,
        ...
    """
    name, metric = competition.name, competition.metric.name
    arguments = {"name": name, "metric": metric, **call.arguments}
    lines = [
        _argument(key, value, reasons.get(call.reasons.get(key, key), ""))
        for key, value in arguments.items()
        if value
    ]
    return _TEMPLATE.format(
        name=name,
        task=competition.task,
        metric=metric,
        function=call.function,
        data=_path(data, folder),
        own="".join(f"\n\n{source}\n" for source in call.own.values()),
        arguments="\n".join([*lines, *(f"    {key}={key}," for key in call.own)]),
        example=_EXAMPLES.get(competition.task, "ExtraTreesClassifier"),
    )


def _path(data: Path, folder: Path) -> str:
    """Return an expression for the data's place as seen from a folder."""
    try:
        relative = os.path.relpath(data.resolve(), folder.resolve())
    except ValueError:  # on another drive
        return f"Path({_quoted(str(data.resolve()))})"
    return f"Path(__file__).parent / {_quoted(Path(relative).as_posix())}"


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
