"""`board`: all runs of a competition, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import Competition, Metric
from pipelines.api.history import history
from pipelines.reports import run_row
from pipelines.store.records import Record

if TYPE_CHECKING:
    import pandas as pd

# Commands whose members were trained on all rows in all folds, so that their scores go together.
_SCORED = ("run", "cv", "compare")


@dataclass(frozen=True)
class Board:
    """The runs of a competition that have a score.

    Attributes:
        metric: of the competition.
        folder: where the records are.
        rows: a mapping for each run, the best first: its record, date, members, best member and
            blend with their scores, and whether it is on the `same` rows and folds as the last one.
        notes: what the user should know.
    """

    metric: Metric
    folder: Path
    rows: Sequence[dict[str, Any]]
    notes: Sequence[str]

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def board(competition: str | Competition, *, runs: str | Path | None = None) -> Board:
    """Return all runs of a competition with their scores, the best first. Nothing is printed.

    A run counts by the honest score of its blend, and by its best member where nothing was blended.
    Runs on other rows or folds than the last one come behind: their scores do not go together.

    Args:
        competition: a name, or your own.
        runs: the folder for results.

    >>> import tempfile, pipelines
    >>> folder = tempfile.mkdtemp()
    >>> made = pipelines.run("house-prices", models="median,ridge", runs=folder, engine="inline")
    >>> (row,) = board("house-prices", runs=folder).rows
    >>> row["command"], row["best"], row["same"]
    ('run', 'ridge', True)
    """
    found = history(competition, runs=runs)
    metric = found.metric
    trained = [record for record in found.records if record.command in _SCORED]
    rows = [run_row(metric, record) for record in trained]
    last = trained[-1] if trained else None
    for row, record in zip(rows, trained, strict=True):
        row["same"] = last is not None and _rows(record) == _rows(last)
        row["score"] = row["best_score"] if row["blend_score"] is None else row["blend_score"]
    scored = [row for row in rows if row["score"] is not None]
    ordered = sorted(scored, key=lambda row: (not row["same"], metric.sort_key(row["score"])))
    notes = list(found.notes)
    if not all(row["same"] for row in ordered):
        notes.append(
            "Runs on other rows or folds than the last one come behind; their scores do not go "
            "together."
        )
    return Board(metric, found.folder, ordered, notes)


def _rows(record: Record) -> tuple[str, str]:
    return record.data.fingerprint, record.folds.fingerprint
