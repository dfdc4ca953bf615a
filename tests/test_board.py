"""The board: all runs of a competition, the best first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import Ridge

import pipelines
from comps import estimator
from pipelines import board
from pipelines.basics.files import read_json
from tests.commands import comps
from tests.tables import own, table

HERE: dict[str, Any] = {"engine": "inline", "checks": False}


@pytest.mark.slow
def test_runs_are_ranked_by_the_honest_score_of_the_blend(tmp_path: Path) -> None:
    competition = own()
    choices = HERE | {"runs": tmp_path, "folds": 3}
    weak, strong = (estimator(Ridge(alpha), name=f"ridge-{alpha:g}") for alpha in (1e4, 1e-3))
    worse = pipelines.run(competition, models=["median", weak], **choices)
    pipelines.cross_validate(competition, models=["median"], **choices)
    better = pipelines.run(competition, models=["median", strong], **choices)
    found = board(competition, runs=tmp_path)
    assert not found.notes
    assert [row["score"] for row in found.rows] == [
        better.blend.honest_score,
        worse.blend.honest_score,
        worse.oof["median"].score,
    ]
    assert [row["best"] for row in found.rows] == ["ridge-0.001", "ridge-10000", "median"]
    assert [row["command"] for row in found.rows] == ["run", "run", "cv"]
    assert list(found.table["members"]) == [2, 2, 1]


def test_runs_on_other_rows_or_folds_come_behind(tmp_path: Path) -> None:
    easy, hard = own(table()), own(table(seed=3).assign(y=lambda rows: rows["y"] + 9 * rows["b"]))
    for competition, folds in ((easy, 3), (hard, 3), (hard, 4)):
        pipelines.run(
            competition, models=["median"], runs=tmp_path, folds=folds, nested=False, **HERE
        )
    found = board(hard, runs=tmp_path)
    assert [row["same"] for row in found.rows] == [True, False, False]
    assert found.rows[1]["score"] < found.rows[0]["score"]
    assert "other rows or folds" in found.notes[0]


def test_a_run_without_a_score_is_left_out(tmp_path: Path) -> None:
    competition = own()
    pipelines.run(competition, models=["median"], runs=tmp_path, folds=3, **HERE)
    (path,) = (tmp_path / "own" / "records").glob("*.json")
    values = read_json(path)
    values["members"][0]["score"] = values["blend"] = None
    path.with_name("2020-run.json").write_text(json.dumps(values))
    assert [row["record"] for row in board(competition, runs=tmp_path).rows] == [path.stem]


@pytest.mark.slow
def test_the_command_shows_it(tmp_path: Path) -> None:
    done = comps("board", "house-prices", cwd=tmp_path)
    assert "has no runs with a score yet" in done.out
    pipelines.run(
        "house-prices", models="median,ridge", folds=2, nested=False, runs=tmp_path / "runs", **HERE
    )
    (row,) = comps("board", "house-prices", "--json", cwd=tmp_path).event("board")["rows"]
    assert (row["best"], row["members"], row["same"]) == ("ridge", 2, True)
    shown = comps("board", "house-prices", cwd=tmp_path).out
    assert f"{row['blend_score']:.5f}" in shown and "ridge" in shown
