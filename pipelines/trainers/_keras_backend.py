"""Which backend Keras runs on: decided when it is imported, once a process."""

from __future__ import annotations

import os
import sys

from comps.base import UsageError


def import_keras(backend: str) -> None:
    """Import Keras on a backend.

    Raises:
        UsageError: if this process has imported it on another one.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
    import keras

    found = keras.backend.backend()
    if found != backend:
        raise UsageError(
            f"This network is trained on {backend}, and this process has already begun with "
            f"{found}. The engine 'local' starts a worker for each; with the engine 'inline', "
            "name models of one backend."
        )
