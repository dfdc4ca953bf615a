"""Records, history and what follows them: what was run is what is blended and submitted."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps.base import StoreError, UsageError
from comps.house_prices.competition import HOUSE_PRICES
from pipelines.basics.files import read_json
from pipelines.store import Experiment, RunStore
from pipelines.store.cleaning import unused
from pipelines.store.recording import Recording, begin
from pipelines.store.records import FORMAT, Record, Status, read_records, reserve_log
from tests.commands import comps, without
from tests.support import FOREST, RIDGE, ROOT, TINY, validate
from tests.test_cli import (
    ENDLESS,
    ENDLESS_MEMBER,
    N_TEST,
    N_TRAIN,
    QUICK,
    Home,
    read_until_all,
    running,
    write_houses,
)
from tests.test_store import holder

HOUSES = ("house-prices", "--data", "houses.zip")
TRAIN = ("--engine", "inline", "--json")
EXPERIMENT = ("cv", *HOUSES, "--models", "ridge", "--set", "ridge.alpha=1e6", *TRAIN)
NAME = "ridge[alpha=1e6]"


# A record


@pytest.fixture
def begun(store: RunStore, experiment: Experiment) -> Recording:
    """The record of a run that has begun."""
    return start(store, experiment)


def start(store: RunStore, experiment: Experiment, command: str = "run") -> Recording:
    models = [RIDGE, RIDGE.with_params({"alpha": 1e6}), FOREST]
    declared = {model.name: model for model in TINY.models}
    options = {"models": "ridge,forest"}
    return begin(store, command, experiment, models, declared, options=options, files="files")


def test_a_record_says_from_the_start_what_will_be_trained_on_what(
    store: RunStore, experiment: Experiment, begun: Recording
) -> None:
    ((record,), notes) = read_records(store)
    assert (record, notes) == (begun.record, [])
    assert (record.status, record.state, record.command) == ("running", "running", "run")
    assert record.data.fingerprint == experiment.dataset.fingerprint
    assert record.folds.fingerprint == experiment.folds.fingerprint
    assert (record.folds.n_folds, record.folds.repeats, record.seed) == (3, 1, 0)
    assert Path(record.data.path).is_absolute()
    assert {"python", "numpy", "competition-workbench"} <= record.versions.keys()
    changed = RIDGE.with_params({"alpha": 1e6})
    assert [(m.name, m.key, m.score) for m in record.members] == [
        ("ridge", experiment.key(RIDGE), None),
        (NAME, experiment.key(changed), None),
        ("forest", experiment.key(FOREST), None),
    ]
    assert [dict(m.changed) for m in record.members] == [{}, {"alpha": 1e6}, {}]
    assert record.members[1].trained(TINY).member == NAME


def test_notes_are_kept_and_records_without_any_are_read(store: RunStore, begun: Recording) -> None:
    begun.noted(["one", "two"])
    ((record,), _) = read_records(store)
    assert record.notes == ("one", "two") and int(record.hardware["cores"]) > 0
    path = store.root / "records" / f"{record.name}.json"
    values = read_json(path)
    # As earlier versions wrote it.
    del values["notes"], values["hardware"]
    path.write_text(json.dumps(values))
    ((older,), notes) = read_records(store)
    assert (older.notes, dict(older.hardware), notes) == ((), {}, [])


def test_a_member_is_entered_when_it_is_finished_and_others_are_not(
    store: RunStore, experiment: Experiment, begun: Recording
) -> None:
    oofs = validate(experiment, [RIDGE], store).oofs
    strange = replace(oofs["ridge"], key="other")
    begun.finished([oofs["ridge"], strange])
    ((record,), _) = read_records(store)
    ridge, *others = record.members
    assert (ridge.score, ridge.repeats) == (oofs["ridge"].score, 1)
    assert [other.score for other in others] == [None, None]


def test_how_a_command_ended_is_told(store: RunStore, begun: Recording) -> None:
    begun.failed("forest", "no wood", "errors/forest-k.log")
    begun.failed("forest", "another fold has no wood either", None)
    begun.ended(Status.FAILED, UsageError("wrong"))
    ((record,), _) = read_records(store)
    assert (record.state, record.error) == ("failed", "wrong")
    assert [(f.name, f.reason, f.log) for f in record.failures] == [
        ("forest", "no wood", "errors/forest-k.log")
    ]


def test_a_command_whose_process_is_gone_was_killed(begun: Recording) -> None:
    # A number beyond those that Linux gives.
    gone = replace(begun.record, process=2**30)
    assert gone.state == "killed"
    assert replace(gone, host="elsewhere").state == "running"
    assert replace(gone, status=Status.DONE).state == "done"


def test_a_command_that_ends_while_its_record_is_read_was_not_killed(
    store: RunStore, begun: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.record = replace(begun.record, process=2**30)
    begun.blended({})

    def ends(process: int) -> bool:
        begun.ended(Status.DONE)
        return False

    monkeypatch.setattr("pipelines.store.records.is_running", ends)
    ((record,), _) = read_records(store)
    assert record.state == "done"


def test_the_state_of_a_record_stays_what_it_was(
    begun: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = replace(begun.record)
    assert running.state == "running"
    monkeypatch.setattr("pipelines.store.records.is_running", lambda process: False)
    assert running.state == "running" and replace(running).state == "killed"


def test_records_of_one_moment_have_different_names(store: RunStore) -> None:
    now = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
    first, when = reserve_log(store, "run", now)
    assert (first, when) == ("2026-11-25T123000.000000Z-run", now)
    names = [first, *(reserve_log(store, "run", now)[0] for _ in range(3))]
    assert len(set(names)) == 4


SPOILED: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda values: [values],
    "another format": lambda values: {**values, "format": FORMAT + 1},
    "no members": lambda values: {k: v for k, v in values.items() if k != "members"},
    "members that are a number": lambda values: {**values, "members": 3},
    "a member without a key": lambda values: {**values, "members": [{"name": "ridge"}]},
    "a seed in words": lambda values: {**values, "seed": "one"},
    "folds in words": lambda values: {**values, "folds": {**values["folds"], "n_folds": "5"}},
    "an unknown status": lambda values: {**values, "status": "resting"},
    "something more": lambda values: {**values, "mood": "good"},
    "no time": lambda values: {**values, "started": "yesterday"},
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_damaged_record_is_named_and_left_out(
    what: str, store: RunStore, experiment: Experiment, begun: Recording
) -> None:
    path = begun.log.with_suffix(".json")
    path.write_text(json.dumps(SPOILED[what](read_json(path))))
    whole = start(store, experiment, "cv").record
    records, (note,) = read_records(store)
    assert records == [whole]
    assert f"{path} is damaged and left out" in note


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_record_that_is_no_json_is_named_and_left_out(
    content: bytes, store: RunStore, begun: Recording
) -> None:
    begun.log.with_suffix(".json").write_bytes(content)
    records, (note,) = read_records(store)
    assert records == [] and "is damaged and left out" in note


def test_a_record_has_one_form(begun: Recording) -> None:
    values = json.loads(json.dumps(begun.record.to_json()))
    assert Record.from_json(begun.record.name, values) == begun.record
    with pytest.raises(StoreError, match="cannot be read: 'seed' is missing"):
        Record.from_json("x", {k: v for k, v in values.items() if k != "seed"})


# What was run is what is blended


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A run of three models, and an experiment with one of them after it."""
    path = tmp_path_factory.mktemp("records")
    write_houses(path / "houses.zip")
    run = comps("run", *HOUSES, "--models", QUICK, *TRAIN, cwd=path)
    experiment = comps(*EXPERIMENT, cwd=path)
    assert [row["model"] for row in experiment.event("leaderboard")["rows"]] == [NAME]
    return Home(path, run)


@pytest.fixture
def away(home: Home, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(home.path, tmp_path / "home")
    return tmp_path / "home"


def notes(done: Any) -> str:
    return " ".join(event["text"] for event in done.all("note"))


@pytest.mark.slow
def test_an_experiment_is_not_in_what_is_blended_submitted_and_run_again(
    home: Home, away: Path
) -> None:
    submission = (away / "submission.csv").read_bytes()
    blended = comps("blend", "house-prices", "--json", cwd=away)
    assert blended.event("leaderboard") == home.run.event("leaderboard")
    assert blended.event("blends") == home.run.event("blends")
    assert "Members of the run of 20" in notes(blended)
    assert "median, ridge, svr; " in notes(blended) and "5 folds" in notes(blended)
    comps("submit", "house-prices", "--output", "again.csv", cwd=away)
    assert (away / "again.csv").read_bytes() == submission
    again = comps("run", *HOUSES, "--models", QUICK, *TRAIN, cwd=away)
    assert again.event("planned")["to_fit"] == 0
    assert again.event("leaderboard") == home.run.event("leaderboard")
    assert (away / "submission.csv").read_bytes() == submission


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ridge[alpha=1000000.0]", NAME])
def test_an_experiment_is_used_by_its_name(name: str, home: Home) -> None:
    done = comps(
        "blend", "house-prices", "--members", f"median,{name},svr", "--json", cwd=home.path
    )
    rows = {row["model"]: row["score"] for row in done.event("leaderboard")["rows"]}
    assert set(rows) == {"median", NAME, "svr"}
    plain = {row["model"]: row["score"] for row in home.run.event("leaderboard")["rows"]}
    assert rows[NAME] > plain["ridge"] + 0.01 and rows["svr"] == plain["svr"]


@pytest.mark.slow
def test_an_experiment_that_was_not_made_is_not_found(home: Home) -> None:
    done = comps("blend", *HOUSES, "--members", "ridge[alpha=7]", cwd=home.path, code=2)
    assert f"There is no stored member 'ridge[alpha=7]'. Did you mean '{NAME}'" in done.err


@pytest.mark.slow
def test_a_run_with_a_changed_parameter_is_followed_with_it(away: Path) -> None:
    comps("run", *HOUSES, "--models", QUICK, "--set", "ridge.alpha=3", *TRAIN, cwd=away)
    done = comps("blend", "house-prices", "--json", cwd=away)
    names = {row["model"] for row in done.event("leaderboard")["rows"]}
    assert names == {"median", "ridge[alpha=3]", "svr"}
    # A name alone means the parameters as declared, whatever the last run changed.
    done = comps("blend", "house-prices", "--members", "ridge", "--json", cwd=away)
    assert [row["model"] for row in done.event("leaderboard")["rows"]] == ["ridge"]


@pytest.mark.slow
def test_a_setting_that_is_declared_is_no_change(home: Home) -> None:
    alpha = json.dumps(HOUSE_PRICES.model("ridge").params["alpha"])
    given = ("--models", f"ridge,ridge[alpha={alpha}]", "--set", f"ridge.alpha={alpha}")
    done = comps("cv", *HOUSES, *given, *TRAIN, "--runs", "other", cwd=home.path)
    shutil.rmtree(home.path / "other")
    assert [row["model"] for row in done.event("leaderboard")["rows"]] == ["ridge"]


@pytest.mark.slow
def test_rows_folds_and_seed_are_those_of_the_last_run_that_agrees(away: Path) -> None:
    few = ("--models", "median", "--folds", "3", "--scheme", "kfold", "--seed", "4")
    last = comps("run", *HOUSES, *few, *TRAIN, cwd=away)
    done = comps("blend", "house-prices", "--json", cwd=away)
    assert done.event("leaderboard") == last.event("leaderboard")
    assert "3 folds (kfold), seed 4" in notes(done)
    done = comps("blend", "house-prices", "--seed", "0", "--json", cwd=away)
    assert "median, ridge, svr" in notes(done) and "seed 0" in notes(done)
    done = comps("blend", "house-prices", "--seed", "9", cwd=away, code=2)
    assert "'comps run house-prices --seed 9' makes" in done.err


@pytest.mark.slow
def test_members_of_cv_alone_are_no_run(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    folds = ("--folds", "3")
    comps("cv", *HOUSES, "--models", "median,ridge", *folds, *TRAIN, cwd=tmp_path)
    done = comps("submit", "house-prices", cwd=tmp_path, code=2)
    assert "no record of a run" in done.err and "--members median,ridge" in done.err
    assert not (tmp_path / "submission.csv").exists()
    # Its rows and folds are taken over all the same.
    done = comps("blend", "house-prices", "--members", "ridge,median", "--json", cwd=tmp_path)
    assert {row["model"] for row in done.event("leaderboard")["rows"]} == {"median", "ridge"}


def older(store: Path, name: str) -> None:
    """Make the results of a model look as if another version of the code had made them."""
    for file in sorted((store / "records").glob("*.json")):
        record = read_json(file)
        for member in record["members"]:
            if member["name"] == name:
                old = store / "models" / member["model"] / member["key"]
                if old.exists():
                    old.rename(old.with_name("0123456789abcdef"))
                member["key"] = "0123456789abcdef"
        file.write_text(json.dumps(record))


@pytest.mark.slow
def test_results_of_older_code_are_said_to_be_so_and_never_found_by_name(
    home: Home, away: Path
) -> None:
    older(away / "runs" / "house-prices", "ridge")
    done = comps("blend", "house-prices", "--json", cwd=away)
    assert done.event("leaderboard") == home.run.event("leaderboard")
    assert "Made by an older version of the code: ridge. 'comps run house-prices" in notes(done)
    done = comps("blend", *HOUSES, "--members", "ridge,svr", cwd=away, code=2)
    assert "made by an older version of the code" in done.err
    assert "'comps cv house-prices --models ridge --data houses.zip" in done.err


@pytest.mark.slow
def test_a_damaged_record_is_told_and_the_one_before_used(away: Path) -> None:
    comps("run", *HOUSES, "--models", "median", *TRAIN, cwd=away)
    *_, last = sorted(away.glob("runs/house-prices/records/*-run.json"))
    last.write_text(last.read_text()[:200])
    done = comps("blend", "house-prices", "--json", cwd=away)
    assert f"{last.relative_to(away)} is damaged and left out" in notes(done)
    assert "median, ridge, svr" in notes(done)


@pytest.mark.slow
def test_blend_and_submit_need_no_lock(home: Home, away: Path) -> None:
    with holder(away / "runs" / "house-prices"):
        done = comps("blend", "house-prices", "--json", cwd=away)
        comps("submit", "house-prices", "--output", "mine.csv", cwd=away)
    assert done.event("blends") == home.run.event("blends")
    assert (away / "mine.csv").read_bytes() == (away / "submission.csv").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind on Windows")
@pytest.mark.parametrize(
    ("number", "state"),
    [
        # An interrupt is tested within a process in test_api.py.
        pytest.param(signal.SIGINT, "interrupted", marks=pytest.mark.slow),
        (signal.SIGKILL, "killed"),
    ],
)
@pytest.mark.slow
def test_what_is_finished_of_a_run_can_be_used_while_it_goes_on_and_after_it_ended(
    number: signal.Signals, state: str, tmp_path: Path
) -> None:
    write_houses(tmp_path / "houses.zip")
    with running("run", *HOUSES, *ENDLESS, "--folds", "2", *TRAIN, cwd=tmp_path) as process:
        started = {"event": "started", "model": ENDLESS_MEMBER}
        read_until_all(process, {"event": "model", "model": "median"}, started)
        during = comps("blend", "house-prices", "--json", cwd=tmp_path)
        os.killpg(process.pid, number)
        process.communicate(timeout=60)
    after = comps("blend", "house-prices", "--json", cwd=tmp_path)
    for done in (during, after):
        assert [row["model"] for row in done.event("leaderboard")["rows"]] == ["median"]
        assert f"Of these, {ENDLESS_MEMBER} did not finish" in notes(done)
    assert ", which goes on: " in notes(during) and f", which was {state}: " in notes(after)
    (row,) = comps("history", "house-prices", "--json", cwd=tmp_path).event("history")["rows"]
    assert (row["status"], row["best"]) == (state, "median")
    # The record names what the run had begun: that stays.
    assert comps("clean", "house-prices", "--json", cwd=tmp_path).all("unused") == []


@pytest.mark.slow
def test_a_run_without_a_finished_member_is_passed_over(away: Path) -> None:
    done = comps("run", *HOUSES, "--models", "svr[C=0]", "--seed", "3", *TRAIN, cwd=away, code=1)
    assert "No model was trained" in done.event("error")["message"]
    done = comps("blend", "house-prices", "--json", cwd=away)
    assert ", which failed, has no finished member beside the baseline: the one before it" in notes(
        done
    )
    assert "median, ridge, svr" in notes(done)
    *_, last = comps("history", "house-prices", "--json", cwd=away).event("history")["rows"]
    (failure,) = last["failures"]
    assert (last["status"], failure["name"]) == ("failed", "svr[C=0]")
    assert "Traceback" in (away / "runs" / "house-prices" / failure["log"]).read_text()


# What is refused is tested without commands in test_failures.py.
@pytest.mark.slow
def test_a_failed_run_does_not_take_the_place_of_a_good_one(away: Path) -> None:
    before = (away / "submission.csv").read_bytes()
    failing = ("--models", "median,ridge[alpha=-1]")
    comps("run", *HOUSES, *failing, *TRAIN, cwd=away, code=1)
    done = comps("submit", "house-prices", "--json", cwd=away)
    assert ", which failed, has no finished member beside the baseline" in notes(done)
    assert (away / "submission.csv").read_bytes() == before
    alone = comps("run", *HOUSES, *failing, "--seed", "5", *TRAIN, cwd=away, code=1)
    refused = comps("submit", *HOUSES, "--seed", "5", "--json", cwd=away, code=1)
    for done in (alone, refused):
        assert "so no submission is written" in done.event("error")["message"]


# History and logs


@pytest.mark.slow
def test_the_history_has_a_row_for_each_command(home: Home) -> None:
    rows = comps("history", "house-prices", "--json", cwd=home.path).event("history")["rows"]
    run, experiment = rows
    assert [row["command"] for row in rows] == ["run", "cv"]
    assert [row["status"] for row in rows] == ["done", "done"]
    assert [member["name"] for member in run["members"]] == QUICK.split(",")
    board = home.run.event("leaderboard")["rows"]
    assert (run["best"], run["best_score"]) == (board[0]["model"], board[0]["score"])
    assert run["blend_score"] == home.run.event("result")["honest_score"]
    assert experiment["options"]["settings"] == ["ridge.alpha=1e6"]
    assert experiment["best"] == NAME and experiment["blend_score"] is None
    shown = comps("history", "house-prices", cwd=home.path)
    assert NAME in shown.out and "median, ridge, svr" in shown.out
    assert (run["seed"], run["sealed"]) == (0, None)
    assert "seed" in shown.out and "sealed" in shown.out


def test_without_records_the_history_says_so(tmp_path: Path) -> None:
    done = comps("history", "house-prices", cwd=tmp_path)
    assert done.out == "runs/house-prices has no records yet.\n"
    assert not (tmp_path / "runs").exists()


def test_a_log_has_what_was_said_with_the_time(home: Home) -> None:
    (log,) = home.store.glob("records/*-run.log")
    lines = log.read_text().splitlines()
    assert lines[0].endswith("Z Data: houses.zip")
    assert any("ridge fold 5: RMSLE 0." in line for line in lines)
    assert any("ridge: out-of-fold RMSLE" in line for line in lines)
    assert "submission.csv: checked. Submitted: " in lines[-1]
    datetime.fromisoformat(lines[-1].split()[0])


# Tables of predictions


@pytest.mark.slow
def test_exported_predictions_come_back_as_the_same_member(home: Home, away: Path) -> None:
    done = comps("export-oof", "house-prices", "--members", NAME, "--json", cwd=away)
    files = done.event("exported")
    assert files["rows"] == N_TRAIN and files["models"] == [NAME]
    oof, test = pd.read_csv(away / files["oof"]), pd.read_csv(away / files["test"])
    assert list(oof) == ["Id", "fold", "target", "SalePrice"] and len(test) == N_TEST
    error = np.log1p(oof["target"]) - np.log1p(oof["SalePrice"])
    (row,) = comps("cv", *EXPERIMENT[1:], cwd=away).event("leaderboard")["rows"]
    assert float(np.sqrt((error**2).mean())) == pytest.approx(row["score"], rel=1e-12)
    given = ("twin", "--oof", files["oof"], "--test", files["test"])
    twin = comps("import-oof", *HOUSES, *given, "--json", cwd=away).event("result")
    assert twin["score"] == pytest.approx(row["score"], rel=1e-12)


@pytest.mark.slow
def test_one_table_has_a_column_a_member_on_the_scale_of_the_metric(home: Home, away: Path) -> None:
    arguments = ("--wide", "--scale", "metric", "--output", "tables")
    comps("export-oof", "house-prices", *arguments, cwd=away)
    oof, test = (pd.read_csv(away / "tables" / f"{part}.csv") for part in ("oof", "test"))
    names = QUICK.split(",")
    assert list(oof) == ["Id", "fold", "target", *names] and list(test) == ["Id", *names]
    scores = {row["model"]: row["score"] for row in home.run.event("leaderboard")["rows"]}
    for name in names:
        error = float(np.sqrt(((oof["target"] - oof[name]) ** 2).mean()))
        assert error == pytest.approx(scores[name], rel=1e-12)


@pytest.mark.slow
def test_parquet_needs_its_extra(home: Home, tmp_path: Path) -> None:
    env = without("pyarrow", tmp_path)
    env["PYTHONPATH"] += os.pathsep + str(ROOT)
    arguments = ("export-oof", "house-prices", "--format", "parquet")
    done = comps(*arguments, cwd=home.path, env=env, code=1)
    assert "pip install 'competition-workbench[parquet]'" in done.err
    assert not (home.path / "oof").exists()


@pytest.mark.slow
def test_parquet_holds_the_same_table(away: Path) -> None:
    pytest.importorskip("pyarrow")
    for form in ("csv", "parquet"):
        comps("export-oof", "house-prices", "--wide", "--format", form, cwd=away)
    for part in ("oof", "test"):
        read = pd.read_parquet(away / "oof" / f"{part}.parquet")
        expected = pd.read_csv(away / "oof" / f"{part}.csv")
        pd.testing.assert_frame_equal(read.astype(expected.dtypes), expected)


@pytest.mark.parametrize("option", [("--format", "xlsx"), ("--scale", "log")])
def test_forms_that_do_not_exist_are_refused(option: tuple[str, str], home: Home) -> None:
    done = comps("export-oof", "house-prices", *option, cwd=home.path, code=2)
    assert f"There is no {option[0][2:]} '{option[1]}'. Known: " in done.err


@pytest.mark.slow
def test_sealed_rows_are_not_exported(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    comps("run", *HOUSES, "--models", "median", "--sealed", "0.2", *TRAIN, cwd=tmp_path)
    comps("export-oof", "house-prices", cwd=tmp_path)
    test = pd.read_csv(tmp_path / "oof" / "median-test.csv")
    assert len(test) == N_TEST and len(pd.read_csv(tmp_path / "oof" / "median-oof.csv")) == 120


# Cleaning


def keys(store: Path) -> set[str]:
    return {path.name for path in store.glob("models/*/*")}


@pytest.mark.slow
def test_clean_removes_what_no_record_names_and_nothing_else(away: Path) -> None:
    store = away / "runs" / "house-prices"
    (of_cv,) = store.glob("records/*-cv.json")
    (member,) = json.loads(of_cv.read_text())["members"]
    (store / "errors").mkdir()
    (store / "errors" / "ridge-0.log").write_text("Traceback")
    imported = store / "imported" / "twin" / "k" / "oof-r1.npz"
    imported.parent.mkdir(parents=True)
    imported.write_bytes(b"kept")
    nothing = comps("clean", "house-prices", "--dry-run", "--json", cwd=away)
    assert [event["path"] for event in nothing.all("unused")] == [
        "runs/house-prices/errors/ridge-0.log"
    ]
    of_cv.unlink()
    of_cv.with_suffix(".log").unlink()
    before = keys(store)
    dry = comps("clean", "house-prices", "--dry-run", "--json", cwd=away)
    assert keys(store) == before
    done = comps("clean", "house-prices", "--json", cwd=away)
    assert done.all("unused") == dry.all("unused")
    assert before - keys(store) == {member["key"]}
    assert done.event("result")["bytes"] > 1000 and imported.exists()
    assert not (store / "errors" / "ridge-0.log").exists()
    again = comps("run", *HOUSES, "--models", QUICK, *TRAIN, cwd=away)
    assert again.event("planned")["to_fit"] == 0


def test_where_a_record_is_damaged_no_results_are_removed(away: Path) -> None:
    (of_cv,) = away.glob("runs/house-prices/records/*-cv.json")
    of_cv.write_text("{")
    before = keys(away / "runs" / "house-prices")
    done = comps("clean", "house-prices", cwd=away)
    assert "Results stay, for that record may name them. Delete it to go on." in done.err
    assert keys(away / "runs" / "house-prices") == before


@pytest.mark.slow
def test_clean_waits_for_no_run(away: Path) -> None:
    for file in away.glob("runs/house-prices/records/*-cv.*"):
        file.unlink()
    with holder(away / "runs" / "house-prices"):
        comps("clean", "house-prices", cwd=away, code=1)
        comps("clean", "house-prices", "--dry-run", cwd=away)
    assert unused(RunStore(away / "runs" / "house-prices")).items
