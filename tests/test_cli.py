"""The command line as a user meets it: a process with arguments, two outputs and an exit code.

The data are a few houses of the bundled sample whose prices are known, those to predict, too.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import signal
import stat
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.metrics import root_mean_squared_log_error

from comps.house_prices.competition import HOUSE_PRICES
from comps.house_prices.loader import FILES
from comps.reading.archives import read_files
from tests.commands import (
    COMPS,
    Done,
    comps,
    environment,
    read_until,
    read_until_all,
    running,
)
from tests.support import python

COMMANDS = (
    *("list", "run", "cv", "blend", "compare", "submit", "score"),
    *("history", "board", "report", "export-oof", "clean"),
)
N_TRAIN, N_TEST = 150, 60
QUICK = "median,ridge,svr"
KINDS = ("folds", "pairs", "all")

Row = dict[str, str]


# Running commands


def members_of_session(session: int) -> list[psutil.Process]:
    """Return the processes that a command started and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and os.getsid(process.pid) == session:
                found.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


# The data


def write_csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def tables() -> dict[str, list[Row]]:
    """Return a few houses as Kaggle's files; the sample submission is in an order of its own."""
    content = read_files(HOUSE_PRICES.sample, FILES)["train.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(content)))[: N_TRAIN + N_TEST]
    test = [{k: v for k, v in row.items() if k != "SalePrice"} for row in rows[N_TRAIN:]]
    order = np.random.default_rng(0).permutation(N_TEST)
    sample = [{"Id": test[place]["Id"], "SalePrice": "1"} for place in order]
    return {"train.csv": rows[:N_TRAIN], "test.csv": test, "sample_submission.csv": sample}


def answers() -> dict[str, float]:
    """Return the prices of the houses to predict by id."""
    content = read_files(HOUSE_PRICES.sample, FILES)["train.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(content)))[N_TRAIN : N_TRAIN + N_TEST]
    return {row["Id"]: float(row["SalePrice"]) for row in rows}


def write_zip(path: Path, content: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = name  # past the constructor, which tidies names
            archive.writestr(entry, data)
    return path


def write_houses(path: Path, changed: Mapping[str, list[Row]] | None = None) -> Path:
    files = {**tables(), **(changed or {})}
    return write_zip(path, {name: write_csv(rows) for name, rows in files.items()})


def prices_in(path: Path) -> dict[str, float]:
    """Return the prices of a submission by id."""
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert all(list(row) == ["Id", "SalePrice"] for row in rows)
    assert len({row["Id"] for row in rows}) == len(rows)
    return {row["Id"]: float(row["SalePrice"]) for row in rows}


def log_prices(path: Path) -> np.ndarray:
    """Return log1p of the prices of a submission, by ascending id."""
    prices = prices_in(path)
    return np.log1p([prices[name] for name in sorted(prices)])


@dataclass(frozen=True)
class Home:
    """A folder in which a run has ended: houses.zip, runs/, submission.csv, answers.csv."""

    path: Path
    run: Done

    @property
    def store(self) -> Path:
        return self.path / "runs" / "house-prices"


RUN = ("run", "house-prices", "--data", "houses.zip", "--models", QUICK)
STORED = ("house-prices", "--data", "houses.zip")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A finished run that tests must not change."""
    path = tmp_path_factory.mktemp("home")
    write_houses(path / "houses.zip")
    rows = [{"Id": name, "SalePrice": str(price)} for name, price in answers().items()]
    (path / "answers.csv").write_bytes(write_csv(rows))
    return Home(path, comps(*RUN, "--json", cwd=path))


@pytest.fixture
def away(home: Home, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    shutil.copytree(home.path, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder with the data and no run."""
    write_houses(tmp_path / "houses.zip")
    return tmp_path


def files_of(store: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of every result of a fold: a file that is written anew differs."""
    files = sorted(store.glob("models/*/*/*.npz"))
    return {str(file.relative_to(store)): _identity(file) for file in files}


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def without_privileges() -> list[str]:
    """Return a command in front of which root, too, may write only where it is allowed to."""
    if os.name == "nt":
        pytest.skip("permissions are of another kind on Windows")
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to change that")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


# A run from raw files to a checked submission


def test_a_run_fits_every_fold_of_every_model_once(home: Home) -> None:
    assert home.run.event("planned") == {"event": "planned", "to_fit": 30, "stored": 0}
    names = sorted(QUICK.split(","))
    fits = {kind: [e for e in home.run.all("done") if e["fits"] == kind] for kind in KINDS}
    fitted = [(e["model"], fold) for e in fits["folds"] for fold in e["folds"]]
    assert sorted(fitted) == [(name, fold) for name in names for fold in range(5)]
    pairs = [(e["model"], tuple(e["folds"])) for e in fits["pairs"]]
    neighbours = [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)]
    assert sorted(pairs) == [(name, pair) for name in names for pair in neighbours]
    assert sorted(event["model"] for event in home.run.all("model")) == sorted(names)


def test_a_run_says_which_data_it_uses(home: Home) -> None:
    assert home.run.events[0] == {"event": "note", "text": "Data: houses.zip"}


def test_the_submission_joins_the_right_price_to_every_id(home: Home) -> None:
    predicted, true = prices_in(home.path / "submission.csv"), answers()
    assert list(predicted) == [row["Id"] for row in tables()["sample_submission.csv"]]
    assert set(predicted) == set(true)
    # Prices at the wrong ids would score about 0.5.
    error = root_mean_squared_log_error(
        [true[name] for name in predicted], list(predicted.values())
    )
    assert error < 0.25


def test_the_result_names_the_file_the_method_and_both_scores(home: Home) -> None:
    result = home.run.event("result")
    assert (result["submission"], result["rows"]) == ("submission.csv", N_TEST)
    assert result["metric"] == "root_mean_squared_log_error"
    chosen = [row for row in home.run.event("blends")["rows"] if row["chosen"]]
    assert [row["method"] for row in chosen] == [result["method"]]
    assert chosen[0]["honest_score_of_choice"] == result["honest_score"]


def test_the_leaderboard_goes_from_best_to_worst_and_weights_sum_to_one(home: Home) -> None:
    rows = home.run.event("leaderboard")["rows"]
    assert [row["score"] for row in rows] == sorted(row["score"] for row in rows)
    assert math.isclose(sum(row["weight"] for row in rows), 1.0)
    baseline = rows[-1]
    assert (baseline["model"], baseline["note"], baseline["weight"]) == ("median", "baseline", 0)


def test_the_chosen_blend_is_no_worse_than_the_simplest_one(home: Home) -> None:
    rows = home.run.event("blends")["rows"]
    names = [row["method"] for row in rows]
    assert names[:5] == ["equal", "top", "best", "convex", "ridge"]
    (place,) = [place for place, row in enumerate(rows) if row["chosen"]]
    assert names[5:] == ([names[place]] if "+" in names[place] else [])
    assert rows[place]["honest_score"] <= rows[0]["honest_score"]


def test_a_run_keeps_what_it_shows(home: Home) -> None:
    record = json.loads((home.store / "blend.json").read_text())
    result = home.run.event("result")
    assert record["honest_score"] == result["honest_score"]
    assert math.isclose(sum(record["weights"].values()), 1.0)
    stored = json.loads((home.store / "leaderboard.json").read_text())
    assert stored["members"] == home.run.event("leaderboard")["rows"]
    submission = (home.path / "submission.csv").read_bytes()
    assert (home.store / "submission.csv").read_bytes() == submission


def test_a_run_writes_beside_the_user_and_leaves_no_temporary_file(home: Home) -> None:
    assert {entry.name for entry in home.path.iterdir()} >= {"runs", "submission.csv"}
    assert not [file for file in home.path.rglob("*") if file.name.endswith(".part")]


@pytest.mark.slow
def test_a_second_run_fits_nothing_and_writes_the_same_bytes(away: Path) -> None:
    store = away / "runs" / "house-prices"
    before, submission = files_of(store), (away / "submission.csv").read_bytes()
    (away / "submission.csv").unlink()
    done = comps(*RUN, cwd=away)
    assert "Nothing to fit: all 30 fits are stored." in done.err
    assert files_of(store) == before
    assert (away / "submission.csv").read_bytes() == submission
    *_, submitted, report = done.out.splitlines()
    assert submitted.startswith("submission.csv: 60 rows, checked against the sample submission.")
    assert report == "Report: runs/house-prices/report.html"


@pytest.mark.slow
def test_a_changed_parameter_refits_that_model_alone(away: Path) -> None:
    store = away / "runs" / "house-prices"
    before = files_of(store)
    done = comps(*RUN, "--set", "ridge.alpha=3", "--engine", "inline", "--json", cwd=away)
    assert done.event("planned") == {"event": "planned", "to_fit": 10, "stored": 20}
    assert {event["model"] for event in done.all("started")} == {"ridge[alpha=3]"}
    assert before.items() <= files_of(store).items()
    again = comps(*RUN, "--json", cwd=away)
    assert again.event("planned")["to_fit"] == 0
    assert again.event("leaderboard")["rows"][0]["score"] != pytest.approx(
        done.event("leaderboard")["rows"][0]["score"], abs=1e-12
    )


@pytest.mark.slow
def test_another_seed_gives_other_folds_which_are_fitted(away: Path) -> None:
    arguments = ("cv", *STORED, "--models", "median", "--engine", "inline", "--json")
    done = comps(*arguments, "--seed", "1", cwd=away)
    assert done.event("planned") == {"event": "planned", "to_fit": 5, "stored": 0}


@pytest.mark.slow
def test_a_model_that_fails_is_left_out_and_the_others_go_on(away: Path) -> None:
    arguments = ("--set", "ridge.alpha=much", "--engine", "inline", "--json")
    done = comps(*RUN, *arguments, cwd=away)
    (failed,) = done.all("failed")
    assert (
        failed["model"] == "ridge[alpha=much]" and "'alpha' parameter of Ridge" in failed["reason"]
    )
    assert any("ridge[alpha=much] failed and is left out" in e["text"] for e in done.all("note"))
    assert {row["model"] for row in done.event("leaderboard")["rows"]} == {"median", "svr"}
    assert done.event("result")["rows"] == N_TEST


@pytest.mark.slow
def test_a_run_whose_models_all_failed_writes_no_submission_of_the_baseline(fresh: Path) -> None:
    failing = ("--models", "median,ridge,svr", "--set", "ridge.alpha=-1", "--set", "svr.C=-1")
    done = comps("run", *STORED, *failing, "--folds", "2", "--engine", "inline", cwd=fresh, code=1)
    assert "Every model but the baseline 'median' failed, so no submission is written." in done.err
    for name, parameter in (("ridge", "alpha"), ("svr", "C")):
        (log,) = (fresh / "runs" / "house-prices" / "errors").glob(f"{name}-*.log")
        assert f"'{parameter}' parameter of" in log.read_text()
        assert f"(log: {log.relative_to(fresh)})" in done.err
    assert not list(fresh.rglob("submission.csv"))


@pytest.mark.slow
def test_one_model_beside_the_baseline_that_did_not_fail_is_submitted(fresh: Path) -> None:
    failing = ("--models", "median,ridge,svr", "--set", "ridge.alpha=-1")
    done = comps("run", *STORED, *failing, "--folds", "2", "--engine", "inline", cwd=fresh)
    assert "ridge[alpha=-1] failed and is left out" in done.err and "Warning" not in done.err
    assert (fresh / "submission.csv").exists()


@pytest.mark.slow
def test_a_baseline_that_was_asked_for_alone_is_submitted_with_a_warning(fresh: Path) -> None:
    alone = ("--models", "median", "--folds", "2", "--engine", "inline")
    done = comps("run", *STORED, *alone, cwd=fresh)
    warning = "Warning: the submission is that of the baseline 'median' alone: asked for alone."
    assert warning in done.err
    assert len(prices_in(fresh / "submission.csv")) == N_TEST


@pytest.mark.slow
def test_the_bundled_sample_is_used_without_data_and_the_output_says_so(tmp_path: Path) -> None:
    arguments = ("cv", "house-prices", "--models", "median", "--folds", "2")
    done = comps(*arguments, "--engine", "inline", cwd=tmp_path)
    assert "using the bundled sample" in done.err
    assert "house-prices-advanced-regression-techniques.zip" in done.err
    assert "median" in done.out


# The other commands


def test_list_shows_the_competition_with_its_metric_and_models(tmp_path: Path) -> None:
    done = comps("list", cwd=tmp_path)
    for text in ("house-prices", "RMSLE", "bundled sample", "lightgbm"):
        assert text in done.out
    assert done.err == ""


def listed_data(cwd: Path, **options: Any) -> str:
    """Return the data that `comps list` would use for house prices."""
    rows = comps("list", "--json", cwd=cwd, **options).all("competition")
    (row,) = (row for row in rows if row["competition"] == "house-prices")
    return str(row["data"])


def test_list_shows_the_data_that_would_be_used(fresh: Path) -> None:
    folder = fresh / "data" / "house-prices"
    folder.mkdir(parents=True)
    assert listed_data(fresh) == "bundled sample"
    shutil.move(fresh / "houses.zip", folder)
    assert listed_data(fresh) == "data/house-prices"
    assert listed_data(folder, env={"COMPS_DATA": str(fresh / "data")}) == str(folder)


@pytest.mark.slow
def test_cv_shows_the_leaderboard_and_writes_no_submission(fresh: Path) -> None:
    arguments = ("cv", *STORED, "--models", "median,lightgbm", "--set", "lightgbm.rounds=50")
    done = comps(*arguments, "--folds", "3", "--repeats", "2", "--json", cwd=fresh)
    assert done.event("planned")["to_fit"] == 12
    rows = {row["model"]: row for row in done.event("leaderboard")["rows"]}
    lightgbm = rows["lightgbm[rounds=50]"]
    assert lightgbm["score"] < rows["median"]["score"]
    assert lightgbm["repeats"] == 2 and 1 <= lightgbm["step"] <= 50
    assert not (fresh / "submission.csv").exists()


@pytest.mark.slow
def test_blend_shows_what_the_run_showed(home: Home, away: Path) -> None:
    done = comps("blend", *STORED, "--json", cwd=away)
    assert done.event("leaderboard") == home.run.event("leaderboard")
    assert done.event("blends") == home.run.event("blends")


@pytest.mark.slow
def test_compare_shows_the_scores_fold_by_fold(home: Home, away: Path) -> None:
    done = comps("compare", *STORED, "--members", "ridge,svr", "--json", cwd=away)
    assert done.event("planned")["to_fit"] == 0
    rows = done.event("comparison")["rows"]
    assert [row["fold"] for row in rows] == [1, 2, 3, 4, 5]
    for event in home.run.all("done"):
        if event["model"] == "ridge" and event["fits"] == "folds":
            (fold,) = event["folds"]
            assert rows[fold]["ridge"] == pytest.approx(event["scores"][0])


@pytest.mark.slow
def test_compare_sets_the_best_network_against_the_best_boosting_model(fresh: Path) -> None:
    done = comps("compare", *STORED, "--members", "lightgbm,mlp", "--json", cwd=fresh)
    rows, result = done.event("comparison")["rows"], done.event("result")
    assert {result["first"], result["second"]} == {"mlp", "lightgbm"}
    ahead = [row[result["second"]] - row[result["first"]] for row in rows]
    assert result["mean_difference"] == pytest.approx(np.mean(ahead))
    assert (result["wins"], result["folds"]) == (sum(a > 0 for a in ahead), 5)
    sizes = {row["model"]: row["size"] for row in done.event("members")["rows"]}
    assert sizes["mlp"] > 10_000 and sizes["lightgbm"] > 10_000


@pytest.mark.slow
def test_submit_writes_the_file_of_the_run_again(away: Path) -> None:
    comps("submit", *STORED, "--output", "deep/down/mine.csv", cwd=away)
    mine = away / "deep" / "down" / "mine.csv"
    assert mine.read_bytes() == (away / "submission.csv").read_bytes()


@pytest.mark.slow
def test_an_equal_blend_of_two_members_is_their_mean_on_the_log_scale(away: Path) -> None:
    stored = []
    for name in ("ridge", "svr"):
        (file,) = away.glob(f"runs/house-prices/models/{name}/*/oof-r1.npz")
        with np.load(file) as arrays:
            logs = dict(zip(arrays["test_ids"].astype(str), arrays["test"], strict=True))
        stored.append([logs[house] for house in sorted(logs)])
    arguments = ("--members", "ridge,svr", "--method", "equal", "--output", "equal.csv")
    comps("submit", *STORED, *arguments, cwd=away)
    assert not np.allclose(*stored)
    np.testing.assert_allclose(log_prices(away / "equal.csv"), np.mean(stored, axis=0), rtol=1e-9)


@pytest.mark.slow
def test_score_is_scikit_learns(home: Home) -> None:
    predicted, true = prices_in(home.path / "submission.csv"), answers()
    expected = root_mean_squared_log_error(
        [true[name] for name in predicted], list(predicted.values())
    )
    done = comps("score", "submission.csv", "answers.csv", "--json", cwd=home.path)
    assert done.event("score")["score"] == pytest.approx(expected)
    shown = comps("score", "submission.csv", "answers.csv", cwd=home.path)
    assert shown.out == f"house-prices: RMSLE {expected:.5f}\n"


def test_a_submission_scored_against_itself_is_perfect(home: Home) -> None:
    done = comps("score", "submission.csv", "submission.csv", cwd=home.path)
    assert done.out == "house-prices: RMSLE 0.00000\n"


# Checking a file that is already there


@pytest.mark.slow
def test_a_valid_file_passes_the_check(home: Home) -> None:
    done = comps("submit", *STORED, "--check", "submission.csv", cwd=home.path)
    assert done.out == "submission.csv is valid: 60 rows.\n"


@pytest.mark.slow
def test_every_problem_of_a_file_is_told_with_the_first_ids(home: Home, tmp_path: Path) -> None:
    table = pd.read_csv(home.path / "submission.csv")
    first, second, third = table["Id"][:3]
    table.loc[1, "SalePrice"] = -1
    table.loc[2, "SalePrice"] = None
    file = tmp_path / "mine.csv"
    table.drop(index=0).to_csv(file, index=False)
    done = comps("submit", *STORED, "--check", file, cwd=home.path, code=2)
    assert done.out == ""
    problems = done.err.splitlines()
    assert problems[0] == "Error: The submission is not valid."
    assert problems[1] == f"- 1 ids of the sample submission are missing: {first}."
    assert problems[2] == f"- 1 values of SalePrice are no finite numbers: ids {third}."
    assert problems[3].startswith("- 1 values of SalePrice are not above 0: ")
    assert problems[3].endswith(f": ids {second}.")


def test_an_invalid_file_is_one_json_line_for_machines(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("Id,Price\n1,2\n")
    done = comps("submit", *STORED, "--check", file, "--json", cwd=home.path, code=2)
    message = done.event("error")["message"]
    assert "The columns must be ['Id', 'SalePrice']; they are ['Id', 'Price']." in message
    assert done.err == ""


# Data in all their forms


def in_data_folder(folder: Path) -> list[str]:
    (folder / "data" / "house-prices").mkdir(parents=True)
    write_houses(folder / "data" / "house-prices" / HOUSE_PRICES.archive)
    return []


def unpacked_in_data_folder(folder: Path) -> list[str]:
    unpacked(folder / "data" / "house-prices")
    return []


def unpacked(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables().items():
        (folder / name).write_bytes(write_csv(rows))
    return ["--data", str(folder)]


def folder_in_a_zip(folder: Path) -> list[str]:
    content = {f"house prices/{name}": write_csv(rows) for name, rows in tables().items()}
    return ["--data", str(write_zip(folder / "mine.zip", content))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout", [in_data_folder, unpacked_in_data_folder, unpacked, folder_in_a_zip]
)
def test_kaggles_files_are_found_in_every_layout(
    layout: Callable[[Path], list[str]], home: Home, tmp_path: Path
) -> None:
    # The submission is valid for the houses in these files, and not for the bundled sample.
    arguments = ("submit", "house-prices", "--check", home.path / "submission.csv")
    comps(*arguments, *layout(tmp_path), cwd=tmp_path)


@pytest.mark.slow
def test_the_data_folder_of_the_environment_is_used(home: Home, tmp_path: Path) -> None:
    unpacked_in_data_folder(tmp_path)
    arguments = ("submit", "house-prices", "--check", "submission.csv")
    comps(*arguments, cwd=home.path, code=2)
    comps(*arguments, cwd=home.path, env={"COMPS_DATA": str(tmp_path / "data")})


@pytest.mark.slow
def test_unpacked_data_are_the_same_data_so_that_nothing_is_fitted_again(away: Path) -> None:
    with zipfile.ZipFile(away / "houses.zip") as archive:
        archive.extractall(away / "unpacked")
    done = comps("run", "house-prices", "--data", "unpacked", "--models", QUICK, cwd=away)
    assert "Nothing to fit" in done.err


@pytest.mark.slow
def test_results_go_to_the_folder_of_the_environment(fresh: Path) -> None:
    arguments = ("cv", *STORED, "--models", "median", "--folds", "2", "--engine", "inline")
    comps(*arguments, cwd=fresh, env={"COMPS_RUNS": str(fresh / "results")})
    assert (fresh / "results" / "house-prices" / "store.json").is_file()
    assert not (fresh / "runs").exists()


# Used wrongly: exit code 2


HOUSES = ("house-prices", "--data", "houses.zip")
ON_MEDIAN = (*HOUSES, "--models", "median", "--engine", "inline")

USAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "no such command": (("rum",), "No such command 'rum'"),
    "no such option": (("run", "house-prices", "--fold", "3"), "No such option: --fold"),
    "no competition": (("run",), "Missing argument"),
    "no such competition": (
        ("run", "house-price", "--engine", "inline"),
        "Error: There is no competition 'house-price'. Did you mean 'house-prices'? Known: ",
    ),
    "a folder that is missing": (
        ("run", "nowhere"),
        "There is no competitions/nowhere/competition.py either.",
    ),
    "a path as competition": (("blend", "../data"), "There is no file or folder ../data."),
    "the vocabulary as competition": (("blend", "base"), "There is no competition 'base'."),
    "no such model": (
        ("run", *HOUSES, "--models", "rigde,median"),
        "There is no model 'rigde'. Did you mean 'ridge'? Known: catboost, ",
    ),
    "no model": (("run", *HOUSES, "--models", ","), "No model was named"),
    "no such parameter": (
        ("run", *HOUSES, "--models", "ridge", "--set", "ridge.alhpa=1"),
        "There is no parameter of model 'ridge' called 'alhpa'. Did you mean 'alpha'?",
    ),
    "a setting of no model": (
        ("run", *HOUSES, "--set", "rigde.alpha=1"),
        "There is no model 'rigde'. Did you mean 'ridge'?",
    ),
    "a setting of another model": (
        ("run", *HOUSES, "--models", "median", "--set", "ridge.alpha=1"),
        "There is no model in this run 'ridge'. Known: median.",
    ),
    "a setting without a parameter": (
        ("run", *HOUSES, "--set", "ridge=1"),
        "--set takes MODEL.PARAMETER=VALUE, such as lightgbm.learning_rate=0.02, not 'ridge=1'.",
    ),
    "a setting without a value": (
        ("cv", *HOUSES, "--set", "ridge.alpha"),
        "--set takes MODEL.PARAMETER=VALUE",
    ),
    "no such scheme": (
        ("run", *ON_MEDIAN, "--scheme", "stratfied"),
        "There is no fold scheme 'stratfied'. Did you mean 'stratified' or "
        "'stratified-grouped'? Known: ",
    ),
    "a scheme that needs groups": (
        ("run", *ON_MEDIAN, "--scheme", "grouped"),
        "The scheme 'grouped' needs groups, and this competition has none.",
    ),
    "more folds than rows": (
        ("run", *ON_MEDIAN, "--folds", "151"),
        "The number of folds must be between 2 and the number of training rows, 150; it is 151.",
    ),
    "one fold": (("cv", *ON_MEDIAN, "--folds", "1"), "The number of folds must be between 2 and"),
    "minus one repeat": (("cv", *ON_MEDIAN, "--repeats=-1"), "--repeats must be at least 1"),
    "folds in words": (("cv", *ON_MEDIAN, "--folds", "five"), "Invalid value for '--folds'"),
    "no such engine": (
        ("run", *HOUSES, "--models", "median", "--folds", "3", "--engine", "loacl"),
        "There is no engine 'loacl'. Did you mean 'local'? Known: inline, local, ray.",
    ),
    "no jobs": (
        ("run", *HOUSES, "--models", "median", "--folds", "3", "--jobs", "0"),
        "--jobs must be between 1 and the number of cores, ",
    ),
    "jobs side by side in one process": (
        ("run", *ON_MEDIAN, "--folds", "3", "--jobs", "2"),
        "The engine 'inline' runs one job at a time; leave out --jobs.",
    ),
    "a time limit in words": (
        ("run", *ON_MEDIAN, "--time-limit", "soon"),
        "A time such as 90s, 10m or 1h30m was expected, not 'soon'.",
    ),
    "a negative time limit": (("run", *ON_MEDIAN, "--time-limit=-5s"), "not '-5s'."),
    "no time": (("cv", *ON_MEDIAN, "--time-limit", "0"), "must be more than zero"),
    "no such method": (
        ("blend", *HOUSES, "--method", "median"),
        "There is no method 'median'. Known: auto, equal, logit, geometric,",
    ),
    "a member that is not stored": (
        ("blend", *HOUSES, "--members", "ridge,xgboost"),
        "There is no stored member 'xgboost'. Known: median, ridge, svr.",
    ),
    "other folds than the stored": (
        ("submit", *HOUSES, "--folds", "7"),
        "has no out-of-fold predictions for these data and folds. 'comps run house-prices "
        "--data houses.zip --folds 7' makes them.",
    ),
    "answers of no competition": (
        ("score", "submission.csv", "other.csv"),
        "Which competition the columns ['a', 'b'] belong to is not clear. Name it with "
        "--competition, or --metric for the answers alone.",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", USAGE)
def test_wrong_use_ends_with_code_2_and_says_what_would_be_right(what: str, away: Path) -> None:
    arguments, message = USAGE[what]
    (away / "other.csv").write_text("a,b\n1,2\n")
    before = files_of(away / "runs" / "house-prices")
    done = comps(*arguments, cwd=away, code=2)
    assert message in " ".join(done.err.split())
    assert done.out == ""
    assert files_of(away / "runs" / "house-prices") == before


@pytest.mark.parametrize("what", ["no such competition", "more folds than rows"])
def test_wrong_use_is_one_json_line_for_machines(what: str, home: Home, tmp_path: Path) -> None:
    arguments, message = USAGE[what]
    runs = ("--runs", str(home.path / "runs"))
    done = comps(*arguments, *runs, "--json", cwd=home.path, code=2)
    assert message.removeprefix("Error: ") in done.events[-1]["message"]
    assert [event["event"] for event in done.events if event["event"] != "note"] == ["error"]
    assert done.err == ""


def test_a_wrong_option_leaves_no_line_that_is_no_json(tmp_path: Path) -> None:
    done = comps("run", "house-prices", "--json", "--nosuch", cwd=tmp_path, code=2)
    assert all(event["event"] == "error" for event in done.events)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--folds", "--repeats"])
def test_zero_folds_and_repeats_are_refused_like_other_impossible_numbers(
    option: str, fresh: Path
) -> None:
    done = comps("cv", *ON_MEDIAN, option, "0", cwd=fresh, code=2)
    assert option in done.err and "must be" in done.err


def test_an_unknown_engine_is_refused_even_if_there_is_nothing_to_fit(away: Path) -> None:
    done = comps(*RUN, "--engine", "loacl", cwd=away, code=2)
    assert "There is no engine 'loacl'" in done.err


# Data that are not what they should be: exit code 2


def changed(file: str, row: int, column: str, value: str | None) -> dict[str, list[Row]]:
    """Return a file with one cell changed, or with a column taken away."""
    rows = [dict(row) for row in tables()[file]]
    if value is None:
        rows = [{k: v for k, v in row.items() if k != column} for row in rows]
    else:
        rows[row][column] = value
    return {file: rows}


def write_truncated(path: Path) -> Path:
    content = write_houses(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def write_wrong(path: Path) -> Path:
    return write_zip(path, {"cats/1.jpg": b"", "train.csv": b"x\n1\n"})


def write_outside(path: Path) -> Path:
    write_houses(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.py", "print('harm')")
    return path


def write_empty(path: Path) -> Path:
    path.touch()
    return path


SPOILED = {
    "truncated": (write_truncated, "spoiled.zip is not a readable zip file"),
    "empty": (write_empty, "spoiled.zip is not a readable zip file"),
    "wrong": (write_wrong, "Expected: train.csv, test.csv, sample_submission.csv. Found: cats/1"),
    "outside": (write_outside, "its entry '../../evil.py' points outside the archive"),
    "missing column": (
        lambda path: write_houses(path, changed("test.csv", 0, "LotArea", None)),
        "test.csv lacks the column 'LotArea'.",
    ),
    "negative price": (
        lambda path: write_houses(path, changed("train.csv", 7, "SalePrice", "-5")),
        "SalePrice in train.csv must be a positive number of dollars; 1 row is not. line 9: ",
    ),
    "id twice": (
        lambda path: write_houses(
            path, changed("test.csv", 3, "Id", tables()["test.csv"][0]["Id"])
        ),
        "test.csv has 1 duplicate id: ",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SPOILED)
def test_data_that_are_spoiled_end_a_run_with_code_2_before_anything_is_fitted(
    what: str, tmp_path: Path
) -> None:
    write, message = SPOILED[what]
    write(tmp_path / "spoiled.zip")
    arguments = ("run", "house-prices", "--data", "spoiled.zip", "--engine", "inline")
    done = comps(*arguments, cwd=tmp_path, code=2)
    assert message in done.err
    assert done.out == ""
    left = [file.name for file in tmp_path.rglob("*")]
    assert "spoiled.zip" in left
    assert not [name for name in left if name.endswith((".npz", ".py", "submission.csv"))]


@pytest.mark.parametrize("command", ["run", "submit", "list"])
def test_a_data_path_that_is_not_there_is_an_error_and_not_the_bundled_sample(
    command: str, tmp_path: Path
) -> None:
    options = {"run": ["house-prices", "--engine", "inline"], "submit": ["house-prices"]}
    done = comps(command, *options.get(command, []), "--data", "nowhere.zip", cwd=tmp_path, code=2)
    assert "Error: There is no file or folder nowhere.zip." in done.err
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_data_error_is_one_json_line_for_machines(tmp_path: Path) -> None:
    write_truncated(tmp_path / "spoiled.zip")
    arguments = ("blend", "house-prices", "--data", "spoiled.zip", "--json")
    done = comps(*arguments, cwd=tmp_path, code=2)
    assert "not a readable zip file" in done.event("error")["message"]
    assert done.err == ""


SCORES = {
    "no submission": (("nowhere.csv", "answers.csv"), "no file or folder nowhere.csv"),
    "no answers": (("submission.csv", "nowhere.csv"), "no file or folder nowhere.csv"),
    "a folder": ((".", "answers.csv"), ". is a folder; name the file with the table."),
    "no table": (("houses.zip", "answers.csv"), "houses.zip holds 3 files: "),
    "another table": (("other.csv", "answers.csv"), "The submission lacks the columns"),
    "half of it": (("half.csv", "answers.csv"), "The ids differ: 30 of the solution are not in"),
}


@pytest.mark.parametrize("what", SCORES)
def test_what_cannot_be_scored_ends_with_code_2(what: str, away: Path) -> None:
    files, message = SCORES[what]
    (away / "other.csv").write_text("a,b\n1,2\n")
    lines = (away / "submission.csv").read_text().splitlines(keepends=True)
    (away / "half.csv").write_text("".join(lines[:31]))
    done = comps("score", *files, cwd=away, code=2)
    assert message in done.err
    assert done.out == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [
        "--data",
        "--runs",
    ],
)
def test_a_path_that_cannot_be_is_an_error_in_words(option: str, fresh: Path) -> None:
    comps("cv", *ON_MEDIAN, option, "x" * 300, cwd=fresh, code=1)


# The run folder


@pytest.mark.parametrize("command", ["blend", "submit"])
def test_without_stored_results_the_command_that_makes_them_is_named(
    command: str, fresh: Path
) -> None:
    done = comps(command, *STORED, cwd=fresh, code=2)
    assert "runs/house-prices has no out-of-fold predictions" in done.err
    assert "'comps run house-prices --data houses.zip' makes them." in done.err
    assert not (fresh / "runs").exists()


@pytest.mark.parametrize("command", ["run", "blend"])
def test_a_run_folder_of_another_format_is_left_alone(command: str, away: Path) -> None:
    marker = away / "runs" / "house-prices" / "store.json"
    marker.write_text(json.dumps({"format": 99, "version": "7.0"}))
    done = comps(command, *STORED, cwd=away, code=1)
    assert "were written by version 7.0 in format 99; this version reads format 2." in done.err
    assert json.loads(marker.read_text())["format"] == 99


@pytest.mark.parametrize("content", ["", "[]", "\udcff"])
def test_a_damaged_marker_of_a_run_folder_is_told(content: str, away: Path) -> None:
    marker = away / "runs" / "house-prices" / "store.json"
    marker.write_bytes(content.encode(errors="surrogateescape"))
    done = comps("blend", *STORED, cwd=away, code=1)
    assert "store.json is damaged. Delete it or use another --runs." in done.err


@pytest.mark.slow
def test_a_damaged_result_is_computed_again_and_nothing_else(away: Path) -> None:
    store = away / "runs" / "house-prices"
    submission = (away / "submission.csv").read_bytes()
    for file in store.glob("models/ridge/*/*.npz"):
        if file.name in ("r0-f2.npz", "oof-r1.npz"):
            file.write_bytes(file.read_bytes()[:300])
    done = comps(*RUN, "--engine", "inline", "--json", cwd=away)
    assert [event["folds"] for event in done.all("done")] == [[2]]
    assert (away / "submission.csv").read_bytes() == submission


def test_a_file_in_the_place_of_the_run_folder_is_told(fresh: Path) -> None:
    (fresh / "runs").mkdir()
    (fresh / "runs" / "house-prices").touch()
    done = comps("cv", *ON_MEDIAN, cwd=fresh, code=1)
    assert "runs/house-prices is a file; a folder for results was expected." in done.err


# Where nothing can be written


@pytest.mark.slow
def test_a_run_folder_that_may_not_be_written_is_told(fresh: Path) -> None:
    prefix = without_privileges()
    (fresh / "closed").mkdir(mode=0o500)
    done = comps("cv", *ON_MEDIAN, "--runs", "closed", cwd=fresh, code=1, prefix=prefix)
    assert "Error: Cannot write to closed/house-prices: Permission denied." in done.err


@pytest.mark.slow
def test_an_output_that_may_not_be_written_is_told_and_the_results_are_kept(away: Path) -> None:
    prefix = without_privileges()
    (away / "closed").mkdir(mode=0o500)
    arguments = ("--output", "closed/mine.csv")
    done = comps(*RUN, *arguments, cwd=away, code=1, prefix=prefix)
    assert "Error: Cannot write closed/mine.csv: Permission denied." in done.err
    assert list((away / "closed").iterdir()) == []
    comps("submit", *STORED, cwd=away)


@pytest.mark.slow
@pytest.mark.parametrize("output", [".", "houses.zip/mine.csv"])
def test_an_output_that_is_no_place_for_a_file_is_told(output: str, away: Path) -> None:
    done = comps("submit", *STORED, "--output", output, cwd=away, code=1)
    assert f"Error: Cannot write {output}: " in done.err
    assert not [file for file in away.rglob("*") if file.name.endswith(".part")]


@pytest.mark.skipif(os.name == "nt", reason="needs a shell with ulimit")
@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_told_and_leaves_no_half_file(fresh: Path) -> None:
    # No file may grow beyond 2 KiB: writing fails half-way, as on a full disk.
    prefix = ["bash", "-c", 'ulimit -f 2; exec "$@"', "bash"]
    done = comps("cv", *ON_MEDIAN, cwd=fresh, code=1, prefix=prefix)
    assert "Cannot write runs/house-prices/" in done.err
    assert not [file for file in fresh.rglob("*") if file.name.endswith((".part", ".npz"))]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("json_", [(), ("--json",)], ids=["tables", "json"])
def test_a_standard_output_that_is_full_is_told(json_: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        comps("list", *json_, cwd=tmp_path, code=1, stdout=full)


@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_reason_for_a_traceback(home: Home) -> None:
    arguments = ("blend", *STORED, "--json")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        comps(*arguments, cwd=home.path, code=1, stdout=writing)
    finally:
        os.close(writing)


@pytest.mark.parametrize("option", ["--data", "--runs"])
def test_a_folder_that_may_not_be_looked_into_is_told(option: str, fresh: Path) -> None:
    prefix = without_privileges()
    closed = fresh / "closed"
    closed.mkdir(mode=0)
    try:
        done = comps("cv", *ON_MEDIAN, option, "closed/x", cwd=fresh, code=1, prefix=prefix)
    finally:
        closed.chmod(0o700)
    assert "Permission denied" in done.err


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_output_that_is_no_regular_file_is_not_replaced(away: Path) -> None:
    os.mkfifo(away / "pipe")
    reader = os.open(away / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        subprocess.run(
            [*COMPS, "submit", *STORED, "--output", "pipe"],
            cwd=away,
            env=environment(),
            capture_output=True,
            timeout=100,
            check=False,
        )
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((away / "pipe").stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="permissions are of another kind on Windows")
def test_files_have_the_permissions_that_the_umask_gives(home: Home) -> None:
    ordinary = home.path / "ordinary"
    ordinary.touch()
    expected = stat.S_IMODE(ordinary.stat().st_mode)
    ordinary.unlink()
    assert stat.S_IMODE((home.path / "submission.csv").stat().st_mode) == expected


# Time limits


@pytest.mark.slow
def test_a_time_limit_leaves_out_what_takes_too_long_and_gives_a_valid_submission(
    away: Path,
) -> None:
    (away / "submission.csv").unlink()
    endless = ("--set", "extra-trees.n_estimators=10000000")
    arguments = ("--models", f"{QUICK},extra-trees", *endless, "--time-limit", "8s", "--json")
    done = comps("run", *STORED, *arguments, cwd=away)
    rows = {row["model"] for row in done.event("leaderboard")["rows"]}
    assert rows == set(QUICK.split(","))
    notes = " ".join(event["text"] for event in done.all("note"))
    endless = "extra-trees[n_estimators=10000000]"
    assert f"Left out for lack of time (the limit is 8 s): {endless}." in notes
    checked = comps("submit", *STORED, "--check", "submission.csv", cwd=away)
    assert "is valid: 60 rows." in checked.out


@pytest.mark.slow
def test_a_limit_that_is_too_short_for_anything_is_an_error_in_words(fresh: Path) -> None:
    done = comps("run", *ON_MEDIAN, "--time-limit", "0.1s", cwd=fresh, code=1)
    assert "No model was trained. The time limit is too short." in done.err
    assert not (fresh / "submission.csv").exists()


@pytest.mark.slow
def test_a_run_that_ended_within_its_time_limit_fits_nothing_again(
    fresh: Path,
) -> None:
    arguments = ("run", *STORED, "--models", "median", "--folds", "2", "--engine", "inline")
    first = comps(*arguments, "--time-limit", "10m", "--json", cwd=fresh)
    assert [row["repeats"] for row in first.event("leaderboard")["rows"]] == [1]
    submission = (fresh / "submission.csv").read_bytes()
    second = comps(*arguments, "--time-limit", "10m", "--json", cwd=fresh)
    assert {event["to_fit"] for event in second.all("planned")} == {0}
    assert (fresh / "submission.csv").read_bytes() == submission


# Ending early, and two at once

# A model that takes minutes: whoever waits for it to start has time to do something.
ENDLESS = ("--models", "median,extra-trees", "--set", "extra-trees.n_estimators=1000000")
ENDLESS_MEMBER = "extra-trees[n_estimators=1000000]"


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind on Windows")
@pytest.mark.parametrize(
    ("engine", "number"), [("local", signal.SIGINT), ("inline", signal.SIGTERM)]
)
@pytest.mark.slow
def test_an_interrupt_ends_with_code_1_and_keeps_the_finished_folds(
    engine: str, number: signal.Signals, fresh: Path
) -> None:
    arguments = ("cv", *STORED, *ENDLESS, "--folds", "2", "--engine", engine, "--json")
    with running(*arguments, cwd=fresh) as process:
        # A second worker may still be at the first model when the next one is started.
        read_until_all(
            process,
            {"event": "model", "model": "median"},
            {"event": "started", "model": ENDLESS_MEMBER},
        )
        # A terminal sends Ctrl-C to all processes of the command, the workers too.
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "Traceback" not in err + out
        last = json.loads(out.splitlines()[-1])
        assert last["event"] == "error" and "Finished folds are kept" in last["message"]
        left = members_of_session(process.pid)
        psutil.wait_procs(left, timeout=10)
        assert members_of_session(process.pid) == []
    kept = sorted(file.name for file in fresh.glob("runs/*/models/median/*/r*.npz"))
    assert kept == ["r0-f0.npz", "r0-f1.npz"]


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind on Windows")
@pytest.mark.slow
def test_of_two_runs_at_once_the_second_says_so_and_the_first_ends_unharmed(away: Path) -> None:
    arguments = (*STORED, "--engine", "inline", "--json")
    with running("run", *arguments, "--models", "median,ridge", "--seed", "1", cwd=away) as first:
        read_until(first, event="started", model="ridge")
        # The first stands still while the second tries: whoever is quicker plays no part.
        os.killpg(first.pid, signal.SIGSTOP)
        second = comps("run", *STORED, cwd=away, code=1)
        assert f"Another run is writing to runs/house-prices (process {first.pid})" in second.err
        assert "Wait until it has ended, or use another folder (--runs)." in second.err
        os.killpg(first.pid, signal.SIGCONT)
        out, err = first.communicate(timeout=120)
        assert first.returncode == 0, err
    assert [json.loads(line)["event"] for line in out.splitlines()][-2:] == ["result", "report"]
    comps("submit", *STORED, "--check", "submission.csv", cwd=away)


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind on Windows")
@pytest.mark.slow
def test_a_killed_run_keeps_its_folds_and_does_not_lock_the_next_one_out(fresh: Path) -> None:
    arguments = (*STORED, *ENDLESS, "--folds", "2", "--engine", "inline", "--json")
    with running("cv", *arguments, cwd=fresh) as process:
        read_until(process, event="started", model=ENDLESS_MEMBER)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    done = comps("cv", *STORED, "--models", "median", "--folds", "2", "--json", cwd=fresh)
    assert done.event("planned") == {"event": "planned", "to_fit": 0, "stored": 2}


# Help, and what is imported


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = comps(command, "--help", cwd=tmp_path)
    assert f"Usage: comps {command}" in done.out
    assert "--json" in done.out
    assert done.err == ""


def test_help_lists_the_commands_and_no_command_is_wrong_use(tmp_path: Path) -> None:
    done = comps("--help", cwd=tmp_path)
    assert all(f"\n  {command} " in done.out for command in COMMANDS)
    assert comps(cwd=tmp_path, code=2).err.strip() == done.out.strip()


IMPORTED = """
import json, sys
from pipelines.cli import main
try:
    main(json.loads({arguments!r}))
except SystemExit:
    pass
roots = sorted({{name.partition(".")[0] for name in sys.modules}})
print()
print(json.dumps(roots))
"""

NUMERIC = {"numpy", "scipy", "pandas", "sklearn"}
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch", "xgboost", "lightgbm", "catboost", "optuna"}


def imported_by(*arguments: str) -> set[str]:
    """Return the packages that a command imports."""
    lines = python(IMPORTED.format(arguments=json.dumps(arguments))).splitlines()
    return set(json.loads(lines[-1]))


def test_help_imports_neither_numbers_nor_a_framework() -> None:
    imported = imported_by("--help")
    assert "typer" in imported
    assert imported & (NUMERIC | FRAMEWORKS) == set()


@pytest.mark.parametrize("command", ["run", "score"])
def test_help_of_a_command_reads_registries_and_imports_no_framework(command: str) -> None:
    assert imported_by(command, "--help") & (FRAMEWORKS | {"pandas", "sklearn"}) == set()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("list",), ("run", "nosuch", "--engine", "inline")])
def test_what_trains_nothing_imports_no_framework(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments) & FRAMEWORKS == set()


def test_a_wrong_choice_is_refused_before_scikit_learn_is_imported() -> None:
    imported = imported_by("run", "house-prices", "--models", "nosuch", "--engine", "inline")
    assert imported & {"sklearn", "scipy"} == set()


@pytest.mark.slow
def test_blending_imports_no_framework(home: Home) -> None:
    data, runs = str(home.path / "houses.zip"), str(home.path / "runs")
    imported = imported_by("blend", "house-prices", "--data", data, "--runs", runs)
    assert "numpy" in imported
    assert imported & FRAMEWORKS == set()


@pytest.mark.slow
def test_quick_trains_the_cheap_models_and_shows_the_notes_of_the_data(fresh: Path) -> None:
    done = comps("run", "temperature", "--quick", "--folds", "3", "--json", cwd=fresh)
    events = [json.loads(line) for line in done.out.splitlines()]
    (board,) = (event["rows"] for event in events if event["event"] == "leaderboard")
    assert {row["model"] for row in board} == {"common-sense", "ridge", "lightgbm"}
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert any("hours have no reading" in note for note in notes)
    assert (fresh / "submission.csv").exists()


def test_quick_and_models_do_not_go_together(fresh: Path) -> None:
    done = comps("run", "temperature", "--quick", "--models", "ridge", cwd=fresh, code=2)
    assert "(--quick) names the models itself" in done.err
