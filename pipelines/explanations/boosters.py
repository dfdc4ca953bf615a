"""What boosters say of themselves: gains of features, and contributions to single predictions.

Contributions are the boosters' own SHAP values: S. Lundberg et al., "From local explanations to
global understanding with explainable AI for trees", Nature Machine Intelligence 2 (2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Features

Floats = NDArray[np.float64]


def influenced(base: Array, changed: Array, n_columns: int) -> NDArray[np.bool_]:
    """Return which features change with which raw columns, [columns, features].

    Args:
        base: [n, features] of some rows.
        changed: [columns x n, features] of `permuted` rows.
        n_columns: number of columns.

    >>> base = np.array([[1.0, 5.0], [2.0, 5.0]])
    >>> influenced(base, np.array([[2.0, 5.0], [1.0, 5.0]]), 1).tolist()
    [[True, False]]
    """
    blocks = np.asarray(changed, dtype=np.float64).reshape(n_columns, *base.shape)
    same = np.isclose(blocks, np.asarray(base, dtype=np.float64), rtol=0, atol=0, equal_nan=True)
    return np.asarray(~same.all(axis=1))


def by_column(values: Floats, influence: NDArray[np.bool_]) -> Floats:
    """Return values of features, [..., features], as values of raw columns, [..., columns].

    A feature of several columns is divided evenly among them; one of none, as where a column did
    not vary, is left out.

    >>> by_column(np.array([2.0, 3.0]), np.array([[True, False], [True, True]])).tolist()
    [1.0, 4.0]
    """
    owners = influence.sum(axis=0)
    shares = np.divide(influence, owners, out=np.zeros(influence.shape), where=owners > 0)
    found: Floats = values @ shares.T
    return found


def contributions(model: object, features: Features) -> Floats | None:
    """Return SHAP values of a booster, [rows, features + 1], the expected value last.

    They are on the scale of the booster's sum of trees, as log odds; of several classes, those of
    each row's most probable class. None where a model has none.
    """
    find = getattr(model, "contributions", None)
    if find is None:
        return None
    found = np.asarray(find(features), dtype=np.float64)
    if found.ndim == 2:
        return found
    best = found.sum(axis=2).argmax(axis=1)
    chosen: Floats = found[np.arange(len(found)), best]
    return chosen
