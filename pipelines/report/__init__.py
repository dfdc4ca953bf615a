"""The report of a run: one page that opens offline, and the same as JSON for programs."""

from pipelines.report.head import summary_of
from pipelines.report.page import fragment, page
from pipelines.report.parts import Section, plain
from pipelines.report.run import Curves, Predicted, ReportedRun, Study
from pipelines.report.sections import Built, build

__all__ = [
    "Built",
    "Curves",
    "Predicted",
    "ReportedRun",
    "Section",
    "Study",
    "build",
    "fragment",
    "page",
    "plain",
    "summary_of",
]
