"""What may happen to a cluster while it works: processes, machines and the head are lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from comps.base import WorkbenchError
from pipelines.engines import Done, EngineChoices, Started
from pipelines.engines.ray import RayEngine
from pipelines.engines.ray._cluster import Cluster, Node, _check_versions
from pipelines.store import Experiment, RunStore
from tests.commands import comps, read_until_all, running
from tests.ray_clusters import STORE, add_node, cluster_of, same_results
from tests.support import (
    LIGHTGBM,
    MEAN,
    RIDGE,
    giving,
    make_jobs,
    scripted,
    sign,
    tiny_experiment,
    validate,
    wait_for,
    with_dataset,
)

pytest.importorskip("ray")

KILLS, LEAVINGS, REPEATS = 20, 5, 20
# Long enough to be killed in the midst of it.
SLOW_MODEL = LIGHTGBM.with_params({"rounds": 1200, "stride": 400})
ENDLESS = ("--models", "median,extra-trees", "--set", "extra-trees.n_estimators=1000000")
ENDLESS_MEMBER = "extra-trees[n_estimators=1000000]"


@contextlib.contextmanager
def joined(address: str) -> Iterator[None]:
    """Join a cluster with this process."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level="error")
    try:
        yield
    finally:
        ray.shutdown()


def raylets(cluster: Any) -> set[int]:
    """Return the processes of the nodes of a cluster."""
    nodes = [cluster.head_node, *cluster.worker_nodes]
    return {node.all_processes["raylet"][0].process.pid for node in nodes}


def processes_of(node: Any) -> list[psutil.Process]:
    """Return the processes that execute jobs on a node."""
    return psutil.Process(node.all_processes["raylet"][0].process.pid).children()


def workers(cluster: Any, named: str) -> list[psutil.Process]:
    """Return the processes of a cluster that execute jobs whose label begins so."""
    parents, found = raylets(cluster), []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.ppid() in parents and process.cmdline()[0].startswith(f"ray::{named}"):
                found.append(process)
    return found


@pytest.mark.slow
def test_a_job_of_a_machine_that_leaves_is_done_by_another_one(
    experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    # One core each: each machine has one of them.
    models = [scripted(name, "meet", tmp_path / name, there) for name in ("one", "other")]
    with cluster_of(1) as cluster:
        leaving = add_node(cluster, 1)
        with joined(cluster.address):
            engine = RayEngine(EngineChoices())
            events = engine.run(giving(make_jobs(experiment, store, models)), None)
            assert [type(next(events)) for _ in models] == [Started, Started]
            for model in models:
                wait_for((tmp_path / model.name).exists, f"job {model.name}")
            there_now = processes_of(leaving)
            cluster.remove_node(leaving, allow_graceful=False)
            # A process outlives its machine by a moment, in which it could end its job.
            _, alive = psutil.wait_procs(there_now, timeout=60)
            assert alive == []
            sign(str(there))
            left = list(events)
            engine.close()
    assert {event.job.model.name for event in left if isinstance(event, Done)} == {"one", "other"}
    assert len([event for event in left if isinstance(event, Started)]) == 1


@pytest.mark.slow
def test_a_machine_that_leaves_before_it_says_its_versions_is_not_asked_again() -> None:
    with cluster_of(1) as cluster:
        leaving = add_node(cluster, 1)
        with joined(cluster.address):
            connected = Cluster(None)
            before = connected.nodes()
            told: list[list[Node]] = []
            cluster.remove_node(leaving, allow_graceful=False)
            wait_for(lambda: len(connected.nodes()) == 1, "the end of the machine")

            def nodes() -> list[Node]:
                told.append(connected.nodes() if told else before)
                return told[-1]

            assert len(before) == 2
            _check_versions(connected.versions, nodes)
            # Those that were there first, whether it left, and those that are left.
            assert [len(found) for found in told] == [2, 1, 1]
            # A machine that is there and fails is named.
            with pytest.raises(WorkbenchError, match="cannot say which versions it has"):
                _check_versions(connected.versions, lambda: before)


@pytest.mark.slow
def test_rows_that_do_not_fit_into_the_object_store_go_to_disk(
    experiment: Experiment, store: RunStore
) -> None:
    rows = np.random.default_rng(0).normal(size=(len(experiment.dataset.target), STORE // 800))
    wide = with_dataset(experiment, train=rows, test=rows[:30], fingerprint="wide")
    assert rows.nbytes > STORE
    with cluster_of(1, 1) as cluster, joined(cluster.address):
        engine = RayEngine(EngineChoices())
        events = list(
            engine.run(giving(make_jobs(wide, store, [MEAN], folds=[(0,), (1,), (2,)])), None)
        )
        engine.close()
    assert len([event for event in events if isinstance(event, Done)]) == 3


@pytest.mark.slow
def test_an_interrupt_ends_the_jobs_on_the_cluster_and_keeps_what_is_finished(
    tmp_path: Path,
) -> None:
    with cluster_of(1, 1) as cluster:
        arguments = ("house-prices", *ENDLESS, "--folds", "2", "--json")
        on_it = ("--engine", "ray", "--address", cluster.address)
        with running("cv", *arguments, *on_it, cwd=tmp_path) as process:
            read_until_all(
                process,
                {"event": "model", "model": "median"},
                {"event": "started", "model": ENDLESS_MEMBER},
            )
            (killed, *_) = workers(cluster, "extra-trees")
            killed.kill()
            read_until_all(process, {"event": "started", "model": ENDLESS_MEMBER})
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 1
            assert "Traceback" not in err + out
            # What Ray says of the process that was killed is not among the results.
            *_, last = map(json.loads, out.splitlines())
            assert last["event"] == "error" and "Finished folds are kept" in last["message"]
            wait_for(lambda: not workers(cluster, "extra-trees"), "the end of the jobs")
    assert len(list(tmp_path.glob("runs/*/models/median/*/r*-f?.npz"))) == 2


@pytest.mark.slow
def test_a_run_whose_head_is_lost_goes_on_where_it_was_on_the_next_cluster(
    tmp_path: Path,
) -> None:
    models = ("--models", "median,ridge,lightgbm", "--folds", "3", "--json")
    with cluster_of(1, 1) as cluster:
        on_it = ("--engine", "ray", "--address", cluster.address)
        with running("cv", "house-prices", *models, *on_it, cwd=tmp_path) as process:
            read_until_all(process, {"event": "model", "model": "ridge"})
            cluster.remove_node(cluster.head_node, allow_graceful=False)
            process.communicate(timeout=200)
            assert process.returncode != 0
    stored = len(list(tmp_path.glob("runs/*/models/*/*/r0-f?.npz")))
    with cluster_of(1, 1) as cluster:
        on_it = ("--engine", "ray", "--address", cluster.address)
        done = comps("cv", "house-prices", *models, *on_it, cwd=tmp_path)
    planned = done.event("planned")
    assert planned["stored"] >= stored - 1 >= 5 and planned["to_fit"] == 9 - planned["stored"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    comps("cv", "house-prices", *models, cwd=elsewhere)
    stores = [RunStore(folder / "runs" / "house-prices") for folder in (tmp_path, elsewhere)]
    assert same_results(*stores) >= 9


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_lost_while_processes_are_killed_and_machines_leave(
    tiny_data: Path, tmp_path: Path
) -> None:
    experiment = tiny_experiment(tiny_data, n_repeats=REPEATS)
    models = [RIDGE, SLOW_MODEL]
    here, there = RunStore(tmp_path / "here"), RunStore(tmp_path / "there")
    validate(experiment, models, here, keep="all")
    over, killed = threading.Event(), {"processes": 0, "machines": 0}
    with cluster_of(1) as cluster:
        leaving = [add_node(cluster, 1)]

        def break_things() -> None:
            rng, before = random.Random(0), -1
            while not over.wait(rng.uniform(0.2, 1.0)):
                # A process that is killed before it has done anything tells nothing: on a slow
                # machine the same job would be hit each time.
                done = len(list(there.root.glob("models/*/*/r*.npz")))
                if done == before:
                    continue
                if killed["processes"] < KILLS and (found := workers(cluster, "lightgbm")):
                    before = done
                    rng.choice(found).kill()
                    killed["processes"] += 1
                if killed["machines"] < LEAVINGS and killed["processes"] % 4 == 3:
                    cluster.remove_node(leaving.pop(), allow_graceful=False)
                    killed["machines"] += 1
                    leaving.append(add_node(cluster, 1))

        breaking = threading.Thread(target=break_things, daemon=True)
        with joined(cluster.address):
            breaking.start()
            started = time.monotonic()
            outcome = validate(
                experiment,
                models,
                there,
                engine=lambda: RayEngine(EngineChoices()),
                keep="all",
            )
            print(f"{time.monotonic() - started:.0f} s, killed {killed}")
            over.set()
            breaking.join()
    assert outcome.failures == {}
    assert killed == {"processes": KILLS, "machines": LEAVINGS}
    assert same_results(here, there) == 2 * (REPEATS * 3 + 1)
