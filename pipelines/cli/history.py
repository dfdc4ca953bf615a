"""What a run folder holds: `comps history` and `comps clean`."""

from __future__ import annotations

from typing import Any

from comps.base import Metric
from comps.catalog import find_competition
from comps.sources import runs_root
from pipelines.cli.options import Options
from pipelines.cli.reporters import clock, make_output
from pipelines.cli.tables import new_table
from pipelines.store import RunStore
from pipelines.store.cleaning import remove, unused
from pipelines.store.records import Member, Record, read_records


def show_history(options: Options) -> None:
    """Show a row for each record, the oldest first."""
    competition = find_competition(options.competition)
    metric, store = competition.metric, _store(options)
    output = make_output(metric, options.json)
    records, notes = read_records(store)
    for note in notes:
        output.note(note)
    if not records and not options.json:
        output.result(f"{store.root} has no records yet.", {})
        return
    table = new_table(
        "", ["date (UTC)", "command", "members", "best"], [f"blend {metric.label}", "seconds"]
    )
    table.add_column("status")
    for record in records:
        best = _best(metric, record)
        blend = (record.blend or {}).get("honest_score")
        table.add_row(
            record.when.removesuffix(" UTC"),
            record.command,
            ", ".join(member.name for member in record.members),
            "" if best is None else f"{best.name} {best.score:.{metric.digits}f}",
            "" if blend is None else f"{blend:.{metric.digits}f}",
            clock(record.seconds),
            str(record.state),
        )
    output.table("history", table, [_row(metric, record) for record in records])


def _best(metric: Metric, record: Record) -> Member | None:
    """Return the finished member with the best score."""
    scored = [(metric.sort_key(m.score), m) for m in record.members if m.score is not None]
    return min(scored, key=lambda pair: pair[0])[1] if scored else None


def _row(metric: Metric, record: Record) -> dict[str, Any]:
    best = _best(metric, record)
    return {
        "record": record.name,
        **record.to_json(),
        "status": str(record.state),
        "best": None if best is None else best.name,
        "best_score": None if best is None else best.score,
        "blend_score": (record.blend or {}).get("honest_score"),
    }


def clean_store(options: Options, dry_run: bool) -> None:
    """Remove what no record names, or only say what it is."""
    store = _store(options)
    output = make_output(find_competition(options.competition).metric, options.json)
    # Whoever takes the lock removes temporary files at once: they are looked for before.
    found = unused(store)
    if found.items and not dry_run:
        with store.writing():
            # What a run has begun since is named by its record, and so not here.
            again = {item.path for item in unused(store).items}
            remove([item for item in found.items if item.path in again])
    for note in found.notes:
        output.note(note)
    for item in found.items:
        output.result(
            f"{item.path.relative_to(store.root)}: {item.bytes:,} bytes, {item.what}",
            {"path": str(item.path), "bytes": item.bytes, "what": item.what},
            event="unused",
        )
    total = sum(item.bytes for item in found.items)
    done = "would be removed" if dry_run else "removed"
    output.result(
        f"{len(found.items)} unused results and files, {total:,} bytes, {done}.",
        {"items": len(found.items), "bytes": total, "removed": not dry_run},
    )


def _store(options: Options) -> RunStore:
    competition = find_competition(options.competition)
    return RunStore((options.runs or runs_root()) / competition.name)
