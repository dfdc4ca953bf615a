"""The classes and functions that a kept object may be made of, by name.

Whoever writes a file chooses the names in it, and what is named is called: a class with arguments
of the file's, a function by whatever transformer holds it. So that no name runs code that is not
the model's own:

- of libraries, estimators and the classes of their parts; a class of NumPy may read a pickle;
- of libraries' functions those that compute numbers of numbers, by the modules that have no other;
- functions of the competition's packages, by the place where they are written, so that what a
  module imports is none of its own, and the methods that their classes define;
- of blends, which hold functions, partial ones and the methods of estimators that predict;
- no module is imported because a file names it: see `named_module`.

Exported folders hold a copy of this file, so that it imports nothing of this package.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

# The package of transformers, and what of it opens files or imports what it is told to.
_OWN = "comps"
_CLOSED = (
    *("comps.base", "comps.catalog", "comps.declared", "comps.quiet", "comps.reading"),
    *("comps.kinds.memory", "comps.sources"),
)
# Packages of libraries, whose functions are not the model's own even if they build it.
_LIBRARIES = frozenset(sys.stdlib_module_names) | {
    *("catboost", "jax", "joblib", "keras", "lightgbm", "numpy", "pandas", "polars", "pyarrow"),
    *("scipy", "skops", "sklearn", "tensorflow", "torch", "xgboost"),
}
# Those of which estimators are made in any case.
_ESTIMATORS = frozenset({"lightgbm", "scipy", "sklearn", "xgboost"})
# What estimators are made of: single names, and modules whose classes do no more than compute.
_NAMED = frozenset(
    {
        *("builtins.bytes", "builtins.complex", "builtins.dict", "builtins.frozenset"),
        *("builtins.object", "builtins.range", "builtins.slice", "builtins.tuple"),
        *("collections.OrderedDict", "collections.defaultdict", "lightgbm.basic.Booster"),
        *("numpy.dtype", "numpy.ndarray", "sklearn.utils._bunch.Bunch", "xgboost.core.Booster"),
        # Functions that take numbers and give numbers, which fitted objects hold.
        *("numpy.mean", "scipy._lib.array_api_compat.numpy._aliases.asarray"),
        *("numpy.clip", "numpy.max", "numpy.median", "numpy.min", "numpy.nan_to_num"),
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.feature_extraction.text.strip_accents_ascii",
        "sklearn.feature_extraction.text.strip_accents_unicode",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
    }
)
_PARTS = (
    *("numpy.dtypes", "numpy.polynomial", "numpy.random", "scipy.interpolate", "scipy.sparse"),
    *("scipy.spatial", "sklearn._loss", "sklearn.calibration", "sklearn.cluster"),
    *("sklearn.compose", "sklearn.ensemble", "sklearn.gaussian_process", "sklearn.impute"),
    *("sklearn.linear_model", "sklearn.metrics._dist_metrics", "sklearn.metrics._scorer"),
    *("sklearn.model_selection", "sklearn.neighbors", "sklearn.neural_network"),
    "sklearn.tree",
)
# Modules whose functions all compute numbers of arrays: scores, kernels, distances, and what
# selects columns.
_FUNCTIONS = (
    *(f"sklearn.metrics._{kind}" for kind in ("classification", "ranking", "regression")),
    *("scipy.spatial.distance", "sklearn.feature_selection._univariate_selection"),
    "sklearn.metrics.pairwise",
)
# Modules that may be imported because a file names them: to import them does nothing else. Of the
# others of libraries some are programs, such as that of numpy.f2py.
_IMPORTED = (*_PARTS, *("lightgbm.sklearn", "sklearn", "xgboost.sklearn"))
# Those of this program that do so, too.
_OURS = ("comps.kinds", "ensembles")
_PROGRAMS = frozenset(
    {
        *("__main__", "_build_utils", "_examples", "conftest", "distutils", "externals", "f2py"),
        *("setup", "testing", "tests"),
    }
)
# The package of blends, whose functions are bound to what predicts.
_BLENDS = "ensembles"
_PREDICT = frozenset({"predict", "predict_proba"})


def untrusted_names(
    names: Iterable[str], packages: Collection[str] = (), *, written: bool = False
) -> list[str]:
    """Return those names that a file may not hold; see `trusted_name`.

    A module of the model's that is imported for one name may bring that of another.

    Args:
        names: as skops lists them.
        packages: of the model's own code.
        written: whether the file is written here, of objects that are there: code that came to a
            process by value lies in no module of it, and runs already.

    >>> untrusted_names(["builtins.eval", "builtins.range"])
    ['builtins.eval']
    """
    left = list(names)
    while True:
        refused = [name for name in left if not trusted_name(name, packages, written=written)]
        if len(refused) in (0, len(left)):
            return refused
        left = refused


def trusted_name(name: str, packages: Collection[str] = (), *, written: bool = False) -> bool:
    """Whether a file may name a class or a function.

    Args:
        name: as skops lists it: module and name, or module, class and method.
        packages: of the model's own code, whose functions and classes are trusted.
        written: see `untrusted_names`.

    >>> trusted_name("sklearn.linear_model._ridge.Ridge"), trusted_name("builtins.eval")
    (True, False)
    >>> trusted_name("numpy.load"), trusted_name("numpy.load", ["numpy"])
    (False, False)
    """
    if name in _NAMED:
        return True
    module, _, own = name.rpartition(".")
    if _BLENDS in packages and (
        name == "functools.partial" or (own in _PREDICT and trusted_name(module, packages))
    ):
        return True
    package = name.partition(".")[0]
    if package not in {_OWN, "numpy", *_ESTIMATORS, *packages}:
        return False
    found = _found(module, own, packages)
    if found is None:
        own_code = package not in _LIBRARIES | {_OWN}
        return own_code and (written or _is_method(module, own, packages))
    if not isinstance(found, (type, FunctionType)) or not _within(found, (package,)):
        return False
    if package in _LIBRARIES:
        return _computes(found) if isinstance(found, type) else _within(found, _FUNCTIONS)
    # What is called may be given to a transformer of functions: a loader of rows would load.
    called = isinstance(found, type) and "__call__" in dir(found)
    return package != _OWN or not (called or _within(found, _CLOSED))


def named_module(name: str, packages: Collection[str] = ()) -> ModuleType | None:
    """Return a module that a file names; None where to import it may run a program.

    A module is imported only if it is known to do nothing else, or if the model's own code imports
    it, too: a program beside that code is not.

    Args:
        name: of the module.
        packages: of the model's own code.
    """
    if name in sys.modules:
        return sys.modules[name]
    parts = name.split(".")
    if not _PROGRAMS.isdisjoint(parts):
        return None
    known = _is_in(name, _IMPORTED) or (parts[0] in {_OWN, *packages} and _is_in(name, _OURS))
    if not known and not (parts[0] in {_OWN, *packages} - _LIBRARIES and _is_asked_for(name)):
        return None
    try:
        return import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a module may end the process, too
        return None


def _found(module: str, own: str, packages: Collection[str]) -> Any:
    """Return what a module holds by a name; not by `getattr`, for which modules import others."""
    return getattr(named_module(module, packages), "__dict__", {}).get(own)


def _is_method(owner: str, own: str, packages: Collection[str]) -> bool:
    """Whether a name is a method of a class of the model's own, which that package defines."""
    module, _, name = owner.rpartition(".")
    if not trusted_name(owner, packages):
        return False
    classes = getattr(_found(module, name, packages), "__mro__", ())
    method = next((vars(each)[own] for each in classes if own in vars(each)), None)
    return isinstance(method, FunctionType) and _within(method, (owner.partition(".")[0],))


def _is_asked_for(name: str) -> bool:
    """Whether a function of an imported module of the same package imports a module."""
    package = name.partition(".")[0]
    modules = [each for key, each in [*sys.modules.items()] if _is_in(key, (package,))]
    return any(name in _imports_of(module) for module in modules)


@cache
def _imports_of(module: ModuleType) -> frozenset[str]:
    """Return the modules, and what may be ones, that the functions of a module import."""
    try:
        tree = ast.parse(Path(str(module.__file__)).read_bytes())
    except (AttributeError, OSError, SyntaxError, ValueError):
        return frozenset()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inner = (ast.walk(part) for part in ast.walk(tree) if isinstance(part, functions))
    around = str(module.__package__).split(".")
    return frozenset(name for node in chain(*inner) for name in _imported(node, around))


def _imported(node: ast.AST, around: Sequence[str]) -> Iterator[str]:
    """Yield what a statement imports, in a module of a package of some parts."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        outer = around[: len(around) - node.level + 1] if node.level else ()
        origin = ".".join([*outer, *filter(None, [node.module])])
        yield from (origin, *(f"{origin}.{alias.name}" for alias in node.names))


def _computes(found: type) -> bool:
    """Whether a class of a library is an estimator, or a part of one."""
    import numpy as np

    estimator = hasattr(found, "fit") and (hasattr(found, "predict") or hasattr(found, "transform"))
    return estimator or issubclass(found, (np.generic, np.dtype)) or _within(found, _PARTS)


def _within(found: type | FunctionType, rooms: Collection[str]) -> bool:
    """Whether something is written in one of some modules; a name may be imported elsewhere."""
    return _is_in(str(found.__module__), rooms)


def _is_in(module: str, rooms: Collection[str]) -> bool:
    """Whether a module is one of some, or within one."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)
