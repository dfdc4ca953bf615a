"""The classes and functions that a kept object may be made of, by name.

Whoever writes a file chooses the names in it, and what is named is called: a class with arguments
of the file's, a function by whatever transformer holds it. So that no name runs code that is not
the model's own:

- of libraries, estimators and the classes of their parts; a class of NumPy may read a pickle;
- functions of the competition's packages alone, by the place where they are written, so that what
  a module imports is none of its own;
- of blends, which hold functions, partial ones and the methods of estimators that predict.

Exported folders hold a copy of this file, so that it imports nothing of this package.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib import import_module
from types import FunctionType

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
_ESTIMATORS = frozenset({"lightgbm", "scipy", "sklearn"})
# What estimators are made of: single names, and modules whose classes do no more than compute.
_NAMED = frozenset(
    {
        *("builtins.bytes", "builtins.complex", "builtins.dict", "builtins.frozenset"),
        *("builtins.object", "builtins.slice", "builtins.tuple", "collections.OrderedDict"),
        *("collections.defaultdict", "lightgbm.basic.Booster", "numpy.dtype", "numpy.ndarray"),
        "sklearn.utils._bunch.Bunch",
        # Functions that take numbers and give numbers, which fitted objects hold.
        *("numpy.mean", "scipy._lib.array_api_compat.numpy._aliases.asarray"),
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
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
# Modules of scores, which a search by one holds.
_SCORES = tuple(f"sklearn.metrics._{kind}" for kind in ("classification", "ranking", "regression"))
# The package of blends, whose functions are bound to what predicts.
_BLENDS = "ensembles"
_PREDICT = frozenset({"predict", "predict_proba"})


def trusted_name(name: str, packages: Collection[str] = ()) -> bool:
    """Whether a file may name a class or a function.

    Args:
        name: as skops lists it: module and name, or module, class and method.
        packages: of the model's own code, whose functions and classes are trusted.

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
    try:
        found = getattr(import_module(module), own)
    except (ImportError, AttributeError, ValueError):
        return False
    if not isinstance(found, (type, FunctionType)) or not _within(found, (package,)):
        return False
    if package in _LIBRARIES:
        return _computes(found) if isinstance(found, type) else _within(found, _SCORES)
    # What is called may be given to a transformer of functions: a loader of rows would load.
    called = isinstance(found, type) and "__call__" in dir(found)
    return package != _OWN or not (called or _within(found, _CLOSED))


def _computes(found: type) -> bool:
    """Whether a class of a library is an estimator, or a part of one."""
    import numpy as np

    estimator = hasattr(found, "fit") and (hasattr(found, "predict") or hasattr(found, "transform"))
    return estimator or issubclass(found, (np.generic, np.dtype)) or _within(found, _PARTS)


def _within(found: type | FunctionType, rooms: Collection[str]) -> bool:
    """Whether something is written in one of some modules; a name may be imported elsewhere."""
    module = str(found.__module__)
    return any(module == room or module.startswith(f"{room}.") for room in rooms)
