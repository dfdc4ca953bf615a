"""Folders, clocks, locales and systems that are not as one expects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.basics import processes
from pipelines.engines import ENGINES, EngineChoices, Failed
from pipelines.store import Experiment, RunStore
from pipelines.store.records import reserve_log
from tests.commands import COMPS, comps, environment
from tests.faults.places import differences, results_of
from tests.support import giving, make_jobs, scripted, write_tiny
from tests.test_cli import write_houses

SHORT = ("--models", "median,ridge", "--folds", "2", "--no-checks", "--no-nested")
RUN = ("run", "house-prices", "--data", "houses.zip", *SHORT, "--engine", "inline")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run has ended; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("ran")
    write_houses(folder / "houses.zip")
    comps(*RUN, cwd=folder)
    return folder


# Folders


@pytest.mark.slow
def test_a_run_folder_that_was_moved_is_the_same_run(ran: Path, tmp_path: Path) -> None:
    shutil.copytree(ran, tmp_path / "there")
    moved = (tmp_path / "there").rename(tmp_path / "elsewhere")
    submission = (moved / "submission.csv").read_bytes()
    again = comps(*RUN, "--json", cwd=moved)
    assert {event["to_fit"] for event in again.all("planned")} == {0}
    assert (moved / "submission.csv").read_bytes() == submission
    predicted = ("predict", "house-prices", "houses.zip", "--data", "houses.zip", "--out", "p.csv")
    comps(*predicted, cwd=moved)
    assert (moved / "p.csv").read_text().count("\n") == submission.count(b"\n")
    found = results_of(moved)
    assert differences(results_of(ran), {k: v for k, v in found.items() if k != "p.csv"}) == []


@pytest.mark.slow
def test_a_run_whose_data_are_gone_says_where_they_were(ran: Path, tmp_path: Path) -> None:
    there = Path(shutil.copytree(ran, tmp_path / "there"))
    comps(*RUN, cwd=there)
    (there / "houses.zip").rename(there / "moved.zip")
    done = comps("blend", "house-prices", cwd=there, code=2)
    assert f"are no longer in {there / 'houses.zip'}. Name where they are with --data." in done.err
    comps("blend", "house-prices", "--data", "moved.zip", cwd=there)


# Clocks


def test_records_follow_the_order_of_calls_where_the_clock_went_back(store: RunStore) -> None:
    now = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
    first, _ = reserve_log(store, "run", now)
    second, when = reserve_log(store, "blend", now - timedelta(days=400))
    third, _ = reserve_log(store, "run", now + timedelta(seconds=1))
    assert [first, second, third] == sorted([first, second, third])
    assert when == now - timedelta(days=400)
    (store.root / "records" / "zzz.log").touch()
    assert reserve_log(store, "run", now + timedelta(seconds=2))[0] > third


# Systems


def test_without_proc_other_processes_are_known_by_signals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exists = Path.exists

    def without_proc(path: Path) -> bool:
        return False if path.parts[:2] == ("/", "proc") else exists(path)

    monkeypatch.setattr(Path, "exists", without_proc)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert processes.is_running(other.pid)
        other.communicate(b"\n")
    assert not processes.is_running(other.pid)
    assert processes.is_running(os.getpid()) and not processes.is_running(0)


@pytest.mark.parametrize("engine", ["inline", "local"])
@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("ask-for-memory", "MemoryError"),
        ("ask-a-library-for-memory", "RuntimeError: std::bad_alloc"),
    ],
)
def test_memory_that_ran_out_is_said_as_such(
    engine: str, script: str, error: str, experiment: Experiment, store: RunStore
) -> None:
    model = scripted("hungry", script)
    made = ENGINES[engine](EngineChoices(slots=1))
    try:
        events = list(made.run(giving(make_jobs(experiment, store, [model])), None))
    finally:
        made.close()
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.reason == (
        f"memory ran out ({error}); fewer jobs side by side (--jobs 1) need less"
    )


# Locales and streams

ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.long
def test_names_that_ascii_lacks_pass_through_an_ascii_locale(tmp_path: Path) -> None:
    tables = write_tiny(tmp_path / "tables")
    for path in tables.iterdir():
        path.write_text(path.read_text().replace("area", "größe").replace("ash", "漢"), "utf-8")
    comps("init", "own", "--data", tables, "--metric", "rmse", "--target", "price", cwd=tmp_path)
    arguments = ("run", "own", *SHORT)
    plain = comps(*arguments, cwd=tmp_path)
    submission = (tmp_path / "submission.csv").read_bytes()
    shutil.rmtree(tmp_path / "runs")
    done = comps(*arguments, cwd=tmp_path, env=ASCII, prefix=["env"])
    assert done.out.isascii() and not plain.out.isascii()
    assert (tmp_path / "submission.csv").read_bytes() == submission
    for command in (("blend", "own"), ("report", "own"), ("history", "own"), ("list",)):
        comps(*command, cwd=tmp_path, env=ASCII, prefix=["env"])
    record = next((tmp_path / "runs" / "own" / "records").glob("*-run.json"))
    assert json.loads(record.read_text("utf-8"))["data"]["path"].endswith("tables")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.slow
def test_a_standard_input_that_is_closed_is_no_file_of_ours(ran: Path, tmp_path: Path) -> None:
    there = Path(shutil.copytree(ran, tmp_path / "there"))
    shutil.rmtree(there / "runs")
    command = f"{' '.join([*COMPS, *RUN, '--engine', 'local'])} <&- >&- 2>&-"
    done = subprocess.run(["bash", "-c", command], cwd=there, env=environment(), timeout=200)
    assert done.returncode == 0
    assert (there / "submission.csv").read_bytes() == (ran / "submission.csv").read_bytes()


# The same bytes whatever runs beside


@pytest.mark.slow
def test_jobs_engines_and_the_order_of_models_change_no_byte(ran: Path, tmp_path: Path) -> None:
    wanted = results_of(ran)
    for number, options in enumerate(
        (
            ("--engine", "local", "--jobs", "1"),
            ("--engine", "local"),
            ("--engine", "inline", "--models", "ridge,median"),
        )
    ):
        there = tmp_path / str(number)
        there.mkdir()
        shutil.copy(ran / "houses.zip", there)
        comps(*RUN, *options, cwd=there)
        found = results_of(there)
        models = {name for name in wanted if "/models/" in name or name.endswith(".csv")}
        assert [name for name in sorted(models) if found.get(name) != wanted[name]] == []
