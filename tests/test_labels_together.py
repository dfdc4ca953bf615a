"""Several labels of a row in one column of tables and submissions, with blanks between them."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps.base import Competition, DataError, Task, UsageError
from pipelines import run, score
from pipelines.api.inferring import infer, init
from submissions.build import build_submission
from submissions.check import check_submission
from submissions.score import score_submission

TOPICS = ["law", "food law", "food", "art food law", "art", "art law", "art food"]


def tables(folder: Path, sample: dict[str, Any] | None = None, topics: list[str] = TOPICS) -> Path:
    """Write texts with several topics each; every topic has words of its own."""
    rng = np.random.default_rng(0)
    words = {"law": ["court", "judge"], "food": ["soup", "bread"], "art": ["canvas", "brush"]}
    rows = []
    for number in range(140):
        topic = topics[number % len(topics)]
        own = [rng.choice(words.get(name, ["word"])) for name in topic.split() for _ in range(3)]
        more = rng.choice(["the", "of", "and", "to", "for", "with"], 6).tolist()
        rows.append({"id": f"t{number}", "text": " ".join([*own, *more, f"n{number}"])})
        rows[-1]["topics"] = topic
    frame = pd.DataFrame(rows)
    folder.mkdir()
    frame[:126].to_csv(folder / "train.csv", index=False)
    frame[126:].drop(columns="topics").to_csv(folder / "test.csv", index=False)
    if sample is not None:
        ids = pd.DataFrame({"id": frame["id"][126:]})
        ids.assign(**sample).to_csv(folder / "sample_submission.csv", index=False)
    return folder


def competition(tmp_path: Path, **choices: Any) -> Competition:
    place = tables(tmp_path / "data", {"topics": "law"})
    return infer(place, **{"metric": "f1_macro", **choices}).competition


def test_texts_with_several_topics_end_in_a_column_of_topics(tmp_path: Path) -> None:
    own = competition(tmp_path)
    assert own.task is Task.MULTILABEL
    assert own.target_columns == ("art", "food", "law") and own.submitted == ("topics",)
    result = run(
        own,
        models="class-share,logistic",
        folds=3,
        runs=tmp_path / "runs",
        engine="inline",
        nested=False,
        checks=False,
    )
    assert result.submission is not None
    assert result.submission.columns.tolist() == ["id", "topics"]
    assert result.submission["topics"].tolist() == TOPICS * 2
    answers = result.submission.assign(topics=TOPICS * 2)
    assert score_submission(own, result.submission, answers) == 1.0


@pytest.mark.parametrize(
    ("metric", "sample", "submitted"),
    [
        ("f1_macro", None, ("topics",)),
        ("f1_macro", {"Topic": "law food"}, ("Topic",)),
        ("accuracy", {"law": 0, "art": 0, "food": 1}, ("law", "art", "food")),
        ("roc_auc", None, ("art", "food", "law")),
        ("log_loss", {"law": 0, "art": 0, "food": 1}, ("law", "art", "food")),
    ],
)
def test_the_submission_follows_the_sample_and_the_metric_and_is_written_down(
    metric: str,
    sample: dict[str, Any] | None,
    submitted: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path / "own"))
    place = tables(tmp_path / "data", sample)
    found = infer(place, "topics", metric=metric, target="topics").competition
    written = init("topics", place, metric=metric, target="topics")
    assert written.refusal == ""
    own = runpy.run_path(str(written.file))["COMPETITION"]
    assert found.submitted == own.submitted == submitted
    one, other = found.load(place), own.load(own.data)
    assert one.fingerprint == other.fingerprint
    assert tuple(one.template.columns) == ("id", *submitted)
    np.testing.assert_array_equal(one.target, other.target)
    order = [found.target_columns.index(name) for name in ("art", "food", "law")]
    assert one.target[:4, order].tolist() == [[0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1]]
    assert list(one.train) == ["text"]


def test_labels_that_are_phrases_or_are_said_to_be_are_classes(tmp_path: Path) -> None:
    moods = ["extremely bad", "bad", "neutral", "good", "extremely good"]
    place = tables(tmp_path / "data", topics=moods)
    said: dict[str, Any] = {"metric": "accuracy", "target": "topics"}
    assert infer(place, **said).competition.task is Task.MULTICLASS
    place = tables(tmp_path / "more")
    assert infer(place, **said).competition.task is Task.MULTILABEL
    own = infer(place, **said, labels=["food law"]).competition
    assert own.task is Task.MULTICLASS and len(own.load(place).classes) == len(TOPICS)


def test_labels_that_came_later_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path / "own"))
    place = tables(tmp_path / "data")
    file = init("topics", place, metric="f1_macro", target="topics").file
    rows = pd.read_csv(place / "train.csv")
    rows.loc[3, "topics"] = "law music"
    rows.to_csv(place / "train.csv", index=False)
    own = runpy.run_path(str(file))["COMPETITION"]
    with pytest.raises(DataError, match=r"'topics' of train\.csv has labels .*: 'music'"):
        own.load(own.data)


def test_a_submission_of_labels_is_checked_and_scored(tmp_path: Path) -> None:
    own = competition(tmp_path)
    dataset = own.load(own.data or Path())
    there = np.array([["art" in t, "food" in t, "law" in t] for t in TOPICS * 2])
    good = build_submission(own, dataset, there * 0.8 + 0.1)
    assert good["topics"].tolist() == TOPICS * 2
    check_submission(own, dataset, good)
    none = good.assign(topics=[None, *good["topics"][1:]])
    check_submission(own, dataset, none)
    turned = good.assign(topics=[" ".join(reversed(t.split())) for t in good["topics"]])
    assert score_submission(own, turned, good) == 1.0
    # One of eight rows of law lacks it.
    assert score_submission(own, none, good) == pytest.approx((1 + 1 + 14 / 15) / 3)
    for cell, message in (
        ("law lore", "1 labels of topics are none of the training target: lore; ids t126"),
        ("law law", "1 rows of topics name a label twice: ids t126"),
    ):
        wrong = good.assign(topics=[cell, *good["topics"][1:]])
        with pytest.raises(DataError, match=message):
            check_submission(own, dataset, wrong)
    with pytest.raises(DataError, match="submission has 1 labels that are unknown: lore"):
        score_submission(own, good.assign(topics="law lore").head(1), good.head(1))


def test_answers_alone_say_that_there_are_several_labels() -> None:
    answers = pd.DataFrame({"id": range(7), "topics": TOPICS})
    found = answers.assign(topics=["law", "law food", "food", "art food law", "", "art law", "law"])
    # Each label is right in four rows: two of art are missed, one of food, and one of law is wrong.
    expected = (4 / 6 + 6 / 7 + 8 / 9) / 3
    assert score(found, answers, metric="f1_macro").value == pytest.approx(expected)
    moods = pd.DataFrame({"id": range(3), "mood": ["good", "very good", "bad"]})
    assert score(moods, moods, metric="accuracy").competition.task is Task.MULTICLASS


def test_labels_in_one_column_need_a_metric_of_labels(tmp_path: Path) -> None:
    own = competition(tmp_path)
    other = infer(tables(tmp_path / "b"), metric="roc_auc", target="topics").competition
    with pytest.raises(UsageError, match="holds labels, which AUC does not judge"):
        replace(own, metric=other.metric, submits=other.metric.needs)
