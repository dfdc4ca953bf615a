"""The page: sections as HTML that loads nothing, by a template that escapes all values."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.basics.version import own_version
from pipelines.reports.charts import readable
from pipelines.reports.head import cards_of, subtitle_of, title_of
from pipelines.reports.parts import Part, Section
from pipelines.reports.run import ReportedRun

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent


def page(run: ReportedRun, sections: Sequence[Section], missing: Sequence[str]) -> str:
    """Return the whole page of a run."""
    script = (_HERE / "sort.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    text = _template().render(
        whole=True,
        title=title_of(run),
        subtitle=subtitle_of(run),
        cards=cards_of(run),
        sections=sections,
        missing=missing,
        style=_style(),
        script=script,
        # Whatever else came into the page would not run.
        script_hash=f"sha256-{digest}",
        version=own_version(),
    )
    return readable(text)


def fragment(sections: Sequence[Section]) -> str:
    """Return sections as an element that a notebook shows."""
    return readable(_template().render(whole=False, sections=sections, style=_style()))


def _style() -> str:
    return re.sub(r"\s*\n\s*", "\n", (_HERE / "page.css").read_text("utf-8"))


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Autoescape: what comes from data is text, whatever it looks like.
    made = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters["by_kind"] = _by_kind
    return made.get_template("page.html.jinja")


def _by_kind(parts: Sequence[Part]) -> list[tuple[str, list[Part]]]:
    """Return runs of parts of one kind: charts that follow each other stand side by side."""
    groups = itertools.groupby(parts, lambda part: type(part).__name__)
    return [(kind, list(some)) for kind, some in groups]
