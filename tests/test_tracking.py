"""Runs in MLflow: what is logged, and that a real server has it."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import pipelines
from comps import boosting
from comps.base import TrackingError
from pipelines import Result
from pipelines.api.gathering import Gatherer
from pipelines.api.mlflow_log import check_server
from pipelines.api.tracking import entries
from pipelines.reports import Curves, ReportedRun
from pipelines.store import RunStore
from pipelines.store.records import read_records
from tests.commands import comps, without
from tests.support import wait_for
from tests.tables import own, table, unseen

HERE: dict[str, Any] = {"engine": "inline", "folds": 3, "checks": False}
SMALL = boosting("lightgbm", rounds=30, num_leaves=4, min_data_in_leaf=3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of results."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def result(runs: Path) -> Result:
    """A run of three models, whose trained models are kept."""
    models = ["median", LinearRegression(), SMALL]
    return pipelines.run(own(table(90), unseen()), models=models, runs=runs, **HERE)


@pytest.fixture(scope="module")
def gathered(result: Result, runs: Path) -> ReportedRun:
    """What a report shows of it."""
    store = RunStore(runs / "own")
    return Gatherer(store, read_records(store)[0][-1]).whole(result, result.notes)


def test_the_run_has_scores_choices_and_files(
    gathered: ReportedRun, result: Result, runs: Path
) -> None:
    page = runs / "own" / "page.html"
    page.write_text("a page")
    whole, members = entries(gathered, RunStore(runs / "own"), [page])
    assert [member.name for member in members] == list(result.leaderboard["model"])
    metrics = {name: value for name, value, _ in whole.metrics}
    assert metrics["honest_score"] == result.blend.honest_score and metrics["members"] == 3
    assert whole.params["folds"] == "3" and whole.params["checks"] == "false"
    assert whole.tags["competition"] == "own" and whole.tags["command"] == "run"
    assert whole.tags["rows"] == result.dataset.fingerprint
    assert whole.files["report"] == [page]
    assert {path.name for path in whole.files[""]} == {
        *("submission.csv", "leaderboard.json", "blend.json")
    }
    assert {path.suffix for path in whole.files["records"]} == {".json", ".log"}


def test_a_member_has_parameters_folds_curve_and_models(
    gathered: ReportedRun, result: Result, runs: Path
) -> None:
    _, members = entries(gathered, RunStore(runs / "own"), [])
    member = next(one for one in members if one.name == "lightgbm")
    oof = result.oof["lightgbm"]
    assert member.params["num_leaves"] == "4" and member.params["rounds"] == "30"
    folds = [(value, step) for name, value, step in member.metrics if name == "fold_score"]
    assert folds == [(score, fold) for fold, score in enumerate(oof.fold_scores.ravel())]
    curve = {step: value for name, value, step in member.metrics if name == "curve"}
    assert list(curve) == oof.steps.tolist() and curve[oof.step] == min(oof.curve)
    assert ("score", oof.score, 0) in member.metrics
    assert ("weight", gathered.blend["weights"]["lightgbm"], 0) in member.metrics
    assert [path.name for path in member.files["model"]] == [
        "model.json",
        *(f"r0-f{fold}.model.zip" for fold in range(3)),
    ]
    assert member.tags["key"] == oof.key and member.tags["family"] == "boosting"


def test_what_is_not_there_is_not_logged(gathered: ReportedRun, tmp_path: Path) -> None:
    scores = {"median": np.array([[0.5, np.nan]])}
    curves = {"median": Curves(1, np.arange(2), np.array([np.nan, 0.2]), [], "round")}
    run = replace(gathered, record=None, blend=None, fold_scores=scores, curves=curves)
    whole, members = entries(run, RunStore(tmp_path), [])
    assert whole.name == "own" and not whole.params
    assert [name for name, *_ in whole.metrics] == ["members"]
    assert not any(files for files in whole.files.values())
    member = next(one for one in members if one.name == "median")
    assert [(n, v, s) for n, v, s in member.metrics if n in ("fold_score", "curve")] == [
        ("fold_score", 0.5, 0),
        ("curve", 0.2, 1),
    ]
    assert not member.params and not member.files


# The server


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of MLflow on this machine, with a database of its own."""
    folder, uri = tmp_path_factory.mktemp("mlflow"), f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    command += ["--port", uri.rpartition(":")[2], "--artifacts-destination", str(folder / "files")]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=5) as told:
                return bool(told.status == 200)
        except OSError:
            return False

    try:
        wait_for(answers, "MLflow's server", 200)
        yield uri
    finally:
        process.terminate()
        process.wait(30)


def client(server: str) -> Any:
    return pytest.importorskip("mlflow").MlflowClient(tracking_uri=server)


def runs_of(server: str, experiment: str, parent: str | None = None) -> list[Any]:
    asked = client(server)
    number = asked.get_experiment_by_name(experiment).experiment_id
    below = f"tags.`mlflow.parentRunId` = '{parent}'" if parent else ""
    return list(asked.search_runs([number], below))


@pytest.mark.slow
def test_a_real_server_has_the_run_its_members_and_their_files(
    server: str, result: Result, runs: Path, tmp_path: Path
) -> None:
    made = pipelines.report(result, runs=runs, mlflow=server, output=tmp_path / "report.html")
    assert made.logged is not None
    asked = client(server)
    run = asked.get_run(made.logged)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["honest_score"] == pytest.approx(result.blend.honest_score)
    assert run.data.params["seed"] == "0"
    page = asked.download_artifacts(made.logged, "report/report.html", str(tmp_path))
    assert Path(page).read_bytes() == made.path.read_bytes()
    members = {one.info.run_name: one for one in runs_of(server, "own", made.logged)}
    assert set(members) == set(result.oof)
    boosted = members["lightgbm"]
    assert boosted.data.params["num_leaves"] == "4"
    history = asked.get_metric_history(boosted.info.run_id, "fold_score")
    scores = {one.step: one.value for one in history}
    assert [scores[fold] for fold in range(3)] == pytest.approx(
        result.oof["lightgbm"].fold_scores.ravel().tolist()
    )
    files = {one.path for one in asked.list_artifacts(boosted.info.run_id, "model")}
    assert "model/r0-f0.model.zip" in files and "model/model.json" in files


@pytest.mark.slow
def test_the_command_logs_its_run_and_a_report_logs_it_later(server: str, tmp_path: Path) -> None:
    models = ("--models", "median,ridge", "--folds", "2", "--no-nested", "--no-checks")
    done = comps("run", "house-prices", *models, "--mlflow", server, "--json", cwd=tmp_path)
    first = done.event("mlflow")["run"]
    later = comps("report", "house-prices", "--mlflow", server, "--json", cwd=tmp_path)
    second = later.event("mlflow")["run"]
    found = {run.info.run_id: run.data.metrics for run in runs_of(server, "house-prices")}
    assert first != second and found[first] == found[second]
    assert {len(runs_of(server, "house-prices", run)) for run in (first, second)} == {2}


@pytest.mark.slow
def test_a_server_that_is_not_there_is_found_before_anything_is_trained(tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    done = comps("run", "house-prices", "--mlflow", uri, cwd=tmp_path, code=1)
    assert f"MLflow at {uri} cannot be used" in done.err
    assert not (tmp_path / "runs").exists()
    with pytest.raises(TrackingError, match="cannot be used"):
        check_server("nonsense://nowhere")


def test_a_server_that_is_lost_leaves_the_report(
    result: Result, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.api.reporting.check_server", lambda uri: None)
    uri, path = f"http://127.0.0.1:{free_port()}", tmp_path / "report.html"
    with pytest.raises(TrackingError, match=r"report\.html is written, but not logged"):
        pipelines.report(result, runs=runs, output=path, mlflow=uri)
    assert path.exists()


def test_without_mlflow_nothing_is_trained(tmp_path: Path) -> None:
    environment = without("mlflow", tmp_path)
    arguments = ("run", "house-prices", "--mlflow", "http://127.0.0.1:1")
    done = comps(*arguments, cwd=tmp_path, env=environment, code=1)
    assert "competition-workbench[mlflow]" in done.err
    assert not (tmp_path / "runs").exists()
