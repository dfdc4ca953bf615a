"""The report of a run: one page that opens offline, and the same as JSON for programs."""

from pipelines.reports.blending import by_weight
from pipelines.reports.head import summary_of
from pipelines.reports.over_time import run_row
from pipelines.reports.page import fragment, page
from pipelines.reports.parts import Section, plain
from pipelines.reports.run import Curves, Predicted, ReportedRun, Study, Submissions
from pipelines.reports.sections import Built, build

__all__ = [
    "Built",
    "Curves",
    "Predicted",
    "ReportedRun",
    "Section",
    "Study",
    "Submissions",
    "build",
    "by_weight",
    "fragment",
    "page",
    "plain",
    "run_row",
    "summary_of",
]
