"""The packages of a model's own code, whose types may be made from what was kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import MethodType
from typing import Any

from comps.base import Model


def packages_of(model: Model) -> frozenset[str]:
    """Return the packages in which the functions of a model are written.

    Those of an estimator that is declared as it is are the packages of all that it is made of.
    Whoever trains a model runs them anyway. The program itself is not among them: another process
    does not find its types.

    >>> from comps.base import Family
    >>> from collections import OrderedDict
    >>> sorted(packages_of(Model("m", Family.LINEAR, "sklearn", build=OrderedDict)))
    ['collections']
    """
    return frozenset(module.partition(".")[0] for module in modules_of(model))


def modules_of(model: Model) -> frozenset[str]:
    """Return the modules of `packages_of`, which another process has to import.

    >>> from comps import estimator
    >>> from sklearn.linear_model import Ridge
    >>> sorted(modules_of(estimator(Ridge())))
    ['comps.declared', 'sklearn.linear_model._ridge']
    """
    found = {*_written_in(model.features), *_written_in(model.build)}
    unfitted = getattr(model.build, "unfitted", None)
    if unfitted is not None:
        found.update(_made_of(unfitted, set()))
    return frozenset(module for module in found if module.partition(".")[0] != "__main__")


def import_modules(model: Model) -> None:
    """Import the modules in which the functions of a model are written, where they are found.

    A function that came to this process by value is there without its module, by which files name
    the types of what it makes.
    """
    for module in sorted(modules_of(model)):
        with suppress(ImportError):
            import_module(module)


def _written_in(thing: Any) -> Iterator[str]:
    """Yield the module of a function, a class or an object's class."""
    while isinstance(thing, partial):
        thing = thing.func
    module = getattr(thing, "__module__", None)
    if isinstance(module, str):
        yield module


def _made_of(thing: Any, known: set[int]) -> Iterator[str]:
    """Yield the modules of an object, and of its parameters and of what they hold."""
    if id(thing) in known:
        return
    known.add(id(thing))
    yield from _written_in(thing)
    parts: list[Any] = []
    if isinstance(thing, MethodType):
        parts = [thing.__self__]
    elif isinstance(thing, partial):
        parts = [*thing.args, *thing.keywords.values()]
    elif isinstance(thing, Mapping):
        parts = [*thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        parts = [*thing]
    elif hasattr(thing, "get_params") and not isinstance(thing, type):
        parts = [*thing.get_params(deep=False).values()]
    for part in parts:
        yield from _made_of(part, known)
