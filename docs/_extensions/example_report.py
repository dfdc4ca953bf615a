"""Makes the report that the guide shows: a quick run of house prices on the bundled sample.

A search and what the models learned are in it, too.
"""

import tempfile
from pathlib import Path

from sphinx.application import Sphinx

import pipelines
from comps.house_prices.competition import COMPETITION


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        with tempfile.TemporaryDirectory() as runs:
            # Not what whoever builds the pages may have downloaded.
            choices = {"data": COMPETITION.sample, "runs": runs}
            # So that no section is missing.
            pipelines.tune("house-prices", "ridge", trials=10, **choices)
            pipelines.cross_validate("house-prices", models="ridge", **choices)
            result = pipelines.run("house-prices", quick=True, **choices)
            pipelines.explain("house-prices", runs=runs)
            pipelines.report(result, runs=runs, output=Path(app.outdir) / "example_report.html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it when the pages are there."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}
