"""Which backend each network is trained on, and in which precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.util import find_spec

from comps.base import Model, unknown_name
from pipelines.hardware import accelerators

# The trainer of each backend; `auto` is a choice among them.
BACKENDS: Mapping[str, str] = {
    "jax": "keras-jax",
    "tensorflow": "keras-tensorflow",
    "torch": "keras-torch",
}
PRECISIONS = ("float32", "mixed")


def placed(model: Model, backend: str = "auto", precision: str = "float32") -> Model:
    """Return a network's model with the trainer of a backend; any other model as it is.

    `auto` takes the trainer that the model names, which is the faster one on a CPU: networks
    with convolutions name TensorFlow, others JAX, whose program trains all folds at once.
    Where JAX sees an accelerator, or TensorFlow is not installed, all go to JAX.

    Args:
        model: of a zoo.
        backend: "auto", or one of `BACKENDS`.
        precision: "float32", or "mixed": half precision where it is enough.

    Raises:
        UsageError: if there is no such backend or precision.

    >>> from comps.base import Family, Model
    >>> convnet = Model("convnet", Family.NETWORK, "keras-tensorflow", {"epochs": 5})
    >>> placed(convnet, "jax").trainer
    'keras-jax'
    """
    if backend not in ("auto", *BACKENDS):
        raise unknown_name("backend", backend, ("auto", *BACKENDS))
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if model.trainer not in BACKENDS.values():
        return model
    if backend != "auto":
        model = dataclasses.replace(model, trainer=BACKENDS[backend])
    elif accelerators() or find_spec("tensorflow") is None:
        model = dataclasses.replace(model, trainer=BACKENDS["jax"])
    if precision != "float32":
        model = dataclasses.replace(model, params={**model.params, "precision": precision})
    return model
