"""The task that a worker of the cluster executes: one job, whose results it yields one by one."""

from __future__ import annotations

import pickle
import queue
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from comps.base import Array, Dataset, Model
from pipelines.engines._base import Event, Failed, Progress
from pipelines.engines._outcome import failure, now_and_then, outcome_of, without_job
from pipelines.engines._places import Place, Results
from pipelines.engines._worker import begin_keras, limit_threads
from pipelines.engines.jobs import Job, Run
from pipelines.engines.ray._files import Named, with_places, with_texts, written
from pipelines.engines.ray._parcel import Packed
from pipelines.engines.ray._versions import differences, versions
from pipelines.folds import Folds, Held
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept


@dataclass(frozen=True)
class Unlike:
    """The worker has other versions than the process that started the run."""

    host: str
    differences: Sequence[str]


@dataclass(frozen=True)
class Begun:
    """The job began on a node."""

    node: str


@dataclass(frozen=True)
class Told:
    """An event of the job, without the job."""

    kind: type[Event]
    values: Mapping[str, Any]


class Delivery(Protocol):
    """A result on its way to the store."""

    def write(self, store: Results, job: Job) -> None: ...


@dataclass(frozen=True, eq=False)
class Fitted:
    """The result of a fit."""

    result: FoldResult

    def write(self, store: Results, job: Job) -> None:
        """Store it."""
        store.write_fold(job.model, job.key, self.result)


@dataclass(frozen=True, eq=False)
class Tested:
    """What a kept fit predicts for the test rows at its stopping point."""

    held: Held
    step: int
    test: Array

    def write(self, store: Results, job: Job) -> None:
        """Store it."""
        names = job.model.name, job.key, job.repeat, self.held
        store.write_tested(*names, self.step, self.test)


@dataclass(frozen=True, eq=False)
class Trained:
    """The trained model of a fit, once its stopping point is chosen."""

    held: Held
    kept: Kept

    def write(self, store: Results, job: Job) -> None:
        """Store it."""
        store.write_kept(job.model.name, job.key, job.repeat, self.held, self.kept)


Message = Unlike | Begun | Told | Fitted | Tested | Trained


class Outbox:
    """Stands for the run store on a worker: it passes on what a job writes.

    Args:
        kept: models that came with the job.
        places: where files are here, by the texts that name them there.
        send: passes on.
    """

    def __init__(
        self,
        kept: Mapping[Held, Kept],
        places: Mapping[str, str],
        send: Callable[[Message], None],
    ) -> None:
        self._kept, self._send, self._places = kept, send, places
        self._texts = {place: text for text, place in places.items()}

    def write_fold(self, model: Model, key: str, result: FoldResult) -> None:
        """Send the result of a fit."""
        del model, key
        kept = None if result.kept is None else with_texts(result.kept, self._texts)
        self._send(Fitted(replace(result, kept=kept)))

    def write_tested(
        self, model: str, key: str, repeat: int, held: Held, step: int, test: Array
    ) -> None:
        """Send what a fit predicts for the test rows."""
        del model, key, repeat
        self._send(Tested(held, step, test))

    def read_kept(self, model: str, key: str, repeat: int, held: Held) -> Kept:
        """Return the trained model that came with the job."""
        del model, key, repeat
        return with_texts(self._kept[held], self._places)

    def write_kept(self, model: str, key: str, repeat: int, held: Held, kept: Kept) -> None:
        """Send a trained model."""
        del model, key, repeat
        self._send(Trained(held, with_texts(kept, self._texts)))


class Sent:
    """What a job finds around it on a worker: what was sent with it."""

    def __init__(self, rows: Packed, folds: Packed, outbox: Outbox) -> None:
        self._rows, self._folds, self._outbox = rows, folds, outbox

    def dataset(self, run: Run) -> Dataset:
        """Return the rows."""
        dataset: Dataset = _unpacked(
            "rows", (run.competition.name, run.data_fingerprint), self._rows
        )
        return dataset

    def folds(self, run: Run, n_rows: int) -> Folds:
        """Return the folds."""
        del n_rows
        folds: Folds = _unpacked("folds", (run.spec, self._folds.content), self._folds)
        return folds

    def results(self, run: Run) -> Results:
        """Return the way back."""
        del run
        return self._outbox


def _unpacked(what: str, key: object, packed: Packed) -> Any:
    """Return what was packed; a process keeps the last rows and folds, which most jobs share."""
    known, value = _last.get(what, (None, None))
    if known != key:
        value = packed.unpacked()
        _last[what] = key, value
    return value


_last: dict[str, tuple[object, Any]] = {}
# Once a process: one reads all files of this package, the other looks at all its libraries.
_own_versions = cache(versions)
_limited_to = cache(limit_threads)


def perform(
    expected: Mapping[str, str],
    backend: str | None,
    content: bytes,
    rows: Packed,
    folds: Packed,
    kept: Mapping[Held, Kept],
    named: Sequence[Named],
    *files: bytes,
) -> Iterator[Message]:
    """Execute a job and yield what happens: that it began, its results, that it ended.

    Args:
        expected: the versions of the process that started the run.
        backend: that its networks are trained on, if any.
        content: the job.
        rows: its data set.
        folds: their row numbers.
        kept: models that are to predict the test rows, by what they held out.
        named: the files that parameters of its model name.
        files: the content of each.
    """
    from ray import get_runtime_context

    different = differences(dict(expected), _own_versions())
    if different:
        yield Unlike(socket.gethostname(), different)
        return
    yield Begun(get_runtime_context().get_node_id())
    messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            begin_keras(backend)
            job: Job = pickle.loads(content)
            places = written(named, files)
            job = replace(job, model=with_places(job.model, places))
            place = Sent(rows, folds, Outbox(kept, places, messages.put))
            _execute(job, place, messages.put)
        # A module that this machine lacks, or no room for files: a job that tells nothing would
        # count as killed.
        except BaseException as error:
            messages.put(Told(Failed, failure(error)))
        finally:
            messages.put(None)

    # A generator yields between messages; training calls back.
    threading.Thread(target=work, daemon=True).start()
    while (message := messages.get()) is not None:
        yield message


def _execute(job: Job, place: Place, send: Callable[[Message], None]) -> None:
    def tell(step: int, score: float) -> None:
        send(Told(*without_job(Progress(job, step, score))))

    # A library's advice to programmers is no news for whoever runs a competition.
    warnings.simplefilter("ignore")
    _limited_to(job.run.threads)
    send(Told(*without_job(outcome_of(job, now_and_then(tell), place))))


if TYPE_CHECKING:

    def _conforms(place: Sent, results: Outbox) -> tuple[Place, Results]:
        return place, results
