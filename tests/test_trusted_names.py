"""No name in a kept or exported file runs code that is not the model's own."""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import expon, loguniform, norm, uniform
from sklearn.cluster import FeatureAgglomeration
from sklearn.feature_extraction.text import TfidfVectorizer, strip_accents_unicode
from sklearn.feature_selection import SelectKBest, f_oneway, r_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.svm import SVR
from xgboost import XGBClassifier, XGBRegressor

from comps.base import Metric, StoreError, Truth
from comps.base.mapped import read_mapped, write_mapped
from comps.kinds.memory import InMemory
from comps.metrics import RMSLE, ROC_AUC
from ensembles.sample import Sample
from ensembles.stacking import lightgbm_stack, logistic_stack, ridge_stack
from pipelines.basics import trusted_names
from pipelines.basics.kept_objects import NotKeptError, dump_object, import_own, load_object
from pipelines.basics.trusted_names import trusted_name

ROWS = np.random.default_rng(0).normal(size=(60, 4))
Load = Callable[[bytes, Path], Any]


def kept(content: bytes, folder: Path) -> Any:
    """Read a file as that of a run is read."""
    del folder
    return load_object(content, ["flats", "sklearn", "tests"])


def exported(content: bytes, folder: Path) -> Any:
    """Read a file as the program of an exported folder does, beside which the rules lie."""
    program: Any = import_module("pipelines.exported.predict")
    (folder / "features.skops").write_bytes(content)
    packages = frozenset({"comps", "ensembles", "flats", "sklearn", "tests"})
    sys.modules["trusted_names"] = trusted_names
    try:
        return program.load_object(folder / "features.skops", packages)
    finally:
        del sys.modules["trusted_names"]


LOADS = pytest.mark.parametrize("load", [kept, exported], ids=["kept", "exported"])


def written(value: object) -> bytes:
    """Return what somebody writes who wants a file to run code: skops asks for no trust."""
    from skops import io as skops

    return bytes(skops.dumps(value))


def of_texts(text: str, *steps: object) -> Any:
    """Return a pipeline that gives a text of its own to functions."""
    own = {"fill_value": text, "dtype": "O", "shape": [1]}
    first = FunctionTransformer(np.full_like, kw_args=own)
    return make_pipeline(first, *(FunctionTransformer(step) for step in (min, *steps)))


@LOADS
@pytest.mark.parametrize("function", [eval, exec], ids=["eval", "exec"])
def test_a_pipeline_that_runs_a_text_is_not_read(load: Load, function: Any, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    made = of_texts(f"open({str(ran)!r}, 'w')", function)
    with pytest.raises((StoreError, ValueError), match="not trusted"):
        load(written(made), tmp_path).transform(np.zeros((2, 2)))
    assert not ran.exists()


@LOADS
def test_a_pipeline_that_reads_a_pickle_is_not_read(load: Load, tmp_path: Path) -> None:
    write_mapped(np.zeros(2), tmp_path / "rows.pickle")
    for function, kw_args in ((read_mapped, None), (np.load, {"allow_pickle": True})):
        made = FunctionTransformer(function, kw_args=kw_args)
        with pytest.raises((StoreError, ValueError), match="not trusted"):
            load(written(made), tmp_path)


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def archive_as_attributes(path: Path) -> bytes:
    """Return a file of an object whose attributes are those of an archive of NumPy's.

    NumPy's class of archives reads pickles if it is told to, and whatever reads the attributes
    reads all members.
    """
    named = {"__loader__": "JsonNode", "__module__": "builtins", "__class__": "str"}
    arguments = [{**named, "content": json.dumps(value)} for value in (str(path), False, True)]
    schema = {
        **{"__loader__": "ObjectNode", "__module__": "sklearn.calibration"},
        **{"__class__": "_CalibratedClassifier", "protocol": 2, "_skops_version": "0.11"},
        "content": {
            **{"__loader__": "ConstructorFromReduceNode", "__class__": "NpzFile"},
            "__module__": np.lib.npyio.NpzFile.__module__,
            "content": {
                **{"__loader__": "TupleNode", "__module__": "builtins", "__class__": "tuple"},
                "content": arguments,
            },
        },
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return made.getvalue()


def archive_of(module: str, name: str) -> bytes:
    """Return a file that names a class or a function, and nothing else."""
    schema = {"__loader__": "ObjectNode", "__module__": module, "__class__": name}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", json.dumps({**schema, "protocol": 2}))
    return made.getvalue()


@LOADS
@pytest.mark.parametrize(
    "module",
    ["numpy.f2py.__main__", "numpy.random._examples.cffi.extending", "sklearn.conftest"],
)
def test_a_program_of_a_library_is_not_imported(load: Load, module: str, tmp_path: Path) -> None:
    sys.modules.pop(module, None)
    with pytest.raises((StoreError, ValueError), match=f"{module}.x, which is not trusted"):
        load(archive_of(module, "x"), tmp_path)
    assert module not in sys.modules


@pytest.fixture
def flats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the user's, one module of which is imported, with programs beside it."""
    package = tmp_path / "flats"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "competition.py").write_text(
        "def features():\n    from flats.late import Late\n\n    return Late()\n"
        "if __name__ == '__main__':\n    import flats.train\n"
    )
    (package / "late.py").write_text("class Late:\n    pass\n")
    for program in ("train", "__main__"):
        ran = f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\nclass Late: pass\n"
        (package / f"{program}.py").write_text(ran)
    monkeypatch.syspath_prepend(tmp_path)
    import_module("flats.competition")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "flats"]:
        del sys.modules[name]


@LOADS
@pytest.mark.parametrize("module", ["flats.train", "flats.__main__", "flats.nothing"])
def test_a_program_beside_the_models_code_is_not_run(load: Load, module: str, flats: Path) -> None:
    with pytest.raises((StoreError, ValueError), match=f"{module}.Late, which is not trusted"):
        load(archive_of(module, "Late"), flats)
    assert not (flats / "ran").exists()


@LOADS
def test_what_the_models_code_imports_when_it_runs_is_read(load: Load, flats: Path) -> None:
    assert type(load(archive_of("flats.late", "Late"), flats)).__name__ == "Late"


def test_networks_import_no_program_that_their_file_names(flats: Path) -> None:
    import_own(["flats.train", "flats.late"], ["flats"])
    assert "flats.late" in sys.modules and not (flats / "ran").exists()


def test_a_module_that_ends_the_process_is_not_trusted(
    flats: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted_names, "_OURS", ("flats",))
    assert not trusted_name("flats.train.Late", ["flats"])
    assert (flats / "ran").exists()


@LOADS
def test_a_class_of_numpy_that_reads_pickles_is_not_made(load: Load, tmp_path: Path) -> None:
    ran, place = tmp_path / "ran", tmp_path / "arrays.npz"
    with zipfile.ZipFile(place, "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(Planted(ran), file)
    with pytest.raises((StoreError, ValueError), match="NpzFile, which is not trusted"):
        load(archive_as_attributes(place), tmp_path)
    assert not ran.exists()


@LOADS
def test_a_partial_function_is_no_way_around(load: Load, tmp_path: Path) -> None:
    for function in (eval, np.load, "".join):
        with pytest.raises((StoreError, ValueError), match="not trusted"):
            load(written(FunctionTransformer(partial(function, "1"))), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("builtins.eval", "builtins.exec", "builtins.open", "builtins.getattr", "builtins.type"),
        *("os.system", "subprocess.Popen", "pickle.loads", "operator.attrgetter", "nowhere"),
        *("numpy.load", "numpy.memmap", "numpy.lib._datasource.DataSource", "numpy.vectorize"),
        *("numpy.f2py.run_main", "scipy.io._netcdf.netcdf_file", "sklearn.utils.parallel.Parallel"),
        *("sklearn.datasets._base.load_files", "pandas.eval", "joblib.numpy_pickle.load"),
        *("comps.catalog.find_competition", "comps.catalog.import_module", "comps.nothing.there"),
        f"{InMemory.__module__}.InMemory",
        f"{read_mapped.__module__}.read_mapped",
        # Names that a module of ours imported.
        *("comps.kinds.table.features.np", "comps.base.read_mapped", "tests.support.np"),
        *("sklearn.linear_model._ridge.Ridge.fit", "xgboost.core.DMatrix"),
        *("xgboost.core.Booster.load_model", "scipy.stats._continuous_distns.norm_gen"),
        *("scipy.stats._distn_infrastructure.rv_continuous", "numpy.asarray", "numpy.full_like"),
        # A name that a module of functions imported.
        *("sklearn.metrics.pairwise.Parallel", "sklearn.metrics.pairwise.delayed"),
    ],
)
def test_names_that_may_run_code_are_refused_whoever_builds_the_model(name: str) -> None:
    packages = {name.partition(".")[0], "builtins", "comps", "ensembles", "functools", "os"}
    assert not trusted_name(name)
    assert not trusted_name(name, packages | {"collections", "numpy", "sklearn", "pandas"})


def own_function(rows: Any) -> Any:
    """Return rows as they are."""
    return rows


def test_functions_of_the_models_own_package_are_kept_and_those_of_libraries_named() -> None:
    made = FunctionTransformer(own_function)
    again: Any = load_object(dump_object(made, ["tests"]), ["tests"])
    assert again.transform(ROWS) is ROWS
    with pytest.raises(NotKeptError, match=r"test_trusted_names\.own_function"):
        dump_object(made)
    with pytest.raises(NotKeptError, match=r"numpy\.full_like"):
        dump_object(FunctionTransformer(np.full_like), ["tests"])
    # Those that skops knows are read.
    assert load_object(dump_object(FunctionTransformer(np.log1p)))


ESTIMATORS = {
    "grid": GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, scoring="r2"),
    "gaussian process": GaussianProcessRegressor(),
    "network": MLPRegressor(max_iter=5),
    "splines": make_pipeline(SelectKBest(k=2), SplineTransformer(), SVR()),
    "range": GridSearchCV(KNeighborsRegressor(), {"n_neighbors": range(1, 4)}),
    "distributions": RandomizedSearchCV(
        Ridge(), {"alpha": loguniform(0.1, 1), "tol": uniform}, n_iter=2
    ),
    "search within": make_pipeline(
        RandomizedSearchCV(Ridge(), [{"alpha": expon(scale=2)}], n_iter=2)
    ),
    "kernel": SVR(kernel=laplacian_kernel),
    "r_regression": make_pipeline(SelectKBest(r_regression, k=2), Ridge()),
    "f_oneway": make_pipeline(SelectKBest(f_oneway, k=2), Ridge()),
    "max": make_pipeline(FeatureAgglomeration(pooling_func=np.max), Ridge()),
    "cosine": KNeighborsRegressor(metric=cosine),
    "nan_to_num": make_pipeline(FunctionTransformer(np.nan_to_num), Ridge()),
    "clip": make_pipeline(FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}), Ridge()),
    "log1p": make_pipeline(
        FunctionTransformer(np.log1p), FunctionTransformer(np.nan_to_num), SVR()
    ),
    "xgboost": XGBRegressor(n_estimators=3, n_jobs=1),
    "xgboost within": make_pipeline(StandardScaler(), XGBRegressor(n_estimators=3, n_jobs=1)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*divide.*|.*invalid value.*:RuntimeWarning")
def test_estimators_of_scikit_learn_are_kept_with_their_parts(estimator: Any) -> None:
    fitted = estimator.fit(ROWS, np.round(ROWS[:, 0], 1))
    again: Any = load_object(dump_object(fitted))
    for name in ("predict", "transform"):
        if hasattr(fitted, name):
            np.testing.assert_array_equal(getattr(again, name)(ROWS), getattr(fitted, name)(ROWS))


def test_a_search_forgets_the_distributions_and_nothing_else() -> None:
    space = {"alpha": loguniform(0.1, b=1), "fit_intercept": [True, False]}
    search = RandomizedSearchCV(Ridge(), space, n_iter=2).fit(ROWS, ROWS[:, 0])
    again: Any = load_object(dump_object(search))
    drawn = {"alpha": "loguniform(0.1, b=1)", "fit_intercept": [True, False]}
    assert again.param_distributions == drawn
    assert again.best_params_ == search.best_params_
    # The search itself goes on as it was, and a distribution elsewhere is refused: it would run.
    assert search.param_distributions is space
    for held in ({"drawn": space["alpha"]}, FunctionTransformer(kw_args={"drawn": norm})):
        with pytest.raises(NotKeptError, match=r"scipy\.stats"):
            dump_object(held)


def test_words_are_cut_as_before() -> None:
    words = TfidfVectorizer(preprocessor=strip_accents_unicode).fit(["été", "hiver"])
    again: Any = load_object(dump_object(words))
    assert again.transform(["ete"]).nnz == 1


def test_a_boosted_classifier_is_kept() -> None:
    found = XGBClassifier(n_estimators=3, n_jobs=1).fit(ROWS, ROWS[:, 0] > 0)
    again: Any = load_object(dump_object(found))
    np.testing.assert_array_equal(again.predict_proba(ROWS), found.predict_proba(ROWS))


@LOADS
@pytest.mark.parametrize(
    ("stack", "metric"),
    [(ridge_stack, RMSLE), (logistic_stack, ROC_AUC), (lightgbm_stack, ROC_AUC)],
    ids=["ridge", "logistic", "lightgbm"],
)
def test_blends_are_read_with_the_functions_that_they_hold(
    load: Load, stack: Any, metric: Metric, tmp_path: Path
) -> None:
    members = 1 / (1 + np.exp(-ROWS[:, :3]))
    truth = Truth.of((members[:, 0] > 0.5).astype(float))
    fitted = stack(Sample(members, truth), metric)
    content = dump_object(fitted, ["ensembles"])
    again: Any = load_object(content, ["ensembles"]) if load is kept else load(content, tmp_path)
    np.testing.assert_allclose(again.predict(members), fitted.predict(members))
