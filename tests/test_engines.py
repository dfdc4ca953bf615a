"""Engines: one contract for all of them, and what only worker processes can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cloudpickle
import numpy as np
import psutil
import pytest

from comps.base import Model, UsageError
from pipelines.engines import (
    Cancelled,
    Done,
    Engine,
    EngineChoices,
    Event,
    Failed,
    Progress,
    Started,
    available_cores,
    make_engine,
)
from pipelines.engines._packed import packed_job
from pipelines.engines.inline import InlineEngine
from pipelines.engines.jobs import Job
from pipelines.engines.kept import KeptEngine
from pipelines.engines.local import LocalEngine
from pipelines.fitting.training import train_folds
from pipelines.store import Experiment, RunStore
from tests.support import (
    LIGHTGBM,
    MEAN,
    NETWORK,
    RIDGE,
    ROOT,
    XGBOOST,
    build_ridge,
    giving,
    make_jobs,
    python,
    scripted,
    sign,
    tiny_experiment,
    validate,
    wait_for,
)

Kind = TypeVar("Kind", bound=Event)
ENGINES: dict[str, Callable[[], Engine]] = {
    "local": lambda: LocalEngine(1),
    "inline": lambda: InlineEngine(threads=1),
    "kept": lambda: KeptEngine(InlineEngine(threads=1)),
}


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of each kind."""
    engine = ENGINES[request.param]()
    yield engine
    engine.close()


@pytest.fixture
def local() -> Iterator[LocalEngine]:
    """Worker processes, one at a time."""
    engine = LocalEngine(1)
    yield engine
    engine.close()


@pytest.fixture
def two_workers(two_cores: None) -> Iterator[LocalEngine]:
    """Two worker processes."""
    engine = LocalEngine(2)
    yield engine
    engine.close()


def run(engine: Engine, jobs: Sequence[Job], deadline: float | None = None) -> list[Event]:
    """Run jobs to the end and return what happened."""
    return list(engine.run(giving(jobs), deadline))


def of_kind(events: Sequence[Event], kind: type[Kind]) -> list[Kind]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def kinds(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Return the kind and the model of each event, without progress."""
    return [
        (type(event).__name__, event.job.model.name)
        for event in events
        if not isinstance(event, Progress)
    ]


# Workers that are kept


def test_workers_are_kept_from_one_run_to_the_next_until_their_owner_closes_them(
    local: LocalEngine, experiment: Experiment, store: RunStore
) -> None:
    processes = []
    for model in (RIDGE, LIGHTGBM):
        kept = KeptEngine(local)
        assert (kept.slots, kept.threads, kept.accelerators) == (1, local.threads, 0)
        run(kept, make_jobs(experiment, store, [model]))
        kept.close()
        processes.append(local._slots[0].worker)
    assert processes[0] is processes[1] is not None
    local.close()
    assert local._slots[0].worker is None


# The contract of every engine


def test_a_job_begins_and_ends(engine: Engine, experiment: Experiment, store: RunStore) -> None:
    jobs = make_jobs(experiment, store, [RIDGE])
    events = run(engine, jobs)
    assert kinds(events) == [("Started", "ridge"), ("Done", "ridge")]
    assert [event.job for event in events] == jobs * len(events)


def test_jobs_are_done_in_the_order_in_which_they_are_given(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    jobs = make_jobs(experiment, store, [RIDGE, LIGHTGBM], folds=[(0,), (1,)])
    events = run(engine, jobs)
    assert [event.job for event in of_kind(events, Started)] == jobs
    assert [event.job for event in of_kind(events, Done)] == jobs


def test_no_jobs_are_no_events(engine: Engine) -> None:
    assert run(engine, []) == []


def test_an_engine_can_be_used_again(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    for fold in range(2):
        events = run(engine, make_jobs(experiment, store, [RIDGE], folds=[(fold,)]))
        assert len(of_kind(events, Done)) == 1


def test_an_engine_can_be_closed_twice(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    run(engine, make_jobs(experiment, store, [RIDGE]))
    engine.close()
    engine.close()


@pytest.mark.parametrize(
    "model",
    [RIDGE, LIGHTGBM, pytest.param(NETWORK, marks=pytest.mark.slow)],
    ids=lambda model: model.name,
)
def test_what_is_stored_are_the_bytes_that_training_alone_gives(
    engine: Engine, experiment: Experiment, store: RunStore, model: Model
) -> None:
    batches = [(0, 1, 2)] if model is NETWORK else [(2,), (0,), (1,)]
    jobs = make_jobs(experiment, store, [model], folds=batches)
    events = run(engine, jobs)
    assert len(of_kind(events, Done)) == len(jobs)
    competition, dataset, folds = experiment.competition, experiment.dataset, experiment.folds
    for expected in train_folds(competition, dataset, model, folds, 0, folds.single):
        found = store.read_fold(model.name, jobs[0].key, 0, expected.held)
        for name in ("steps", "curve", "valid", "test"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_the_scores_of_each_fold_are_told(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    (job,) = make_jobs(experiment, store, [LIGHTGBM], folds=[(0, 2)])
    (done,) = of_kind(run(engine, [job]), Done)
    assert [score.held for score in done.scores] == [(0,), (2,)]
    for score in done.scores:
        assert score.score == store.read_fold("lightgbm", job.key, 0, score.held).curve.min()


def test_progress_is_told_between_beginning_and_end(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    events = run(engine, make_jobs(experiment, store, [LIGHTGBM]))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    progress = of_kind(events[1:-1], Progress)
    assert progress
    for event in progress:
        assert event.step in (4, 8, 12)
        assert 0 < event.score < 10


def test_an_error_of_a_model_fails_its_job_alone(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    jobs = make_jobs(experiment, store, [scripted("unwell", "raise"), RIDGE])
    events = run(engine, jobs)
    assert kinds(events)[-1] == ("Done", "ridge")
    (failed,) = of_kind(events, Failed)
    assert (failed.job, failed.reason) == (jobs[0], "ValueError: the model is unwell")
    assert "Traceback" in failed.details
    assert "_raise" in failed.details


def test_an_error_that_the_user_can_put_right_is_told_as_it_is(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    (failed,) = of_kind(
        run(engine, make_jobs(experiment, store, [scripted("unfit", "refuse")])), Failed
    )
    assert (failed.reason, failed.details) == ("the rows are unfit", "")


def test_a_failed_job_leaves_nothing_in_the_store(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    run(engine, make_jobs(experiment, store, [scripted("diverged", "nan")]))
    assert not list(store.root.glob("models/**/*.npz"))


def test_after_the_deadline_a_job_is_cancelled_and_nothing_is_stored(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    events = run(engine, make_jobs(experiment, store, [LIGHTGBM]), time.monotonic() - 1)
    assert kinds(events) == [("Started", "lightgbm"), ("Cancelled", "lightgbm")]
    assert not list(store.root.glob("models/**/*.npz"))


@pytest.mark.slow
def test_a_long_job_is_cancelled_at_the_deadline_and_nothing_is_stored(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    endless = XGBOOST.with_params({"rounds": 100_000_000, "stride": 5})
    # The first job of a process waits for imports.
    run(engine, make_jobs(experiment, store, [RIDGE]))
    jobs = make_jobs(experiment, store, [endless])
    events = run(engine, jobs, time.monotonic() + 3)
    assert kinds(events) == [("Started", "xgboost"), ("Cancelled", "xgboost")]
    assert not list(store.root.glob("models/xgboost/*/*.npz"))


def test_a_deadline_far_off_changes_nothing(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    events = run(engine, make_jobs(experiment, store, [RIDGE]), time.monotonic() + 10_000)
    assert kinds(events) == [("Started", "ridge"), ("Done", "ridge")]


def test_a_job_uses_the_threads_that_it_may(
    engine: Engine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    (tmp_path / "told").mkdir()
    told = scripted("told", "tell", tmp_path / "told")
    run(engine, make_jobs(experiment, store, [told], threads=3))
    (entry,) = (tmp_path / "told").iterdir()
    assert entry.read_text().split()[1] == "3"


# Making an engine


@pytest.mark.parametrize("slots", range(1, len(available_cores()) + 1))
def test_slots_times_threads_never_exceed_the_cores(slots: int) -> None:
    engine = make_engine("local", EngineChoices(slots=slots))
    assert engine.slots == slots
    assert engine.threads >= 1
    assert engine.slots * engine.threads <= len(available_cores())


def test_by_default_there_is_a_slot_for_each_core() -> None:
    engine = make_engine("local")
    assert (engine.slots, engine.threads) == (len(available_cores()), 1)


@pytest.mark.parametrize("slots", [-1, 0, len(available_cores()) + 1])
def test_an_impossible_number_of_jobs_is_refused(slots: int) -> None:
    expected = rf"--jobs must be between 1 and the number of cores, \d+; it is {slots}\."
    with pytest.raises(UsageError, match=expected):
        make_engine("local", EngineChoices(slots=slots))


def test_the_engine_in_this_process_runs_one_job_at_a_time() -> None:
    assert make_engine("inline", EngineChoices(slots=1)).slots == 1
    with pytest.raises(UsageError, match="'inline' runs one job at a time; leave out --jobs"):
        make_engine("inline", EngineChoices(slots=2))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no engine 'locl'\. Did you mean 'local'"):
        make_engine("locl")


# Worker processes


def pid_in(path: Path) -> int:
    """Return the number of the process that signed a file, once it did."""
    wait_for(path.exists, f"the job that signs {path}")
    return int(path.read_text())


def check_that_a_job_ends_with_its_caller(
    engine: Engine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    """Stop listening to a job that sleeps; its process has to end."""
    sleeper = scripted("sleeper", "sleep", tmp_path / "asleep")
    events = engine.run(giving(make_jobs(experiment, store, [sleeper])), None)
    assert isinstance(next(events), Started)
    pid = pid_in(tmp_path / "asleep")
    events.close()  # type: ignore[attr-defined]
    wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Wait until there is no such process any more, or only its exit code is left."""

    def ended() -> bool:
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    wait_for(ended, f"the end of process {pid}")


def tellers(folder: Path, count: int = 1) -> list[Model]:
    """Return models that write what they know of their process into a folder."""
    folder.mkdir(exist_ok=True)
    return [scripted(f"teller-{number}", "tell", folder) for number in range(count)]


def told(folder: Path) -> list[list[str]]:
    """Return what was told: process, threads given, threads in use, cores, card; in order."""
    return [entry.read_text().split() for entry in sorted(folder.iterdir())]


def test_jobs_run_in_another_process_which_is_kept(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    jobs = make_jobs(experiment, store, tellers(tmp_path / "told", 3))
    run(local, jobs[:2])
    run(local, jobs[2:])
    pids = {entry[0] for entry in told(tmp_path / "told")}
    assert len(told(tmp_path / "told")) == 3
    assert len(pids) == 1
    assert pids != {str(os.getpid())}


def test_a_killed_worker_fails_its_job_and_the_next_jobs_get_a_new_one(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    suicidal = scripted("suicidal", "kill-self", tmp_path / "killed")
    first, second, third = tellers(tmp_path / "told", 3)
    events = run(local, make_jobs(experiment, store, [first, suicidal, second, third]))
    (failed,) = of_kind(events, Failed)
    assert failed.job.model == suicidal
    assert failed.reason.startswith("its process was killed, most likely because memory ran out")
    assert [event.job.model for event in of_kind(events, Done)] == [first, second, third]
    before, *after = (entry[0] for entry in told(tmp_path / "told"))
    assert before == (tmp_path / "killed").read_text()
    assert len(set(after)) == 1
    assert before not in after


def test_a_worker_that_ends_by_itself_fails_its_job(
    local: LocalEngine, experiment: Experiment, store: RunStore
) -> None:
    events = run(local, make_jobs(experiment, store, [scripted("quitter", "exit"), RIDGE]))
    (failed,) = of_kind(events, Failed)
    assert failed.reason == "its process ended unexpectedly with code 3"
    assert kinds(events)[-1] == ("Done", "ridge")


def test_a_worker_that_is_killed_between_jobs_does_not_end_the_run(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    first, second, third = tellers(tmp_path / "told", 3)
    run(local, make_jobs(experiment, store, [first]))
    pid = int(told(tmp_path / "told")[0][0])
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    events = run(local, make_jobs(experiment, store, [second, third]))
    assert kinds(events)[-1] == ("Done", "teller-2")


@pytest.mark.slow
def test_the_deadline_ends_a_job_that_reports_nothing(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    run(local, make_jobs(experiment, store, tellers(tmp_path / "told")))
    worker = int(told(tmp_path / "told")[0][0])
    sleeper = scripted("sleeper", "sleep", tmp_path / "asleep")
    jobs = make_jobs(experiment, store, [sleeper, RIDGE])
    events = run(local, jobs, time.monotonic() + 2)
    assert kinds(events) == [("Started", "sleeper"), ("Cancelled", "sleeper")]
    wait_for_end(worker)


@pytest.mark.slow
def test_a_job_that_hangs_twice_has_failed(
    experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    engine = LocalEngine(slots=1, job_limit=2.0)
    sleeper = scripted("sleeper", "sleep", tmp_path / "asleep")
    started = time.monotonic()
    events = run(engine, make_jobs(experiment, store, [sleeper]))
    assert kinds(events) == [("Started", "sleeper"), ("Failed", "sleeper")]
    assert isinstance(events[1], Failed)
    assert events[1].reason == "it took longer than 2 s (--job-limit), 2 times"
    assert time.monotonic() - started >= 4
    engine.close()


@pytest.mark.slow
def test_a_job_that_hangs_once_is_done_the_second_time(
    experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    engine = LocalEngine(slots=1, job_limit=25.0)
    once = scripted("once", "sleep-once", tmp_path / "woken")
    events = run(engine, make_jobs(experiment, store, [once, RIDGE]))
    assert kinds(events) == [
        (what, name) for name in ("once", "ridge") for what in ("Started", "Done")
    ]
    engine.close()


def test_a_caller_that_stops_listening_ends_the_job(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    check_that_a_job_ends_with_its_caller(local, experiment, store, tmp_path)


def test_closing_ends_idle_workers(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    run(local, make_jobs(experiment, store, tellers(tmp_path / "told")))
    pid = int(told(tmp_path / "told")[0][0])
    assert psutil.pid_exists(pid)
    local.close()
    wait_for_end(pid)


def test_a_worker_leaves_the_interrupt_of_the_keyboard_to_the_main_process(
    local: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    events = local.run(
        giving(make_jobs(experiment, store, [scripted("m", "meet", here, there)])), None
    )
    assert isinstance(next(events), Started)
    os.kill(pid_in(here), signal.SIGINT)
    sign(str(there))
    assert kinds(list(events)) == [("Done", "m")]


SLEEP_IN_A_WORKER = """
from pathlib import Path
from pipelines.engines.kept import KeptEngine
from pipelines.engines.local import LocalEngine
from pipelines.store import RunStore
from tests.support import giving, make_jobs, scripted, tiny_experiment

if __name__ == "__main__":
    data, store, asleep = map(Path, {arguments!r})
    jobs = make_jobs(tiny_experiment(data), RunStore(store), [scripted("s", "sleep", asleep)])
    list(LocalEngine(1).run(giving(jobs), None))
"""


@pytest.mark.slow
def test_workers_end_when_the_main_process_is_killed(tiny_data: Path, tmp_path: Path) -> None:
    asleep = tmp_path / "asleep"
    arguments = [str(path) for path in (tiny_data, tmp_path / "store", asleep)]
    code = SLEEP_IN_A_WORKER.format(arguments=arguments)
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as main:
        worker = pid_in(asleep)
        family = [child.pid for child in psutil.Process(main.pid).children(recursive=True)]
        assert worker in family
        main.send_signal(signal.SIGKILL)
    for pid in family:
        wait_for_end(pid)


# Two at a time


def test_jobs_run_side_by_side(
    two_workers: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    models = [scripted("one", "meet", one, other), scripted("other", "meet", other, one)]
    events = run(two_workers, make_jobs(experiment, store, models))
    assert {event.job.model.name for event in of_kind(events, Done)} == {"one", "other"}
    assert one.read_text() != other.read_text()


def test_a_worker_that_is_killed_leaves_the_one_beside_it_alone(
    two_workers: LocalEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    models = [scripted("m", "meet", here, there), scripted("s", "kill-self", there)]
    events = run(two_workers, make_jobs(experiment, store, models))
    assert sorted(kinds(events)[2:]) == [("Done", "m"), ("Failed", "s")]


TELL_OF_SLOTS = """
from pathlib import Path
from pipelines.engines.kept import KeptEngine
from pipelines.engines.local import LocalEngine
from pipelines.store import RunStore
from tests.support import giving, make_jobs, scripted, tiny_experiment

if __name__ == "__main__":
    data, store, *folders = map(Path, {arguments!r})
    for folder in folders:
        engine = LocalEngine(int(folder.name))
        models = [scripted(f"s{{slot}}", "tell", folder) for slot in range(engine.slots)]
        jobs = make_jobs(tiny_experiment(data), RunStore(store), models, threads=engine.threads)
        list(engine.run(giving(jobs), None))
        engine.close()
"""


@pytest.fixture(
    params=[(1,), (2,), *(pytest.param(own, marks=pytest.mark.slow) for own in ((2, 1), (1, 2)))]
)
def slots_told(
    request: pytest.FixtureRequest, two_cores: None, tiny_data: Path, tmp_path: Path
) -> dict[int, list[list[str]]]:
    """What the workers tell of engines with so many slots, one engine after the other."""
    folders = [tmp_path / str(slots) for slots in request.param]
    for folder in folders:
        folder.mkdir()
    arguments = [str(path) for path in (tiny_data, tmp_path / "store", *folders)]
    python(TELL_OF_SLOTS.format(arguments=arguments))
    return {int(folder.name): told(folder) for folder in folders}


def test_each_worker_has_cores_of_its_own_and_no_more_threads_than_cores(
    slots_told: dict[int, list[list[str]]],
) -> None:
    for slots, entries in slots_told.items():
        shares = [cores.split(",") for _, _, _, cores, _ in entries]
        assert len(entries) == slots
        assert len({core for share in shares for core in share}) == sum(map(len, shares))
        for (_, given, in_use, _, _), share in zip(entries, shares, strict=True):
            assert int(given) == len(share) == len(available_cores()) // slots
            assert int(in_use) <= len(share)


def test_a_model_that_cannot_leave_the_process_ends_no_other(
    local: LocalEngine, experiment: Experiment, store: RunStore
) -> None:
    locked = replace(RIDGE, name="locked", build=partial(build_ridge_with, Stays()))
    outcome = validate(experiment, [MEAN, locked, RIDGE], store, engine=lambda: KeptEngine(local))
    assert set(outcome.oofs) == {"mean", "ridge"}
    assert "cannot be sent to a worker process" in outcome.failures["locked"]


@dataclass(frozen=True)
class Stays:
    """A value that is known, and cannot be sent."""

    value: int = 1

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("it holds an open connection")


def build_ridge_with(lock: object, alpha: float) -> object:
    """Return an estimator; what it is made with cannot be sent."""
    del lock
    return build_ridge(alpha)


@pytest.mark.slow
def test_what_ended_before_the_deadline_counts_though_it_was_not_heard(
    two_workers: LocalEngine, experiment: Experiment, store: RunStore
) -> None:
    jobs = make_jobs(experiment, store, [RIDGE], folds=[(0,), (1,)])
    # Once, so that both workers are there; then the caller is slow, and the time is over.
    assert len(of_kind(run(two_workers, jobs), Done)) == 2
    events = []
    for event in two_workers.run(giving(jobs), time.monotonic() + 1.0):
        events.append(event)
        if len(of_kind(events, Started)) == 2 and len(events) == 2:
            time.sleep(5)
    assert len(of_kind(events, Done)) == 2 and not of_kind(events, Cancelled)


def test_a_job_that_cannot_leave_the_process_says_what_to_do(
    tiny_data: Path, tmp_path: Path
) -> None:
    (job,) = make_jobs(tiny_experiment(tiny_data), RunStore(tmp_path / "store"), [MEAN])
    with pytest.raises(UsageError, match="Model 'mean' cannot be sent .* --engine inline"):
        packed_job(replace(job, key=threading.Lock()))  # type: ignore[arg-type]
    assert cloudpickle.loads(packed_job(job)).key == job.key
