"""`comps init` and archives in place of names, as a user meets them."""

from __future__ import annotations

import os
import pty
import re
import runpy
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comps.base import Competition, UsageError
from pipelines import cross_validate
from pipelines.api.inferring import infer, init
from tests.commands import COMPS, comps, environment

FAST = ("--models", "class-share,logistic", "--folds", "3", "--no-nested")


@pytest.fixture(scope="module")
def titanic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of passengers."""
    rng = np.random.default_rng(0)
    count = 200
    sex, age = rng.choice(["male", "female"], count), rng.uniform(1, 80, count).round(1)
    survived = ((sex == "female") ^ (rng.uniform(size=count) < 0.2)).astype(int)
    rows = pd.DataFrame({"PassengerId": range(1, count + 1), "Sex": sex, "Age": age})
    train = rows[:150].assign(Survived=survived[:150])
    sample = rows[150:][["PassengerId"]].assign(Survived=0)
    path = tmp_path_factory.mktemp("data") / "titanic.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, table in (("train", train), ("test", rows[150:]), ("gender_submission", sample)):
            archive.writestr(f"{name}.csv", table.to_csv(index=False))
    return path


@pytest.mark.slow
def test_an_archive_becomes_a_checked_submission(titanic: Path, tmp_path: Path) -> None:
    done = comps("run", titanic, "--metric", "accuracy", *FAST, cwd=tmp_path)
    assert "first column of the sample submission" in done.out
    submission = pd.read_csv(tmp_path / "submission.csv")
    assert submission["PassengerId"].tolist() == list(range(151, 201))
    assert set(submission["Survived"]) <= {0, 1}
    assert (tmp_path / "runs" / "titanic").is_dir()
    # Better than the larger class: the sex says most of it.
    events = comps("run", titanic, "--metric", "accuracy", *FAST, "--json", cwd=tmp_path).events
    assert events[0]["event"] == "inferred"
    (result,) = [event for event in events if event["event"] == "result"]
    assert result["honest_score"] > 0.7


@pytest.mark.slow
def test_the_file_that_is_written_gives_the_same_rows_and_is_followed(
    titanic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = comps("init", "ship", "--data", titanic, "--metric", "accuracy", cwd=tmp_path)
    file = tmp_path / "competitions" / "ship" / "competition.py"
    assert str(file.relative_to(tmp_path)) in done.out
    text = file.read_text()
    assert len(text.splitlines()) < 42 and '"boolean"' not in text
    # Further processes would take most of the time.
    monkeypatch.chdir(tmp_path)

    def scores(competition: str | Competition) -> dict[str, float]:
        found = cross_validate(
            competition, models="class-share,logistic", folds=3, engine="inline", runs=tmp_path
        )
        return {name: oof.score for name, oof in found.oof.items()}

    before = scores("ship")
    assert before == scores(infer(titanic, metric="accuracy").competition)
    changed = text.replace("return rows\n", 'return rows[["Age"]]\n')
    file.write_text(changed)
    # This process keeps the file as it was imported.
    worse = comps("cv", "ship", *FAST[:4], "--json", cwd=tmp_path).event("leaderboard")["rows"]
    assert max(row["score"] for row in worse) < max(before.values())
    with pytest.raises(UsageError, match="There is a file"):
        init("ship", titanic, metric="auc")
    assert file.read_text() == changed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "targets"),
    [
        ("rmse", {"y": "values"}),
        ("auc", {"y": "two"}),
        ("accuracy", {"y": "three"}),
        ("rmse", {"y": "values", "z": "values"}),
        ("log_loss", {"y": "two", "z": "two"}),
    ],
)
def test_the_models_that_the_file_suggests_train_when_their_signs_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, targets: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(size=90)
    kinds = {
        "values": size + rng.normal(size=90),
        "two": (size > 0).astype(int),
        "three": np.digitize(size, [-0.5, 0.5]),
    }
    rows = pd.DataFrame({"size": size, "town": rng.choice(["Ulm", "Hof"], 90)})
    table = tmp_path / "rows.csv"
    rows.assign(**{name: kinds[kind] for name, kind in targets.items()}).to_csv(table, index=False)
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path))
    file = init("own", table, metric=metric, target=list(targets)).file
    marked = re.compile(r"^( *)# (from|models=|    |\],)", re.MULTILINE)
    text, count = marked.subn(r"\1\2", file.read_text())
    assert count == 7
    file.write_text(text)
    competition = runpy.run_path(str(file))["COMPETITION"]
    assert len(competition.models) > 3
    own = [model.name for model in competition.models][-2:]
    found = cross_validate(competition, models=own, folds=2, engine="inline", runs=tmp_path)
    assert set(found.oof) == set(own)


@pytest.mark.slow
def test_without_a_sample_submission_none_is_said_to_be_followed(
    titanic: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(titanic) as archive:
        archive.extractall(tmp_path / "data", ["train.csv", "test.csv"])
    for data, template in (
        (titanic, "sample submission."),
        (tmp_path / "data", "ids of the test rows; there is no sample submission."),
    ):
        done = comps("run", data, "--metric", "accuracy", *FAST, cwd=tmp_path)
        assert f"checked against the {template} Submitted: " in " ".join(done.out.split())


@pytest.mark.slow
def test_metric_model_and_features_of_the_users_take_a_few_lines(
    titanic: Path, tmp_path: Path
) -> None:
    comps("init", "ship", "--data", titanic, "--metric", "accuracy", cwd=tmp_path)
    file = tmp_path / "competitions" / "ship" / "competition.py"
    head = (
        "from sklearn.tree import DecisionTreeClassifier\n"
        "from comps import estimator, metric\n\n\n"
        "def hits(target, labels):\n    return float((target == labels).mean()) * 100\n\n\n"
    )
    text = file.read_text().replace("DATA =", head + "DATA =")
    text = text.replace(
        'metric="accuracy"', 'metric=metric(hits, greater_is_better=True, needs="label")'
    )
    text = text.replace(
        "features=features,",
        "features=features,\n    models=[estimator(DecisionTreeClassifier(max_depth=2))],",
    )
    file.write_text(text)
    rows = comps("cv", "ship", "--folds", "3", "--json", cwd=tmp_path).event("leaderboard")["rows"]
    assert rows[0]["model"] == "decision-tree-classifier"
    assert 70 < rows[0]["score"] <= 100


@pytest.mark.slow
def test_folds_that_are_said_are_shown_written_and_trained(titanic: Path, tmp_path: Path) -> None:
    said = ("--metric", "accuracy", "--folds", "4", "--scheme", "kfold")
    done = comps("init", "ship", "--data", titanic, *said, cwd=tmp_path)
    assert "4, kfold" in done.out and "as you say" in done.out
    text = (tmp_path / "competitions" / "ship" / "competition.py").read_text()
    assert 'scheme="kfold"' in text and "n_folds=4" in text
    models = ("--models", "class-share", "--json")
    events = comps("cv", titanic, *said, *models, cwd=tmp_path).events
    rows = {row["what"]: row["value"] for row in events[0]["rows"]}
    assert rows["folds"] == "4, kfold"
    (planned,) = [event for event in events if event["event"] == "planned"]
    assert planned["to_fit"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", ["ids", "targets", "folds", "nothing"])
def test_what_run_will_refuse_is_said_when_the_file_is_written(
    titanic: Path, tmp_path: Path, spoilt: str
) -> None:
    folder = tmp_path / "ship"
    with zipfile.ZipFile(titanic) as archive:
        archive.extractall(folder)
    if spoilt == "ids":
        sample = pd.read_csv(folder / "gender_submission.csv")
        sample[:40].to_csv(folder / "gender_submission.csv", index=False)
    elif spoilt == "targets":
        train = pd.read_csv(folder / "train.csv").astype({"Survived": "Int64"})
        train.loc[3, "Survived"] = pd.NA
        train.to_csv(folder / "train.csv", index=False)
    more = ("--folds", "1000") if spoilt == "folds" else ()
    done = comps("init", "ship", "--data", folder, "--metric", "accuracy", *more, cwd=tmp_path)
    assert (tmp_path / "competitions" / "ship" / "competition.py").is_file()
    if spoilt == "nothing":
        assert "Next: comps run ship" in done.out
        return
    refused = comps("cv", "ship", *FAST[:2], cwd=tmp_path, code=2)
    message = refused.err.splitlines()[-1].removeprefix("Error: ")
    assert f"'comps run ship' will refuse the data as they are: {message}" in done.out
    assert "Next: comps run" not in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "By which metric are predictions judged? It may be: auc, log_loss"),
        (["--metric", "accurracy"], "There is no metric 'accurracy'. Did you mean 'accuracy'"),
        (["--metric", "auc", "--target", "Surviving"], "no column called 'Surviving'"),
        (["--metric", "auc", "--column", "Sex"], "--column takes NAME=KIND"),
        (["--metric", "auc", "--positive", "2"], "no class called '2'. Known: 0, 1"),
        (["--metric", "auc", "--train-file", "rows.csv"], "no table called 'rows.csv'"),
    ],
)
def test_wrong_or_missing_words_are_errors_before_anything_is_trained(
    titanic: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = comps("run", titanic, *arguments, cwd=tmp_path, code=2)
    assert message in done.err
    assert not (tmp_path / "submission.csv").exists()


def test_what_is_said_of_files_is_refused_of_a_competition(titanic: Path, tmp_path: Path) -> None:
    comps("init", "ship", "--data", titanic, "--metric", "accuracy", cwd=tmp_path)
    done = comps("run", "ship", "--metric", "auc", cwd=tmp_path, code=2)
    assert "change competitions/ship/competition.py" in done.err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a terminal")
def test_what_is_not_clear_is_asked_for_in_a_terminal(titanic: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMPS, "init", "ship", "--data", str(titanic)],
        cwd=tmp_path, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, b"log_loss\n")
        assert process.wait(60) == 0
    os.close(ours)
    text = (tmp_path / "competitions" / "ship" / "competition.py").read_text()
    assert 'metric="log_loss"' in text


@pytest.mark.slow
def test_a_single_table_is_cross_validated_without_a_submission(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=80), "z": rng.normal(size=80)})
    rows.assign(y=rows["x"] * 2 + 1).to_csv(tmp_path / "flats.csv", index=False)
    done = comps(
        "run", "flats.csv", "--metric", "rmse", "--target", "y", "--models", "median,ridge",
        "--no-nested", cwd=tmp_path,
    )  # fmt: skip
    assert "No test rows: nothing to submit. Chosen: ridge" in done.out
    assert "Submitted" not in done.out
    assert not (tmp_path / "submission.csv").exists()
