"""What a run folder holds: `comps history`, `comps board` and `comps clean`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.api.board import board
from pipelines.api.history import History, clean, history
from pipelines.api.progress import clock
from pipelines.cli.request import Request
from pipelines.cli.tables import new_table

if TYPE_CHECKING:
    from pipelines.store.records import Record


def show_history(request: Request) -> None:
    """Show a row for each record, the oldest first."""
    with request.output() as output:
        found = history(request.subject, **request.choices)
        metric = found.metric
        for note in found.notes:
            output.note(note)
        if not found.records and not request.json:
            output.result(f"{found.folder} has no records yet.", {})
            return
        table = new_table(
            "",
            ["date (UTC)", "command", "members", "best"],
            [f"blend {metric.label}", "seed", "sealed", "seconds"],
            spare=["seed", "sealed"],
        )
        table.add_column("status")
        for record in found.records:
            best = found.best(record)
            blend = (record.blend or {}).get("honest_score")
            table.add_row(
                record.when.removesuffix(" UTC"),
                record.command,
                ", ".join(member.name for member in record.members),
                "" if best is None else f"{best.name} {best.score:.{metric.digits}f}",
                "" if blend is None else f"{blend:.{metric.digits}f}",
                str(record.seed),
                "" if record.data.sealed is None else f"{record.data.sealed:g}",
                clock(record.seconds),
                str(record.state),
            )
        output.table("history", table, [_row(found, record) for record in found.records])


def _row(found: History, record: Record) -> dict[str, Any]:
    best = found.best(record)
    return {
        "record": record.name,
        **record.to_json(),
        "status": str(record.state),
        "sealed": record.data.sealed,
        "best": None if best is None else best.name,
        "best_score": None if best is None else best.score,
        "blend_score": (record.blend or {}).get("honest_score"),
    }


def show_board(request: Request) -> None:
    """Show a row for each run with a score, the best first."""
    with request.output() as output:
        found = board(request.subject, **request.choices)
        for note in found.notes:
            output.note(note)
        if not found.rows and not request.json:
            output.result(f"{found.folder} has no runs with a score yet.", {})
            return
        metric = found.metric
        table = new_table(
            "",
            ["date (UTC)", "command", "best member"],
            [f"its {metric.label}", f"blend {metric.label}", "members", "seed", "seconds"],
            spare=["seed", "members", "seconds"],
        )
        table.add_column("")
        for row in found.rows:
            blend = row["blend_score"]
            table.add_row(
                row["when"],
                row["command"],
                row["best"],
                f"{row['best_score']:.{metric.digits}f}",
                "" if blend is None else f"{blend:.{metric.digits}f}",
                str(row["members"]),
                str(row["seed"]),
                clock(row["seconds"]),
                "" if row["same"] else "other rows or folds",
            )
        output.table("board", table, list(found.rows))


def clean_store(request: Request, dry_run: bool) -> None:
    """Remove what no record names, or only say what it is."""
    with request.output() as output:
        items, notes = clean(request.subject, **request.choices, dry_run=dry_run)
        for note in notes:
            output.note(note)
        for item in items:
            output.result(
                f"{item.name}: {item.bytes:,} bytes, {item.what}",
                {"path": str(item.path), "bytes": item.bytes, "what": item.what},
                event="unused",
            )
        total = sum(item.bytes for item in items)
        done = "would be removed" if dry_run else "removed"
        output.result(
            f"{len(items)} unused results and files, {total:,} bytes, {done}.",
            {"items": len(items), "bytes": total, "removed": not dry_run},
        )
