"""What models learned is found again: which columns matter, how, and for which rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from comps import boosting, table_competition
from comps.base import Array, Images, UsageError
from comps.metrics import ROC_AUC
from pipelines import Explanation, explain, run
from pipelines.api.explaining import _Asked
from pipelines.api.results import Result
from pipelines.explanations.columns import grid_of, permuted, set_to
from pipelines.explanations.images import occlusion
from pipelines.explanations.rows import drawn
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


def many_outputs(kind: str, runs: Path) -> Explanation:
    """Explain a linear model of two classes, three labels or two targets; `much` says most."""
    table = rows(120, "values")
    high = {f"above {cut}": (table["y"] > cut).astype(int) for cut in (-2, 0, 3)}
    outputs: dict[str, Any] = {
        "two classes": {"sold": np.where(table["y"] > 0, "yes", "no")},
        "three labels": high,
        "two targets": {"up": table["y"], "down": -table["y"]},
    }[kind]
    values = kind == "two targets"
    competition = table_competition(
        table.drop(columns="y").assign(**outputs),
        target=[*outputs] if len(outputs) > 1 else "sold",
        metric="rmse" if values else "auc",
        name=kind.replace(" ", "-"),
        models=[Ridge() if values else LogisticRegression()],
    )
    run(competition, runs=runs, engine="inline", nested=False, folds=3, checks=False)
    return explain(competition, runs=runs, rows=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rising", "falling"),
    [
        ("two classes", {"yes"}, set()),
        ("three labels", {"above -2", "above 0", "above 3"}, set()),
        ("two targets", {"up"}, {"down"}),
    ],
    ids=["classes", "labels", "targets"],
)
def test_dependence_is_named_by_what_is_predicted(
    kind: str, rising: set[str], falling: set[str], tmp_path: Path
) -> None:
    found = many_outputs(kind, tmp_path).dependence
    much = found[found["column"] == "much"]
    assert set(much["class"]) == rising | falling
    for name, own in much.groupby("class"):
        ordered = own.sort_values("value")
        assert ordered["value"].is_unique
        rises = ordered["prediction"].iloc[-1] > ordered["prediction"].iloc[0]
        assert rises == (name in rising)


def test_a_value_of_one_target_has_no_class(values: Explanation) -> None:
    assert "class" not in values.dependence


def with_rare_class(folds: dict[int, int]) -> Any:
    """Return a competition whose rows of class 1 lie in these folds, so many in each."""
    table = rows(600, "values").drop(columns="y")
    table["part"] = np.arange(600) % 3
    table["y"] = 0
    for part, count in folds.items():
        place = table.index[table["part"] == part][:count]
        table.loc[place, ["y", "much"]] = [1, 9.0]
    return table_competition(
        table, target="y", metric="auc", name="rare", folds="part", models=[LogisticRegression()]
    )


@pytest.mark.slow
def test_a_rare_class_is_among_the_rows_that_are_asked_about(tmp_path: Path) -> None:
    rare = with_rare_class({0: 3, 1: 2, 2: 1})
    run(rare, runs=tmp_path, engine="inline", nested=False, checks=False)
    found = explain(rare, runs=tmp_path, rows=30)
    assert found.importance["importance"].notna().all() and found.notes == ()
    assert found.importance["column"][0] == "much"


@pytest.mark.parametrize("labels", [1, 2])
def test_a_row_of_each_class_is_drawn(labels: int) -> None:
    codes = np.zeros((200, labels))
    codes[7, 0] = codes[150, -1] = 1
    own = np.arange(1000, 1200)
    for seed in range(20):
        some = drawn(own, codes[:, 0] if labels == 1 else codes, 10, np.random.default_rng(seed))
        assert len(set(some)) == 10 and set(some) <= set(own)
        assert (np.diff(some) > 0).all()
        assert all(len(np.unique(column)) == 2 for column in codes[some - 1000].T)
    assert len(drawn(own, None, 10, np.random.default_rng(0))) == 10


def test_folds_that_cannot_be_scored_are_left_out_and_named() -> None:
    asked = object.__new__(_Asked)
    asked.guide = ROC_AUC
    worse = np.array([[0.1, 0.2], [np.nan, np.nan], [0.3, 0.4]])
    there, notes = asked._scored(worse)
    np.testing.assert_array_equal(there, worse[[0, 2]])
    assert len(notes) == 1 and "2 of 3 folds" in notes[0]
    assert asked._scored(worse[[0, 2]])[1] == ()
    with pytest.raises(UsageError, match=r"AUC cannot be computed .*--rows"):
        asked._scored(worse[[1]])


@pytest.mark.parametrize("dtype", ["int64", "Int64", "UInt8"])
def test_values_of_whole_numbers_are_whole_and_set_as_they_are_told(dtype: str) -> None:
    table = pd.DataFrame({"n": pd.array([*range(0, 100, 3)], dtype=dtype)})
    grid: list[Any] = grid_of(table["n"])
    assert all(type(value) is int for value in grid) and len(grid) == len(set(grid)) > 10
    changed = set_to(table, "n", grid)
    assert changed["n"].dtype == dtype
    assert changed["n"].iloc[:: len(table)].tolist() == grid


def test_a_column_without_a_value_has_no_grid() -> None:
    assert grid_of(pd.Series([np.nan, np.nan])) == []
    assert grid_of(pd.Series(pd.Categorical([None, None], categories=["a"]))) == []


@pytest.mark.slow
def test_a_column_without_a_value_is_explained_beside_others(tmp_path: Path) -> None:
    table = rows(120, "values").assign(empty=np.nan)
    competition = table_competition(
        table, target="y", metric="rmse", name="empty", models=[MODELS["lightgbm"]]
    )
    run(competition, runs=tmp_path, engine="inline", nested=False, folds=3, checks=False)
    assert "much" in set(explain(competition, runs=tmp_path, rows=60).dependence["column"])


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


@pytest.mark.slow
def test_bad_calls_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rows must be above 0"):
        explain("house-prices", rows=0, runs=tmp_path)
    failed = comps("explain", "house-prices", "--runs", "none", cwd=tmp_path, code=2)
    assert "comps run house-prices" in failed.err
