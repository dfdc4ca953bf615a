"""An exported folder predicts what `comps predict` does, without this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import table_competition
from comps.base import DataError, Dataset, UsageError
from comps.house_prices.competition import HOUSE_PRICES
from comps.reading.archives import read_files
from pipelines import ExportedFolder, export, folds_table, import_oof, load_run, predict, run
from pipelines.api.export.form import form_of, write_files
from tests.commands import comps

# The libraries without this package: `-S` leaves out what an editable installation adds, and
# what is installed otherwise is not found.
ALONE = """
import runpy, sys
site, own, folder, *rest = sys.argv[1:]
sys.path[:0] = [folder]
sys.path.append(site)


class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pipelines":
            raise ImportError("an exported folder needs pipelines")


sys.meta_path.insert(0, Nothing())
{run}
for name in ("comps", "ensembles", "submissions"):
    module = sys.modules.get(name)
    assert module is None or module.__file__.startswith(folder), module
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
assert not [file for file in files if file.startswith(own)]
"""
PREDICT = """
sys.argv = ["predict.py", *rest]
try:
    runpy.run_path(folder + "/predict.py", run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
"""
SERVE = "import uvicorn; uvicorn.run('serve:app', port=0)"
ROOT = Path(__file__).parent.parent

# Each starts several processes.
pytestmark = pytest.mark.slow


def command(folder: Path, run_: str, *arguments: str) -> list[str]:
    site = sysconfig.get_paths()["purelib"]
    code = ALONE.replace("{run}", run_)
    return [
        *(sys.executable, "-I", "-S", "-c", code),
        *(site, str(ROOT / "pipelines"), str(folder), *arguments),
    ]


def predicted_alone(folder: Path, rows: Path, cwd: Path) -> pd.DataFrame:
    """Return what the program of an exported folder predicts, in a process without the package."""
    out = cwd / "alone.csv"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        command(folder, PREDICT, str(rows), "--out", str(out)),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return pd.read_csv(out)


def refused_alone(folder: Path, rows: Path, cwd: Path) -> str:
    done = subprocess.run(
        command(folder, PREDICT, str(rows), "--out", str(cwd / "refused.csv")),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 2 and not (cwd / "refused.csv").exists()
    assert "Traceback" not in done.stderr
    return done.stderr


def rows(n: int, seed: int) -> pd.DataFrame:
    """Return rows with a number that has holes, a level, a shop, and a target of two classes."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    chance = 1 / (1 + np.exp(-2 * size - 2 * (colour == "red")))
    size = np.where(rng.random(n) < 0.1, np.nan, size)
    return pd.DataFrame(
        {
            "id": np.arange(n) + 1000 * seed,
            "size": size,
            "colour": colour,
            "shop": rng.choice(["north", "south"], n),
            "sold": np.where(rng.random(n) < chance, "yes", "no"),
        }
    )


def unsold(n: int, seed: int) -> pd.DataFrame:
    return rows(n, seed).drop(columns="sold")


MODELS = "logistic,lightgbm,mlp"
OPTIONS = ("--engine", "inline", "--no-nested", "--folds", "3", "--no-checks")
# A function of the user's beside the competition, and a further table that it reads.
OWN = """
def with_rent(rows, tables):
    return rows.assign(rent=rows["shop"].astype(str).map(tables["shops"].set_index("shop")["rent"]))
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a competition of the user's own, with code of its own and a further table."""
    here = tmp_path_factory.mktemp("export")
    (here / "data").mkdir()
    rows(240, 1).to_csv(here / "data" / "train.csv", index=False)
    unsold(60, 2).to_csv(here / "data" / "test.csv", index=False)
    pd.DataFrame({"shop": ["north", "south"], "rent": [1.5, 2.5]}).to_csv(
        here / "data" / "shops.csv", index=False
    )
    unsold(40, 3).to_csv(here / "new.csv", index=False)
    comps("init", "sales", "--data", "data", "--target", "sold", "--metric", "auc", cwd=here)
    own = here / "competitions" / "sales"
    (own / "rents.py").write_text(OWN)
    file = own / "competition.py"
    text = file.read_text().replace("features=features", "features=with_rent")
    text = text.replace("from comps import", "from .rents import with_rent\nfrom comps import", 1)
    file.write_text(text)
    comps("run", "sales", "--models", MODELS, "--set", "mlp.epochs=2", *OPTIONS, cwd=here)
    comps("export", "sales", "--to", "model", cwd=here)
    return here


def test_an_exported_blend_predicts_what_comps_predict_does(here: Path) -> None:
    comps("predict", "sales", "new.csv", cwd=here)
    alone = predicted_alone(here / "model", here / "new.csv", here)
    wanted = pd.read_csv(here / "predictions.csv")
    pd.testing.assert_frame_equal(alone, wanted, rtol=1e-6)
    assert alone["id"].tolist() == list(range(3000, 3040)) and alone["sold"].nunique() > 10


def test_the_own_test_rows_are_predicted_as_they_were_submitted(here: Path) -> None:
    alone = predicted_alone(here / "model", here / "data" / "test.csv", here)
    pd.testing.assert_frame_equal(alone, pd.read_csv(here / "submission.csv"), rtol=1e-6)


@pytest.mark.parametrize(
    "member", [pytest.param("mlp[epochs=2]", marks=pytest.mark.slow), "lightgbm"]
)
def test_a_member_is_exported_alone(here: Path, member: str) -> None:
    to = f"alone-{member[:3]}"
    comps("export", "sales", "--to", to, "--member", member, cwd=here)
    comps("predict", "sales", "new.csv", "--member", member, "--out", "one.csv", cwd=here)
    alone = predicted_alone(here / to, here / "new.csv", here)
    pd.testing.assert_frame_equal(alone, pd.read_csv(here / "one.csv"), rtol=1e-6)
    needed = {line.partition("==")[0] for line in lines(here / to / "requirements.txt")}
    others = {"lightgbm"} if member == "lightgbm" else {"keras", "jax"}
    assert needed == {"numpy", "pandas", "scikit-learn", "scipy", "skops"} | others


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_rows_in_another_number_and_order_with_unseen_levels(here: Path) -> None:
    new = unsold(40, 3).iloc[[7, 3]].assign(colour=["ultraviolet", "red"], owner="me")
    new[["owner", "shop", "colour", "size", "id"]].to_csv(here / "few.csv", index=False)
    alone = predicted_alone(here / "model", here / "few.csv", here)
    assert alone["id"].tolist() == [3007, 3003] and alone["sold"].between(0, 1).all()
    comps("predict", "sales", "few.csv", "--out", "few-out.csv", cwd=here)
    pd.testing.assert_frame_equal(alone, pd.read_csv(here / "few-out.csv"), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop(columns="size"), "lacks 'size'"),
        (lambda table: table.assign(id=1), "duplicate"),
        (lambda table: table.assign(size="large"), "size"),
    ],
    ids=["column", "duplicates", "text-for-number"],
)
def test_rows_of_another_form_are_told_apart(here: Path, change: Any, told: str) -> None:
    change(unsold(40, 3)).to_csv(here / "bad.csv", index=False)
    assert told in refused_alone(here / "model", here / "bad.csv", here)


def test_a_file_that_is_not_there_is_said(here: Path) -> None:
    assert "nowhere.csv" in refused_alone(here / "model", here / "nowhere.csv", here)


def test_a_damaged_model_is_noticed(here: Path) -> None:
    path = sorted((here / "model" / "members").rglob("*.*"))[0]
    content = path.read_bytes()
    path.write_bytes(content[:-30] + b"x" * 30)
    try:
        assert path.name in refused_alone(here / "model", here / "new.csv", here)
    finally:
        path.write_bytes(content)


def test_few_rows_of_the_data_are_in_it_and_no_pickle(here: Path) -> None:
    model = here / "model"
    form = pd.read_csv(model / "form" / "train.csv")
    assert len(form) < 60 and set(form["sold"]) == {"yes", "no"}
    assert f"{len(form)} rows" in (model / "README.md").read_text()
    endings = {path.suffix for path in (model / "members").rglob("*") if path.is_file()}
    assert endings <= {".txt", ".keras", ".json", ".skops"}
    assert not [path for path in model.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")]
    assert not list(model.glob("lib/**/sample/*")) and not (model / "lib" / "pipelines").exists()


def test_a_table_in_memory_is_predicted_by_the_function(here: Path) -> None:
    code = (
        "import pandas as pd; from predict import predict\n"
        "predict(pd.read_csv(rest[0])).to_csv(rest[1], index=False)"
    )
    done = subprocess.run(
        command(here / "model", code, str(here / "new.csv"), str(here / "frame.csv")),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone = predicted_alone(here / "model", here / "new.csv", here)
    pd.testing.assert_frame_equal(pd.read_csv(here / "frame.csv"), alone)


@pytest.fixture
def service(here: Path) -> Iterator[str]:
    """The address of the exported example, served by a real process."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command(here / "model", SERVE),
        cwd=here,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stderr is not None
            told = next(line for line in process.stderr if "running on" in line)
            yield told.partition("running on ")[2].split()[0]
        finally:
            process.terminate()


def post(address: str, given: object) -> Any:
    request = urllib.request.Request(
        f"{address}/predict",
        json.dumps(given).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=100) as answer:
        return json.load(answer)


def test_the_example_serves_rows_as_json(here: Path, service: str) -> None:
    new = unsold(40, 3).head(5)
    given = json.loads(new.to_json(orient="records"))
    alone = predicted_alone(here / "model", here / "new.csv", here).head(5)
    found = pd.DataFrame(post(service, given))
    pd.testing.assert_frame_equal(found, alone, rtol=1e-6)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(service, [{"id": 1, "size": 2.0}])
    assert refused.value.code == 422 and "colour" in refused.value.read().decode()


# The folder


def test_other_files_are_not_lost(here: Path) -> None:
    (here / "mine").mkdir(exist_ok=True)
    (here / "mine" / "thesis.txt").write_text("years of work")
    failed = comps("export", "sales", "--to", "mine", cwd=here, code=2)
    assert "thesis.txt" in failed.err and len(list((here / "mine").iterdir())) == 1
    failed = comps("export", "sales", "--to", "new.csv", cwd=here, code=2)
    assert "is a file" in failed.err


@pytest.mark.slow
def test_an_earlier_export_is_replaced_and_files_beside_it_stay(here: Path) -> None:
    comps("export", "sales", "--to", "again", "--member", "lightgbm", cwd=here)
    (here / "again" / "blend.skops").write_bytes(b"of an earlier blend")
    (here / "again" / "Dockerfile").write_text("FROM python")
    comps("export", "sales", "--to", "again", "--member", "logistic", cwd=here)
    told = json.loads((here / "again" / "export.json").read_text())
    assert [member["name"] for member in told["members"]] == ["logistic"]
    assert not (here / "again" / "blend.skops").exists()
    assert len(list((here / "again" / "members").iterdir())) == 1
    assert (here / "again" / "Dockerfile").is_file()


def test_a_folder_that_cannot_be_made_is_said_before_the_work(here: Path) -> None:
    failed = comps("export", "sales", "--to", "new.csv/model", cwd=here, code=2)
    assert "new.csv is a file" in failed.err and "Members" not in failed.out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_said(here: Path) -> None:
    (here / "locked").mkdir()
    (here / "locked").chmod(0o500)
    assert "locked" in comps("export", "sales", "--to", "locked/model", cwd=here, code=2).err
    assert "locked" in comps("export", "sales", "--to", "locked", cwd=here, code=1).err


def test_models_that_were_not_kept_are_named(here: Path) -> None:
    options = ("--models", "logistic", *OPTIONS, "--runs", "other")
    comps("run", "sales", *options, "--keep-models", "none", cwd=here)
    failed = comps("export", "sales", "--to", "no", "--runs", "other", cwd=here, code=2)
    assert "logistic" in failed.err and "--keep-models all" in failed.err
    assert not (here / "no").exists()


def test_code_that_is_not_in_the_folder_is_noticed(here: Path, tmp_path: Path) -> None:
    file = here / "competitions" / "sales" / "competition.py"
    text = file.read_text()
    (here / "threshold.txt").write_text("1")
    try:
        more = "\nfrom pathlib import Path as _P\n_P('threshold.txt').read_text()\n"
        file.write_text(text + more)
        failed = comps("export", "sales", "--to", "not", cwd=here, code=2)
        assert "threshold.txt" in failed.err and not (here / "not").exists()
    finally:
        file.write_text(text)


def test_a_competition_in_memory_has_no_code_to_export(tmp_path: Path) -> None:
    sales = table_competition(
        unsold(90, 1).assign(y=1.0 * np.arange(90)), target="y", metric="rmse"
    )
    with pytest.raises(UsageError, match="comps init"):
        export(sales, to=tmp_path / "model")


def test_a_competition_whose_rows_are_no_tables_is_refused(tmp_path: Path) -> None:
    run(
        "temperature",
        models="common-sense,ridge",
        runs=tmp_path,
        engine="inline",
        nested=False,
        checks=False,
    )
    with pytest.raises(UsageError, match="files of its own form"):
        export("temperature", to=tmp_path / "model", runs=tmp_path)


# Competitions that come with the package


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, ExportedFolder]:
    runs = tmp_path_factory.mktemp("houses")
    made = run(
        HOUSE_PRICES,
        models="median,ridge,lightgbm,xgboost",
        settings=["lightgbm.rounds=40", "xgboost.rounds=40"],
        runs=runs,
        engine="inline",
        nested=False,
        checks=False,
    )
    assert made.submission is not None
    return runs, made.submission, export(HOUSE_PRICES, to=runs / "model", runs=runs)


def test_house_prices_exported_equals_its_submission(
    houses: tuple[Path, pd.DataFrame, ExportedFolder],
) -> None:
    runs, submission, found = houses
    assert found.difference < 1e-6 and found.tried_rows == 100 and found.form_rows < 100
    assert HOUSE_PRICES.sample is not None
    (runs / "test.csv").write_bytes(read_files(HOUSE_PRICES.sample, ["test.csv"])["test.csv"])
    alone = predicted_alone(runs / "model", runs / "test.csv", runs)
    pd.testing.assert_frame_equal(alone.astype(submission.dtypes), submission, rtol=1e-6)


def test_a_member_imported_since_is_left_out(
    houses: tuple[Path, pd.DataFrame, ExportedFolder], tmp_path: Path
) -> None:
    runs, _, found = houses
    result = load_run(HOUSE_PRICES, runs=runs)
    oof = folds_table(HOUSE_PRICES, runs=runs).table
    noise = np.random.default_rng(0).uniform(0.95, 1.05, len(oof))
    oof = oof.assign(SalePrice=result.dataset.target * noise)
    import_oof(HOUSE_PRICES, "oracle", oof=oof, test=result.submission, runs=runs)
    told: list[object] = []
    exported = export(HOUSE_PRICES, to=tmp_path / "model", runs=runs, progress=told.append)
    assert exported.members == found.members
    assert "Imported members are left out: oracle" in " ".join(map(str, told))
    with pytest.raises(UsageError, match="oracle was imported"):
        export(HOUSE_PRICES, to=tmp_path / "other", member="oracle", runs=runs)


@dataclass(frozen=True)
class Filled:
    """A loader of a user's that fills holes by the mean of all training rows."""

    plain: Any

    def __call__(self, path: Path, rows: Any) -> Dataset:
        found = self.plain(path, rows)
        return replace(found, test=found.test.fillna({"size": found.train["size"].mean()}))


def test_all_rows_are_kept_where_few_would_read_new_ones_otherwise(tmp_path: Path) -> None:
    table = unsold(400, 1).assign(y=np.arange(400.0))
    table.to_csv(tmp_path / "train.csv", index=False)
    unsold(30, 2).to_csv(tmp_path / "test.csv", index=False)
    columns = {"number": ["size"], "category": ["shop", "colour"]}
    named: Any = {"target": "y", "id": "id", "metric": "rmse", "task": "regression"}
    flats = table_competition(tmp_path, **named, columns=columns)
    assert form_of(flats, tmp_path).rows == 30
    filled = replace(flats, with_test=Filled(flats.with_test))
    assert form_of(filled, tmp_path).rows == 400


@pytest.mark.parametrize("targets", ["in-the-table", "in-a-table-of-their-own"])
def test_every_class_is_in_the_form(targets: str, tmp_path: Path) -> None:
    """Of a class that two rows in a thousand have, too: codes of classes follow from the rows."""
    table = unsold(1000, 1)
    labels = pd.DataFrame({"id": table["id"], "y": np.arange(1000) % 3})
    labels.loc[[17, 500], "y"] = 3
    if targets == "in-the-table":
        table = table.merge(labels)
    else:
        labels.to_csv(tmp_path / "train_labels.csv", index=False)
    table.to_csv(tmp_path / "train.csv", index=False)
    unsold(30, 2).to_csv(tmp_path / "test.csv", index=False)
    columns = {"number": ["size"], "category": ["shop", "colour"]}
    named: Any = {"target": "y", "id": "id", "metric": "log_loss", "task": "multiclass"}
    kinds = table_competition(tmp_path, **named, columns=columns, classes=["0", "1", "2", "3"])
    found = form_of(kinds, tmp_path)
    assert found.rows < 100
    (tmp_path / "form").mkdir()
    write_files(tmp_path / "form", found.files)
    assert set(kinds.load(tmp_path / "form").target) == {0, 1, 2, 3}


# Several targets, and all libraries


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["values", "labels", "classes"])
def test_all_libraries_and_tasks_are_exported(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    table = unsold(240, 1)
    value = table["size"].fillna(0) + (table["colour"] == "red")
    noise = rng.normal(size=(2, 240)) / 3
    if kind == "values":
        targets = {"a": value + noise[0], "b": 10 * value + noise[1]}
    elif kind == "labels":
        targets = {"a": (value + noise[0] > 0) * 1, "b": (value + noise[1] > 1) * 1}
    else:
        targets = {"a": np.digitize(value + noise[0], [0, 1.2])}
    metric = {"values": "rmse", "labels": "log_loss", "classes": "quadratic_kappa"}[kind]
    table.assign(**targets).to_csv(data / "train.csv", index=False)
    unsold(50, 2).to_csv(data / "test.csv", index=False)
    asked = [option for name in targets for option in ("--target", name)]
    comps("init", "flats", "--data", "data", *asked, "--metric", metric, cwd=tmp_path)
    first = "ridge" if kind == "values" else "logistic"
    models = f"{first},lightgbm,xgboost,catboost,random-forest,mlp"
    small = [f"{name}.rounds=30" for name in ("lightgbm", "xgboost", "catboost")]
    options = [option for name in [*small, "mlp.epochs=2"] for option in ("--set", name)]
    comps("run", "flats", "--models", models, *options, *OPTIONS, cwd=tmp_path)
    comps("export", "flats", "--to", "model", cwd=tmp_path)
    alone = predicted_alone(tmp_path / "model", data / "test.csv", tmp_path)
    pd.testing.assert_frame_equal(alone, pd.read_csv(tmp_path / "submission.csv"), rtol=1e-6)
    # A blend may have no use for some of them.
    for member in ("catboost[rounds=30]", "mlp[epochs=2]", "xgboost[rounds=30]"):
        comps("export", "flats", "--to", "one", "--member", member, cwd=tmp_path)
        comps("predict", "flats", "data/test.csv", "--member", member, cwd=tmp_path)
        alone = predicted_alone(tmp_path / "one", data / "test.csv", tmp_path)
        wanted = pd.read_csv(tmp_path / "predictions.csv")
        pd.testing.assert_frame_equal(alone, wanted, rtol=1e-6)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_fresh_environment_with_the_requirements_alone_predicts(
    here: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    needed = str(here / "model" / "requirements.txt")
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", needed], check=True)
    out = tmp_path / "out.csv"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, here / "model" / "predict.py", here / "new.csv", "--out", out],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone = predicted_alone(here / "model", here / "new.csv", here)
    pd.testing.assert_frame_equal(pd.read_csv(out), alone, rtol=1e-6)


def test_an_unknown_member_is_named_with_the_close_ones(
    houses: tuple[Path, pd.DataFrame, ExportedFolder], tmp_path: Path
) -> None:
    runs, _, _ = houses
    with pytest.raises(UsageError, match="ridge"):
        export(HOUSE_PRICES, to=tmp_path / "model", member="rigde", runs=runs)


def test_predict_refuses_what_the_export_refuses(
    houses: tuple[Path, pd.DataFrame, ExportedFolder],
) -> None:
    runs, _, _ = houses
    with pytest.raises(DataError, match="LotArea"):
        predict(HOUSE_PRICES, pd.DataFrame({"Id": [1, 2]}), runs=runs)
