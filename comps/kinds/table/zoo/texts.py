"""Models of texts beside the other columns of a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comps.base import Model, Task
from comps.kinds.text import Views, text_models
from comps.kinds.text.features import dense_words, embedding_features

if TYPE_CHECKING:
    from comps.base import Transformer

# Of models whose names those of tables have, too.
PREFIX = "text-"


def linear_features() -> Transformer:
    """Return a sparse matrix: TF-IDF of the texts, and the other columns scaled."""
    from comps.kinds.text.sparse_words import SparseWords

    return SparseWords([(1.0, _others(scaled=True))])


def joint_features(*, folder: str | None = None, scale: float = 0.7) -> Transformer:
    """Return the same with sentence embeddings of the texts."""
    from comps.kinds.text.sparse_words import SparseWords

    return SparseWords([(scale, embedding_features(folder=folder)), (1.0, _others(scaled=True))])


def tree_features(*, components: int = 100, task: str = "binary") -> Transformer:
    """Return a dense matrix: components and linear scores of the texts, and the other columns."""
    return dense_words(components, task, _others(scaled=False))


def mixed_models(task: Task, n_classes: int, n_targets: int) -> tuple[Model, ...]:
    """Return the models of texts that see the other columns, too.

    Those that see texts alone are left to runs with time to spare: naive Bayes and its relative,
    and the networks of words.
    """
    views = Views(linear_features, tree_features, joint_features)
    seen = {views.linear, views.tree, views.joint}
    return tuple(
        replace(model, default=model.features in seen, quick=False)
        for model in text_models(task, n_classes, n_targets, views=views, prefix=PREFIX)
    )


def _others(*, scaled: bool) -> Any:
    from comps.kinds.table.other_columns import OtherColumns

    return OtherColumns(scaled=scaled)
