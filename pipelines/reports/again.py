"""To do it again: command, versions, seeds, fingerprints, hardware, notes and warnings."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from comps.base import JSON
from pipelines.reports.parts import Column, Facts, Lines, Part, Section, Table
from pipelines.reports.run import ReportedRun
from pipelines.store.records import Record

# Options of Python that the command line calls otherwise.
_CALLED = {"settings": "set", "boosting_device": "boosting-device"}


def again(run: ReportedRun) -> Section | None:
    """Return what is needed to do the run again; None where there is no record of it."""
    parts: list[Part] = []
    if run.record is not None:
        parts += _recorded(run.name, run.record)
    notes = [note for note in run.notes if not note.startswith("Check ")]
    if notes:
        parts.append(Lines("notes_of_the_run", "Notes and warnings", notes))
    return Section("again", "To do it again", parts) if parts else None


def _recorded(name: str, record: Record) -> list[Part]:
    hardware = ", ".join(f"{key}: {value}" for key, value in record.hardware.items())
    facts = [
        ("command", record.typed or command_line(name, record)),
        ("started", record.when),
        ("ended", f"{record.state}, after {record.seconds:,.0f} s"),
        ("seed", str(record.seed)),
        ("rows", record.data.path),
        ("fingerprint of the rows", record.data.fingerprint),
        (
            "folds",
            f"{record.folds.n_folds}, scheme {record.folds.scheme}"
            f"{'' if record.folds.file is None else ' (of a file)'}, "
            f"{record.folds.repeats} repeat{'s' if record.folds.repeats > 1 else ''}",
        ),
        ("fingerprint of the folds", record.folds.fingerprint),
        ("machine", record.host),
        ("hardware", hardware or "not recorded"),
        ("versions", ", ".join(f"{key} {value}" for key, value in record.versions.items())),
    ]
    if record.data.sealed is not None:
        facts.append(("sealed rows", f"{record.data.sealed:.0%}"))
    if record.error:
        facts.append(("error", record.error))
    parts: list[Part] = [Facts("command", facts)]
    if record.failures:
        failures = [
            {"model": failure.name, "reason": failure.reason, "log": failure.log or ""}
            for failure in record.failures
        ]
        columns = [Column("model", "model"), Column("reason", "reason"), Column("log", "log")]
        parts.append(Table("failures", "Models that failed", columns, failures))
    members = [
        {
            "member": member.name,
            "trainer": member.trainer,
            "changed": json.dumps(dict(member.changed)) if member.changed else "",
            "key": member.key,
        }
        for member in record.members
    ]
    columns = [
        Column("member", "member"),
        Column("trainer", "trainer"),
        Column("changed", "changed parameters"),
        Column("key", "key in the store"),
    ]
    return [*parts, Table("keys", "Members in the store", columns, members)]


def command_line(name: str, record: Record) -> str:
    """Return a call from Python as the command that does the same.

    Models that are Python's own are named; they cannot be typed.
    """
    words = ["comps", record.command, name]
    for option, value in record.options.items():
        words += _option(_CALLED.get(option, option).replace("_", "-"), value)
    return shlex.join(words)


def _option(name: str, value: JSON) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, list):
        if name == "set":
            return [word for part in value for word in (f"--{name}", str(part))]
        return [f"--{name}", ",".join(map(str, value))]
    if value is None or isinstance(value, Mapping):
        return []
    return [f"--{name}", str(value)]
