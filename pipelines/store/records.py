"""Records: what a command trained, on which rows, and the results; also read by `comps blend`.

`records/<UTC time>-<command>.json` in the run store, the text of the log beside it. A record is
written when training begins and again whenever a member is finished, so that it is also correct
for a run that goes on or was killed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from comps.base import JSON, Competition, Model, Params, StoreError
from pipelines.basics.files import read_json, with_checksum, write_bytes
from pipelines.basics.processes import is_running
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore
from pipelines.store.decided import Decided

FORMAT = 1
FOLDER = "records"
_NAMED, _LENGTH = "%Y-%m-%dT%H%M%S.%fZ", len("2026-11-28T132858.803855Z")


class Status(StrEnum):
    """The state of a command; `KILLED` is never written, but worked out when a record is read."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


@dataclass(frozen=True, kw_only=True)
class RecordedRows:
    """Which rows a command used.

    Attributes:
        path: of the data, absolute.
        files: fingerprint of all rows.
        fingerprint: of the rows that were trained on; another one where rows are sealed.
        sealed: share of the sealed rows, or None.
    """

    path: str
    files: str
    fingerprint: str
    sealed: float | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedFolds:
    """How the rows were divided.

    Attributes:
        scheme: a name in `pipelines.folds.SCHEMES`.
        n_folds: folds in each repeat.
        repeats: of the folds.
        fingerprint: of the folds.
        file: under the root of the store, a copy of the file that numbers them, or None.
    """

    scheme: str
    n_folds: int
    repeats: int
    fingerprint: str
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member that a command trained, or found in the store.

    Attributes:
        name: with what was changed by the user, see `comps.base.names`.
        model: name of the model in the zoo.
        key: of its results in the store.
        family: that it is compared as.
        trainer: name of the trainer.
        changed: parameters that are not as the zoo declares them, those of the place included.
        score: out-of-fold, on all covered rows; None as long as it is not finished.
        repeats: that its predictions are the mean of; None as long as it is not finished.
        step: rounds or epochs; None as long as it is not finished.
        fit_seconds: of all folds; None as long as it is not finished.
    """

    name: str
    model: str
    key: str
    family: str
    trainer: str
    changed: Mapping[str, JSON] = field(default_factory=dict)
    score: float | None = None
    repeats: int | None = None
    step: int | None = None
    fit_seconds: float | None = None

    @classmethod
    def of(cls, model: Model, key: str, declared: Model) -> Member:
        """Return the member of a model that is not trained yet; `declared` is the zoo's model."""
        changed = replace(model, declared=declared.params).changed
        return cls(
            name=model.member,
            model=model.name,
            key=key,
            family=str(model.family),
            trainer=model.trainer,
            changed=changed,
        )

    def finished(self, oof: OutOfFold) -> Member:
        """Return this member with its results."""
        return replace(
            self,
            score=oof.score,
            repeats=oof.n_repeats,
            step=oof.step,
            fit_seconds=oof.fit_seconds,
        )

    def trained(self, competition: Competition) -> Model:
        """Return the model as it was trained, made from the present zoo.

        Raises:
            UsageError: if the zoo no longer has such a model.
        """
        declared = competition.model(self.model)
        params = {**declared.params, **self.changed}
        return replace(declared, trainer=self.trainer, params=params, declared=declared.params)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A model that could not be trained; `log` is the file with the traceback, if there is one."""

    name: str
    reason: str
    log: str | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything that is recorded of a command.

    Attributes:
        name: of the file, without its ending.
        command: e.g. "run".
        started: UTC, ISO 8601.
        options: as given.
        seed: of the run.
        data: the rows.
        folds: their division.
        versions: of this package, of Python and of the libraries that train.
        process: number of the process.
        host: the machine that it ran on.
        members: in the order in which they are blended.
        failures: of models.
        blend: method, weights and scores, as in `blend.json`; None where nothing was blended.
        tuned: the outcome of a search; None where nothing was searched.
        status: of the command.
        error: why it failed, in words for the user.
        seconds: from the beginning to now, or to the end.
        notes: what the user was told; what fits said is in the log alone.
        hardware: what it ran on, in words by name; the threads of a job, if it trained anything.
        typed: the command as it was typed; empty of a call from Python.
        decided: what a run decided; None as long as it goes on, and of other commands.
    """

    name: str
    command: str
    started: str
    options: Mapping[str, JSON]
    seed: int
    data: RecordedRows
    folds: RecordedFolds
    versions: Mapping[str, str]
    process: int
    host: str
    members: tuple[Member, ...] = ()
    failures: tuple[Failure, ...] = ()
    blend: Params | None = None
    tuned: Params | None = None
    status: Status = Status.RUNNING
    error: str | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    hardware: Mapping[str, str] = field(default_factory=dict)
    typed: str = ""
    decided: Decided | None = None

    @property
    def when(self) -> str:
        """The start as a text for people, e.g. `2026-11-25 12:30 UTC`."""
        return f"{datetime.fromisoformat(self.started):%Y-%m-%d %H:%M} UTC"

    @cached_property
    def state(self) -> Status:
        """The status; `KILLED` where a record says that its command runs, and it does not.

        It stays what it was when it was first asked for: the command may end meanwhile.
        """
        here = self.status is Status.RUNNING and self.host == socket.gethostname()
        return Status.KILLED if here and not is_running(self.process) else self.status

    def to_json(self) -> dict[str, JSON]:
        """Return JSON values, for `from_json` to read."""
        values = asdict(self)
        del values["name"]
        return {"format": FORMAT, "status": values.pop("status"), **values}

    @classmethod
    def from_json(cls, name: str, values: Params) -> Record:
        """Return the record of JSON values that `to_json` returned.

        Raises:
            StoreError: if something is missing, of another type, or of another format.
        """
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"its format is {values['format']!r}, not {FORMAT}")
            given = {key: value for key, value in values.items() if key != "format"}
            datetime.fromisoformat(given["started"])
            Path(given["data"]["path"])
            _whole(given["folds"]["n_folds"])
            _whole(given["folds"]["repeats"])
            return cls(
                **{
                    **given,
                    "name": name,
                    "status": Status(given["status"]),
                    "seed": _whole(given["seed"]),
                    "process": _whole(given["process"]),
                    "data": RecordedRows(**given["data"]),
                    "folds": RecordedFolds(**given["folds"]),
                    "members": tuple(_member(value) for value in given["members"]),
                    "failures": tuple(Failure(**value) for value in given["failures"]),
                    # Records of earlier versions have none of these.
                    "notes": tuple(map(str, given.get("notes", ()))),
                    "hardware": dict(given.get("hardware", {})),
                    "typed": str(given.get("typed", "")),
                    "decided": _decided(given),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise StoreError(f"The record {name} cannot be read: {reason}.") from error


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"a whole number was expected, not {value!r}")
    return value


def _member(values: Params) -> Member:
    for name in ("name", "model", "key", "family", "trainer"):
        if not isinstance(values[name], str):
            raise TypeError(f"{name} of a member must be a text, not {values[name]!r}")
    dict(values["changed"])
    return Member(**values)


def _decided(values: Params) -> Decided | None:
    """Return what a run decided, of which records of earlier versions say nothing."""
    found = values.get("decided")
    known = {member["name"] for member in values["members"]}
    return None if found is None else Decided.from_json(found, known)


def write_record(store: RunStore, record: Record) -> Path:
    """Write a record, replacing an earlier state of it; return the file."""
    path = store.root / FOLDER / f"{record.name}.json"
    text = json.dumps(with_checksum(record.to_json()), indent=2, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())
    return path


def read_records(store: RunStore) -> tuple[list[Record], list[str]]:
    """Return the records, the oldest first, and a line on each that cannot be read."""
    records, notes = [], []
    for path in sorted((store.root / FOLDER).glob("*.json")):
        try:
            record = read_record(path)
            # A command may have ended after its record was read, and before its process was
            # looked for; what it wrote at the end says how.
            records.append(read_record(path) if record.state is Status.KILLED else record)
        except (OSError, ValueError, StoreError) as error:
            notes.append(f"{path} is damaged and left out: {error}")
    return records, notes


def read_record(path: Path) -> Record:
    """Return the record of a file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON, or not what was written.
        StoreError: if it is no record.
    """
    return Record.from_json(path.stem, read_json(path))


def _after_all(folder: Path) -> datetime:
    """Return the first moment after all that records are named for."""
    for path in sorted(folder.glob("*.log"), reverse=True):
        with suppress(ValueError):
            moment = datetime.strptime(path.name[:_LENGTH], _NAMED).replace(tzinfo=UTC)
            return moment + timedelta(microseconds=1)
    return datetime.min.replace(tzinfo=UTC)


def reserve_log(store: RunStore, command: str, now: datetime | None = None) -> tuple[str, datetime]:
    """Make the log file of a new record; return the record's name and its time.

    No two records have one name, not even within a microsecond, and the names follow the order of
    the calls, also where the clock went backwards: commands follow the last record.

    Raises:
        StoreError: if the file cannot be made.
    """
    folder = store.root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            started = now or datetime.now(UTC)
            name = f"{max(started, _after_all(folder)):{_NAMED}}-{command}"
            try:
                (folder / f"{name}.log").touch(exist_ok=False)
                return name, started
            except FileExistsError:
                now = None
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error.strerror or error}.") from error
