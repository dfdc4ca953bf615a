"""Fingerprints: short texts that are equal when what decides a result is equal."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from comps.base import Competition, Model

_SHARED = (
    "comps.base",
    "pipelines.folds",
    "pipelines.preparation",
    "pipelines.refit",
    "pipelines.residual",
    "pipelines.seeds",
    "pipelines.training",
)
# Declarations: their values are part of a model's configuration, so that a changed
# parameter of one model leaves the results of the others valid.
_DECLARATIONS = {"models.py", "competition.py"}


def fingerprint(*parts: Any) -> str:
    """Return 16 hexadecimal digits for JSON values, bytes and arrays.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True

    Raises:
        ValueError: for an array of Python objects, whose bytes are addresses.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            if part.dtype.hasobject:
                raise ValueError(f"An array of numbers or text was expected, not {part.dtype}.")
            digest.update(str((part.dtype.str, part.shape)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, bytes):
            digest.update(part)
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
        digest.update(b"\x1f")
    return digest.hexdigest()[:16]


def code_fingerprint(competition: Competition, model: Model) -> str:
    """Return the fingerprint of the source code that a model's predictions follow from.

    That is the shared vocabulary, the trainer and what trainers share, the code that runs a
    fold, and the folders of the functions that load the rows and build the model and its
    features, with what these folders import of `comps`, directly or not. Files with
    declarations alone are left out: what they say of a model is in its configuration.
    """
    from pipelines.trainers import trainer_module

    functions = (competition.load, competition.offset, model.features, model.build)
    own = {_unit(inspect.unwrap(f).__module__) for f in functions if f is not None}
    modules = {*_SHARED, trainer_module(model.trainer)}.union(*map(_with_imports, own))
    sources = [_source(name) for name in sorted(modules)]
    return fingerprint(_source("pipelines.trainers", pattern="_[!_]*.py"), *sources)


def _unit(module: str) -> str:
    """Return what counts as a whole: a module's folder, or itself where competitions share it."""
    folder = module.rpartition(".")[0]
    return module if folder in ("", "comps") else folder


@cache
def _with_imports(unit: str) -> frozenset[str]:
    """Return a unit and what it imports of `comps`, directly or not."""
    found, waiting = {unit}, [unit]
    while waiting:
        new = _imports(waiting.pop()) - found
        found |= new
        waiting += new
    return frozenset(found)


@cache
def _imports(unit: str) -> frozenset[str]:
    """Return the units of `comps` that the import statements of a unit name, wherever they are."""
    names: set[str] = set()
    for path in _files(unit):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            # Whoever imports it will be told.
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                start = [path.parents[node.level - 1].name] if node.level else []
                start += [node.module] if node.module else []
                names |= {".".join([*start, alias.name]) for alias in node.names}
    return frozenset(".".join(name.split(".")[:2]) for name in names if name.startswith("comps."))


@cache
def _source(module: str, pattern: str = "*.py") -> bytes:
    return b"\x1f".join(path.read_bytes() for path in _files(module, pattern))


def _files(module: str, pattern: str = "*.py") -> list[Path]:
    """Return the file of a module, or those of a folder and of the folders in it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return [origin]
    return sorted(path for path in origin.parent.rglob(pattern) if path.name not in _DECLARATIONS)
