"""Which backend Keras runs on: decided when it is imported, once a process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from comps.base import UsageError


def import_keras(backend: str) -> None:
    """Import Keras on a backend.

    Raises:
        UsageError: if this process has imported it on another one.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
    with _silence():
        import keras

    found = keras.backend.backend()
    if found != backend:
        raise UsageError(
            f"This network is trained on {backend}, and this process has already begun with "
            f"{found}. The engine 'local' starts a worker for each; with the engine 'inline', "
            "name models of one backend."
        )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what native code writes to standard error meanwhile.

    TensorFlow says at every import which instructions it will use, whatever its log level.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
