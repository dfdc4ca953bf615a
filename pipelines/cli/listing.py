"""`comps list`."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path

from comps.base import Competition, DataError
from comps.catalog import usable_competitions
from comps.sources import find_source
from pipelines.cli.places import look_in


def list_competitions(data: Path | None, root: Path | None, as_json: bool) -> None:
    """Print a row for each competition; of a broken file, what is wrong with it."""
    look_in(root)
    competitions, broken = usable_competitions()
    rows = [_row(competition, data) for competition in competitions]
    if as_json:
        for row in rows:
            sys.stdout.write(json_.dumps({"event": "competition", **row}) + "\n")
        for name, reason in broken.items():
            event = {"event": "broken", "competition": name, "reason": reason}
            sys.stdout.write(json_.dumps(event) + "\n")
        return
    from pipelines.cli.tables import new_table
    from pipelines.cli.width import show

    table = new_table("", ["competition", "task", "metric"], [], spare=["task", "data", "models"])
    table.add_column("data", overflow="fold")
    table.add_column("models")
    for row in rows:
        table.add_row(*row.values())
    show(table, pipe_width=160)
    for reason in broken.values():
        sys.stderr.write(f"{reason}\n")


def _row(competition: Competition, data: Path | None) -> dict[str, str]:
    try:
        source = str(find_source(competition, data))
    except DataError:
        # A competition may wait for its files; a path that was given must be there.
        if data is not None:
            raise
        source = "none yet"
    return {
        "competition": competition.name,
        "task": str(competition.task),
        "metric": competition.metric.label,
        "data": source,
        "models": ", ".join(
            model.name if model.default else f"({model.name})" for model in competition.models
        ),
    }
