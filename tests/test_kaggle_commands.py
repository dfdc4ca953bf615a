"""`comps fetch`, `init --kaggle`, `submit --upload` and `leaderboard`, as a user meets them."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pty
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import root_mean_squared_log_error

from tests.commands import COMPS, Done, comps, environment, running, without
from tests.kaggle_server import KEY, Entered, Fault, Server, home_with_key, serving
from tests.support import wait_for
from tests.test_cli import answers, write_houses

HOUSES = "house-prices-advanced-regression-techniques"
RUN = ("run", "house-prices", "--models", "median,ridge,elastic-net", "--folds", "3")
UPLOAD = ("submit", "house-prices", "--upload", "--yes", "-m")


def score(content: bytes) -> float | None:
    """Return the public score of prices: of the first forty houses."""
    rows = {
        row["Id"]: float(row["SalePrice"]) for row in csv.DictReader(io.StringIO(content.decode()))
    }
    public = list(answers().items())[:40]
    return root_mean_squared_log_error([p for _, p in public], [rows[name] for name, _ in public])


@dataclass(frozen=True)
class Place:
    """A folder, and the server that its commands ask."""

    path: Path
    server: Server
    env: dict[str, str]

    def comps(self, *arguments: str | Path, code: int = 0) -> Done:
        done = comps(*arguments, cwd=self.path, code=code, env=self.env)
        assert KEY not in done.out + done.err
        return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fetched houses and a run, which tests must not change."""
    path = tmp_path_factory.mktemp("trained")
    folder = path / "data" / "house-prices"
    folder.mkdir(parents=True)
    write_houses(folder / f"{HOUSES}.zip")
    comps(*RUN, "--engine", "inline", "--no-nested", "--no-checks", cwd=path)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder."""
    content = write_houses(tmp_path / "houses.zip").read_bytes()
    (tmp_path / "houses.zip").unlink()
    with serving() as server:
        server.competitions[HOUSES] = Entered(archive=content, score=score)
        yield Place(tmp_path, server, server.environment | home_with_key(tmp_path / "home"))


@pytest.fixture
def home(trained: Path, place: Place) -> Place:
    """A copy of the folder with the run."""
    shutil.copytree(trained, place.path, dirs_exist_ok=True)
    return place


@pytest.mark.slow
def test_files_are_fetched_once_and_used(place: Place) -> None:
    done = place.comps("fetch", "house-prices")
    file = place.path / "data" / "house-prices" / f"{HOUSES}.zip"
    assert file.read_bytes() == place.server.competitions[HOUSES].archive
    assert "downloaded and checked. Next: comps run house-prices" in done.out
    again = place.comps("fetch", "house-prices", "--json").event("fetched")
    assert (again["downloaded"], again["kaggle"]) == (False, HOUSES)
    assert f"data/house-prices/{HOUSES}.zip" in again["file"]
    assert file.name in place.comps("list").out or "data/house-prices" in place.comps("list").out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"accepted": False}, f"competitions/{HOUSES}/rules"),
        ({"archive": b"no zip"}, "damaged"),
    ],
)
def test_a_fetch_that_fails_says_what_to_do_and_leaves_no_data(
    place: Place, change: dict[str, object], said: str
) -> None:
    for name, value in change.items():
        setattr(place.server.competitions[HOUSES], name, value)
    done = place.comps("fetch", "house-prices", code=1)
    assert said in done.err and done.out == ""
    assert not (place.path / "data" / "house-prices").exists()
    error = place.comps("fetch", "house-prices", "--json", code=1).event("error")
    assert said in error["message"]


@pytest.mark.slow
def test_without_a_key_or_a_network_or_the_client_a_fetch_ends_with_1(place: Place) -> None:
    (place.path / "home" / "kaggle.json").unlink()
    assert "settings/api" in place.comps("fetch", "house-prices", code=1).err
    own = home_with_key(place.path / "home")
    offline = {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", "http_proxy": "http://127.0.0.1:9", **own}
    assert "proxy" in comps("fetch", "house-prices", cwd=place.path, env=offline, code=1).err
    missing = {**place.env, **without("kaggle", place.path)}
    missing["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
    done = comps("fetch", "house-prices", cwd=place.path, env=missing, code=1)
    assert "competition-workbench[kaggle]" in done.err


@pytest.mark.slow
def test_a_name_that_kaggle_does_not_know_is_told_with_close_ones(place: Place) -> None:
    done = place.comps("fetch", "house-prices-advanced", code=1)
    assert f"Did you mean '{HOUSES}'" in done.err
    assert "no competition of Kaggle's" in place.comps("fetch", "temperature", code=2).err
    address = f"https://www.kaggle.com/competitions/{HOUSES}/overview"
    assert f"Did you mean '{HOUSES}'?" in place.comps("fetch", address, code=2).err


@pytest.mark.slow
def test_files_of_the_user_are_not_mixed_with_fetched_ones(place: Place) -> None:
    folder = place.path / "data" / "house-prices"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("Id\n1\n")
    done = place.comps("fetch", "house-prices", code=2)
    assert "has files already: train.csv" in done.err
    assert place.server.calls == []
    # A name that begins as the archive's makes no archive.
    (folder / "train.csv").rename(folder / f"{HOUSES}.notes.txt")
    assert "has files already" in place.comps("fetch", "house-prices", code=2).err
    (folder / f"{HOUSES}.notes.txt").rename(folder / f"{HOUSES}.zip")
    assert "is in the way" in place.comps("fetch", "house-prices", code=2).err
    assert (folder / f"{HOUSES}.zip").read_text() == "Id\n1\n"


@pytest.mark.slow
def test_a_new_competition_is_fetched_inferred_and_written(place: Place) -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(size=120)
    rows = pd.DataFrame({"id": range(120), "size": size, "price": size + rng.normal(size=120)})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("train.csv", rows[:90].to_csv(index=False))
        archive.writestr("test.csv", rows[90:].drop(columns="price").to_csv(index=False))
        sample = rows[90:][["id"]].assign(price=0.0)
        archive.writestr("sample_submission.csv", sample.to_csv(index=False))
    place.server.competitions["flats-2026"] = Entered(archive=content.getvalue())
    done = place.comps("init", "flats-2026", "--kaggle")
    assert "Kaggle names the metric root_mean_squared_error" in done.err
    text = (place.path / "competitions" / "flats-2026" / "competition.py").read_text()
    assert "root_mean_squared_error" in text or "rmse" in text
    run = ("run", "flats-2026", "--models", "median,ridge", "--folds", "3", "--engine", "inline")
    assert "submission.csv: 30 rows" in place.comps(*run, "--no-nested").out
    # Nothing is fetched for a competition that is there.
    calls = len(place.server.calls)
    assert "There is a file" in place.comps("init", "flats-2026", "--kaggle", code=2).err
    assert len(place.server.calls) == calls
    # The file's own name is Kaggle's.
    sent = ("submit", "flats-2026", "--upload", "--yes", "-m", "first")
    place.comps(*sent)
    assert len(place.server.submissions) == 1


def test_a_metric_that_kaggle_does_not_name_is_asked_for(place: Place) -> None:
    place.server.faults["GetCompetition"] = [Fault(status=503)]
    done = place.comps("init", HOUSES, "--kaggle", code=2)
    assert "By which metric are predictions judged?" in done.err
    # The files are there, and not asked for again.
    assert (place.path / "data" / HOUSES / f"{HOUSES}.zip").exists()


@pytest.mark.slow
def test_a_submission_is_shown_sent_scored_and_recorded(home: Place) -> None:
    home.server.competitions[HOUSES].pending = 0
    done = home.comps(*UPLOAD, "first of all", "--wait", "--json")
    told = [event["text"] for event in done.all("note")]
    assert any("checked" in text and HOUSES in text for text in told)
    assert any("first upload" in text for text in told)
    assert any("Submissions left today: 5" in text or "Kaggle knows no" in text for text in told)
    sent = done.event("upload")
    (content,) = home.server.uploads.values()
    assert content == (home.path / "submission.csv").read_bytes()
    assert sent["public_score"] == pytest.approx(score(content), abs=1e-5)
    assert home.server.submissions[0]["description"] == "first of all"
    honest = done.event("result")["honest_score"]
    assert sent["honest_score"] == honest and 0 < sent["score_error"] < honest
    record = json.loads((home.path / "runs" / "house-prices" / "uploads.json").read_text())
    (kept,) = record["uploads"]
    assert (kept["ref"], kept["public_score"]) == (sent["ref"], sent["public_score"])
    assert (home.path / "runs" / "house-prices" / "records" / f"{kept['run']}.json").exists()
    copy = home.path / "runs" / "house-prices" / "uploads" / f"{kept['name']}.csv"
    assert copy.read_bytes() == content

    # The same again would be a submission for nothing.
    again = home.comps(*UPLOAD, "again", code=2)
    assert "same file was uploaded before, 'first of all'" in again.err
    assert len(home.server.submissions) == 1

    # Another one is compared with it.
    done = home.comps(*UPLOAD, "another", "--wait", "--members", "elastic-net")
    assert "The last upload was 'first of all'" in done.err and "rows differ" in done.err
    assert "correlation of ranks" in done.err
    assert "public RMSLE" in done.out and "gap" in done.out

    # Both are on the leaderboard, the newest first, and are picked.
    found = home.comps("leaderboard", "house-prices", "--json", "--public-share", "0.5")
    rows = found.event("submissions")["rows"]
    assert [row["message"] for row in rows] == ["another", "first of all"]
    for row in rows:
        assert row["gap"] == pytest.approx(row["public_score"] - row["honest_score"])
        assert row["low"] < row["honest_score"] < row["high"]
    picks = found.all("pick")
    assert {pick["ref"] for pick in picks} == {1000, 1001}
    best = min(rows, key=lambda row: row["honest_score"])
    assert picks[0]["ref"] == best["ref"] and "best honest score" in picks[0]["reason"]
    assert found.all("verdict")
    # What was said of the public part is kept.
    kept = home.comps("leaderboard", "house-prices", "--json", "--offline")
    assert kept.all("verdict")[0]["public_share"] == 0.5
    assert kept.event("submissions")["rows"] == rows


@pytest.mark.slow
def test_an_interrupt_while_a_score_is_awaited_says_where_it_will_be(home: Place) -> None:
    home.server.competitions[HOUSES].pending = 1_000_000
    wait = (*UPLOAD, "first", "--wait", "--json")
    with running(*wait, cwd=home.path, env=home.env) as process:
        wait_for(lambda: bool(home.server.polls), "a look at the score", 120)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate()
    assert process.returncode == 1
    assert "'comps leaderboard house-prices' shows whether Kaggle took the file" in told
    # The same command would be told that this file was sent.
    assert "the same command" not in told
    home.server.competitions[HOUSES].pending = 0
    rows = home.comps("leaderboard", "house-prices", "--json").event("submissions")["rows"]
    assert [row["status"] for row in rows] == ["complete"]


@pytest.mark.slow
def test_nothing_is_sent_before_somebody_says_so(home: Place) -> None:
    asked = home.comps(*(word for word in UPLOAD if word != "--yes"), "x", code=2)
    assert "say --yes" in asked.err and home.server.calls == []
    assert "needs -m" in home.comps(*UPLOAD[:-1], code=2).err
    assert "are of --upload" in home.comps("submit", "house-prices", "--wait", code=2).err
    file = home.path / "submission.csv"
    done = typed(home, "y", lambda: file.write_bytes(file.read_bytes() + b"\n"))
    assert "changed since it was checked. Nothing was sent" in " ".join(done.split())
    assert home.server.submissions == []
    for answer, count in (("n", 0), ("y", 1)):
        done = typed(home, answer)
        assert f"Send submission.csv to {HOUSES}?" in done
        assert len(home.server.submissions) == count
    assert ("Nothing was sent" in done) == (answer == "n")


@pytest.mark.slow
def test_what_another_command_sends_meanwhile_is_not_sent_again(home: Place) -> None:
    done = typed(home, "y", lambda: home.comps(*UPLOAD, "faster"))
    assert "The same file was uploaded before, 'faster'" in " ".join(done.split())
    assert [one["description"] for one in home.server.submissions] == ["faster"]
    record = json.loads((home.path / "runs" / "house-prices" / "uploads.json").read_text())
    copies = sorted(path.name for path in (home.path / "runs/house-prices/uploads").iterdir())
    (kept,) = record["uploads"]
    assert copies == [f"{kept['name']}.csv", f"{kept['name']}.npz"]


def typed(place: Place, answer: str, before: Callable[[], object] = lambda: None) -> str:
    """Run the command on a terminal, where somebody answers; return all that is shown.

    Args:
        place: where it runs.
        answer: to its question.
        before: is called when the question is there.
    """
    ours, theirs = pty.openpty()
    command = [*COMPS, *(word for word in UPLOAD if word != "--yes"), "by hand"]
    process = subprocess.Popen(
        command,
        cwd=place.path,
        env=environment(place.env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, asked = b"", False
    while True:
        if b"[y/N]" in shown and not asked:
            asked = True
            before()
            os.write(ours, f"{answer}\n".encode())
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.wait()
    os.close(ours)
    return shown.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"notebooks_only": True}, "takes notebooks only"),
        ({"disabled": True, "deadline": "2020-01-31T23:59:00Z"}, "It ended on 2020-01-31"),
        ({"accepted": False}, f"{HOUSES}/rules"),
        ({"largest": 10}, "too large"),
    ],
)
def test_what_kaggle_does_not_take_is_not_sent(
    home: Place, change: dict[str, object], said: str
) -> None:
    for name, value in change.items():
        setattr(home.server.competitions[HOUSES], name, value)
    done = home.comps(*UPLOAD, "x", code=1)
    assert said in done.err and "Nothing was submitted" in done.err
    assert home.server.submissions == []
    # Nothing is lost: the file is there, and the same command sends it when it may.
    assert (home.path / "submission.csv").exists()
    home.server.competitions[HOUSES] = Entered(score=score)
    home.comps(*UPLOAD, "x")
    assert len(home.server.submissions) == 1


@pytest.mark.slow
def test_a_day_without_submissions_left_says_when_the_next_one_begins(home: Place) -> None:
    home.comps(*UPLOAD, "first")
    home.server.competitions[HOUSES].left = 0
    done = home.comps(*UPLOAD, "second", "--members", "elastic-net", code=1)
    assert "All submissions of today are used: 1 today" in done.err
    assert "00:00 UTC" in done.err


@pytest.mark.slow
def test_a_limit_of_all_submissions_begins_anew_on_no_day(home: Place) -> None:
    home.server.competitions[HOUSES].by_total = True
    done = home.comps(*UPLOAD, "first")
    assert "Submissions left: 5, of the competition in all; 0 made." in done.err
    assert "00:00 UTC" not in done.err


@pytest.mark.slow
def test_a_competition_that_ended_may_take_late_submissions(home: Place) -> None:
    home.server.competitions[HOUSES].deadline = "2020-01-31T23:59:00Z"
    assert "ended on 2020-01-31" in home.comps(*UPLOAD, "late").err
    assert len(home.server.submissions) == 1


@pytest.mark.parametrize("fault", [Fault("cut", late=True), Fault(status=502, late=True)])
@pytest.mark.slow
def test_a_lost_answer_that_was_a_submission_is_found(home: Place, fault: Fault) -> None:
    home.server.faults["CreateSubmission"] = [fault]
    done = home.comps(*UPLOAD, "lost one", code=1)
    assert "Whether Kaggle took the file is not known" in done.err
    row = ranked(home)
    assert (row["ref"], row["status"]) == (1000, "complete")
    # The same is not sent twice.
    assert "uploaded before" in home.comps(*UPLOAD, "lost one", code=2).err
    assert len(home.server.submissions) == 1


@pytest.mark.slow
def test_a_lost_answer_is_waited_for_before_the_same_is_sent_again(home: Place) -> None:
    home.server.faults["CreateSubmission"] = [Fault("cut")]
    home.comps(*UPLOAD, "lost one", code=1)
    # Kaggle may be at work on it.
    assert ranked(home)["status"] == "lost"
    done = home.comps(*UPLOAD, "lost one", code=1)
    assert "Kaggle may still take it" in done.err and "15 minutes" in done.err
    assert home.server.submissions == []
    aged(home)
    assert ranked(home)["status"] == "not taken"
    # What comes very late is found all the same.
    size = (home.path / "submission.csv").stat().st_size
    late = {"ref": 77, "status": "COMPLETE", "publicScore": "0.125", "totalBytes": size}
    date = {"date": "2099-01-01T00:00:00.5Z", "description": "lost one"}
    home.server.submissions.append(late | date)
    row = ranked(home)
    assert (row["ref"], row["status"], row["public_score"]) == (77, "complete", 0.125)


def ranked(home: Place) -> dict[str, Any]:
    """Return the one row of the leaderboard."""
    (row,) = home.comps("leaderboard", "house-prices", "--json").event("submissions")["rows"]
    return dict(row)


def aged(home: Place) -> None:
    """Make uploads twenty minutes older."""
    file = home.path / "runs" / "house-prices" / "uploads.json"
    record = json.loads(file.read_text())
    # It is that of the other content.
    del record["checksum"]
    for one in record["uploads"]:
        for name in ("when", "lost"):
            if one[name]:
                earlier = datetime.fromisoformat(one[name]) - timedelta(minutes=20)
                one[name] = earlier.isoformat()
    file.write_text(json.dumps(record))


@pytest.mark.slow
def test_a_lost_upload_is_looked_for_before_the_same_is_sent_again(home: Place) -> None:
    home.server.faults["CreateSubmission"] = [Fault("cut")]
    home.comps(*UPLOAD, "lost one", code=1)
    aged(home)
    home.comps(*UPLOAD, "lost one")
    assert [one["description"] for one in home.server.submissions] == ["lost one"]
    rows = home.comps("leaderboard", "house-prices", "--json").event("submissions")["rows"]
    assert sorted(row["status"] for row in rows) == ["complete", "not taken"]


@pytest.mark.slow
def test_a_submission_that_cannot_be_scored_ends_with_1(home: Place) -> None:
    home.server.competitions[HOUSES].score = lambda content: None
    done = home.comps(*UPLOAD, "x", "--wait", code=1)
    assert "could not score submission 1000: Ids of the rows are missing." in done.err


@pytest.mark.slow
def test_a_wait_that_kaggle_ends_says_that_the_file_was_taken(home: Place) -> None:
    home.server.faults["GetSubmission"] = [Fault(status=403)]
    done = home.comps(*UPLOAD, "x", "--wait", code=1)
    assert "was taken as submission 1000: 'comps leaderboard house-prices' shows" in done.err
    # It would be told that this file was sent.
    assert "the same command" not in done.err
    assert ranked(home)["status"] == "complete"


@pytest.mark.slow
def test_uploads_stay_with_the_competition_that_they_went_to(home: Place) -> None:
    home.server.competitions["other"] = Entered(score=score)
    home.comps("leaderboard", "house-prices", "--kaggle-name", "other")
    home.comps(*UPLOAD, "first")
    done = home.comps("leaderboard", "house-prices", "--kaggle-name", "other", code=2)
    assert f"uploads of house-prices went to {HOUSES}, not to other" in done.err
    home.comps(*UPLOAD, "x", "--members", "ridge", "--kaggle-name", "other", code=2)
    record = json.loads((home.path / "runs" / "house-prices" / "uploads.json").read_text())
    assert (record["kaggle"], len(record["uploads"])) == (HOUSES, 1)


@pytest.mark.slow
def test_uploads_with_other_rows_are_shown_without_a_comparison(home: Place) -> None:
    home.comps(*UPLOAD, "first", "--wait")
    (copy,) = (home.path / "runs" / "house-prices" / "uploads").glob("*.csv")
    copy.write_text("Id,SalePrice\nunknown,1.0\n")
    done = home.comps(*UPLOAD, "second", "--wait", "--members", "elastic-net")
    assert "its file cannot be compared" in done.err
    assert "Final submission 2" in home.comps("leaderboard", "house-prices").out


@pytest.mark.slow
def test_sealed_rows_are_no_test_rows(home: Place) -> None:
    sealed = ("--sealed", "0.2", "--engine", "inline", "--no-nested", "--no-checks")
    home.comps(*RUN, *sealed)
    sent = home.comps(*UPLOAD, "sealed", "--json").event("upload")
    assert sent["test_rows"] == len(pd.read_csv(home.path / "submission.csv"))
    assert len(home.server.submissions) == 1


@pytest.mark.slow
def test_submissions_from_elsewhere_are_shown_without_an_honest_score(home: Place) -> None:
    home.server.submissions.append(
        {"ref": 5, "status": "COMPLETE", "publicScore": "0.2", "description": "by hand"}
    )
    (row,) = home.comps("leaderboard", "house-prices", "--json").event("submissions")["rows"]
    assert (row["honest_score"], row["public_score"]) == (None, 0.2)
    shown = home.comps("leaderboard", "house-prices").out
    assert "by hand" in shown and "0.20000" in shown
    # Without an upload of its own there is nothing to show where Kaggle cannot be asked.
    home.server.faults["ListSubmissions"] = [Fault(status=503)]
    assert "trouble (503)" in home.comps("leaderboard", "house-prices", code=1).err


@pytest.mark.slow
def test_known_scores_are_shown_where_kaggle_cannot_be_asked(home: Place) -> None:
    home.comps(*UPLOAD, "first", "--wait")
    home.server.faults["ListSubmissions"] = [Fault(status=503)]
    done = home.comps("leaderboard", "house-prices")
    assert "Shown is what is known here. Kaggle has trouble (503)" in done.err
    assert "first" in done.out and math.isfinite(float(done.out.split("first")[1].split()[0]))
