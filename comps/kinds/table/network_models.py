"""The networks of the zoo of tables, with parameters that follow from the table's size.

The parameters were chosen by the geometric mean of the errors over many tables, and for the time
that two cores take; none is of one table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from comps.base import JSON, Dataset, Family, Loss, Metric, Model, Params, Prediction, Task, spaces
from comps.kinds.table.networks import mlp, tabm

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

# Optimizer steps of the smallest batch, and how many batches of rows make a larger one.
_STEPS, _BATCH, _LARGEST_BATCH, _BATCHES = 1500, 64, 512, 160
# Listed where no rows are known.
_USUAL_ROWS = 2000
# Few rows are learned by heart long before.
_MOST_EPOCHS = 300
# Of the learning rate; see `comps.optimizers.restarted`.
_CYCLES, _MOST_CYCLES = 4, 6


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
    n_targets: int,
    metric: Metric,
) -> tuple[Model, ...]:
    """Return `mlp` and `tabm` for a table.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
        metric: what models are judged by: absolute errors are learned where they are judged, and
            labels are smoothed more where the size of a probability plays no part.
    """
    common: dict[str, JSON] = {
        "task": str(task),
        "outputs": n_classes if task is Task.MULTICLASS else n_targets,
        "absolute": task is Task.REGRESSION and metric.loss is Loss.ABSOLUTE_ERROR,
        "smoothing": 0.0 if task is Task.REGRESSION else _smoothing(metric),
        "embedded": 8,
        **training_of(_USUAL_ROWS),
    }
    alone: dict[str, JSON] = {
        "copies": 2,
        "units": [128, 128, 128],
        "bins": 8,
        "dropout": 0.15,
        "learning_rate": 0.02,
        "weight_decay": 0.05,
    }
    many: dict[str, JSON] = {
        "members": 8,
        "units": [128, 128],
        "bins": 16,
        "dropout": 0.1,
        "learning_rate": 5e-3,
        "weight_decay": 0.03,
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
            sized=sized_to,
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
            sized=sized_to,
            about="TabM: one network that is many, which share most weights",
        ),
    )


def sized_to(params: Params, dataset: Dataset) -> dict[str, JSON]:
    """Return how long networks are trained on these rows, and how wide numbers are embedded."""
    del params
    # The first layer takes most of the time where there are many columns.
    columns = max(len(getattr(dataset.train, "columns", ())), 1)
    return {"embedded": min(8, max(1, 160 // columns)), **training_of(len(dataset.target))}


def training_of(rows: int) -> dict[str, JSON]:
    """Return how long, and in which batches, networks are trained on a number of rows.

    About 1,500 steps of 64 rows. Beyond 10,000 rows batches are larger, and a batch of twice the
    rows takes 0.7 times the steps, so that the time grows with the root of the rows. The more
    epochs there are, the more cycles of the learning rate: few rows are soon learned by heart, and
    an early cycle ends before that. Each cycle takes whole epochs, and ends at a stage.

    >>> training_of(rows=1000)
    {'epochs': 126, 'stride': 2, 'batch_size': 64, 'cycles': 6}
    """
    batch = _BATCH
    while batch < _LARGEST_BATCH and rows > _BATCHES * batch:
        batch *= 2
    steps = _STEPS * (_BATCH / batch) ** 0.5
    # A fold of five trains on four fifths of the rows.
    epochs = min(_MOST_EPOCHS, steps / math.ceil(0.8 * rows / batch))
    cycles = min(max(int(math.log2(epochs + 1)), _CYCLES), _MOST_CYCLES)
    parts = 2**cycles - 1
    stride = max(1, round(epochs / parts))
    return {"epochs": parts * stride, "stride": stride, "batch_size": batch, "cycles": cycles}


def _smoothing(metric: Metric) -> float:
    """Return the share of a label that is spread over all classes.

    A tenth, as RealMLP has it, makes probabilities too careful: it is for metrics of labels and of
    the order alone. A little keeps the last epochs from being too sure.
    """
    judged_by_size = metric.needs is Prediction.PROBABILITY and not metric.order_alone
    return 0.02 if judged_by_size else 0.1
