"""`comps explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.api.explaining import Explanation, explain
from pipelines.cli.request import Request
from pipelines.cli.tables import new_table

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 15


def show_explanation(request: Request, member: str | None, rows: int, folder: Path | None) -> None:
    """Show which columns matter, and write all tables into a folder if one was named."""
    choices = {name: value for name, value in request.choices.items() if name != "models"}
    with request.output() as output:
        found = explain(request.subject, member=member, rows=rows, progress=output, **choices)
        if len(found.importance):
            shown: Any = found.importance.to_dict("records")
            output.table("importance", _table(found), shown)
        asked = " and ".join(f"{name} ({weight:.2f})" for name, weight in found.members.items())
        output.note(f"Asked: {asked}, about {found.rows} rows that they were not trained on.")
        for note in found.notes:
            output.note(note)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("importance", "dependence", "contributions", "occlusion"):
                table = getattr(found, name)
                if len(table):
                    table.to_csv(folder / f"{name}.csv", index=False)
            output.result(f"Tables in {folder}.", {"folder": str(folder)})


def _table(found: Explanation) -> Table:
    table = new_table(
        "", ["column"], [f"{found.metric} worse by", "± between folds", "share of gain"]
    )
    for row in found.importance.head(_SHOWN).to_dict("records"):
        gain = "" if np.isnan(row["gain"]) else f"{row['gain']:.3f}"
        table.add_row(
            str(row["column"]), f"{row['importance']:.5f}", f"{row['deviation']:.5f}", gain
        )
    return table
