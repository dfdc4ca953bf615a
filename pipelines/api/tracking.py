"""What of a run is logged to a tracking server: the run itself, and each of its members below."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comps.base import JSON
from pipelines.basics.files import read_json
from pipelines.reports import Curves, ReportedRun, plain, summary_of
from pipelines.store import RunStore
from pipelines.store.records import FOLDER, Member, Record

# A name, a value, and the step that it belongs to.
Measured = tuple[str, float, int]
# What a leaderboard tells in numbers, by the name under which it is logged.
_NUMBERS = ("score", "nested_score", "cut_score", "fold_mean", "fold_std", "fit_seconds", "size")
_OF_BLEND = ("honest_score", "fitted_score")
# Files of a run beside the report, in its folder.
_FILES = ("submission.csv", "leaderboard.json", "blend.json")


@dataclass(frozen=True)
class Entry:
    """One run as a tracking server has it.

    Attributes:
        name: as people read it.
        tags: what it is of, and where it was trained.
        params: what was chosen, as texts.
        metrics: scores and times; those of folds and of stages have a step each.
        files: that are logged with it, by the folder that they are put into.
    """

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Sequence[Measured]
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def entries(
    run: ReportedRun, store: RunStore, reports: Sequence[Path]
) -> tuple[Entry, list[Entry]]:
    """Return what is logged of a run, and of each of its members.

    Args:
        run: with its record, if there is one.
        store: that its files are read from.
        reports: files that were written of it.
    """
    members = {} if run.record is None else {one.name: one for one in run.record.members}
    of_members = [_member(run, store, row, members.get(str(row["model"]))) for row in run.members]
    return _whole(run, store, reports), of_members


def _whole(run: ReportedRun, store: RunStore, reports: Sequence[Path]) -> Entry:
    record, blend = run.record, run.blend or {}
    metrics: list[Measured] = [(name, blend[name], 0) for name in _OF_BLEND if name in blend]
    metrics.append(("members", len(run.members), 0))
    tags = {name: value for name, value in summary_of(run).items() if isinstance(value, str)}
    if blend:
        tags["blend"] = str(blend["method"])
    params: dict[str, Any] = {}
    if record is not None:
        metrics.append(("seconds", record.seconds, 0))
        tags |= _of_record(record)
        folds = record.folds
        params = {
            **record.options,
            "seed": record.seed,
            "folds": folds.n_folds,
            "scheme": folds.scheme,
            "repeats": folds.repeats,
        }
    name = run.name if record is None else f"{record.command} of {record.when}"
    files = {
        "report": reports,
        "": _there(store.root / file for file in _FILES),
        FOLDER: [] if record is None else _there(_record_files(store, record)),
    }
    return Entry(name, tags, _texts(params), _finite(metrics), files)


def _member(
    run: ReportedRun, store: RunStore, row: Mapping[str, Any], member: Member | None
) -> Entry:
    name = str(row["model"])
    metrics: list[Measured] = [(key, row[key], 0) for key in _NUMBERS if row.get(key) is not None]
    metrics += [("step", row.get("step") or 1, 0), ("weight", row.get("weight") or 0.0, 0)]
    scores = run.fold_scores.get(name)
    if scores is not None:
        metrics += [("fold_score", score, fold) for fold, score in enumerate(scores.ravel())]
    if name in run.curves:
        metrics += _curve(run.curves[name])
    tags = {"family": str(row.get("family", "")), "note": str(row.get("note") or "")}
    params: Mapping[str, Any] = {}
    files: dict[str, Sequence[Path]] = {}
    if member is not None:
        tags |= {"model": member.model, "trainer": member.trainer, "key": member.key}
        folder = store.fold_path(member.model, member.key, 0, ()).parent
        params = _params(folder, member)
        files["model"] = _there([folder / "model.json", *sorted(folder.glob("*.model.zip"))])
    tags = {key: value for key, value in tags.items() if value}
    return Entry(name, tags, _texts(params), _finite(metrics), files)


def _of_record(record: Record) -> dict[str, str]:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return {
        "command": record.command,
        "machine": record.host,
        "versions": versions,
        "rows": record.data.fingerprint,
        "fold_fingerprint": record.folds.fingerprint,
        **{f"hardware.{name}": value for name, value in record.hardware.items()},
    }


def _curve(curves: Curves) -> list[Measured]:
    pairs = zip(curves.steps.tolist(), curves.mean.tolist(), strict=True)
    return [("curve", score, step) for step, score in pairs]


def _params(folder: Path, member: Member) -> Mapping[str, Any]:
    """Return all parameters of a member; those that were changed where others cannot be read."""
    try:
        values: Mapping[str, Any] = read_json(folder / "model.json")
        return dict(values["config"]["params"])
    except (OSError, ValueError, KeyError, TypeError):
        return member.changed


def _record_files(store: RunStore, record: Record) -> list[Path]:
    return [store.root / FOLDER / f"{record.name}.{end}" for end in ("json", "log")]


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_file()]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    def text(value: JSON) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    return {name: text(plain(value)) for name, value in values.items()}


def _finite(metrics: Iterable[tuple[str, Any, int]]) -> list[Measured]:
    known = ((name, float(value), step) for name, value, step in metrics if value is not None)
    return [one for one in known if math.isfinite(one[1])]
