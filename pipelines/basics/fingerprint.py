"""Fingerprints: short texts that are equal when what decides a result is equal."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from comps.base import JSON, DataError, data_root


def fingerprint(*parts: object) -> str:
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


def file_fingerprint(path: Path) -> str:
    """Return the fingerprint of a file's content; an unchanged file is read once a process.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        state = path.stat()
        return _content(path.resolve(), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


@cache
def _content(path: Path, size: int, changed: int) -> str:
    """Return the fingerprint of a file; another size or time makes it be read again."""
    del size, changed
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]


def with_contents(value: JSON) -> JSON:
    """Return a parameter with the fingerprint of each file that it names in the name's place.

    Files are named by their path, or by their path in the folder for data. A folder counts with
    all files in it; a text names a folder only if it has a separator and a name in it.

    >>> with_contents({"alpha": 1.0, "weights": "no-such-file.h5"})
    {'alpha': 1.0, 'weights': 'no-such-file.h5'}
    """
    if isinstance(value, Mapping):
        return {name: with_contents(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_contents(part) for part in value]
    if not isinstance(value, str) or not value or "\0" in value:
        return value
    for path in (Path(value), data_root() / value):
        try:
            if path.is_file():
                return {"file": file_fingerprint(path)}
            if os.sep in value and value.strip(f"{os.sep}.") and path.is_dir():
                files = sorted(part for part in path.rglob("*") if part.is_file())
                return {"folder": {str(f.relative_to(path)): file_fingerprint(f) for f in files}}
        except OSError:  # a text too long to be a path
            continue
    return value
