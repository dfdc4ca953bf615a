"""Trainers by name. A new one is one new file here and one entry in `TRAINERS`."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import cast

from comps.base import Model, unknown_name
from pipelines.trainers._base import (
    Context,
    FoldData,
    FoldModel,
    SelectiveTrainer,
    Stage,
    TogetherTrainer,
    Trainer,
)
from pipelines.trainers._own_code import import_modules, modules_of, packages_of
from pipelines.trainers._together import (
    alike_groups,
    divided,
    prepared_at_once,
    program_width,
)

#: The trainers by name, as `module:class`. Modules are imported when a model needs them: some take
#: seconds to import.
TRAINERS: Mapping[str, str] = {
    "sklearn": "pipelines.trainers.sklearn:SklearnTrainer",
    "lightgbm": "pipelines.trainers.lightgbm:LightGBMTrainer",
    "xgboost": "pipelines.trainers.xgboost:XGBoostTrainer",
    "catboost": "pipelines.trainers.catboost:CatBoostTrainer",
    "keras-jax": "pipelines.trainers.networks.keras_jax:KerasJaxTrainer",
    "keras-tensorflow": "pipelines.trainers.networks.keras_tensorflow:KerasTensorFlowTrainer",
    "keras-torch": "pipelines.trainers.networks.keras_torch:KerasTorchTrainer",
}


def trainer_module(name: str) -> str:
    """Return the module of a trainer without importing it.

    Raises:
        UsageError: if there is no trainer of that name.
    """
    if name not in TRAINERS:
        raise unknown_name("trainer", name, TRAINERS)
    return TRAINERS[name].partition(":")[0]


def load_trainer(name: str) -> Trainer:
    """Import and return the trainer of that name.

    Raises:
        UsageError: if there is no trainer of that name.
    """
    trainer_module(name)
    return cast(Trainer, pkgutil.resolve_name(TRAINERS[name])())


def takes_weights(model: Model) -> bool:
    """Return whether a model is trained with the weights of rows, where there are any."""
    trainer = load_trainer(model.trainer)
    if not isinstance(trainer, SelectiveTrainer):
        return True
    return trainer.takes_weights(model.without_view_params())


def accelerated(model: Model) -> bool:
    """Return whether a model is trained on an accelerator, if its process owns one."""
    trainer = load_trainer(model.trainer)
    told = bool(trainer.on_gpu) and trainer.on_gpu.items() <= model.params.items()
    return trainer.backend is not None or told


__all__ = [
    "TRAINERS",
    "Context",
    "FoldData",
    "FoldModel",
    "Stage",
    "TogetherTrainer",
    "Trainer",
    "accelerated",
    "alike_groups",
    "divided",
    "import_modules",
    "load_trainer",
    "modules_of",
    "packages_of",
    "prepared_at_once",
    "program_width",
    "takes_weights",
    "trainer_module",
]
