"""The section of the report on submissions to Kaggle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import Result, report, run
from pipelines.reports import ReportedRun, Submissions, build
from pipelines.reports.submissions import submissions
from pipelines.store import RunStore
from pipelines.store.uploads import change_uploads, put
from tests.tables import own, table, unseen
from tests.test_public_part import upload


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    runs = tmp_path_factory.mktemp("runs")
    choices = {"folds": 3, "engine": "inline", "nested": False, "runs": runs}
    return run(own(table(90), unseen()), models="median,ridge", **choices), runs


def test_uploads_are_a_section_with_a_plot_and_the_picks(made: tuple[Result, Path]) -> None:
    result, runs = made
    assert "submissions" not in report(result, runs=runs).values["sections"]
    store = RunStore(runs / "own")
    for one in (upload("first", 0.5, 0.9), upload("second", 0.49, 0.5)):
        change_uploads(store, lambda now, one=one: put(now, one))
    written = report(result, runs=runs)
    section = written.values["sections"]["submissions"]
    assert [row["message"] for row in section["rows"]] == ["second", "first"]
    assert section["rows"][1]["gap"] == pytest.approx(0.4)
    (level,) = [note for note in section["notes"] if "more than chance" in note]
    assert "'first'" in level and "worse by 0.40000" in level
    assert "A fifth of the test rows is assumed" in level
    assert [pick.split("'")[1] for pick in section["picks"]] == ["second", "first"]
    page = written.path.read_text()
    assert "Honest score against public score" in page
    assert "2 submissions" in page and "Outside: first." in page
    assert json.loads(written.json_path.read_text())["sections"]["submissions"] == section


def test_without_public_scores_there_is_a_table_alone() -> None:
    row = {
        "when": "2026-11-28 10:00",
        "message": "x",
        "honest_score": 0.5,
        **dict.fromkeys(("public_score", "private_score", "gap", "low", "high")),
        "status": "pending",
    }
    sent = Submissions([row], 0.2)
    section = submissions(ReportedRun(name="own", submissions=sent))
    assert section is not None
    assert [type(part).__name__ for part in section.parts] == ["Table"]
    assert submissions(ReportedRun(name="own")) is None
    # Scores whose error is not known have no interval, and are drawn all the same.
    scored = replace(sent, rows=[{**row, "public_score": 0.6, "gap": 0.1}])
    built = build(ReportedRun(name="own", submissions=scored))
    assert not built.missing
    assert "Outside: none." in built.sections[-1].parts[0].alt
