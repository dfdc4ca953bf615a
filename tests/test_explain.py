"""What models learned is found again: which columns matter, how, and for which rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import boosting, table_competition
from comps.base import Array, Images, UsageError
from pipelines import Explanation, explain, run
from pipelines.api.results import Result
from pipelines.explanations.columns import permuted, set_to
from pipelines.explanations.images import occlusion
from tests.commands import comps


def rows(n: int, kind: str) -> pd.DataFrame:
    """Return rows in which `much` says most of the target, `level` some, and `noise` nothing."""
    rng = np.random.default_rng(0)
    much, noise = rng.uniform(-2, 2, n), rng.normal(size=n)
    level = rng.choice(["low", "high"], n)
    value = 3 * much + 2 * (level == "high") + rng.normal(size=n) / 2
    target = value if kind == "values" else np.digitize(value, [-2, 3])
    return pd.DataFrame({"noise": noise, "level": level, "much": much, "y": target})


MODELS = {
    "lightgbm": boosting("lightgbm", rounds=40, learning_rate=0.1),
    "xgboost": boosting("xgboost", rounds=40, eta=0.1, max_depth=3),
    "catboost": boosting("catboost", rounds=40, learning_rate=0.1, depth=3),
}


def explained(kind: str, model: str, runs: Path) -> tuple[Explanation, Result]:
    metric = "rmse" if kind == "values" else "log_loss"
    name = f"{kind}-{model}"
    competition = table_competition(
        rows(240, kind), target="y", metric=metric, name=name, models=[MODELS[model]]
    )
    result = run(competition, runs=runs, engine="inline", nested=False, folds=3)
    return explain(competition, runs=runs, rows=200, shown=6), result


@pytest.mark.parametrize("kind", ["values", "classes"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.slow
def test_what_matters_comes_first_and_noise_last(kind: str, model: str, tmp_path: Path) -> None:
    found, _ = explained(kind, model, tmp_path)
    assert found.importance["column"].tolist() == ["much", "level", "noise"]
    much, level, noise = found.importance["importance"]
    assert much > 2 * level > 0 and abs(noise) < level / 2
    assert found.importance["gain"].sum() == pytest.approx(1)
    assert found.importance["gain"].idxmax() == 0
    assert found.importance["deviation"][0] > 0


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    return explained("values", "lightgbm", tmp_path_factory.mktemp("runs"))[0]


def test_the_dependence_is_that_of_the_target(values: Explanation) -> None:
    table = values.dependence
    by = {name: table[table["column"] == name] for name in ("much", "level")}
    much = by["much"].sort_values("value")
    slope = np.polyfit(much["value"].astype(float), much["prediction"], 1)[0]
    assert slope == pytest.approx(3, rel=0.25)
    level = by["level"].set_index("value")["prediction"]
    assert level["high"] - level["low"] == pytest.approx(2, rel=0.3)


def test_contributions_lift_the_rows_that_are_high(values: Explanation) -> None:
    table = values.contributions.pivot_table(index="id", columns="column", values="contribution")
    raw = rows(240, "values").loc[table.index]
    assert len(table) == 6
    assert np.corrcoef(table["much"], raw["much"])[0, 1] > 0.9
    assert table["noise"].abs().mean() < table["much"].abs().mean() / 5


def test_dependence_of_classes_is_a_probability_of_each(tmp_path: Path) -> None:
    found, _ = explained("classes", "lightgbm", tmp_path)
    wide = found.dependence.pivot_table(
        index=["column", "value"], columns="class", values="prediction"
    )
    assert wide.shape[1] == 3
    np.testing.assert_allclose(wide.sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_a_model_is_asked_about_rows_that_it_did_not_see(tmp_path: Path) -> None:
    """A column that says nothing has no importance, however well it is learned by heart."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    table["y"] = rng.normal(size=200)
    heart = boosting("lightgbm", rounds=200, learning_rate=0.3, min_data_in_leaf=1)
    noise = table_competition(table, target="y", metric="rmse", name="noise", models=[heart])
    run(noise, models="lightgbm", runs=tmp_path, engine="inline", nested=False)
    found = explain(noise, member="lightgbm", runs=tmp_path)
    # On the rows that it learned, shuffling either would cost about one.
    assert found.importance["importance"].max() < 0.5


def test_each_block_has_one_column_changed() -> None:
    table = rows(50, "values")
    changed = permuted(table, list(table), seed=3)
    for place, column in enumerate(table):
        block = changed.iloc[place * 50 : (place + 1) * 50].reset_index(drop=True)
        pd.testing.assert_frame_equal(block.drop(columns=column), table.drop(columns=column))
        assert not block[column].equals(table[column])
        assert sorted(block[column]) == sorted(table[column])


def test_a_value_is_set_in_its_own_type() -> None:
    table = pd.DataFrame({"level": pd.Categorical(["a", "b"]), "n": [1, 2]})
    changed = set_to(table, "level", ["b"])
    assert changed["level"].tolist() == ["b", "b"] and changed["level"].dtype == "category"
    assert set_to(table, "n", [7])["n"].dtype == table["n"].dtype


def test_the_cell_that_decides_is_found() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 50, (3, 14, 14, 1), dtype=np.uint8)
    pixels[:, 2:4, 10:12] = 255

    def brightest(images: Images) -> Array:
        own = np.stack([images.pixels[i] for i in images.index])
        return own[:, 2:4, 10:12].mean(axis=(1, 2, 3)) / 255

    falls, whole = occlusion(Images(pixels, np.arange(3)), brightest, cells=7)
    np.testing.assert_allclose(whole, 1)
    for fall in falls:
        assert np.unravel_index(fall.argmax(), fall.shape) == (1, 5)
        assert (np.delete(fall.ravel(), fall.argmax()) == 0).all()


@pytest.mark.slow
def test_the_command_shows_columns_and_writes_tables(tmp_path: Path) -> None:
    rows(120, "values").to_csv(tmp_path / "train.csv", index=False)
    comps("init", "lab", "--data", "train.csv", "--target", "y", "--metric", "rmse", cwd=tmp_path)
    options = ["--models", "lightgbm", "--engine", "inline", "--folds", "3", "--no-nested"]
    comps("run", "lab", *options, cwd=tmp_path)
    done = comps("explain", "lab", "--out", "told", cwd=tmp_path)
    assert done.out.index("much") < done.out.index("noise")
    assert pd.read_csv(tmp_path / "told" / "importance.csv")["column"][0] == "much"
    assert set(pd.read_csv(tmp_path / "told" / "dependence.csv")["column"]) == {
        "much",
        "level",
        "noise",
    }
    found = comps("explain", "lab", "--json", cwd=tmp_path).event("importance")
    assert found["rows"][0]["column"] == "much"
    # The report of this run shows it, and that of the next does not.
    assert importance_of(tmp_path)[0]["column"] == "much"
    comps("run", "lab", *options, "--seed", "1", cwd=tmp_path)
    assert importance_of(tmp_path) is None
    comps("explain", "lab", cwd=tmp_path)
    assert importance_of(tmp_path)[0]["column"] == "much"
    store = tmp_path / "runs" / "lab"
    (store / "explained.json").write_text("{")
    assert importance_of(tmp_path) is None
    assert "explained.json cannot be read" in (store / "report.json").read_text()


def importance_of(folder: Path) -> Any:
    """Return what the report of the last run says of importance."""
    comps("report", "lab", cwd=folder)
    told = json.loads((folder / "runs" / "lab" / "report.json").read_text())
    section = told["sections"].get("importance")
    assert ("What the models learned" in (folder / "runs" / "lab" / "report.html").read_text()) == (
        section is not None
    )
    return None if section is None else section["importance"]


def test_bad_calls_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rows must be above 0"):
        explain("house-prices", rows=0, runs=tmp_path)
    failed = comps("explain", "house-prices", "--runs", "none", cwd=tmp_path, code=2)
    assert "comps run house-prices" in failed.err
