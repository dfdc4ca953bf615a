"""New rows are predicted by the models of the last run, which trains nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from comps import table_competition
from comps.base import DataError, UsageError
from pipelines import (
    blend,
    cross_validate,
    explain,
    folds_table,
    import_oof,
    load_run,
    predict,
    report,
    run,
)
from pipelines.api.results import Result
from tests.commands import comps

COLOURS = np.array(["red", "green", "blue"])
MODELS = "logistic,lightgbm"


def rows(n: int, seed: int) -> pd.DataFrame:
    """Return rows with a number that has holes, a level, and a target of two classes."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(COLOURS, n)
    chance = 1 / (1 + np.exp(-2 * size - (colour == "red")))
    size = np.where(rng.random(n) < 0.1, np.nan, size)
    target = np.where(rng.random(n) < chance, "yes", "no")
    return pd.DataFrame({"id": np.arange(n) + 1000 * seed, "size": size, "colour": colour}).assign(
        sold=target
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of tables in files, and new rows beside them."""
    here = tmp_path_factory.mktemp("predict")
    (here / "data").mkdir()
    rows(200, 1).to_csv(here / "data" / "train.csv", index=False)
    rows(60, 2).drop(columns="sold").to_csv(here / "data" / "test.csv", index=False)
    rows(40, 3).drop(columns="sold").to_csv(here / "new.csv", index=False)
    comps("init", "sales", "--data", "data", "--target", "sold", "--metric", "auc", cwd=here)
    comps("run", "sales", "--models", MODELS, "--engine", "inline", "--no-nested", cwd=here)
    return here


def table_of(path: Path) -> pd.DataFrame:
    return pd.read_csv(path).set_index("id")


@pytest.mark.slow
def test_the_own_test_rows_are_predicted_as_they_were_submitted(folder: Path) -> None:
    done = comps("predict", "sales", "data/test.csv", "--out", "own.csv", cwd=folder)
    assert "60 rows predicted by the blend" in done.out
    own, submitted = table_of(folder / "own.csv"), table_of(folder / "submission.csv")
    pd.testing.assert_frame_equal(own, submitted, rtol=1e-6)


@pytest.mark.slow
def test_new_rows_are_predicted_in_any_order_and_number(folder: Path) -> None:
    comps("predict", "sales", "new.csv", cwd=folder)
    whole = table_of(folder / "predictions.csv")
    assert whole.index.tolist() == list(range(3000, 3040))
    assert whole["sold"].between(0, 1).all() and whole["sold"].nunique() > 10
    few = pd.read_csv(folder / "new.csv").iloc[[7, 3]]
    few.to_csv(folder / "few.csv", index=False)
    comps("predict", "sales", "few.csv", "--out", "few-out.csv", cwd=folder)
    part = table_of(folder / "few-out.csv")
    assert part.index.tolist() == [3007, 3003]
    pd.testing.assert_frame_equal(part, whole.loc[[3007, 3003]], rtol=1e-6)


@pytest.mark.slow
def test_predictions_are_of_use(folder: Path) -> None:
    from sklearn.metrics import roc_auc_score

    comps("predict", "sales", "new.csv", "--out", "useful.csv", cwd=folder)
    sold = rows(40, 3).set_index("id")["sold"] == "yes"
    assert roc_auc_score(sold, table_of(folder / "useful.csv")["sold"]) > 0.75


@pytest.mark.slow
def test_a_member_predicts_alone(folder: Path) -> None:
    found = {}
    for member in MODELS.split(","):
        comps("predict", "sales", "new.csv", "--member", member, "--out", "m.csv", cwd=folder)
        found[member] = table_of(folder / "m.csv")["sold"]
    assert not np.allclose(found["logistic"], found["lightgbm"])
    failed = comps("predict", "sales", "new.csv", "--member", "ligthgbm", cwd=folder, code=2)
    assert "lightgbm" in failed.err


@pytest.mark.slow
def test_an_unseen_level_is_predicted(folder: Path) -> None:
    strange = pd.read_csv(folder / "new.csv").assign(colour="ultraviolet")
    strange.to_csv(folder / "strange.csv", index=False)
    comps("predict", "sales", "strange.csv", "--out", "strange-out.csv", cwd=folder)
    found = table_of(folder / "strange-out.csv")["sold"]
    assert found.notna().all() and found.nunique() > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop(columns="size"), "lacks 'size'"),
        (lambda table: table.drop(columns="id"), "lacks 'id'"),
        (lambda table: table.assign(id=1), "duplicate"),
        (lambda table: table.assign(size="large"), "size"),
    ],
    ids=["column", "id", "duplicates", "text-for-number"],
)
def test_rows_of_another_form_are_told_apart(folder: Path, change: Any, told: str) -> None:
    change(pd.read_csv(folder / "new.csv")).to_csv(folder / "bad.csv", index=False)
    failed = comps("predict", "sales", "bad.csv", "--out", "bad-out.csv", cwd=folder, code=2)
    assert told in failed.err and "bad.csv" in failed.err
    assert not (folder / "bad-out.csv").exists()


@pytest.mark.slow
def test_a_file_that_is_not_there_is_said(folder: Path) -> None:
    assert "nowhere.csv" in comps("predict", "sales", "nowhere.csv", cwd=folder, code=2).err


@pytest.mark.slow
def test_more_columns_do_no_harm(folder: Path) -> None:
    more = pd.read_csv(folder / "new.csv").assign(owner="me")[["owner", "colour", "size", "id"]]
    more.to_csv(folder / "more.csv", index=False)
    comps("predict", "sales", "more.csv", "--out", "more-out.csv", cwd=folder)
    comps("predict", "sales", "new.csv", "--out", "same.csv", cwd=folder)
    pd.testing.assert_frame_equal(table_of(folder / "more-out.csv"), table_of(folder / "same.csv"))


@pytest.mark.slow
def test_what_was_not_kept_is_said_with_the_way_to_have_it(folder: Path) -> None:
    options = ["--models", "logistic", "--engine", "inline", "--no-nested", "--runs", "other"]
    comps("run", "sales", *options, "--keep-models", "none", cwd=folder)
    failed = comps("predict", "sales", "new.csv", "--runs", "other", cwd=folder, code=2)
    assert "--keep-models all" in failed.err
    comps("run", "sales", *options, cwd=folder)
    comps("predict", "sales", "new.csv", "--runs", "other", cwd=folder)


# In memory


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    train, test = rows(150, 1), rows(30, 2).drop(columns="sold")
    sales = table_competition(train, test=test, target="sold", metric="accuracy", name="sold-mem")
    runs = tmp_path_factory.mktemp("runs")
    # The baseline has no weight beside others.
    models = [*MODELS.split(","), sales.baseline.name]
    options: Any = {"models": models, "engine": "inline", "nested": False, "runs": runs}
    return run(sales, **options, keep_models="blend")


def test_a_result_predicts_a_table(result: Result) -> None:
    assert result.submission is not None
    own = result.predict(rows(30, 2).drop(columns="sold"))
    pd.testing.assert_frame_equal(own, result.submission)
    new = result.predict(rows(20, 3))
    assert len(new) == 20 and set(new["sold"]) <= {"yes", "no"}


def test_a_loaded_run_predicts_as_the_run_does(result: Result) -> None:
    new = rows(20, 4).drop(columns="sold")
    loaded = load_run(result.competition, runs=result.runs)
    pd.testing.assert_frame_equal(loaded.predict(new), result.predict(new))


def test_models_without_a_weight_are_gone_where_the_blend_s_are_kept(result: Result) -> None:
    assert result.blend is not None
    weights = dict(zip(result.blend.members, result.blend.weights, strict=True))
    new = rows(20, 3)
    for member in result.oof:
        if weights.get(member):
            assert len(result.predict(new, member=member)) == 20
        else:
            with pytest.raises(UsageError, match="no weight in the blend"):
                result.predict(new, member=member)
    assert not all(map(weights.get, result.oof))


TREE = "decision-tree-classifier"
QUICK: Any = {"engine": "inline", "nested": False, "checks": False}


def sales(name: str = "again") -> Any:
    train, test = rows(150, 1), rows(30, 2).drop(columns="sold")
    models = ["logistic", DecisionTreeClassifier(max_depth=2)]
    named: Any = {"target": "sold", "metric": "auc", "name": name, "models": models}
    return table_competition(train, test=test, **named)


@pytest.mark.slow
def test_a_blend_of_named_members_predicts_by_itself(tmp_path: Path) -> None:
    own, new = sales(), rows(20, 3)
    run(own, runs=tmp_path, **QUICK)
    for member in ("logistic", TREE):
        alone = blend(own, members=member, method="convex", runs=tmp_path)
        found = alone.predict(rows(30, 2))
        assert alone.submission is not None
        np.testing.assert_allclose(found["sold"], alone.submission["sold"], rtol=1e-6)
        pd.testing.assert_frame_equal(alone.predict(new), alone.predict(new, member=member))


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [{"sealed": 0.2}, {"seed": 3, "folds": 3}, {"models": ["logistic"]}],
    ids=["sealed", "seed-and-folds", "members"],
)
def test_a_result_predicts_as_itself_whatever_was_run_since(
    choices: dict[str, Any], tmp_path: Path
) -> None:
    own, test = sales(), rows(30, 2)
    first = run(own, runs=tmp_path, **QUICK, **choices)
    before = first.predict(test)
    assert first.submission is not None
    np.testing.assert_allclose(before["sold"], first.submission["sold"][:30], rtol=1e-6)
    run(own, runs=tmp_path, **QUICK)
    pd.testing.assert_frame_equal(first.predict(test), before)


@pytest.mark.slow
def test_a_cross_validation_predicts_by_its_members_alone(tmp_path: Path) -> None:
    own, new = sales(), rows(20, 3)
    made = cross_validate(own, seed=5, runs=tmp_path, **QUICK)
    found = made.predict(new, member="logistic")
    other = run(own, runs=tmp_path, **QUICK)
    pd.testing.assert_frame_equal(made.predict(new, member="logistic"), found)
    assert not np.allclose(found["sold"], other.predict(new, member="logistic")["sold"])
    with pytest.raises(
        UsageError,
        match=r"no blend .*member='(logistic|decision-tree-classifier)'.*pipelines.blend",
    ):
        made.predict(new)
    with pytest.raises(UsageError, match="ridge"):
        made.predict(new, member="ridge")


@pytest.mark.slow
def test_members_imported_since_are_left_out(tmp_path: Path) -> None:
    own, new = sales(), rows(20, 3)
    made = run(own, runs=tmp_path, **QUICK)
    before = predict(own, new, runs=tmp_path)
    oof = folds_table(own, runs=tmp_path).table
    oof = oof.assign(sold=np.where(rows(150, 1)["sold"] == "yes", 0.9, 0.1))
    import_oof(own, "oracle", oof=oof, test=made.submission, runs=tmp_path)
    told: list[object] = []
    pd.testing.assert_frame_equal(predict(own, new, runs=tmp_path, progress=told.append), before)
    assert "Imported members are left out: oracle" in " ".join(map(str, told))
    assert "oracle" not in explain(own, rows=50, runs=tmp_path).members
    pd.testing.assert_frame_equal(made.predict(new), before)
    with pytest.raises(UsageError, match="oracle was imported"):
        predict(own, new, member="oracle", runs=tmp_path)
    with pytest.raises(UsageError, match="oracle was imported"):
        blend(own, runs=tmp_path, method="best").predict(new)


@pytest.mark.slow
def test_columns_called_by_numbers_are_explained_and_reported(tmp_path: Path) -> None:
    names = {"size": 0, "colour": 1}
    train, test = (rows(n, seed).rename(columns=names) for n, seed in ((150, 1), (30, 2)))
    named: Any = {"target": "sold", "metric": "auc", "models": ["logistic"]}
    own = table_competition(train, test.drop(columns="sold"), name="numbers", **named)
    made = run(own, runs=tmp_path, **QUICK)
    assert set(explain(own, rows=50, runs=tmp_path).importance["column"]) == {0, 1}
    found = report(own, runs=tmp_path)
    assert "importance" in repr(found)
    assert made.submission is not None
    np.testing.assert_allclose(made.predict(test)["sold"], made.submission["sold"], rtol=1e-6)


def test_a_changed_parameter_is_that_of_the_result(tmp_path: Path) -> None:
    own, new = sales(), rows(20, 3)
    settings = ["logistic.C=0.001"]
    made = run(own, models="logistic", settings=settings, runs=tmp_path, **QUICK)
    before = made.predict(new)
    run(own, models="logistic", runs=tmp_path, **QUICK)
    pd.testing.assert_frame_equal(made.predict(new), before)


def test_a_result_of_files_that_changed_since_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows(150, 1).to_csv(data / "train.csv", index=False)
    rows(30, 2).drop(columns="sold").to_csv(data / "test.csv", index=False)
    own = table_competition(data, target="sold", metric="auc", name="files")
    made = run(own, models="logistic", data=data, runs=tmp_path / "runs", **QUICK)
    assert len(made.predict(rows(20, 3).drop(columns="sold"))) == 20
    rows(140, 1).to_csv(data / "train.csv", index=False)
    with pytest.raises(UsageError, match="changed since this result"):
        made.predict(rows(20, 3).drop(columns="sold"))


def test_a_table_without_a_column_is_refused(result: Result) -> None:
    with pytest.raises(DataError, match="size"):
        result.predict(rows(20, 3).drop(columns="size"))


def test_a_competition_that_reads_its_own_files_takes_a_folder(
    tmp_path: Path, experiment: Any, tiny_data: Path
) -> None:
    made = run(
        experiment.competition,
        data=tiny_data,
        models="mean,ridge",
        runs=tmp_path,
        engine="inline",
        nested=False,
    )
    found = predict(experiment.competition, tiny_data, data=tiny_data, runs=tmp_path)
    assert made.submission is not None
    np.testing.assert_allclose(found["price"], made.submission["price"], rtol=1e-6)
    with pytest.raises(UsageError, match="folder"):
        predict(experiment.competition, rows(3, 1), data=tiny_data, runs=tmp_path)
