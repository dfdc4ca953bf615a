"""Ways to write a number, and which of them a column has."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

# Between thousands: spaces, also those at which no line ends, and apostrophes.
_GAPS = " \u00a0\u202f\u2009'\u2019"
_CURRENCY = r"[$\u00a3\u00a5\u20ac\u20b9\u20bd]|(?:USD|EUR|GBP|CHF|JPY|INR)(?= )"
# Letters, "%", "m2", "km/h"; no digits, for "12:30" and "3-4" are no numbers with a unit.
_UNIT = r"(?:[^\W\d_]|[%\u00b0$\u00a3\u00a5\u20ac\u20b9\u20bd/.\u00b2\u00b3])+[23]?"
_PARTS = re.compile(
    rf"(?P<sign>[+-]?)(?P<prefix>{_CURRENCY})? ?(?P<inner>[+-]?)"
    rf"(?P<number>[\d.,{_GAPS}]*\d[.]?(?:[eE][+-]?\d+)?) ?(?P<unit>{_UNIT})?"
)
# Accounts write numbers below zero so; "(030)" is a code, and "(-3)" something else.
_BRACKETS = re.compile(rf"((?:{_CURRENCY})? ?)\((?!0\d)([^()+-]*\d[^()+-]*)\)(.*)")


@dataclass(frozen=True)
class Style:
    """A way to write numbers.

    Attributes:
        name: in messages.
        pattern: of a number without sign and unit.
        plain: `(text) -> str`, the number as Python writes it.
    """

    name: str
    pattern: re.Pattern[str]
    plain: Callable[[str], str]


def _without(characters: str, *, comma: bool = False) -> Callable[[str], str]:
    """Return what leaves out characters, and makes a comma a point where it is a decimal one."""
    table = str.maketrans("," if comma else "", "." if comma else "", characters)
    return lambda text: text.translate(table)


def _thousands(separators: str) -> str:
    """Return the pattern of a whole number with signs between thousands, or below a thousand."""
    return rf"(\d{{1,3}}|[1-9]\d{{0,2}}([{separators}]\d{{3}})+)"


def _style(name: str, pattern: str, plain: Callable[[str], str]) -> Style:
    return Style(name, re.compile(pattern), plain)


_POINT, _COMMA = r"(\.\d*)?", r"(,\d*)?"
STYLES: tuple[Style, ...] = (
    _style("a decimal point", r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", str),
    _style("commas between thousands", _thousands(",") + _POINT, _without(",")),
    _style("a decimal comma", r"(\d+,?\d*|,\d+)([eE][+-]?\d+)?", _without("", comma=True)),
    _style("points between thousands", _thousands(r"\.") + _COMMA, _without(".", comma=True)),
    _style("spaces between thousands", _thousands(_GAPS) + _POINT, _without(_GAPS)),
    _style(
        "spaces between thousands and a decimal comma",
        _thousands(_GAPS) + _COMMA,
        _without(_GAPS, comma=True),
    ),
)
PLAIN = STYLES[0].name


@dataclass(frozen=True)
class Written:
    """A number as it is written.

    Attributes:
        unit: that comes with it, such as "$" or "km"; empty where there is none.
        by_style: what it is in each style that it may be written in, by the style's name.
        below: what says that it is below zero: "-", "(" or nothing.
    """

    unit: str
    by_style: Mapping[str, float]
    below: str = ""


def parse(text: str) -> Written | None:
    """Return the number that a text is; None if it is none. Infinity is a number.

    A number in brackets is below zero, as in accounts.

    >>> parse("$1,234.50").by_style
    {'commas between thousands': 1234.5}
    >>> parse("8,45").by_style["a decimal comma"]
    8.45
    >>> parse("12 km").unit, parse("12:30"), parse("3rd of May")
    ('km', None, None)
    >>> parse("(1.35)").by_style["a decimal point"]
    -1.35
    """
    text = text.strip().replace("\u2212", "-")
    brackets = _BRACKETS.fullmatch(text)
    if brackets is not None:
        inside = parse("-" + "".join(brackets.groups()))
        return None if inside is None else replace(inside, below="(")
    if text.lower().lstrip("+-") in ("inf", "infinity", "\u221e"):
        infinite = -math.inf if text.startswith("-") else math.inf
        return Written("", {style.name: infinite for style in STYLES})
    parts = _PARTS.fullmatch(text)
    if parts is None or (parts["sign"] and parts["inner"]):
        return None
    sign = -1.0 if "-" in (parts["sign"], parts["inner"]) else 1.0
    values = {
        style.name: sign * float(style.plain(parts["number"]))
        for style in STYLES
        if style.pattern.fullmatch(parts["number"])
    }
    unit = (parts["prefix"] or "") + (parts["unit"] or "")
    return Written(unit, values, "-" if sign < 0 else "") if values else None
