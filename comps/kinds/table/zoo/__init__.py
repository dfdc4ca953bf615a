"""The models of any table.

Parameters are the libraries', their papers' or the book's, and follow from rows, columns and
classes by rules (`Model.sized`) that were chosen over many data sets; none is tuned to one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from comps.base import Family, Metric, Model, Task
from comps.kinds.table.network_models import network_models
from comps.kinds.table.zoo.boosted import boosted_models
from comps.kinds.table.zoo.forests import forest_models
from comps.kinds.table.zoo.simple import simple_models, table_baseline
from comps.kinds.table.zoo.texts import mixed_models
from comps.kinds.table.zoo.views import scaled_features, tree_features
from comps.kinds.text import text_models
from comps.kinds.text.features import TRANSFORMERS as TEXT_TRANSFORMERS

__all__ = [
    "TRANSFORMERS",
    "ZOOS",
    "Zoo",
    "scaled_features",
    "table_baseline",
    "table_models",
    "tree_features",
    "usual_zoo",
]

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


def _with_texts(task: Task, n_classes: int, n_targets: int, metric: Metric) -> tuple[Model, ...]:
    found = table_models(task, n_classes, n_targets, metric)
    return (*found, *mixed_models(task, n_classes, n_targets))


def _of_texts(task: Task, n_classes: int, n_targets: int, metric: Metric) -> tuple[Model, ...]:
    del metric
    return (table_baseline(task), *text_models(task, n_classes, n_targets))


@dataclass(frozen=True)
class Zoo:
    """The usual models of a kind of table.

    Attributes:
        models: `(task, n_classes, n_targets, metric)` returns them, the baseline first.
        transformers: the features of a model of the user's that names none, by its family.
    """

    models: Callable[[Task, int, int, Metric], tuple[Model, ...]]
    transformers: Mapping[Family, Callable[[], object]]


#: By name: tables, tables with columns of texts, and texts alone.
ZOOS: Mapping[str, Zoo] = {
    "table": Zoo(table_models, TRANSFORMERS),
    "table-and-text": Zoo(_with_texts, TRANSFORMERS),
    "text": Zoo(_of_texts, TEXT_TRANSFORMERS),
}


def usual_zoo(kinds: Iterable[str], *, others: bool = True) -> str:
    """Return the name of the zoo that suits columns.

    Args:
        kinds: of columns, see `comps.kinds.table.kinds.KINDS`.
        others: whether there may be columns that models see and that are not named, or not texts.

    >>> usual_zoo(["text", "id"], others=False), usual_zoo(["text"]), usual_zoo(["category"])
    ('text', 'table-and-text', 'table')
    """
    if "text" not in kinds:
        return "table"
    return "table-and-text" if others else "text"
