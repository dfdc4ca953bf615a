"""Records: what a command trained, on what, and what came out, for people and for `comps blend`.

`records/<UTC time>-<command>.json` in the run store, the text of the log beside it. A record is
written when training begins and again whenever a member is finished, so that it tells the truth
of a run that goes on or was killed, too.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from comps.base import JSON, Competition, Model, Params, StoreError
from pipelines.basics.files import write_bytes
from pipelines.basics.processes import is_running
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore

FORMAT = 1
FOLDER = "records"


class Status(StrEnum):
    """How far a command came; `KILLED` is never written, but found by whoever reads."""

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
    """How the rows were divided; `fingerprint` is that of the folds."""

    scheme: str
    n_folds: int
    repeats: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """What a command trained, or found trained.

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
        """Return the member that a model is to become; `declared` is the zoo's."""
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
        """Return this member with what came out."""
        return replace(
            self,
            score=oof.score,
            repeats=oof.n_repeats,
            step=oof.step,
            fit_seconds=oof.fit_seconds,
        )

    def trained(self, competition: Competition) -> Model:
        """Return the model as it was trained, made from the zoo of today.

        Raises:
            UsageError: if the zoo has no such model any more.
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
    """What a command did.

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
        status: how far it came.
        error: why it failed, in words for the user.
        seconds: from the beginning to now, or to the end.
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

    @property
    def when(self) -> str:
        """The time as people write it, e.g. `2026-11-25 12:30 UTC`."""
        return f"{datetime.fromisoformat(self.started):%Y-%m-%d %H:%M} UTC"

    @property
    def state(self) -> Status:
        """How far it came; `KILLED` where it says that it runs and does not."""
        here = self.status is Status.RUNNING and self.host == socket.gethostname()
        return Status.KILLED if here and not is_running(self.process) else self.status

    def to_json(self) -> dict[str, JSON]:
        """Return JSON values, from which `from_json` makes an equal record."""
        values = asdict(self)
        del values["name"]
        return {"format": FORMAT, "status": values.pop("status"), **values}

    @classmethod
    def from_json(cls, name: str, values: Params) -> Record:
        """Return the record that `to_json` took apart.

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


def write_record(store: RunStore, record: Record) -> Path:
    """Write a record whole, in place of an earlier state of it; return the file."""
    path = store.root / FOLDER / f"{record.name}.json"
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())
    return path


def read_records(store: RunStore) -> tuple[list[Record], list[str]]:
    """Return the records, the oldest first, and a line on each that cannot be read."""
    records, notes = [], []
    for path in sorted((store.root / FOLDER).glob("*.json")):
        try:
            records.append(Record.from_json(path.stem, json.loads(path.read_text("utf-8"))))
        except (OSError, ValueError, StoreError) as error:
            notes.append(f"{path} is damaged and left out: {error}")
    return records, notes


def reserve_log(store: RunStore, command: str, now: datetime | None = None) -> tuple[str, datetime]:
    """Make the log file of a new record; return the record's name and the time it stands for.

    No two records have one name, not even within a microsecond.

    Raises:
        StoreError: if the file cannot be made.
    """
    folder = store.root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            started = now or datetime.now(UTC)
            name = f"{started:%Y-%m-%dT%H%M%S.%fZ}-{command}"
            try:
                (folder / f"{name}.log").touch(exist_ok=False)
                return name, started
            except FileExistsError:
                now = None
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error.strerror or error}.") from error
