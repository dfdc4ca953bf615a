"""The engine on a Ray cluster: a real one, of two nodes on this machine."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from comps.base import UsageError, WorkbenchError
from pipelines.basics.kept_objects import dump_object, load_object
from pipelines.engines import Done, Engine, EngineChoices, Failed, Started, make_engine
from pipelines.engines.ray import RayEngine
from pipelines.engines.ray._cluster import Node
from pipelines.engines.ray._engine import MOST
from pipelines.engines.ray._files import Named, files_of, with_places, with_texts, written
from pipelines.engines.ray._flight import Ending
from pipelines.engines.ray._needs import Needs, Shape
from pipelines.engines.ray._task import Outbox, Unlike, perform
from pipelines.results.kept import Kept
from pipelines.store import Experiment, RunStore
from tests.ray_clusters import cluster_of, same_results
from tests.support import (
    LIGHTGBM,
    MEAN,
    RIDGE,
    giving,
    make_jobs,
    scripted,
    tiny_experiment,
    validate,
)

# The contract of every engine, on this one.
from tests.test_engines import (  # noqa: F401
    check_that_a_job_ends_with_its_caller,
    kinds,
    of_kind,
    pid_in,
    run,
    tellers,
    test_a_deadline_far_off_changes_nothing,
    test_a_failed_job_leaves_nothing_in_the_store,
    test_a_job_begins_and_ends,
    test_a_job_uses_the_threads_that_it_may,
    test_a_long_job_is_cancelled_at_the_deadline_and_nothing_is_stored,
    test_an_engine_can_be_closed_twice,
    test_an_engine_can_be_used_again,
    test_an_error_of_a_model_fails_its_job_alone,
    test_an_error_that_the_user_can_put_right_is_told_as_it_is,
    test_jobs_are_done_in_the_order_in_which_they_are_given,
    test_no_jobs_are_no_events,
    test_progress_is_told_between_beginning_and_end,
    test_the_scores_of_each_fold_are_told,
    test_what_is_stored_are_the_bytes_that_training_alone_gives,
    told,
    wait_for_end,
)

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each, which this process has joined."""
    import ray

    with cluster_of(1, 1) as cluster:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield cluster
        ray.shutdown()


def engine_on(**choices: Any) -> RayEngine:
    """Return an engine on the cluster that this process has joined."""
    return RayEngine(EngineChoices(**choices))


@pytest.fixture
def engine(cluster: Any) -> Iterator[Engine]:
    """One job at a time."""
    engine = engine_on(slots=1)
    yield engine
    engine.close()


@pytest.fixture
def both_nodes(cluster: Any) -> Iterator[RayEngine]:
    """A job on each node."""
    engine = engine_on()
    yield engine
    engine.close()


# Two nodes


def test_there_is_a_slot_for_each_core_of_the_cluster(both_nodes: RayEngine) -> None:
    assert (both_nodes.slots, both_nodes.threads, both_nodes.accelerators) == (2, 1, 0)


@pytest.mark.slow
def test_jobs_run_side_by_side_on_both_nodes(
    both_nodes: RayEngine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    models = [scripted("one", "meet", one, other), scripted("other", "meet", other, one)]
    events = run(both_nodes, make_jobs(experiment, store, models))
    assert {event.job.model.name for event in of_kind(events, Done)} == {"one", "other"}
    raylets = [psutil.Process(int(path.read_text())) for path in (one, other)]
    assert len({process.ppid() for process in raylets}) == 2


def test_a_slot_keeps_its_process_and_the_features_in_it(
    engine: Engine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    run(engine, make_jobs(experiment, store, tellers(tmp_path / "told", 3)))
    assert len({entry[0] for entry in told(tmp_path / "told")}) == 1


def test_workers_need_neither_the_data_nor_the_store(
    both_nodes: RayEngine, tiny_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    experiment, store = tiny_experiment(data), RunStore(tmp_path / "store")
    jobs = make_jobs(experiment, store, [RIDGE], folds=[(0,), (1,), (2,)])
    shutil.rmtree(data)
    (store.root / "folds").rename(tmp_path / "folds")
    assert len(of_kind(run(both_nodes, jobs), Done)) == 3
    assert len(list(store.root.glob("models/ridge/*/r0-f*.npz"))) == 3


@pytest.mark.slow
def test_a_run_gives_the_bytes_of_a_run_in_this_process(
    cluster: Any, experiment: Experiment, tmp_path: Path
) -> None:
    """Kept models predict the test rows in jobs of their own; pairs are for the nested score."""
    here, there = RunStore(tmp_path / "here"), RunStore(tmp_path / "there")
    models = [RIDGE, LIGHTGBM]
    validate(experiment, models, here, nested=True, keep="all")
    outcome = validate(
        experiment, models, there, engine=lambda: engine_on(), nested=True, keep="all"
    )
    assert outcome.failures == {} and outcome.not_kept == {}
    assert same_results(here, there) == 2 * (3 + 3 + 1)
    for path in here.root.rglob("*.model.zip"):
        assert path.read_bytes() == (there.root / path.relative_to(here.root)).read_bytes()


class Offset:
    """The area, less a number of a file, whose path it remembers."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def fit_transform(self, rows: pd.DataFrame, target: Any = None) -> Any:
        """Learn nothing."""
        return self.transform(rows)

    def transform(self, rows: pd.DataFrame) -> Any:
        """Read the number."""
        number = float(Path(self.folder, "number.txt").read_text())
        return rows[["area"]].fillna(0.0).to_numpy() - number


@pytest.mark.slow
def test_kept_models_name_the_files_that_the_call_did(
    both_nodes: RayEngine, experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "number.txt").write_text("7.5")
    params = {**LIGHTGBM.params, "folder": str(tmp_path / "numbers")}
    model = replace(LIGHTGBM, params=params, features=Offset)
    here, there = RunStore(tmp_path / "here"), RunStore(tmp_path / "there")
    validate(experiment, [model], here, keep="all")
    outcome = validate(experiment, [model], there, engine=lambda: both_nodes, keep="all")
    assert outcome.failures == outcome.not_kept == {}
    assert same_results(here, there) == 3 + 1
    paths = list(here.root.rglob("*.model.zip"))
    assert len(paths) == 3
    for path in paths:
        assert path.read_bytes() == (there.root / path.relative_to(here.root)).read_bytes()


@pytest.mark.slow
def test_after_the_deadline_a_job_that_waits_for_a_core_is_cancelled(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    import ray

    class Core:
        def taken(self) -> bool:
            return True

    cores = [ray.remote(num_cpus=1)(Core).remote() for _ in range(2)]
    assert ray.get([core.taken.remote() for core in cores]) == [True, True]
    events = run(engine, make_jobs(experiment, store, [RIDGE]), time.monotonic() + 2)
    for core in cores:
        ray.kill(core)
    assert kinds(events) == [("Cancelled", "ridge")]
    assert not list(store.root.glob("models/**/*.npz"))


# Seconds after which jobs are ended; the first of a process takes some.
LIMIT = 10.0


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["job", "run"])
def test_results_that_wait_count_at_a_limit(
    cluster: Any, experiment: Experiment, store: RunStore, limit: str
) -> None:
    """While the caller does other work a job ends, and then comes the limit."""
    engine = engine_on(slots=1, job_limit=LIMIT if limit == "job" else None)
    jobs = make_jobs(experiment, store, [RIDGE], folds=[(0,), (1, 2)])
    deadline = time.monotonic() + LIMIT
    events = engine.run(giving(jobs), deadline if limit == "run" else None)
    while next(events) != Started(jobs[1]):
        pass
    time.sleep(LIMIT + 1)
    assert kinds(list(events)) == [("Done", "ridge")]
    assert len(list(store.root.glob("models/ridge/*/r0-f*.npz"))) == 3
    engine.close()


# Faults


@pytest.mark.slow
def test_a_job_whose_worker_is_killed_is_done_by_another_one(
    engine: Engine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    suicidal = scripted("suicidal", "kill-self", tmp_path / "killed")
    events = run(engine, make_jobs(experiment, store, [suicidal, RIDGE]))
    assert kinds(events) == [
        *[("Started", "suicidal")] * 2,
        ("Done", "suicidal"),
        ("Started", "ridge"),
        ("Done", "ridge"),
    ]
    assert not psutil.pid_exists(pid_in(tmp_path / "killed"))


@pytest.mark.slow
def test_a_job_that_ends_its_worker_each_time_fails(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    events = run(engine, make_jobs(experiment, store, [scripted("quitter", "exit"), RIDGE]))
    (failed,) = of_kind(events, Failed)
    assert failed.reason.startswith("its worker was killed or ended unexpectedly")
    assert failed.reason.endswith(f", {MOST[Ending.DEATH]} times")
    assert kinds(events)[-1] == ("Done", "ridge")


@pytest.mark.slow
def test_a_job_that_hangs_is_ended_by_its_limit_and_the_next_one_goes_on(
    cluster: Any, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    sleeper = scripted("sleeper", "sleep", tmp_path / "asleep")
    engine = engine_on(slots=1, job_limit=8.0)
    events = run(engine, make_jobs(experiment, store, [sleeper, RIDGE]))
    (failed,) = of_kind(events, Failed)
    assert failed.reason == "it took longer than 8 s (--job-limit), 2 times"
    assert kinds(events)[-1] == ("Done", "ridge")
    wait_for_end(pid_in(tmp_path / "asleep"))


def test_a_caller_that_stops_listening_ends_the_job_on_the_cluster(
    engine: Engine, experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    check_that_a_job_ends_with_its_caller(engine, experiment, store, tmp_path)


@pytest.mark.slow
def test_a_result_that_cannot_be_written_fails_its_job(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    jobs = make_jobs(experiment, store, [RIDGE, LIGHTGBM])
    (store.root / "models").mkdir()
    (store.root / "models" / "ridge").write_text("in the way")
    events = run(engine, jobs)
    (failed,) = of_kind(events, Failed)
    assert failed.job == jobs[0] and "Cannot write" in failed.reason
    assert kinds(events)[-1] == ("Done", "lightgbm")


class Unreadable(str):
    """A text that is read with a module that no machine has."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Import it."""
        return import_module, ("a_library_that_is_missing_there",)


@pytest.mark.slow
def test_a_job_that_cannot_be_read_there_fails_at_once_and_says_why(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    job, ridge = make_jobs(experiment, store, [MEAN, RIDGE])
    events = run(engine, [replace(job, key=Unreadable("key")), ridge])
    assert kinds(events) == [
        *[("Started", "mean"), ("Failed", "mean")],
        *[("Started", "ridge"), ("Done", "ridge")],
    ]
    (failed,) = of_kind(events, Failed)
    missing = "No module named 'a_library_that_is_missing_there'"
    assert failed.reason == f"ModuleNotFoundError: {missing}"
    assert "pickle.loads" in failed.details


def test_a_job_whose_kept_model_is_gone_fails_alone(
    engine: Engine, experiment: Experiment, store: RunStore
) -> None:
    job, ridge = make_jobs(experiment, store, [LIGHTGBM, RIDGE])
    events = run(engine, [replace(job, step=4), ridge])
    assert kinds(events) == [("Failed", "lightgbm"), ("Started", "ridge"), ("Done", "ridge")]
    (failed,) = of_kind(events, Failed)
    assert "No such file" in failed.reason and "read_kept" in failed.details


# What differs between the machines


def test_a_worker_with_another_version_does_nothing() -> None:
    messages = perform({"keras": "0.0.1"}, None, b"", None, None, {}, [])  # type: ignore[arg-type]
    (message,) = messages
    assert isinstance(message, Unlike)
    assert message.differences[0].startswith("keras ")


def test_files_that_a_model_names_lie_elsewhere_there(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"weights")
    (tmp_path / "words" / "english").mkdir(parents=True)
    (tmp_path / "words" / "english" / "a.txt").write_text("ash")
    (tmp_path / "words" / "b.txt").write_text("birch")
    folder = f"{tmp_path}/words"
    params = {"weights": str(tmp_path / "weights.h5"), "lists": [folder, "ridge"], "alpha": 1.0}
    model = replace(RIDGE, params=params)
    found = files_of(model)
    contents = [path.read_bytes() for _, path in found]
    shutil.rmtree(folder)
    there = with_places(model, written([named for named, _ in found], contents))
    assert there.params["alpha"] == 1.0 and there.params["lists"][1] == "ridge"
    assert Path(there.params["weights"]).read_bytes() == b"weights"
    assert Path(there.params["weights"]).name == "weights.h5"
    words = Path(there.params["lists"][0])
    assert words != Path(folder)
    assert (words / "english" / "a.txt").read_text() == "ash"
    assert (words / "b.txt").read_text() == "birch"
    assert with_places(RIDGE, written([], [])) == RIDGE


ALONE = Named("weights.h5", "weights.h5", alone=True)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_files_that_were_sent_are_for_this_user_alone_and_are_compared(temporary: Path) -> None:
    path = Path(written([ALONE], [b"weights"])["weights.h5"])
    root = temporary / f"comps-sent-{os.getuid()}"
    assert root in path.parents and stat.S_IMODE(root.stat().st_mode) == 0o700
    root.chmod(0o777)
    path.write_bytes(b"planted")
    assert written([ALONE], [b"weights"]) == {"weights.h5": str(path)}
    assert path.read_bytes() == b"weights" and stat.S_IMODE(root.stat().st_mode) == 0o700


def test_a_folder_for_files_that_somebody_else_made_is_refused(temporary: Path) -> None:
    (temporary / "elsewhere").mkdir()
    (temporary / f"comps-sent-{os.getuid()}").symlink_to(temporary / "elsewhere")
    with pytest.raises(WorkbenchError, match="belongs to somebody else. Remove it, or set TMPDIR"):
        written([ALONE], [b"weights"])


@pytest.mark.parametrize("text", ["words", 'wörter/"a"', "/data/words/"])
def test_texts_of_kept_objects_are_replaced_and_come_back_to_the_byte(text: str) -> None:
    below = text.rstrip("/") + "/a.txt"
    content = dump_object({"folder": text, "file": below, "list": ["words2", 1.0], "words": "no"})
    kept = Kept({"features.skops": content, "model/a.txt": b"words"}, step=1)
    place = "/tmp/comps-sent-0/0123"
    there = with_texts(kept, {text: place})
    assert there.files["model/a.txt"] == b"words"
    found = load_object(there.files["features.skops"])
    assert found == {
        "folder": place,
        "file": below if text.endswith("/") else f"{place}/a.txt",
        "list": ["words2", 1.0],
        "words": "no",
    }
    assert with_texts(there, {place: text}).to_bytes() == kept.to_bytes()


def test_kept_models_that_come_with_a_job_name_files_of_its_machine() -> None:
    kept = Kept({"features.skops": dump_object({"folder": "words"})}, step=1)
    sent: list[Any] = []
    outbox = Outbox({(0,): kept}, {"words": "/tmp/1"}, sent.append)
    found = outbox.read_kept("ridge", "key", 0, (0,))
    assert load_object(found.files["features.skops"]) == {"folder": "/tmp/1"}
    outbox.write_kept("ridge", "key", 0, (0,), found)
    assert sent[0].kept.to_bytes() == kept.to_bytes()


# What is refused


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"slots": 0}, "--jobs must be at least 1; it is 0"),
        ({"job_needs": "gpus=1"}, "no part of --job-needs called 'gpus'. Did you mean 'gpu'"),
        ({"job_needs": "memory=much"}, "takes values such as memory=4GB; 'memory=much' came"),
        ({"job_needs": "gpu=1.5"}, "a fraction of a GPU, or whole ones; it is 1.5"),
    ],
)
def test_choices_that_cannot_be_are_refused_without_a_cluster(
    choices: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_engine("ray", EngineChoices(**choices))


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (
            "memory=400TB",
            r"sets 400,000\.0 GB aside .* no machine .* the largest, has [\d.]+ [GM]B",
        ),
        ("gpu=2", "asks for gpu=2, and no machine of the cluster has as many GPUs: .* has 0"),
        ("gpu=0.5,memory=1KB", "no machine with that memory has as many GPUs: .* has 0"),
    ],
)
def test_needs_that_no_machine_can_meet_are_refused(
    cluster: Any, experiment: Experiment, store: RunStore, needs: str, message: str
) -> None:
    engine = engine_on(job_needs=needs)
    with pytest.raises(UsageError, match=message):
        run(engine, make_jobs(experiment, store, [RIDGE]))
    engine.close()


def test_a_machine_without_room_for_a_job_gets_none() -> None:
    nodes = [Node("a", "one", 8, 4.0, 16e9), Node("b", "other", 2, 1.0, 64e9)]
    needs = Needs.of("gpu=0.5,memory=32GB")
    assert Shape.of(nodes, None, needs, together=False) == Shape(2, 1, 2, 0.5)
    with pytest.raises(UsageError, match="other has 1"):
        Shape.of(nodes, None, Needs.of("gpu=2,memory=32GB"), together=False)


@pytest.mark.parametrize("name", ["local", "inline"])
def test_what_only_a_cluster_has_is_refused_by_the_others(name: str) -> None:
    expected = f"--address, --job-needs is for a cluster .*; the engine '{name}' has none"
    with pytest.raises(UsageError, match=expected):
        make_engine(name, EngineChoices(address="auto", job_needs="gpu=1"))
