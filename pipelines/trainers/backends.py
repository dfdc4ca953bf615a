"""Choose the backend and precision of networks, and the device of boosting."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.util import find_spec

from comps.base import Model, UsageError, unknown_name
from pipelines.basics.hardware import accelerators
from pipelines.trainers import load_trainer

# The trainer of each backend; `auto` is a choice among them.
BACKENDS: Mapping[str, str] = {
    "jax": "keras-jax",
    "tensorflow": "keras-tensorflow",
    "torch": "keras-torch",
}
PRECISIONS = ("float32", "mixed")
DEVICES = ("cpu", "gpu")


def placed(
    model: Model, backend: str = "auto", precision: str = "float32", boosting: str = "cpu"
) -> Model:
    """Return a model with the trainer and parameters of the wanted backend and device.

    `auto` takes the trainer that the model names, which is the faster one on a CPU: networks
    with convolutions name TensorFlow, others JAX, whose program trains all folds at once.
    Where JAX sees an accelerator, or TensorFlow is not installed, all go to JAX. Boosting goes
    to a GPU only by request: on few rows a card is slower than a core.

    Args:
        model: of a zoo.
        backend: "auto", or one of `BACKENDS`.
        precision: of networks, "float32" or "mixed": half precision where it is enough.
        boosting: device of gradient boosting, "cpu" or "gpu".

    Raises:
        UsageError: if there is no such backend, precision or device.

    >>> from comps.base import Family, Model
    >>> convnet = Model("convnet", Family.NETWORK, "keras-tensorflow", {"epochs": 5})
    >>> placed(convnet, "jax").trainer
    'keras-jax'
    """
    if backend not in ("auto", *BACKENDS):
        raise unknown_name("backend", backend, ("auto", *BACKENDS))
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if boosting not in DEVICES:
        raise unknown_name("device", boosting, DEVICES)
    if boosting == "gpu" and not accelerators():
        raise UsageError(
            "--boosting-device gpu needs a GPU that the libraries of the extra 'gpu' can use, and "
            "there is none. Leave it out to train on the CPU."
        )
    if model.trainer not in BACKENDS.values():
        on_gpu = load_trainer(model.trainer).on_gpu if boosting == "gpu" else {}
        return dataclasses.replace(model, params={**model.params, **on_gpu}) if on_gpu else model
    if backend != "auto":
        model = dataclasses.replace(model, trainer=BACKENDS[backend])
    elif accelerators() or find_spec("tensorflow") is None:
        model = dataclasses.replace(model, trainer=BACKENDS["jax"])
    if precision != "float32":
        model = dataclasses.replace(model, params={**model.params, "precision": precision})
    return model
