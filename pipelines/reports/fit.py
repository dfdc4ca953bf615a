"""What fits the task: predictions beside the truth, by the kind of the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comps.base import Prediction, Task
from pipelines.reports.classes import fit_of_classes, fit_of_labels
from pipelines.reports.parts import Part, Section, Text
from pipelines.reports.run import Predicted, ReportedRun
from pipelines.reports.values import fit_of_values

FITS: Mapping[Task, Callable[[ReportedRun, Predicted], list[Part]]] = {
    Task.REGRESSION: fit_of_values,
    Task.BINARY: fit_of_classes,
    Task.MULTICLASS: fit_of_classes,
    Task.MULTILABEL: fit_of_labels,
}


def fit(run: ReportedRun) -> Section | None:
    """Return predictions beside the truth; None where there are no predictions."""
    predicted, competition = run.predicted, run.competition
    if predicted is None or competition is None or not len(predicted.target):
        return None
    drawn = len(predicted.target)
    rows = f"{drawn:,} rows"
    if drawn < predicted.of:
        rows = f"{drawn:,} of {predicted.of:,} rows, drawn at random"
    first = Text(f"{predicted.by}: {rows}. No model had been trained on the rows it predicts here.")
    parts = FITS[competition.task](run, predicted)
    return Section("fit", _TITLES.get(competition.submits, "Predictions"), [first, *parts])


_TITLES = {Prediction.VALUE: "Predictions and residuals"}
