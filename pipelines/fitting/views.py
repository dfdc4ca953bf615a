"""A cache of transformed features that several models share, kept while a worker lives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from comps.base import Features, Transformer


@dataclass(eq=False)
class View:
    """What a transformer makes of the rows of a fold.

    Attributes:
        train: features of the rows to train on.
        valid: of the rows to predict.
        transformer: fitted, makes features of other rows; None passes them as they are.
        test: of the test rows; None until they are asked for.
        first_test: of the first test row.
    """

    train: Features
    valid: Features
    transformer: Transformer | None
    test: Features | None = None
    first_test: Features | None = None

    def __post_init__(self) -> None:
        self._measured: tuple[bool, int] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the features, which are measured again once there are those of the test rows."""
        tested = self.test is not None
        if self._measured is None or self._measured[0] != tested:
            self._measured = tested, sum(map(_bytes, (self.train, self.valid, self.test)))
        return self._measured[1]


# Enough for the views of a few folds of a table; images come memory-mapped and untransformed.
DEFAULT_BYTES = 512 * 1024 * 1024


class ViewCache:
    """Keeps the transformed features that were used last, up to a number of bytes.

    A view is what the transformer of a model makes of the rows of a fold. Without the cache, models
    with the same transformer would each fit it again. The key has to name everything that decides
    the view.

    >>> cache, first, other = ViewCache(max_bytes=100), View([1], [], None), View([2], [], None)
    >>> cache.get("a", lambda: first) is cache.get("a", lambda: other) is cache.found("a")
    True
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._views: OrderedDict[Hashable, View] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], View]) -> View:
        """Return the transformed features of a key; make them if they are not kept."""
        view = self.found(key)
        if view is not None:
            return view
        view = self._views[key] = make()
        while len(self._views) > 1 and self._bytes() > self._max_bytes:
            self._views.popitem(last=False)
        return view

    def _bytes(self) -> int:
        return sum(view.nbytes for view in self._views.values())

    def found(self, key: Hashable) -> View | None:
        """Return the transformed features of a key, or None if they are not kept."""
        if key in self._views:
            self._views.move_to_end(key)
        return self._views.get(key)


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
