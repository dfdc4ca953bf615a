"""`comps list`."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path

from comps.base import Competition
from comps.catalog import competition_names, find_competition
from comps.sources import find_source


def list_competitions(data: Path | None, as_json: bool) -> None:
    """Print a row for each competition."""
    rows = [_row(find_competition(name), data) for name in competition_names()]
    if as_json:
        for row in rows:
            sys.stdout.write(json_.dumps({"event": "competition", **row}) + "\n")
        return
    from pipelines.cli.tables import new_table
    from pipelines.cli.width import show

    table = new_table("", ["competition", "task", "metric"], [], spare=["task", "data", "models"])
    table.add_column("data", overflow="fold")
    table.add_column("models")
    for row in rows:
        table.add_row(*row.values())
    show(table, pipe_width=160)


def _row(competition: Competition, data: Path | None) -> dict[str, str]:
    return {
        "competition": competition.name,
        "task": str(competition.task),
        "metric": competition.metric.label,
        "data": str(find_source(competition, data)),
        "models": ", ".join(
            model.name if model.default else f"({model.name})" for model in competition.models
        ),
    }
