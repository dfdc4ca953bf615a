"""Names of members: a model's name, followed by its changed parameters in brackets.

`ridge[alpha=10.0,solver=lsqr]` is `ridge` with two changed parameters, in the order of their
names. A value is written as JSON; a text without brackets around it where that is no JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from comps.base.errors import UsageError
from comps.base.values import JSON

_CLOSING = {"[": "]", "{": "}"}
_APART = frozenset(',[]{}"')


def member_name(base: str, changes: Mapping[str, JSON]) -> str:
    """Return the name of a model with changed parameters; the model's own if there are none.

    >>> member_name("ridge", {"solver": "lsqr", "alpha": 1e6})
    'ridge[alpha=1e6,solver=lsqr]'
    """
    if not changes:
        return base
    return f"{base}[{','.join(f'{name}={_text(changes[name])}' for name in sorted(changes))}]"


def parse_member(name: str) -> tuple[str, dict[str, JSON]]:
    """Return the model's name and the changed parameters of a member's name.

    >>> parse_member("ridge[alpha=1e6]")
    ('ridge', {'alpha': 1000000.0})

    Raises:
        UsageError: if the text has another form.
    """
    base, bracket, rest = name.partition("[")
    if not bracket:
        return name, {}
    changes: dict[str, JSON] = {}
    for part in split_names(rest.removesuffix("]")):
        parameter, equals, value = part.partition("=")
        if not (base and equals and parameter.strip() and rest.endswith("]")):
            raise UsageError(
                "A member with changed parameters is named like ridge[alpha=10.0] or "
                f"mlp[units=64,dropout=0.2], not {name!r}."
            )
        changes[parameter.strip()] = parse_value(value.strip())
    return base, changes


def base_name(name: str) -> str:
    """Return the model's name of a member, without changed parameters.

    >>> base_name("ridge[alpha=10.0]")
    'ridge'
    """
    return name.partition("[")[0]


def file_name(name: str, key: str) -> str:
    """Return a name for files of a member: its own, with the key if parameters were changed.

    >>> file_name("ridge", "0a1b"), file_name("ridge[alpha=10.0]", "2c3d")
    ('ridge', 'ridge-2c3d')
    """
    base = base_name(name)
    return name if name == base else f"{base}-{key}"


def split_names(text: str) -> list[str]:
    """Return the names of a list with commas; commas in brackets and quotes do not separate.

    >>> split_names("median, mlp[hidden=[64,32],dropout=0.2]")
    ['median', 'mlp[hidden=[64,32],dropout=0.2]']

    Raises:
        UsageError: if a bracket or a quote is not closed.
    """
    names, begin, waiting = [], 0, list[str]()
    quoted = escaped = False
    for place, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == '"':
            quoted = not quoted
        elif quoted:
            escaped = letter == "\\"
        elif letter in _CLOSING:
            waiting.append(_CLOSING[letter])
        elif waiting and letter == waiting[-1]:
            waiting.pop()
        elif letter == "," and not waiting:
            names.append(text[begin:place])
            begin = place + 1
    if waiting or quoted:
        raise UsageError(f"A closing {waiting[-1] if waiting else 'quote'} is missing in {text!r}.")
    return [name.strip() for name in (*names, text[begin:]) if name.strip()]


def parse_value(text: str) -> JSON:
    """Return the value of a parameter: JSON where the text is JSON, and the text otherwise."""
    try:
        value: JSON = json.loads(text)
        return value
    except json.JSONDecodeError:
        return text


def _text(value: JSON) -> str:
    """Return the shortest text that `parse_value` turns into the value."""
    if (
        isinstance(value, str)
        and value
        and value == value.strip()
        and not _APART & set(value)
        and parse_value(value) is value
    ):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return _number(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _number(value: float) -> str:
    """Return the usual text of a number, or its text with an exponent where that is far shorter.

    >>> _number(1e6), _number(50.0), _number(-2.5e-7)
    ('1e6', '50.0', '-2.5e-07')
    """
    plain = repr(value)
    exact = (f"{value:.{digits}e}" for digits in range(17))
    mantissa, _, exponent = next(text for text in exact if float(text) == value).partition("e")
    short = f"{mantissa}e{int(exponent)}"
    return short if len(short) < len(plain) - 3 else plain


def names_a_folder(name: object) -> bool:
    """Whether a text can be the name of a folder on every system: letters, digits, "_", "-", ".".

    >>> names_a_folder("wide-2"), names_a_folder("a/b"), names_a_folder(3)
    (True, False, False)
    """
    return isinstance(name, str) and bool(re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", name, re.ASCII))
