"""The code of a key: what changes it, and what does not."""

from __future__ import annotations

import functools
import importlib
import json
import linecache
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps.base import CodeError, Competition, Dataset, Family, Metric, Model
from comps.catalog import competition_names, find_competition
from pipelines.code import code_fingerprint, libraries, reached
from pipelines.fitting.training import train_folds
from pipelines.fitting.views import ViewCache
from pipelines.trainers import TRAINERS
from tests.support import (
    MEAN,
    METRIC,
    RIDGE,
    ROOT,
    TINY,
    TinyFeatures,
    build_ridge,
    load_tiny,
    python,
    tiny_experiment,
    write_tiny,
)

# A user's package

FILES = {
    "__init__.py": "from {0}.builders import exported\n",
    "builders.py": '''"""Builders."""
import functools
from sklearn.linear_model import Ridge
import {0}.means
from {0} import middle
from {0}.bases import Base
from {0}.decorators import traced
from {0}.stars import *

ALPHA = 1.0


@traced
def build():
    """Return a model."""
    from {0}.late import shrink

    names = [unused for unused in "ab"]
    return Ridge(alpha=shrink(ALPHA) + {0}.means.equal_mean([1.0]) + starred(len(names)))


def exported(alpha=middle.DEFAULT):
    return Ridge(alpha=middle.double(alpha))


class Own(Base):
    def predict(self, rows):
        return rows


def make_own():
    return Own()


def unused():
    return 1


def registered():
    from {0}.registry import TABLE

    return TABLE["ridge"]()


def by_name(name="late"):
    import importlib

    return importlib.import_module("{0}." + name).shrink(1.0)


def lazy():
    return {0}.lazy.anything()


partial = functools.partial(exported, alpha=2.0)
''',
    "means.py": """def equal_mean(values):
    return sum(values) / len(values)


def other():
    return 0
""",
    "middle.py": """from {0} import far

DEFAULT = 2.0


def double(x):
    return far.times(x, 2)
""",
    "far.py": "def times(x, y):\n    return x * y\n",
    "bases.py": """class Root:
    scale = 1


class Base(Root):
    def fit(self, rows):
        return self
""",
    "decorators.py": "def traced(function):\n    return function\n",
    "late.py": "def shrink(x):\n    return x / 2\n",
    "stars.py": "def starred(x):\n    return x\n\n\ndef not_used():\n    return 0\n",
    "registry.py": """TABLE = {{}}


def register(name):
    def enter(function):
        TABLE[name] = function
        return function

    return enter


@register("ridge")
def entered():
    from sklearn.linear_model import Ridge

    return Ridge()


def beside():
    return 1
""",
    "lazy.py": "def __getattr__(name):\n    return lambda: len(name)\n",
}


@dataclass
class Package:
    """A package in a folder of its own.

    Attributes:
        name: of the package.
        folder: where it lies.
    """

    name: str
    folder: Path

    def key(self, function: str = "build", **changes: Any) -> str:
        """Return the fingerprint of the code of a model that one of its functions builds."""
        return code_fingerprint(replace(TINY, **changes), self.model(function))

    def model(self, function: str) -> Model:
        """Return a model that one of its functions builds."""
        build = getattr(importlib.import_module(f"{self.name}.builders"), function)
        return Model("own", Family.LINEAR, "sklearn", build=build)

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text in one of its files, whose time of change may stay as it was."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """A package that can be imported, and is forgotten in the end."""
    name = f"own_{abs(hash(tmp_path))}"
    folder = tmp_path / name
    folder.mkdir()
    for file, text in FILES.items():
        (folder / file).write_text(text.format(name))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Package(name, folder)
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("builders.py", "ALPHA = 1.0", "ALPHA = 1.0  # a comment\n# and another\n"),
        ("builders.py", '"""Return a model."""', '"""Return another model."""'),
        ("builders.py", '    """Return a model."""\n', ""),
        ("builders.py", '"""Builders."""', "\n\n\n"),
        ("builders.py", "alpha=shrink(ALPHA) +", "\n        alpha=shrink(ALPHA)\n        +"),
        ("builders.py", "def unused", "def new():\n    return ALPHA\n\n\ndef unused"),
        ("builders.py", "    return 1\n", "    return 2\n"),
        ("builders.py", "    return rows", "    return rows + 1"),
        ("means.py", "    return 0", "    return 1"),
        ("stars.py", "    return 0", "    return 1"),
        ("middle.py", "2.0", "3.0"),
        ("registry.py", "    return 1", "    return 2"),
    ],
    ids=[
        "comment",
        "docstring",
        "no docstring",
        "blank lines",
        "layout",
        "new function",
        "unused function of a local name",
        "other model of the file",
        "function beside a reached one",
        "star beside a reached one",
        "other model's constant",
        "module that is not reached",
    ],
)
def test_what_a_model_does_not_reach_does_not_change_its_key(
    package: Package, file: str, old: str, new: str
) -> None:
    before = package.key()
    package.change(file, old, new)
    assert package.key() == before


@pytest.mark.parametrize(
    ("function", "file", "old", "new"),
    [
        ("build", "builders.py", "ALPHA = 1.0", "ALPHA = 2.0"),
        ("build", "builders.py", "ALPHA = 1.0", "ALPHA = 1"),
        ("build", "builders.py", "shrink(ALPHA)", "ALPHA"),
        ("build", "builders.py", "@traced", "@functools.cache\n@traced"),
        ("build", "decorators.py", "return function", "return lambda: function()"),
        ("build", "late.py", "x / 2", "x / 3"),
        ("build", "means.py", "sum(values)", "1 + sum(values)"),
        ("build", "stars.py", "    return x", "    return 2 * x"),
        (
            "build",
            "late.py",
            "def shrink",
            "import warnings\nwarnings.simplefilter('error')\ndef shrink",
        ),
        ("exported", "far.py", "x * y", "x + y"),
        ("exported", "middle.py", "DEFAULT = 2.0", "DEFAULT = 3.0"),
        ("exported", "builders.py", "from {0} import middle", "from {0} import copied as middle"),
        ("make_own", "builders.py", "return rows", "return rows + 1"),
        ("make_own", "bases.py", "return self", "return None"),
        ("make_own", "bases.py", "scale = 1", "scale = 2"),
        ("registered", "registry.py", "return Ridge()", "return Ridge(alpha=2)"),
        ("registered", "registry.py", "TABLE[name]", "TABLE[name.lower()]"),
        ("by_name", "late.py", "x / 2", "x / 3"),
        ("lazy", "lazy.py", "len(name)", "1"),
        ("partial", "far.py", "x * y", "x + y"),
    ],
)
def test_what_a_model_reaches_changes_its_key(
    package: Package, function: str, file: str, old: str, new: str
) -> None:
    shutil.copy(package.folder / "middle.py", package.folder / "copied.py")
    before = package.key(function)
    package.change(file, old.format(package.name), new.format(package.name))
    assert package.key(function) != before


def test_definitions_that_change_places_change_the_key(package: Package) -> None:
    both = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"
    (package.folder / "far.py").write_text(both + "def times(x, y):\n    return one() - two()\n")
    before = package.key("exported")
    package.change("far.py", "return 1", "return 3")
    package.change("far.py", "return 2", "return 1")
    package.change("far.py", "return 3", "return 2")
    assert package.key("exported") != before


def test_imports_that_change_places_change_the_key(package: Package) -> None:
    (package.folder / "one.py").write_text("def f():\n    return 1\n")
    (package.folder / "two.py").write_text("def f():\n    return 2\n")
    name = package.name
    (package.folder / "far.py").write_text(
        f"from {name}.one import f\nfrom {name}.two import f as g\n\n\n"
        "def times(x, y):\n    return f() - g()\n"
    )
    before = package.key("exported")
    package.change("far.py", "one", "tmp")
    package.change("far.py", "two", "one")
    package.change("far.py", "tmp", "two")
    assert package.key("exported") != before


def test_a_change_is_seen_though_size_and_name_stay(package: Package) -> None:
    keys = set()
    for number in range(5):
        package.change("far.py", "x * y" if number == 0 else f"x + {number - 1}", f"x + {number}")
        keys.add(package.key("exported"))
    assert len(keys) == 5


@pytest.mark.slow
def test_a_key_does_not_depend_on_the_folder(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(package.folder, moved / package.name)
    code = (
        f"import sys; sys.path.insert(0, {{folder!r}})\n"
        f"from {package.name}.builders import build\n"
        "from dataclasses import replace\n"
        "from tests.support import RIDGE, TINY\n"
        "from pipelines.code import code_fingerprint\n"
        "print(code_fingerprint(TINY, replace(RIDGE, features=None, build=build)))"
    )
    places = [(str(tmp_path), "1"), (str(moved), "2")]
    found = {python(code.format(folder=folder), PYTHONHASHSEED=seed) for folder, seed in places}
    assert len(found) == 1


# What is not there


def test_a_renamed_module_is_an_error_or_another_key(package: Package) -> None:
    before = package.key("exported")
    (package.folder / "far.py").rename(package.folder / "near.py")
    with pytest.raises(CodeError, match=r"no 'far' in .*renamed"):
        package.key("exported")
    package.change("middle.py", "import far", "import near")
    package.change("middle.py", "far.times", "near.times")
    assert package.key("exported") != before


def test_a_module_that_cannot_be_found_is_an_error(package: Package) -> None:
    (package.folder / "late.py").unlink()
    with pytest.raises(CodeError, match=r"late' cannot be found"):
        package.key()


def test_a_definition_that_cannot_be_found_is_an_error(package: Package) -> None:
    package.key()
    package.change("late.py", "def shrink", "def shrunk")
    with pytest.raises(CodeError, match="no 'shrink'"):
        package.key()


def test_a_module_that_is_no_python_is_an_error(package: Package) -> None:
    package.change("late.py", "def", "def def")
    with pytest.raises(CodeError, match=r"late.py cannot be read as Python .*line 1"):
        package.key()
    assert package.key("exported")


# Libraries


def test_a_key_changes_with_the_version_of_a_library_that_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pipelines.code import _libraries

    def other(changed: str) -> str:
        def version(name: str) -> str:
            return "99" if name == changed else versions[name]

        monkeypatch.setattr(_libraries, "version", version)
        _libraries._version.cache_clear()
        try:
            return code_fingerprint(TINY, RIDGE)
        finally:
            monkeypatch.undo()
            _libraries._version.cache_clear()

    names = {"sklearn": "scikit-learn"}
    versions = {names.get(n, n): str(v) for n, v in libraries(TINY, RIDGE).items()}
    assert {"scikit-learn", "numpy", "pandas"} <= set(versions)
    assert other("lightgbm") == code_fingerprint(TINY, RIDGE)
    assert other("scikit-learn") != code_fingerprint(TINY, RIDGE)


@pytest.mark.parametrize(
    ("model", "used", "unused"),
    [
        ("ridge", "sklearn", "lightgbm"),
        ("lightgbm", "lightgbm", "xgboost"),
        ("xgboost", "xgboost", "keras"),
        ("catboost", "catboost", "keras"),
        ("network", "jaxlib", "xgboost"),
    ],
)
def test_the_library_that_trains_is_in_the_key(model: str, used: str, unused: str) -> None:
    found = libraries(TINY, TINY.model(model))
    assert used in found and unused not in found


@pytest.mark.slow
def test_the_key_imports_no_library_that_trains() -> None:
    code = (
        "import sys\n"
        "from comps.catalog import *\n"
        "from pipelines.code import code_fingerprint\n"
        "every = [find_competition(name) for name in competition_names()]\n"
        "before = set(sys.modules)\n"
        "for whose in every:\n"
        "    for model in whose.models: code_fingerprint(whose, model)\n"
        "heavy = {'keras', 'jax', 'tensorflow', 'torch', 'sklearn', 'lightgbm', 'xgboost'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    assert python(code).strip() == "[]"


# This project

KEYS = """
import json, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from comps.catalog import find_competition
from pipelines.code import code_fingerprint
whose = find_competition("house-prices")
def keys():
    return {{model.name: code_fingerprint(whose, model) for model in whose.models}}
before, found = keys(), []
for file, old, new in {edits!r}:
    path = Path({root!r}, file)
    text = path.read_text()
    assert old in text, (file, old)
    path.write_text(text.replace(old, new, 1))
    found.append(sorted(name for name, key in keys().items() if key != before[name]))
    path.write_text(text)
    assert keys() == before
print(json.dumps([before, found]))
"""
HOUSES = find_competition("house-prices")
EVERY = {model.name for model in HOUSES.models}


def trained_by(*trainers: str) -> set[str]:
    """Return the models of house prices that some trainers train."""
    return {model.name for model in HOUSES.models if model.trainer in trainers}


LINEAR = {"ridge", "elastic-net", "svr"}
NETWORKS = trained_by("keras-jax")
WITH_FEATURES = EVERY - {"median"}
EDITS: list[tuple[str, str, str, set[str]]] = [
    ("comps/house_prices/networks.py", "import keras", "import keras  # a comment", set()),
    ("comps/house_prices/networks.py", "Return the book's network", "Return a network", set()),
    ("comps/house_prices/networks.py", 'name="mlp"', 'name="other"', {"mlp"}),
    ("comps/house_prices/networks.py", 'name="dense"', 'name="other"', {"dense"}),
    ("comps/house_prices/networks.py", "len(parts) == 1", "len(parts) < 2", NETWORKS),
    ("comps/house_prices/features.py", "degree=3", "degree=2", LINEAR),
    (
        "comps/house_prices/features.py",
        "min_frequency=10",
        "min_frequency=9",
        WITH_FEATURES - LINEAR - NETWORKS,
    ),
    ("comps/house_prices/domain.py", "- 2006", "- 2000", WITH_FEATURES),
    ("comps/house_prices/estimators.py", "return Ridge", "return 0 or Ridge", {"ridge"}),
    ("comps/house_prices/models.py", "\n)\n", "\n)\nNEW = 1\n", set()),
    ("comps/optimizers.py", "def one_cycle", "def new(): ...\ndef one_cycle", set()),
    (
        "comps/reading/archives.py",
        "def files_fingerprint",
        "def new(): ...\ndef files_fingerprint",
        set(),
    ),
    ("comps/reading/archives.py", "hashlib.sha256()", "hashlib.sha1()", EVERY),
    ("comps/base/losses.py", "np.sqrt(np.average(", "np.sqrt(np.median(", EVERY),
    ("comps/metrics/regression.py", "def _r2", "def new(): ...\ndef _r2", set()),
    ("comps/base/metric.py", "return values", "return values + 0", EVERY),
    ("comps/base/metric.py", "np.isfinite(prediction).all()", "True", EVERY),
    ("pipelines/results/stopping.py", "metric.best(mean)", "0", EVERY),
    ("pipelines/results/oof.py", "def to_file", "def new(self): ...\n    def to_file", EVERY),
    ("pipelines/results/stopping.py", ">= patience", "> patience", EVERY),
    ("pipelines/results/inner.py", "held.index(fold)", "0", EVERY),
    ("pipelines/fitting/residual.py", "target - self.train", "target + self.train", EVERY),
    ("pipelines/basics/seeds.py", "0x7FFFFFFF", "0x7FFFFFFE", EVERY),
    ("pipelines/fitting/preparation.py", "features.transform(parts[1])", "parts[1]", EVERY),
    ("pipelines/folds/schemes.py", "shuffle=True", "shuffle=False", set()),
    ("pipelines/folds/_base.py", "np.isin(one, other).all()", "True", EVERY),
    (
        "pipelines/trainers/lightgbm.py",
        '"deterministic": True',
        '"deterministic": False',
        trained_by("lightgbm"),
    ),
    ("pipelines/trainers/_boosting.py", "def strides", "def new(): ...\ndef strides", set()),
    (
        "pipelines/trainers/networks/keras_jax.py",
        "_PROGRAMS_KEPT = 8",
        "_PROGRAMS_KEPT = 9",
        NETWORKS,
    ),
    (
        "pipelines/trainers/_base.py",
        "size: Sequence[float] = ()",
        "size: Sequence[float] = (1,)",
        EVERY,
    ),
    ("pipelines/trainers/__init__.py", '"sklearn":', '"new": "a:b",\n    "sklearn":', set()),
    ("pipelines/cli/app.py", "import", "import os; import", set()),
    ("pipelines/trainers/_together.py", "_WIDTH = 3, 5", "_WIDTH = 4, 5", NETWORKS),
    ("pipelines/trainers/_together.py", "accelerators > 0", "accelerators > 1", set()),
    ("pipelines/crossval/planning.py", "[rounds[0], ", "[rounds[-1], ", set()),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[set[str]]]:
    """Return the keys at a copy of the project, and which of them each edit changes."""
    root = tmp_path_factory.mktemp("project")
    for room in ("comps", "pipelines"):
        ignored = shutil.ignore_patterns("sample", "__pycache__")
        shutil.copytree(ROOT / room, root / room, ignore=ignored)
    edits = [edit[:3] for edit in EDITS]
    before, found = json.loads(python(KEYS.format(root=str(root), edits=edits)))
    return before, [set(names) for names in found]


@pytest.mark.parametrize("number", range(len(EDITS)), ids=[f"{e[0]}:{e[2]}" for e in EDITS])
def test_changed_code_changes_exactly_the_models_that_follow_from_it(
    checkout: tuple[dict[str, str], list[set[str]]], number: int
) -> None:
    assert checkout[1][number] == EDITS[number][3]


def test_the_code_has_the_same_fingerprint_in_another_folder(
    checkout: tuple[dict[str, str], list[set[str]]],
) -> None:
    assert checkout[0] == {model.name: code_fingerprint(HOUSES, model) for model in HOUSES.models}


# The rooms that competitions share with those of users.
# What networks of several kinds share.
SHARED = ["comps.kinds.outputs", "comps.kinds.smoothing"]
KINDS = {
    "digits": ["comps.kinds.images", *SHARED],
    "dogs-vs-cats": ["comps.kinds.images", *SHARED],
    "sentiment": ["comps.kinds.text", *SHARED],
}


@pytest.mark.parametrize("name", competition_names())
def test_models_do_not_reach_the_networks_and_definitions_of_others(name: str) -> None:
    competition = find_competition(name)
    own = f"comps.{name.replace('-', '_')}"
    for model in competition.models:
        found = reached(competition, model)
        assert not [node for node in found if node[1] == "*"]
        modules = {module for module, _ in found}
        assert not modules & {f"{own}.models", f"{own}.competition", "comps.catalog"}
        kept = {own, *KINDS.get(name, ()), "comps.base", "comps.metrics", "comps.reading"}
        others = [m for m in modules if m.startswith("comps.") and m.count(".") > 1]
        assert all(any(f"{m}.".startswith(f"{room}.") for room in kept) for m in others)


def test_a_trainer_of_a_user_is_followed(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    (package.folder / "trainer.py").write_text("class Own:\n    rate = 1\n")
    monkeypatch.setitem(TRAINERS, "own", f"{package.name}.trainer:Own")  # type: ignore[misc]
    model = replace(MEAN, trainer="own")
    before = code_fingerprint(TINY, model)
    assert (f"{package.name}.trainer", "Own") in reached(TINY, model)
    package.change("trainer.py", "rate = 1", "rate = 2")
    assert code_fingerprint(TINY, model) != before


# Functions of a notebook

CELL = '''
import logging
from typing import Optional, Union
import numpy as np
import pandas as pd
import tests.support as support
from tests.support import build_mean

RATE, TABLE, NAMES = 0.5, np.arange(3.0), ["a"]
FRAME = pd.DataFrame({"x": [1.0, None], "s": ["a", "b"]})
STRANGE = iter([1])
LOG = logging.getLogger("cell")
Rates = Union[float, np.ndarray]
SHIFTED = None


class Shifted:
    """A model."""

    shift = 1

    def fit(self, rows, target):
        return self


def helper(x: Optional[float]) -> Rates:
    LOG.info("helped")
    return x * RATE


def build():
    """Return a model."""
    return helper(TABLE.sum()), NAMES, Shifted(), SHIFTED, support.build_mean


def of_frame():
    return FRAME


def of_strange():
    return STRANGE


def unused():
    return 0


def made(value):
    def inner(x=1):
        return x + value

    return inner


def by_text(name):
    return globals()[name]
'''


def cell(old: str = "", new: str = "", number: list[int] = [0]) -> SimpleNamespace:  # noqa: B006
    """Run a cell as a notebook does, in `__main__`, and return its names."""
    number[0] += 1
    name, text = f"<cell {number[0]}>", CELL.replace(old, new, 1) if old else CELL
    assert old in CELL
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict[str, Any] = {"__name__": "__main__", "__file__": name}
    exec(compile(text, name, "exec"), names)
    for own in names.values():
        if isinstance(own, type) and own.__module__ == "__main__":
            sys.modules["__main__"].__dict__.update(names)
    return SimpleNamespace(**names)


@pytest.fixture(autouse=True)
def main_as_it_was() -> Iterator[None]:
    """Take out of `__main__` what a test put in."""
    before = dict(vars(sys.modules["__main__"]))
    yield
    vars(sys.modules["__main__"]).clear()
    vars(sys.modules["__main__"]).update(before)


def key_of(build: Callable[..., Any]) -> str:
    """Return the fingerprint of the code of a model that a function builds."""
    return code_fingerprint(TINY, replace(MEAN, build=build))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return 0", "    return 1"),
        ("x * RATE", "x * RATE  # a comment"),
        ('"""Return a model."""', '"""Return another."""'),
        ("RATE, TABLE", "\n\nRATE, TABLE"),
    ],
    ids=["unused", "comment", "docstring", "lines"],
)
def test_what_a_function_of_a_notebook_does_not_reach_does_not_count(old: str, new: str) -> None:
    assert key_of(cell(old, new).build) == key_of(cell().build)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5, np", "0.6, np"),
        ("arange(3.0)", "arange(4.0)"),
        ('["a"]', '("a",)'),
        ("x * RATE", "x + RATE"),
        ("shift = 1", "shift = 2"),
        ("return self", "return None"),
        ("support.build_mean\n", "support.build_ridge\n"),
    ],
)
def test_what_a_function_of_a_notebook_reaches_counts(old: str, new: str) -> None:
    assert key_of(cell(old, new).build) != key_of(cell().build)


def test_what_is_put_into_a_class_or_an_object_of_a_notebook_counts() -> None:
    def changed(change: Callable[[SimpleNamespace], object]) -> str:
        names = cell("SHIFTED = None\n", "\n")
        around = names.build.__globals__
        around["SHIFTED"] = names.Shifted()
        change(SimpleNamespace(**around))
        return key_of(names.build)

    before = changed(lambda names: None)
    assert changed(lambda names: None) == before
    assert changed(lambda names: setattr(names.SHIFTED, "shift", 2)) != before
    assert changed(lambda names: setattr(names.Shifted, "shift", 2)) != before
    assert changed(lambda names: setattr(names.Shifted, "fit", names.unused)) != before


def test_a_table_counts_by_value() -> None:
    before = key_of(cell().of_frame)
    assert key_of(cell().of_frame) == before
    assert key_of(cell("[1.0, None]", "[2.0, None]").of_frame) != before
    assert key_of(cell('"b"]}', '"c"]}').of_frame) != before
    assert key_of(cell('"x": [', '"y": [').of_frame) != before


def test_what_can_be_told_in_no_way_is_named() -> None:
    with pytest.raises(CodeError, match=r"'STRANGE', a list_iterator"):
        key_of(cell().of_strange)
    with pytest.raises(CodeError, match=r"calls globals\(\)"):
        key_of(cell().by_text)


def test_a_function_without_source_is_an_error() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def build(): return 1", names)
    with pytest.raises(CodeError, match=r"'build' \(build\), and its source cannot be found"):
        key_of(names["build"])


def test_closures_defaults_partials_and_fields_count_by_value() -> None:
    made = cell().made
    assert key_of(made(1)) == key_of(cell().made(1)) != key_of(made(2))
    changed = made(1)
    changed.__defaults__ = (2,)
    assert key_of(changed) != key_of(made(1))
    first, other = (functools.partial(cell().made(1), x) for x in (1, 2))
    assert key_of(first) != key_of(other)
    assert key_of(functools.partial(cell().made(1), 1)) == key_of(first)


@dataclass(frozen=True)
class Loader:
    """A loader with a field."""

    rows: int
    table: Any = None

    def __call__(self, path: Path) -> Dataset:
        """Read what `write_tiny` wrote."""
        return load_tiny(path)


def test_a_function_that_is_bound_in_part_makes_models_and_features(tmp_path: Path) -> None:
    experiment = tiny_experiment(write_tiny(tmp_path))
    one, other = (
        replace(RIDGE, features=functools.partial(Scaled, by), params={"alpha": 50.0})
        for by in (1.0, 100.0)
    )
    assert experiment.key(one) != experiment.key(other)
    views = ViewCache()
    first, second = (
        train_folds(TINY, experiment.dataset, model, experiment.folds, 0, [(0,)], views=views)[0]
        for model in (one, other)
    )
    assert not np.allclose(first.valid, second.valid)
    bound = replace(RIDGE, params={}, build=functools.partial(build_ridge, 50.0))
    assert bound.config()["build"] == "partial of tests.support:build_ridge"
    assert experiment.key(bound) != experiment.key(
        replace(bound, build=functools.partial(build_ridge, 1.0))
    )


class Scaled(TinyFeatures):
    """Features times a factor."""

    def __init__(self, by: float) -> None:
        self.by = by

    def transform(self, rows: pd.DataFrame) -> Any:
        """Return the features of the tiny competition, larger."""
        return super().transform(rows) * self.by


def test_a_loader_that_is_an_object_counts_with_its_fields() -> None:
    def with_loader(loader: Callable[[Path], Dataset]) -> str:
        return code_fingerprint(replace(TINY, load=loader), MEAN)

    assert with_loader(Loader(1)) == with_loader(Loader(1)) != with_loader(Loader(2))
    one, other = (Loader(1, np.array([value])) for value in (1, 2))
    assert with_loader(one) != with_loader(other) != with_loader(Loader(1))
    assert ("tests.support", "load_tiny") in reached(replace(TINY, load=Loader(1)), MEAN)


def test_lambdas_of_a_metric_count_by_their_source() -> None:
    def of(function: Callable[..., float]) -> str:
        metric: Metric = replace(METRIC, function=function)
        competition: Competition = replace(TINY, metric=metric)
        return code_fingerprint(competition, MEAN)

    absolute = of(lambda y, p: float(np.abs(y - p).mean()))
    again = of(lambda y, p: float(np.abs(y - p).mean()))
    squared = of(lambda y, p: float(np.square(y - p).mean()))
    assert absolute == again != squared


@pytest.mark.slow
def test_a_script_is_known_by_its_source(tmp_path: Path) -> None:
    script = (
        "from dataclasses import replace\n"
        "from pipelines.code import code_fingerprint\n"
        "from tests.support import MEAN, TINY, build_ridge\n"
        "ALPHA = {alpha}\n"
        "def build():\n"
        "    return build_ridge(ALPHA)  # {comment}\n"
        "if __name__ == '__main__':\n"
        "    print(code_fingerprint(TINY, replace(MEAN, build=build)))\n"
    )
    found = []
    for number, (alpha, comment) in enumerate([(1, "a"), (1, "b"), (2, "a")]):
        path = tmp_path / f"script_{number}.py"
        path.write_text(script.format(alpha=alpha, comment=comment))
        found.append(python(f"import runpy; runpy.run_path({str(path)!r}, run_name='__main__')"))
    assert found[0] == found[1] != found[2]


def test_pandas_is_not_needed_to_tell_a_value() -> None:
    assert pd is not None
    code = (
        "import sys\n"
        "from pipelines.code._values import Values\n"
        "from pipelines.code._walk import Reach\n"
        "Values(Reach()).text({'a': [1, (2.0, None)]}, 'x')\n"
        "print('pandas' in sys.modules)"
    )
    assert python(code).strip() == "False"


def test_what_pip_installs_into_a_folder_of_its_own_is_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.code._modules import Kind, kind_of

    for folder in ("theirs", "ours"):
        (tmp_path / folder / f"{folder}_package").mkdir(parents=True)
        (tmp_path / folder / f"{folder}_package" / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path / folder)
    (tmp_path / "theirs" / "theirs-1.0.dist-info").mkdir()
    assert kind_of("theirs_package") is Kind.LIBRARY
    assert kind_of("ours_package") is Kind.PROJECT
