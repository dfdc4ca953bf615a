"""Values that functions hold, as JSON that is equal for equal values.

Functions of modules are followed there. Those of a notebook, and functions made by functions,
are known by their source and by the values that they reach.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import logging
import re
import sys
import types
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from comps.base import CodeError, Competition
from pipelines.basics.fingerprint import file_fingerprint, fingerprint
from pipelines.code._modules import Kind, find_module, is_found, kind_of
from pipelines.code._resolve import WHOLE, Node
from pipelines.code._source import class_source, closed_values, function_source
from pipelines.code._statement import Statement
from pipelines.code._walk import Reach

# Python writes these as what they are.
_WRITTEN = (
    bool,
    bytes,
    complex,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    float,
    fractions.Fraction,
    int,
    np.dtype,
    range,
    re.Pattern,
    slice,
    str,
    types.EllipsisType,
    types.GenericAlias,
    types.NoneType,
    types.UnionType,
    uuid.UUID,
)
_BUILT_IN = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)


class Values:
    """Describes values as JSON, and follows the code that they hold.

    Args:
        reach: collects the code that functions and classes of the project use.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        # The values are kept, too: an id is used again once its value is gone.
        self._seen: dict[int, tuple[int, object]] = {}

    def text(self, value: object, name: str) -> object:
        """Return a JSON value that is equal for equal values.

        Args:
            value: a number, text, array, table, function, class or what is made of these.
            name: what to call it in an error.

        Raises:
            CodeError: if the value is none of these.
        """
        if isinstance(value, enum.Enum):
            return [self.text(type(value), name), value.name]
        if isinstance(value, logging.Logger) or type(value).__module__ == "typing":
            return [type(value).__name__, str(value)]
        if isinstance(value, _WRITTEN):
            return [type(value).__name__, repr(value)]
        if id(value) in self._seen:
            return ["again", self._seen[id(value)][0]]
        self._seen[id(value)] = len(self._seen), value
        for write in (self._array, self._table, self._container, self._code, self._instance):
            if (found := write(value, name)) is not None:
                return found
        raise CodeError(
            f"Results depend on '{name}', a {_type_name(value)} that can be told neither by its "
            "code nor by its value. Make it inside the function, or pass numbers, texts, arrays "
            "or tables."
        )

    def _array(self, value: object, name: str) -> object | None:
        if isinstance(value, np.generic):
            value = np.asarray(value)
        if not isinstance(value, np.ndarray):
            return None
        if value.dtype.hasobject:
            return ["array", value.shape, self._all(value.ravel().tolist(), name)]
        return ["array", fingerprint(value)]

    def _table(self, value: Any, name: str) -> object | None:
        """Describe a table, a column or an index of pandas."""
        if type(value).__module__.partition(".")[0] != "pandas" or not hasattr(value, "to_numpy"):
            return None
        if hasattr(value, "columns"):
            columns = [value.iloc[:, number] for number in range(value.shape[1])]
            return ["table", self.text(value.columns, name), self._all(columns, name)]
        index = getattr(value, "index", None)
        about = [str(value.dtype), self.text(getattr(value, "name", None), name)]
        return ["column", about, self.text(value.to_numpy(), name), self.text(index, name)]

    def _container(self, value: object, name: str) -> object | None:
        if isinstance(value, (tuple, list)):
            return [self._type(value, name), self._all(value, name)]
        if isinstance(value, (set, frozenset)):
            # Each by itself: in what order they come, is not the same in the next process.
            parts = [Values(self._reach).text(part, name) for part in value]
            return [self._type(value, name), sorted(map(repr, parts))]
        if isinstance(value, (dict, types.MappingProxyType)):
            pairs = [
                [self.text(key, name), self.text(part, f"{name}[{key!r}]")]
                for key, part in value.items()
            ]
            return [self._type(value, name), pairs]
        if isinstance(value, Path):
            return ["path", file_fingerprint(value) if value.is_file() else str(value)]
        return None

    def _all(self, values: Sequence[object], name: str) -> list[object]:
        return [self.text(part, f"{name}[{number}]") for number, part in enumerate(values)]

    def _type(self, value: object, name: str) -> object:
        own = type(value)
        return own.__name__ if own.__module__ in ("builtins", "types") else self.text(own, name)

    def _code(self, value: object, name: str) -> object | None:
        if isinstance(value, functools.partial):
            parts = (value.func, value.args, value.keywords)
            return ["partial", self._all(parts, name)]
        if isinstance(value, types.MethodType):
            return ["method", self._all((value.__func__, value.__self__), name)]
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, (staticmethod, classmethod)):
            return [type(value).__name__, self.text(value.__func__, name)]
        if isinstance(value, (*_BUILT_IN, np.ufunc)):
            return self._built_in(value, name)
        if _by_name(value) is value:
            return self._named(value)
        if isinstance(value, types.FunctionType):
            return self._function(value, name)
        if isinstance(value, type):
            return self._class(value, name)
        if isinstance(value, functools._lru_cache_wrapper):
            return ["cached", self.text(value.__wrapped__, name)]
        return None

    def _module(self, value: types.ModuleType) -> object:
        if kind_of(value.__name__) is Kind.PROJECT:
            self._reach.add(Node(value.__name__, WHOLE))
        elif kind_of(value.__name__) is Kind.LIBRARY:
            self._reach.libraries.add(value.__name__.partition(".")[0])
        return ["module", value.__name__]

    def _built_in(self, value: Any, name: str) -> object:
        owner = getattr(value, "__self__", None)
        module = getattr(value, "__module__", None) or ""
        if module and kind_of(module) is Kind.LIBRARY:
            self._reach.libraries.add(module.partition(".")[0])
        bound = owner is not None and not isinstance(owner, types.ModuleType)
        written = self.text(owner, name) if bound else None
        return ["built in", module, getattr(value, "__qualname__", value.__name__), written]

    def _named(self, value: Any) -> object:
        """Describe a function or class that has a name in its module."""
        module, name = value.__module__, value.__qualname__
        if kind_of(module) is Kind.PROJECT:
            self._reach.add(Node(module, name.partition(".")[0]))
        elif kind_of(module) is Kind.LIBRARY:
            self._reach.libraries.add(module.partition(".")[0])
        return ["named", module, name]

    def _function(self, value: types.FunctionType, name: str) -> object:
        """Describe a function by its source and the code that it uses."""
        closed = closed_values(value)
        reached = [
            self._reached(node, closed, value.__globals__, name)
            for node in function_source(value, name)
        ]
        return ["function", reached, self._all((value.__defaults__, value.__kwdefaults__), name)]

    def _class(self, value: type, name: str) -> object:
        """Describe a class of a notebook, with attributes that were added after it was made."""
        around = vars(sys.modules[value.__module__])
        reached = [self._reached(node, {}, around, name) for node in class_source(value, name)]
        members = [
            [key, self.text(part, f"{name}.{key}")]
            for key, part in sorted(vars(value).items())
            if _is_written_by_hand(key, part)
        ]
        return ["class", reached, members]

    def _reached(
        self, node: ast.AST, closed: Mapping[str, object], around: Mapping[str, object], name: str
    ) -> object:
        """Describe a piece of source with the values of its names."""
        module = str(around.get("__name__"))
        statement = Statement(node, str(around.get("__package__") or ""))
        self._reach.add_imports(statement)
        found: list[object] = [statement.digest]
        for chain in statement.chains:
            root = chain[0]
            if root in closed:
                found.append([root, self.text(closed[root], root)])
            elif _is_project(module) and (nodes := self._reach.look_up(module, chain)):
                found.append([root, sorted(map(str, nodes))])
            elif root in around and root not in statement.imports:
                found.append([root, self._global(around[root], chain)])
            elif root in ("eval", "exec", "globals", "__import__") and hasattr(builtins, root):
                raise CodeError(
                    f"'{name}' calls {root}(), and what that reaches cannot be told. Results "
                    "depend on it: name what it needs, or move it to a module."
                )
        return found

    def _global(self, value: object, chain: Sequence[str]) -> object:
        """Describe a global value; of a module, the attributes that are used."""
        if isinstance(value, types.ModuleType) and len(chain) > 1 and _is_project(value.__name__):
            return sorted(map(str, self._reach.look_up(value.__name__, chain[1:])))
        return self.text(value, chain[0])

    def _instance(self, value: object, name: str) -> object | None:
        own = type(value)
        if isinstance(value, Competition):
            # Of a competition that a loader refers to, the loader of the files counts.
            return ["competition", value.name, self.text(value.load, f"{name}.load")]
        told = dataclasses.is_dataclass(value) or hasattr(value, "get_params")
        if not (told or _is_users(own.__module__)):
            return None
        if (key_values := getattr(value, "key_values", None)) is not None:
            # It knows which of its attributes results follow from.
            return ["instance", self.text(own, name), self.text(key_values(), name)]
        fields = dict(getattr(value, "__dict__", {}))
        for base in own.__mro__:
            for slot in _slots(base):
                if hasattr(value, slot):
                    fields[slot] = getattr(value, slot)
        parts = [[key, self.text(part, f"{name}.{key}")] for key, part in sorted(fields.items())]
        return ["instance", self.text(own, name), parts]


def _slots(own: type) -> Sequence[str]:
    slots = vars(own).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return [slot for slot in names if not slot.startswith("__")]


def _is_project(module: str) -> bool:
    return kind_of(module) is Kind.PROJECT and find_module(module) is not None


def _is_written_by_hand(name: str, member: object) -> bool:
    """Whether an attribute of a class is a method or a value that its source defines."""
    if isinstance(member, types.FunctionType):
        return member.__code__.co_filename != "<string>"
    return not name.startswith("__") and isinstance(
        member, (*_WRITTEN, dict, frozenset, list, np.ndarray, set, tuple)
    )


def _is_users(module: str) -> bool:
    """Whether a module belongs to the project or, as a notebook does, to nothing installed."""
    kind = kind_of(module)
    return kind is Kind.PROJECT or (kind is Kind.LIBRARY and not is_found(module))


def _by_name(value: object) -> object:
    """Return the value that a module has under a value's name, if the module can be imported."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(name, str)):
        return None
    if module != "builtins" and not is_found(module) and kind_of(module) is not Kind.STANDARD:
        return None
    if module == "__main__":
        return None
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
