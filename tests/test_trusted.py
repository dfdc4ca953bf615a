"""Nothing that comes from outside is run: what the packages may call, and files planted on them."""

from __future__ import annotations

import ast
import pickle
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pipelines
from comps.base import DataError, StoreError, UsageError
from comps.kinds.memory import InMemory
from comps.reading.archives import open_files
from pipelines.api.search.tuning import SearchRequest, recorded_options
from pipelines.basics.files import read_arrays
from pipelines.results.kept import Kept
from pipelines.tuning.cma_es import read_state
from pipelines.tuning.optuna_search import without_password
from tests.commands import comps
from tests.support import ROOT, write_tiny
from tests.test_cli import write_houses

PACKAGES = ("comps", "pipelines", "ensembles", "submissions")

# What may run whatever a file or a text says. `load_model` is Keras' safe mode unless it is told
# otherwise, and `np.load` reads no pickle unless it is told to.
DANGEROUS = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads"),
    *("joblib.load", "dill.load", "dill.loads", "marshal.load", "marshal.loads", "shelve.open"),
    *("pd.read_pickle", "pandas.read_pickle", "torch.load", "yaml.load", "yaml.unsafe_load"),
    *("eval", "exec", "compile", "os.system", "os.popen", "tempfile.mktemp"),
    *("keras.config.enable_unsafe_deserialization", "runpy.run_path", "code.interact"),
}
FORBIDDEN_ARGUMENTS = {("allow_pickle", True), ("safe_mode", False), ("shell", True)}
FORBIDDEN_METHODS = {"extractall", "extract"}

# Each place reads what a process of the same call wrote, or makes known types alone.
ALLOWED = {
    ("pipelines/engines/_worker.py", "pickle.loads"): "jobs, over the pipe from its own parent",
    ("pipelines/engines/local.py", "pickle.loads"): "events, over the pipe from its own worker",
    ("comps/base/mapped.py", "pickle.loads"): (
        "rows, from a folder that this user alone may open, named by the live process"
    ),
    ("pipelines/engines/ray/_task.py", "pickle.loads"): "jobs, from the driver of the cluster",
    ("pipelines/engines/ray/_parcel.py", "pickle.loads"): "rows, from the driver of the cluster",
    ("comps/reading/packed.py", "self._archive.extractall"): (
        "py7zr hands each file to a reader in memory, by a name that was checked"
    ),
    ("pipelines/tuning/cma_es.py", "pickle.Unpickler"): "makes five named types and no other",
}


def named(node: ast.expr) -> str:
    """Return the dotted name that is called, or an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := named(node.value)):
        return f"{before}.{node.attr}"
    return ""


def dangerous(source: str) -> Iterator[str]:
    """Yield what a module may run that is not its own text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield from (name for base in node.bases if (name := named(base)) in DANGEROUS)
        if isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{name.name}" for name in node.names}
            yield from sorted(whole & DANGEROUS)
        if not isinstance(node, ast.Call):
            continue
        name = named(node.func)
        if name in DANGEROUS or name.rpartition(".")[2] in FORBIDDEN_METHODS:
            yield name
        for argument in node.keywords:
            value = argument.value
            if isinstance(value, ast.Constant) and (argument.arg, value.value) in {
                *FORBIDDEN_ARGUMENTS
            }:
                yield f"{name}({argument.arg}={value.value})"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("load_model(path, safe_mode=False)", ["load_model(safe_mode=False)"]),
        ("import pickle\npickle.load(file)", ["pickle.load"]),
        ("from pickle import loads", ["pickle.loads"]),
        ("np.load(path, allow_pickle=True)", ["np.load(allow_pickle=True)"]),
        ("eval(text)", ["eval"]),
        ("archive.extractall(folder)", ["archive.extractall"]),
        ("class Mine(pickle.Unpickler): pass", ["pickle.Unpickler"]),
        ("model.eval()\nnp.load(path, allow_pickle=False)\njson.loads(text)", []),
    ],
)
def test_dangerous_calls_are_found(source: str, found: list[str]) -> None:
    assert list(dangerous(source)) == found


def test_nothing_runs_what_a_file_says_but_in_the_places_that_are_named() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in dangerous(path.read_text("utf-8"))
    }
    assert found == set(ALLOWED)


# Planted files


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "planted-code-ran"


def test_a_planted_pickle_does_what_is_feared(ran: Path) -> None:
    pickle.loads(pickle.dumps(Planted(ran))).close()
    assert ran.exists()


@pytest.mark.slow
def test_a_pickle_in_the_place_of_any_file_of_a_run_is_not_run(tmp_path: Path, ran: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    choices = {
        "data": tmp_path / "houses.zip",
        "runs": tmp_path / "runs",
        "models": "median,ridge",
        "folds": 2,
        "nested": False,
        "checks": False,
        "engine": "inline",
    }
    pipelines.run("house-prices", **choices)
    content = pickle.dumps(Planted(ran))
    store = tmp_path / "runs" / "house-prices"
    files = [path for path in store.rglob("*") if path.is_file() and path.name != "store.json"]
    assert {".npz", ".zip", ".json", ".csv"} <= {path.suffix for path in files}
    for path in files:
        path.write_bytes(content)
    pipelines.run("house-prices", **choices)
    (store / "store.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.json is damaged"):
        pipelines.run("house-prices", **choices)
    assert not ran.exists()


def test_members_of_archives_of_ours_are_not_unpickled(tmp_path: Path, ran: Path) -> None:
    content = pickle.dumps(Planted(ran))
    for name in ("kept.json", "features.skops"):
        with zipfile.ZipFile(tmp_path / "kept.zip", "w") as archive:
            archive.writestr(name, content)
        with pytest.raises(StoreError, match="damaged"):
            Kept.from_bytes((tmp_path / "kept.zip").read_bytes())
    np.savez(tmp_path / "arrays.npz", __meta__=np.array([Planted(ran)], dtype=object))
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(tmp_path / "arrays.npz")
    assert not ran.exists()


def test_a_state_of_cma_es_from_a_database_makes_known_types_alone(ran: Path) -> None:
    import cmaes

    optimizer = cmaes.CMA(mean=np.zeros(2), sigma=1.0, seed=0)
    optimizer.tell([(optimizer.ask(), float(rank)) for rank in range(optimizer.population_size)])
    again = read_state(pickle.dumps(optimizer))
    assert again.generation == 1
    np.testing.assert_array_equal(again._C, optimizer._C)
    for content in (pickle.dumps(Planted(ran)), pickle.dumps(optimizer)[:-9], b""):
        with pytest.raises(StoreError, match="The state of CMA-ES in the study is not read"):
            read_state(content)
    assert not ran.exists()


@pytest.mark.slow
def test_cma_es_goes_on_from_its_state_by_way_of_the_database(tmp_path: Path) -> None:
    import optuna

    from pipelines.tuning.optuna_search import SAMPLERS

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=url, sampler=SAMPLERS["cmaes"](0))
    ranges = {name: optuna.distributions.FloatDistribution(-1, 1) for name in "ab"}
    for _ in range(30):
        trial = study.ask(ranges)
        study.tell(trial, trial.params["a"] ** 2 + trial.params["b"] ** 2)
    generations = [
        value
        for trial in study.trials
        for key, value in trial.system_attrs.items()
        if key.endswith("generation")
    ]
    assert max(generations) > 2


def test_rows_in_memory_lie_where_this_user_alone_looks(tmp_path: Path) -> None:
    from tests.support import load_tiny

    rows = InMemory(load_tiny(write_tiny(tmp_path / "tiny")))
    file = rows.__getstate__()["file"]
    assert file is not None
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


# Archives


def bomb(path: Path, megabytes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", b"0" * (megabytes << 20))
    return path


@pytest.mark.slow
def test_a_bomb_is_refused_by_its_ratio_and_a_nested_one_too(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.zip", 300)
    with pytest.raises(DataError, match="would be unpacked to"):
        open_files(tmp_path / "bomb.zip").read("train.csv")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        outer.write(tmp_path / "bomb.zip", "train.csv.zip")
    with pytest.raises(DataError, match="would be unpacked to"):
        open_files(tmp_path / "outer.zip").read("train.csv")


def test_a_zip_that_holds_itself_again_and_again_is_entered_once(tmp_path: Path) -> None:
    content = b"id,x\n1,2\n"
    for depth in range(30):
        with zipfile.ZipFile(tmp_path / f"{depth}.zip", "w") as archive:
            archive.writestr("train.csv" if depth == 0 else f"deeper-{depth}.zip", content)
        content = (tmp_path / f"{depth}.zip").read_bytes()
    # The one inside is entered, and what is in it is a file of no interest.
    assert open_files(tmp_path / "29.zip").names() == ["deeper-28.zip"]


@pytest.mark.parametrize("entry", ["../evil.csv", "/evil.csv", "C:\\evil.csv", "a/../../evil.csv"])
def test_what_points_outside_writes_nothing(entry: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    with zipfile.ZipFile(folder / "files.zip", "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = entry
        archive.writestr(info, "x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="points outside the archive"):
        open_files(folder / "files.zip")
    assert sorted(tmp_path.rglob("*")) == before


# Secrets, and names that are not ours


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/studies", 1),
        ("postgresql://127.0.0.1:1/studies?user=me&password=hunter2", 1),
        ("postgresql+psycopg://me:p@hunter2@127.0.0.1:1/x", 2),
        ("nosuch://me:hunter2@host/x", 2),
        ("hunter2 is no url @ all", 2),
    ],
)
def test_a_password_of_a_database_is_nowhere(url: str, code: int, tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    search = ("tune", "house-prices", "--data", "houses.zip", "--model", "ridge", "--trials", "1")
    options = ("--folds", "2", "--outer", "0", "--engine", "inline", "--storage", url)
    done = comps(*search, *options, cwd=tmp_path, code=code)
    assert "hunter2" not in done.out + done.err
    assert without_password(url) in done.err
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


def test_a_search_is_recorded_without_its_password() -> None:
    request = SearchRequest(
        trials=3, storage="postgresql://me:hunter/2@db/studies?password=hunter2"
    )
    assert recorded_options(request) == {
        "trials": 3,
        "storage": "postgresql://***@db/studies?password=***",
    }


@pytest.mark.parametrize("study", ["..", ".hidden", "../other", "a/b", "-x", ""])
def test_a_study_is_no_path(study: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--study takes a name of letters"):
        pipelines.tune("house-prices", "ridge", study=study, runs=tmp_path)
