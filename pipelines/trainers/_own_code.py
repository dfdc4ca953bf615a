"""The packages of a model's own code, whose types may be made from what was kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from comps.base import Model


def packages_of(model: Model) -> frozenset[str]:
    """Return the packages in which the functions of a model are written.

    Whoever trains a model runs them anyway. The program itself is not among them: another process
    does not find its types.

    >>> from comps.base import Family
    >>> from collections import OrderedDict
    >>> sorted(packages_of(Model("m", Family.LINEAR, "sklearn", build=OrderedDict)))
    ['collections']
    """
    return frozenset(_packages(model)) - {"__main__"}


def _packages(model: Model) -> Iterator[str]:
    for function in (model.features, model.build):
        while isinstance(function, partial):
            function = function.func
        module = getattr(function, "__module__", None)
        if module:
            yield module.partition(".")[0]
