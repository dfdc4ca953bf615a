"""The models of any table.

Parameters are the libraries', their papers' or the book's, and follow from rows, columns and
classes by rules (`Model.sized`) that were chosen over many data sets; none is tuned to one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from comps.base import Family, Metric, Model, Task
from comps.kinds.table.network_models import network_models
from comps.kinds.table.zoo.boosted import boosted_models
from comps.kinds.table.zoo.forests import forest_models
from comps.kinds.table.zoo.simple import simple_models, table_baseline
from comps.kinds.table.zoo.views import scaled_features, tree_features

__all__ = ["TRANSFORMERS", "scaled_features", "table_baseline", "table_models", "tree_features"]

TRANSFORMERS: Mapping[Family, Callable[[], object]] = {
    Family.LINEAR: scaled_features,
    Family.KERNEL: scaled_features,
    Family.NETWORK: scaled_features,
    Family.FOREST: tree_features,
    Family.BOOSTING: tree_features,
    Family.OTHER: scaled_features,
}


def table_models(task: Task, n_classes: int, n_targets: int, metric: Metric) -> tuple[Model, ...]:
    """Return the baseline and the usual models, cheap ones first.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
        metric: what models learn where they can, such as absolute errors.
    """
    trees, forests = boosted_models(task, n_classes, metric), forest_models(task)
    networks = network_models(task, n_classes, n_targets, metric)
    return (*simple_models(task), *trees, *forests, *networks)
