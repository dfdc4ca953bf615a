"""`report`: one page on a run that opens offline, and the same as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from comps.base import (
    JSON,
    Competition,
    StoreError,
    TrackingError,
    UsageError,
    WorkbenchError,
    names_a_folder,
)
from comps.catalog import competition_names
from comps.sources import runs_root
from pipelines.api.choices import Options, RowChoices, checked_choice, store_of, with_members
from pipelines.api.following import introduction
from pipelines.api.gathering import LARGE, Gatherer, size_of
from pipelines.api.mlflow_log import check_server, log_run
from pipelines.api.progress import Progress
from pipelines.api.results import Result
from pipelines.api.session import Session
from pipelines.api.stored import Stored, open_stored
from pipelines.api.tracking import entries
from pipelines.basics.files import write_bytes
from pipelines.reports import ReportedRun, build, page, plain, summary_of
from pipelines.store import RunStore
from pipelines.store.records import Member, Record, read_records
from pipelines.tuning.stored import stored_bests

FORMAT = 1
# Commands whose members make a leaderboard.
_TRAINED = ("run", "cv", "compare")


@dataclass(frozen=True, repr=False)
class Report:
    """A report that was written.

    Attributes:
        path: of the page.
        json_path: of the same for programs.
        values: what the latter holds: `summary`, `missing`, and by name the `sections`.
        missing: what the report should have and has not, and why.
        logged: MLflow's number of the run, if it was logged there.
    """

    path: Path
    json_path: Path
    values: Mapping[str, Any]
    missing: Sequence[str]
    logged: str | None = None

    def __repr__(self) -> str:
        lacking = f", {len(self.missing)} things missing" if self.missing else ""
        return f"Report({self.path}: {', '.join(self.values['sections'])}{lacking})"


def report(
    run: str | Competition | Result,
    *,
    output: str | Path | None = None,
    mlflow: str | None = None,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Report:
    """Write a report on the last run of a competition, or on a result. Nothing is printed.

    Nothing is trained or checked anew. What cannot be read is left out, and the report says so.

    Args:
        run: a competition's name, your own competition, or what `run` returned.
        output: the file of the page, which ends in .html; `report.html` in the run's folder unless
            given. The JSON file lies beside it.
        mlflow: address of a tracking server of MLflow, such as "http://127.0.0.1:5000": the run is
            logged there, with members, scores, the report and the models that were kept.
        progress: is called with each `Update`.
        **choices: see `RowChoices`; of a result, `runs` alone.

    Raises:
        UsageError: if nothing was run, or a choice is wrong.
        StoreError: if the files cannot be written.
        TrackingError: if they are written, and MLflow cannot be used.

    >>> import tempfile, pipelines
    >>> runs = tempfile.mkdtemp()
    >>> result = pipelines.run("house-prices", models="median,ridge", runs=runs, engine="inline")
    >>> made = report(result, runs=runs)
    >>> made.path.name, made.values["summary"]["metric"]
    ('report.html', 'root_mean_squared_log_error')
    >>> [row["model"] for row in made.values["sections"]["leaderboard"]["members"]]
    ['ridge', 'median']
    """
    path = _checked(checked_choice("output", output, "Path"))
    if checked_choice("mlflow", mlflow, "str") is not None:
        check_server(str(mlflow))
    store, gathered = (
        _of_result(run, choices) if isinstance(run, Result) else _of_store(run, choices, progress)
    )
    built = build(gathered)
    values: dict[str, JSON] = {
        "format": FORMAT,
        "summary": plain(summary_of(gathered)),
        "missing": list(built.missing),
        "sections": {section.name: section.values() for section in built.sections},
    }
    path = store.root / "report.html" if path is None else path
    json_path = path.with_suffix(".json")
    try:
        write_bytes(path, page(gathered, built.sections, built.missing).encode())
        write_bytes(json_path, (json.dumps(values, indent=1, allow_nan=False) + "\n").encode())
    except StoreError as error:
        raise StoreError(f"{error} output (--output) names another file.") from error
    store.send()
    logged = None
    if mlflow is not None:
        try:
            logged = log_run(mlflow, gathered.name, *entries(gathered, store, (path, json_path)))
        except TrackingError as error:
            raise TrackingError(
                f"{path} is written, but not logged. {error} 'comps report {gathered.name} "
                "--mlflow URI' logs the last run."
            ) from error
    return Report(path, json_path, values, tuple(built.missing), logged)


def _checked(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f"output (--output) takes a file that ends in .html; {str(path)!r} came. The file for "
            "programs beside it ends in .json."
        )
    return path


def _of_result(result: Result, choices: RowChoices) -> tuple[RunStore, ReportedRun]:
    """Return what there is of a result in memory."""
    more = [name for name in choices if name != "runs"]
    if more:
        raise UsageError(f"A result has its rows: leave out {', '.join(more)}.")
    root = checked_choice("runs", choices.get("runs"), "Path") or runs_root()
    store = RunStore(root / result.competition.name)
    gatherer = Gatherer(store, _record_of(store, result))
    return store, gatherer.whole(result, result.notes)


def _record_of(store: RunStore, result: Result) -> Record | None:
    """Return the last record whose members, rows and folds are those of a result."""
    keys = {oof.key for oof in result.oof.values() if not oof.imported}
    of_result = (result.dataset.fingerprint, result.folds.fingerprint, result.experiment.seed)
    for record in reversed(read_records(store)[0]):
        of_record = (record.data.fingerprint, record.folds.fingerprint, record.seed)
        if of_record == of_result and keys <= {member.key for member in record.members}:
            return record
    return None


def _of_store(
    competition: str | Competition, choices: RowChoices, progress: Progress | None
) -> tuple[RunStore, ReportedRun]:
    """Return what earlier calls left of a competition, which itself may be gone."""
    store = _store(competition, choices)
    try:
        stored = open_stored(Options.of(competition, choices), progress)
        result = _result(stored)
    except (WorkbenchError, OSError) as error:
        gatherer = Gatherer(store, _last(store))
        if gatherer.record is None:
            unrecorded = _unrecorded(competition, choices)
            if unrecorded is None:
                raise
            return store, gatherer.whole(unrecorded, ())
        unblended = _unblended(competition, choices, gatherer)
        if unblended is not None:
            return store, gatherer.whole(unblended, gatherer.record.notes)
        gatherer.missing.append(f"Rows and predictions: {error}")
        return store, gatherer.recorded(store.root.name, ())
    gatherer = Gatherer(store, stored.run)
    of_record = () if stored.run is None else stored.run.notes
    # Whose members these are is what the whole report says.
    told = "" if stored.run is None else introduction(stored.run, result.competition)
    notes = [note for note in (*of_record, *result.notes) if note != told]
    return store, gatherer.whole(result, list(dict.fromkeys(notes)))


def _unrecorded(competition: str | Competition, choices: RowChoices) -> Result | None:
    """Return the members that are stored for these rows and folds, whoever trained them.

    There may be searches alone; None where there is nothing at all.
    """
    try:
        session = Session(Options.of(competition, choices))
        experiment = session.experiment(n_repeats=1)
    except (WorkbenchError, OSError):
        return None
    stored = session.store.predictions(experiment.dataset, experiment.folds)
    searched = stored_bests(session.store)[0]
    if not stored and not searched:
        return None
    return Result(experiment, {oof.model: oof for oof in stored})


def _unblended(
    competition: str | Competition, choices: RowChoices, gatherer: Gatherer
) -> Result | None:
    """Return the members that can be read of a call that was not blended, or is damaged.

    None where that is not why the members of a run could not be opened.
    """
    record = gatherer.record
    finished = [m for m in record.members if m.score is not None] if record else []
    damaged = [member.name for member in finished if not _is_whole(gatherer.store, member)]
    names = [member.name for member in finished if member.name not in damaged]
    if not names or (record and record.command == "run" and not damaged):
        return None
    try:
        stored = open_stored(Options.of(competition, with_members(choices, names)))
    except (WorkbenchError, OSError):
        return None
    if damaged:
        gatherer.missing.append(f"Predictions that are damaged or gone: {', '.join(damaged)}.")
    return Result(stored.experiment, stored.oofs)


def _is_whole(store: RunStore, member: Member) -> bool:
    try:
        store.read_oof(member.model, member.key, member.repeats or 1)
    except (StoreError, OSError):
        return False
    return True


def _result(stored: Stored) -> Result:
    """Return the members and their blend, which is not made again of very many numbers."""
    if size_of(stored.oofs) <= LARGE or stored.run is None or not stored.run.blend:
        return stored.result("auto")
    stored.tell_joined()
    failures = {failure.name: failure.reason for failure in stored.run.failures}
    notes = tuple(stored.teller.notes)
    return Result(stored.experiment, stored.oofs, failures=failures, notes=notes)


def _store(competition: str | Competition, choices: RowChoices) -> RunStore:
    """Return the store of a competition, also where only its results are still there."""
    try:
        return store_of(Options.of(competition, choices))
    except WorkbenchError:
        if not isinstance(competition, str) or not names_a_folder(competition):
            raise
        root = checked_choice("runs", choices.get("runs"), "Path") or runs_root()
        folder = root / competition
        if competition in competition_names() or not (folder / "records").is_dir():
            raise
        return RunStore(folder)


def _last(store: RunStore) -> Record | None:
    """Return the record of the last command that trained members: a run, if there is one."""
    records = [record for record in read_records(store)[0] if record.command in _TRAINED]
    runs = [record for record in records if record.command == "run"]
    return next(reversed(runs or records), None)
