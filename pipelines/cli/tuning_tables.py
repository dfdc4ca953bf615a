"""What `comps tune` shows, and the same for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from comps.base import Metric
from pipelines.api.search.trials import parameters_text, ranked, trial_row
from pipelines.cli.tables import Rows, new_table

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.tuning import TrialResult


def trials(metric: Metric, results: Sequence[TrialResult], shown: int) -> tuple[Table, Rows]:
    """Return the best trials of a study, best first; machines get all."""
    ends = Counter(result.state for result in results)
    title = ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
    headings = [f"OOF {metric.label}", "stop at", "s"]
    table = new_table(title, ["trial"], headings, spare=["s", "stop at"])
    table.add_column("parameters")
    rows = ranked(metric, results)
    for result in rows[:shown]:
        if result.score is None:
            break
        table.add_row(
            str(result.trial.number),
            f"{result.score:.{metric.digits}f}",
            str(result.step) if (result.step or 1) > 1 else "",
            f"{result.seconds:.1f}",
            parameters_text(result.trial.params),
        )
    return table, [trial_row(result) for result in rows]
