"""Charts as small SVG elements: readable in light and dark, with texts that stay texts."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from pipelines.reports.parts import Plot, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito's colours ("Color Universal Design", 2008) are told apart by the colour-blind.
BLUE, RED, GREEN, PURPLE, ORANGE, SKY = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
)
COLOURS: Final = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
# These stand for colours that the page decides, and are never seen.
INK, FAINT, PAPER = "#010101", "#020202", "#030303"
_THEME = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    PAPER: "var(--paper)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(COLOURS, 1)},
}
_STYLE = {
    "svg.fonttype": "none",
    # A column may be called "$x".
    "text.parse_math": False,
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.6,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "image.cmap": "cividis",
    "axes.unicode_minus": False,
}
WIDTH, HEIGHT = 5.0, 3.1
_LONG = 10_000
_NUMBER = re.compile(r"-?\d+\.\d+")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def short(text: object, most: int = 26) -> str:
    """Return a name that has room beside an axis.

    >>> short("a" * 30)
    'aaaaaaaaaaaaaaaaaaaaaaaaa…'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def number(value: float) -> str:
    """Return a number for a table: without an exponent, and with five digits that tell.

    >>> number(160000.0), number(0.0123456)
    ('160,000', '0.012346')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"


def readable(text: str) -> str:
    """Return a text without the characters that neither XML nor UTF-8 has."""
    return _NO_XML.sub("\ufffd", text)


def brief(value: float, place: object = None) -> str:
    """Return a number that has room under an axis; Matplotlib calls it with a place, too.

    >>> brief(250000.0), brief(0.25), brief(3e9)
    ('250k', '0.25', '3G')
    """
    del place
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:.4g}{letter}"
    return f"{value:.4g}"


def brief_axis(axis: Axis, *, logarithmic: bool = False) -> None:
    """Label an axis of a target's own unit by brief numbers, and by few."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    if logarithmic:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(6))

    def shown(value: float, place: object = None) -> str:
        # Years, and all else of four digits, are written out.
        large = max(map(abs, axis.get_view_interval())) >= _LONG
        return brief(value, place) if large else f"{value:.4g}"

    axis.set_major_formatter(shown)


def chart(
    name: str,
    title: str,
    alt: str,
    draw: Callable[[Axes], None],
    data: object = None,
    *,
    height: float = HEIGHT,
    note: str = "",
) -> Plot:
    """Return a chart.

    Args:
        name: in JSON, unique in its section.
        title: above it.
        alt: the same in words.
        draw: draws on the axes that it is given.
        data: what is drawn; arrays become lists.
        height: in inches; all charts are as wide.
        note: how it is read.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    # Ids count in the whole page, and follow from this and from what they stand for.
    salt = {"svg.hashsalt": readable(f"{name} {title}")}
    # What the user says of plots elsewhere (matplotlibrc) must not change them here.
    with style.context([_STYLE | salt], after_reset=True), _quiet():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return Plot(name, title, alt, _element(file.getvalue(), alt), plain(data), note)


def _quiet() -> warnings.catch_warnings[None]:
    """Return what silences Matplotlib on letters that its font lacks: a browser has others."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def _element(svg: str, alt: str) -> str:
    """Return a document as an element that can stand in a page beside others of its kind."""
    root = ElementTree.fromstring(readable(svg))
    used = set(re.findall(r"#([\w.]+)", svg))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {
            key.rpartition("}")[2]: _value(key.rpartition("}")[2], value)
            for key, value in element.attrib.items()
            if key != "id" or value in used
        }
        if element.tag != "text":
            element.text = None
        element.tail = None
    for element in root.iter():
        _share_style(element)
        # Its rule would hold for the whole page.
        for child in [child for child in element if child.tag == "style"]:
            element.remove(child)
    box = root.attrib["viewBox"]
    root.attrib = {"viewBox": box, "role": "img", "aria-label": readable(alt)}
    return ElementTree.tostring(root, encoding="unicode")


def _value(key: str, value: str) -> str:
    """Return the value of an attribute: short, and in the page's colours."""
    if key == "href":
        # A picture has its data here.
        return value.replace("\n", "")
    if key == "style":
        for colour, themed in _THEME.items():
            value = value.replace(colour, themed)
        return re.sub(r"font-family:[^;]*;? ?", "", value)
    if key in ("d", "x", "y", "width", "height"):
        value = _NUMBER.sub(lambda found: f"{float(found.group()):.1f}".removesuffix(".0"), value)
        return re.sub(r"\s+", " ", value).strip()
    return value


def _share_style(element: ElementTree.Element) -> None:
    """Say the style of many equal marks once: points are most of a chart's bytes."""
    styles = {child.get("style") for child in element}
    if len(element) > 1 and len(styles) == 1 and all(child.tag == "use" for child in element):
        element.set("style", styles.pop() or "")
        for child in element:
            del child.attrib["style"]
