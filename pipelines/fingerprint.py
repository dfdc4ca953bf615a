"""Fingerprints: short texts that are equal when what decides a result is equal."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from comps.base import Model

_SHARED = (
    "comps.base",
    "comps.image_features",
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


def code_fingerprint(model: Model) -> str:
    """Return the fingerprint of the source code that a model's predictions follow from.

    That is the shared vocabulary, the trainer and what trainers share, the code that runs a
    fold, and the folder of the functions that build the model and its features. Files with
    declarations alone are left out: what they say of a model is in its configuration.
    """
    from pipelines.trainers import trainer_module

    modules = [*_SHARED, trainer_module(model.trainer)]
    for function in (model.features, model.build):
        if function is not None:
            modules.append(function.__module__.rpartition(".")[0] or function.__module__)
    sources = [_source(name) for name in sorted(set(modules))]
    return fingerprint(_source("pipelines.trainers", pattern="_[!_]*.py"), *sources)


@cache
def _source(module: str, pattern: str = "*.py") -> bytes:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return b""
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return origin.read_bytes()
    files = sorted(path for path in origin.parent.glob(pattern) if path.name not in _DECLARATIONS)
    return b"\x1f".join(path.read_bytes() for path in files)
