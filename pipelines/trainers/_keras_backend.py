"""Which backend Keras runs on: decided when it is imported, once a process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from comps.base import MissingPackageError, UsageError


def import_keras(backend: str) -> None:
    """Import Keras on a backend.

    Raises:
        MissingPackageError: if the backend is not installed.
        UsageError: if this process has imported it on another one.
    """
    if find_spec(backend) is None:
        raise MissingPackageError(backend, "torch" if backend == "torch" else None)
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
def precision(name: str, half: Callable[[], str]) -> Iterator[None]:
    """Build networks in a precision meanwhile.

    Layers that should stay in float32, such as outputs, say so themselves: `dtype="float32"`.

    Args:
        name: "float32" or "mixed".
        half: returns the half precision of the device, "bfloat16" or "float16".
    """
    import keras

    before = keras.config.dtype_policy()
    if name == "mixed":
        keras.config.set_dtype_policy(f"mixed_{half()}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def half_of(compute_capability: float) -> str:
    """Return the half precision that an NVIDIA card computes fast in.

    From compute capability 8.0 (Ampere) on that is bfloat16, whose range is float32's; before,
    float16, with the loss scaled. NVIDIA, "CUDA C++ Programming Guide", arithmetic instructions.

    >>> half_of(7.5), half_of(9.0)
    ('float16', 'bfloat16')
    """
    return "bfloat16" if compute_capability >= 8.0 else "float16"


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
