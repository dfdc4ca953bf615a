"""The networks of the zoo of tables, with parameters that follow from the table's size.

The parameters were chosen by the geometric mean of the errors over many tables, and for the time
that two cores take; none is of one table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from comps.base import JSON, Family, Loss, Metric, Model, Params, Task, spaces
from comps.kinds.table.networks import mlp, tabm

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

# Parts of the training after which rows are predicted: 1, 3, 7 and 15 are the ends of the cycles
# of `comps.optimizers.restarted`.
_PARTS = 15


def network_features() -> Any:
    """Return features for networks; pandas and scikit-learn are imported then."""
    from comps.kinds.table.network_features import NetworkFeatures

    return NetworkFeatures()


def network_space(hp: HyperParameters, params: Params) -> dict[str, JSON]:
    """Return parameters from KerasTuner's `hp`: those of `spaces.network`, bins and embeddings."""
    return spaces.network(hp, params) | {
        "bins": int(hp.Choice("bins", [4, 8, 16, 32], default=params["bins"])),
        "embedded": int(hp.Int("embedded", 1, 12, default=params["embedded"])),
    }


def network_models(
    task: Task,
    n_classes: int,
    n_targets: int = 1,
    *,
    rows: int = 2000,
    columns: int = 20,
    metric: Metric | None = None,
) -> tuple[Model, ...]:
    """Return `mlp` and `tabm` for a table.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
        rows: training rows, of all folds.
        columns: columns that models see.
        metric: what models are judged by; it decides what is learned of values.

    >>> [model.name for model in network_models(Task.BINARY, 2, rows=800, columns=10)]
    ['mlp', 'tabm']
    """
    absolute = metric is not None and metric.loss is Loss.ABSOLUTE_ERROR
    common: dict[str, JSON] = {
        "task": str(task),
        "outputs": n_classes if task is Task.MULTICLASS else n_targets,
        "absolute": absolute and task is Task.REGRESSION,
        "smoothing": 0.0,
    }
    # The first layer takes most of the time where there are many columns.
    embedded = min(4, max(1, 128 // max(columns, 1)))
    alone = {
        **_training(rows),
        "copies": 2,
        "units": [128, 128, 128],
        "bins": 8,
        "embedded": embedded,
        "dropout": 0.15,
        "learning_rate": 0.05 if task is Task.REGRESSION else 0.02,
        "weight_decay": 0.02,
    }
    many = {
        **_training(rows),
        "members": 8,
        "units": [128, 128],
        "bins": 16,
        "embedded": embedded,
        "dropout": 0.1,
        "learning_rate": 5e-3,
        "weight_decay": 3e-4,
    }
    return (
        Model(
            "mlp",
            Family.NETWORK,
            "keras-jax",
            common | alone,
            network_features,
            mlp,
            seconds=20.0,
            space=network_space,
            about="RealMLP: dense layers with embedded numbers, two networks a fold",
        ),
        Model(
            "tabm",
            Family.NETWORK,
            "keras-jax",
            common | many,
            network_features,
            tabm,
            seconds=25.0,
            space=network_space,
            about="TabM: one network that is many, which share most weights",
        ),
    )


def _training(rows: int) -> dict[str, JSON]:
    """Return how long, and in which batches, networks are trained on a number of rows.

    About 900 steps of 64 rows, on up to 10,000 rows; beyond, larger batches take as many steps
    through the rows. An epoch more or less for each fifteenth.
    """
    batch = 64
    while batch < 512 and rows > 160 * batch:
        batch *= 2
    steps = math.ceil(0.8 * rows / batch)
    epochs_a_part = max(1, round(900 / steps / _PARTS))
    return {"epochs": _PARTS * epochs_a_part, "stride": epochs_a_part, "batch_size": batch}
