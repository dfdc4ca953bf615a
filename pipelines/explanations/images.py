"""Where in an image a model looks: what it predicts when a part is covered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Images

Floats = NDArray[np.float64]


def occlusion(
    images: Images, predict: Callable[[Images], Array], *, cells: int = 7
) -> tuple[Floats, Floats]:
    """Return how much predictions fall when a cell of each image is covered.

    M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks" (2014): each
    cell in turn is filled with the mean of the image.

    Args:
        images: [n].
        predict: returns [n] values or probabilities of class 1, or [n, classes].
        cells: a side; images are divided into so many times so many cells.

    Returns:
        [n, cells, cells], by how much the prediction of the whole image, of its most probable
        class, is above that of the covered one; and [n] the predictions of the whole images.
    """
    pixels = np.stack([images.pixels[place] for place in images.index])
    count, height, width = pixels.shape[:3]
    means = pixels.reshape(count, -1, pixels.shape[3]).mean(axis=1).astype(pixels.dtype)
    covered = [pixels]
    rows, columns = (np.linspace(0, side, cells + 1).astype(int) for side in (height, width))
    for row in range(cells):
        for column in range(cells):
            part = pixels.copy()
            cell = np.s_[:, rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            part[cell] = means[:, None, None]
            covered.append(part)
    every = np.concatenate(covered)
    found = np.asarray(predict(Images(every, np.arange(len(every)))), dtype=np.float64)
    found = found.reshape(cells * cells + 1, count, -1)
    best = found[0].argmax(axis=1)
    whole = found[0][np.arange(count), best]
    other = found[1:, np.arange(count), best]
    return (whole - other).T.reshape(count, cells, cells), whole
