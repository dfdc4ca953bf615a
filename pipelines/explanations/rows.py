"""The rows of a fold that models are asked about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def drawn(
    rows: Rows, classes: NDArray[np.float64] | None, count: int, generator: np.random.Generator
) -> Rows:
    """Return some of the rows of a fold, in ascending order.

    Args:
        rows: [n] of the fold.
        classes: [n] or [n, labels], of these rows; None where values are predicted. One row of
            each class, and of each label one with it and one without, is drawn before the others,
            for without one such metrics as the AUC are undefined; there may then be more than
            `count` rows.
        count: of rows to draw.
        generator: of the draw.

    >>> classes = np.array([0.0] * 99 + [1.0])
    >>> 99 in drawn(np.arange(100), classes, 5, np.random.default_rng(0))
    True
    """
    order = generator.permutation(len(rows))
    if classes is None:
        return np.sort(rows[order[:count]])
    columns = classes[order].reshape(len(order), -1).T
    first = np.concatenate([np.unique(column, return_index=True)[1] for column in columns])
    places = np.concatenate([np.unique(first), np.setdiff1d(np.arange(len(order)), first)])
    return np.sort(rows[order[places[: max(count, len(np.unique(first)))]]])
