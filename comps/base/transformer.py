"""What is asked of the transformers of a model, scikit-learn's or others."""

from __future__ import annotations

from typing import Protocol

from comps.base.rows import Features, RowSet
from comps.base.values import Array


class Transformer(Protocol):
    """Turns raw rows into what a trainer takes, and learns from training rows alone."""

    def fit_transform(self, rows: RowSet, target: Array, /) -> Features:
        """Learn from training rows [n] and their targets [n]; return their features."""
        ...

    def transform(self, rows: RowSet, /) -> Features:
        """Return the features of any rows."""
        ...
