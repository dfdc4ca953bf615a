"""The backend that Keras runs on, which is decided once a process, when it is imported."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from comps.base import MissingPackageError, UsageError, user_cache_root
from pipelines.basics.fingerprint import fingerprint
from pipelines.basics.hardware import instructions
from pipelines.basics.native_errors import silent_native_code


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
        _set_xla()
        _set_cache()
    # TensorFlow says at every import which instructions it will use, whatever its log level.
    with silent_native_code():
        import keras

    found = keras.backend.backend()
    if found != backend:
        raise UsageError(
            f"This network is trained on {backend}, and this process has already begun with "
            f"{found}. The engine 'local' starts a worker for each; with the engine 'inline', "
            "name models of one backend."
        )


def _set_xla() -> None:
    """Make XLA compile the same program each time and keep float32 exact, unless set otherwise.

    Both matter on GPUs alone. XLA times the variants of each product there and keeps the fastest,
    which is another one each time, and so are the last bits; the search takes longer than our small
    networks: five folds of the house-prices `mlp` took 112 s with it and 10 s without, on an H200.
    And it rounds the factors of products to the 10 bits of TensorFloat-32; "mixed" is there for
    those who want less than float32.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_gpu_deterministic_ops" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".lstrip()
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")


def _set_cache() -> None:
    """Keep compiled networks on disk, for the next process and the next run, unless set otherwise.

    The same program has the same bits, whether it was compiled or read. The folds of the
    house-prices `mlp` took 15 s with it and 38 s without on two cores of which others took a part.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_folder_of_programs()))
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(_CACHE_BYTES))
    # Less is compiled as fast as it is read.
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")


def _folder_of_programs() -> Path:
    """Return the folder of this kind of processor.

    Machines of several kinds may share a home, and what was compiled on one may hold instructions
    that another one lacks.
    """
    return user_cache_root().absolute() / "jax" / fingerprint(instructions())


# What was not used for longest goes first.
_CACHE_BYTES = 2**29


@contextlib.contextmanager
def precision(name: str, half: Callable[[], str]) -> Iterator[None]:
    """Set the precision of networks that are built within the context.

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
def without_tensorflow() -> Iterator[None]:
    """Tell Keras within the context that there is no TensorFlow, unless it is imported.

    What writes and reads networks asks of each value whether it is one of TensorFlow's, and imports
    TensorFlow for that on any backend, which takes seconds.
    """
    from keras.src.utils.module_utils import tensorflow

    before = tensorflow._available
    if "tensorflow" not in sys.modules:
        tensorflow._available = False
    try:
        yield
    finally:
        tensorflow._available = before
