"""Makes the report that the guide shows: a quick run of house prices on the bundled sample."""

import tempfile
from pathlib import Path

from sphinx.application import Sphinx

import pipelines
from comps.house_prices.competition import COMPETITION


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        with tempfile.TemporaryDirectory() as runs:
            # Not what whoever builds the pages may have downloaded.
            sample = COMPETITION.sample
            result = pipelines.run("house-prices", data=sample, quick=True, runs=runs)
            pipelines.report(result, runs=runs, output=Path(app.outdir) / "example_report.html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it when the pages are there."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}
