"""The forms in which networks get rows: arrays, windows of a series, or images.

A new form of rows is one new class here and one entry in `_FORMS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from comps.base import Array, Features, Images, Windows

if TYPE_CHECKING:
    import jax

# Arrays on the device by name; an array that has no name stands for itself.
Tensors: TypeAlias = "Mapping[str, jax.Array]"
View = TypeVar("View", contravariant=True)

# `(shared, rows) -> features`.
Gather = Callable[[Tensors, Tensors], Tensors]

# The maps of more, or of larger, images would take gigabytes.
_PREDICT_ROWS = 1024
_PREDICT_VALUES = 4 * 2**20


class Rows(Protocol[View]):
    """A form of rows.

    Attributes:
        shared_per_fold: whether `shared` has a leading axis of folds.
    """

    shared_per_fold: bool

    def arrays(self, rows: View) -> dict[str, Array]:
        """Return the arrays that differ for each row, [n, ...]."""
        ...

    def shared(self, views: Sequence[View]) -> dict[str, Array]:
        """Return the arrays that the rows of the folds refer to, copied to the device once."""
        ...

    def shapes(self, view: View) -> dict[str, tuple[int, ...]]:
        """Return the shape of a row of each input of the network."""
        ...

    def gather(self, view: View) -> Gather:
        """Return `(shared, rows) -> features`, which runs on the device, for JAX."""
        ...

    def features(self, rows: View, batch: Array) -> dict[str, Array]:
        """Return the network's inputs for some rows, on the host."""
        ...


class ArrayRows:
    """A mapping of arrays, or one array, which is then called "rows"."""

    shared_per_fold = True

    def arrays(self, rows: Features) -> dict[str, Array]:
        """Return the arrays by name."""
        return dict(rows) if isinstance(rows, Mapping) else {"rows": np.asarray(rows)}

    def shared(self, views: Sequence[Features]) -> dict[str, Array]:
        """Return nothing: the rows are complete."""
        del views
        return {}

    def shapes(self, view: Features) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a row."""
        return {name: table.shape[1:] for name, table in self.arrays(view).items()}

    def gather(self, view: Features) -> Gather:
        """Return a function that gathers nothing."""
        from pipelines.trainers.networks._fold_tables import rows_alone

        del view
        return rows_alone

    def features(self, rows: Features, batch: Array) -> dict[str, Array]:
        """Return the rows."""
        return {name: table[batch] for name, table in self.arrays(rows).items()}


class WindowRows:
    """`Windows`: a row is the end of its window, and the network's input is "window".

    Each fold has a series of its own, because it was standardised with its training rows.
    """

    shared_per_fold = True

    def arrays(self, rows: Windows) -> dict[str, Array]:
        """Return {"ends": [n] int32}."""
        return {"ends": rows.ends.astype(np.int32)}

    def shared(self, views: Sequence[Windows]) -> dict[str, Array]:
        """Return {"series": [folds, steps, quantities]}."""
        return {"series": np.stack([view.series for view in views])}

    def shapes(self, view: Windows) -> dict[str, tuple[int, ...]]:
        """Return the shape of a window."""
        return {"window": (view.length, len(view.names))}

    def gather(self, view: Windows) -> Gather:
        """Return a function that cuts {"window": [n, length, quantities]}.

        Only the windows of a step exist at a time. A window is one slice; looked up hour by hour
        it would take four times as long on a CPU.
        """
        import jax

        length = view.length

        def gather(shared: Tensors, rows: Tensors) -> Tensors:
            series = shared["series"]
            size = (length, series.shape[1])

            def window(end: jax.Array) -> jax.Array:
                return jax.lax.dynamic_slice(series, (end - length + 1, 0), size)

            return {"window": jax.vmap(window)(rows["ends"])}

        return gather

    def features(self, rows: Windows, batch: Array) -> dict[str, Array]:
        """Return the windows."""
        return {"window": rows[batch].gathered()}


class ImageRows:
    """`Images`: a row is its position among all images, and the network's input is "image"."""

    shared_per_fold = False

    def arrays(self, rows: Images) -> dict[str, Array]:
        """Return {"index": [n] int32}."""
        return {"index": rows.index.astype(np.int32)}

    def shared(self, views: Sequence[Images]) -> dict[str, Array]:
        """Return {"pixels": [all, height, width, channels] uint8}, the same for all folds."""
        return {"pixels": views[0].pixels}

    def shapes(self, view: Images) -> dict[str, tuple[int, ...]]:
        """Return the shape of an image."""
        return {"image": view.pixels.shape[1:]}

    def gather(self, view: Images) -> Gather:
        """Return a function that looks up {"image": [n, height, width, channels]}."""
        del view
        return lambda shared, rows: {"image": shared["pixels"][rows["index"]]}

    def features(self, rows: Images, batch: Array) -> dict[str, Array]:
        """Return the images."""
        return {"image": rows[batch].gathered()}


_FORMS: Mapping[type, Rows[Any]] = {Windows: WindowRows(), Images: ImageRows()}


def rows_at_once(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Return the number of rows that are predicted at once: fewer of large images.

    >>> rows_at_once({"rows": (100,)}), rows_at_once({"image": (96, 96, 3)})
    (1024, 151)
    """
    values = sum(math.prod(shape) for shape in shapes.values())
    return max(1, min(_PREDICT_ROWS, _PREDICT_VALUES // max(values, 1)))


def form_of(rows: View) -> Rows[View]:
    """Return the form in which transformed features are given to a network."""
    return _FORMS.get(type(rows), ArrayRows())


def count_rows(rows: Features) -> int:
    """Return the number of rows of transformed features.

    >>> count_rows({"numbers": np.zeros((3, 2)), "levels": np.zeros((3, 5))})
    3
    """
    return len(next(iter(form_of(rows).arrays(rows).values())))
