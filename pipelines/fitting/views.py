"""A cache of transformed features that several models share, kept while a worker lives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

from comps.base import Features

# The rows to train on, those to predict, and the test rows.
View = tuple[Features, Features, Features]

# Enough for the views of a few folds of a table; images come memory-mapped and untransformed.
DEFAULT_BYTES = 512 * 1024 * 1024


class ViewCache:
    """Keeps the transformed features that were used last, up to a number of bytes.

    A view is what the transformer of a model makes of the rows of a fold. Without the cache, models
    with the same transformer would each fit it again. The key has to name everything that decides
    the view.

    >>> cache = ViewCache(max_bytes=100)
    >>> cache.get("a", lambda: [1]), cache.get("a", lambda: [2])
    ([1], [1])
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._views: OrderedDict[Hashable, View] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], View]) -> View:
        """Return the transformed features of a key; make them if they are not kept."""
        if key in self._views:
            self._views.move_to_end(key)
            return self._views[key]
        view = self._views[key] = make()
        while len(self._views) > 1 and sum(map(_bytes, self._views.values())) > self._max_bytes:
            self._views.popitem(last=False)
        return view


def _bytes(view: object) -> int:
    """Return the size of arrays, tables and sparse matrices, in containers too."""
    if isinstance(view, Mapping):
        return sum(map(_bytes, view.values()))
    if isinstance(view, (list, tuple)):
        return sum(map(_bytes, view))
    if hasattr(view, "memory_usage"):
        return int(view.memory_usage(deep=False).sum())
    if hasattr(view, "indptr"):
        return sum(int(getattr(view, part).nbytes) for part in ("data", "indices", "indptr"))
    return int(getattr(view, "nbytes", 0))
