"""`Truth`: what predictions are scored against, with what a metric looks at beside the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from comps.base.values import Array


@dataclass(frozen=True, eq=False)
class Truth:
    """Targets of some rows, and the weight and the query of each row where there are any.

    It is indexed by rows as an array is, and NumPy takes it for its `values`.

    Attributes:
        values: [n] or [n, targets], on the metric's scale; codes of classes.
        weight: [n] float64, what each row counts for; None where all count alike.
        query: [n], equal for rows that are ranked together; None where nothing is ranked.

    >>> truth = Truth(np.array([1.0, 2.0, 3.0]), weight=np.array([1.0, 0.5, 2.0]))
    >>> truth[np.array([2, 0])].weight.tolist(), np.asarray(truth).sum().item(), len(truth)
    ([2.0, 1.0], 6.0, 3)
    """

    values: Array
    weight: Array | None = None
    query: Array | None = None

    @classmethod
    def of(cls, target: Array | Truth) -> Truth:
        """Return plain targets as a `Truth`, and a `Truth` as it is."""
        return target if isinstance(target, Truth) else cls(np.asarray(target))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def __getitem__(self, rows: Array | slice) -> Truth:
        """Return some rows."""
        weight = None if self.weight is None else self.weight[rows]
        query = None if self.query is None else self.query[rows]
        return Truth(self.values[rows], weight, query)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype, copy=copy)


# Where rows have neither weights nor queries, their targets alone are as good.
Target: TypeAlias = "Array | Truth"
