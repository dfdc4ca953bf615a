"""Objects in files that are read without running what a file says: skops, and types by name.

A pickle runs whatever its writer wanted. skops (https://skops.readthedocs.io) writes the parts of
an object with the names of their types, and makes no type that is not trusted: `trusted_names`.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from comps.base import StoreError
from pipelines.basics.trusted_names import named_module, untrusted_names


def package_of(thing: type) -> str:
    """Return the package that a class is written in.

    >>> package_of(StoreError)
    'comps'
    """
    return thing.__module__.partition(".")[0]


_SCHEMA = "schema.json"


class NotKeptError(Exception):
    """An object cannot be written so that it can be read without a pickle; its text says why."""


def dump_object(value: object, packages: Collection[str] = ()) -> bytes:
    """Return an object in skops' format.

    Args:
        value: such as a fitted scikit-learn estimator.
        packages: further packages whose types are trusted, as those of the user's own code.

    Raises:
        NotKeptError: if a part of it cannot be written, or is of a type that is not trusted.

    >>> load_object(dump_object({"mean": 2.0}))
    {'mean': 2.0}
    """
    from skops import io as skops

    try:
        with _own_states():
            content = skops.dumps(value)
    except Exception as error:  # skops lets through whatever the types of the parts raise
        raise NotKeptError(f"{type(value).__name__} cannot be written by skops ({error})") from None
    named = skops.get_untrusted_types(data=content)
    foreign = untrusted_names(named, packages, written=True)
    if foreign:
        told = f"{type(value).__name__} has parts of the type {foreign[0]}"
        raise NotKeptError(told + _advice(foreign[0]))
    return _numbered(content)


def _advice(name: str) -> str:
    """Return what to do about a type of a notebook or a script; nothing of others."""
    if not name.startswith("__main__."):
        return ""
    return (
        ", which another process cannot import: write it in a module, not in a notebook or in the "
        "script that is started"
    )


def load_object(content: bytes, packages: Collection[str] = ()) -> object:
    """Return the object that `dump_object` wrote.

    Raises:
        StoreError: if the content is damaged, or names a type that is not trusted.
    """
    from skops import io as skops

    try:
        named = skops.get_untrusted_types(data=content)
        foreign = untrusted_names(named, packages)
        if foreign:
            raise ValueError(f"it names the type {foreign[0]}, which is not trusted")
        return skops.loads(content, trusted=named)
    except Exception as error:  # zipfile, json and the types of the parts each raise their own
        raise StoreError(f"A kept object cannot be read ({error}).") from error


@contextmanager
def _own_states() -> Iterator[None]:
    """Let skops write two kinds of objects in another way, and read them as it reads any."""
    from sklearn.model_selection._search import BaseSearchCV
    from skops.io._general import dict_get_state, object_get_state
    from skops.io._utils import _get_state

    _get_state.register(dict, _mapping)
    _get_state.register(BaseSearchCV, _search)
    try:
        yield
    finally:
        _get_state.register(dict, dict_get_state)
        _get_state.register(BaseSearchCV, object_get_state)


def _mapping(value: dict[Any, Any], context: Any) -> dict[str, Any]:
    """Return skops' state of a dictionary; of a long one from texts to scalars one text of JSON.

    It writes a node for each entry, which takes half a minute for the words of a vectorizer; what
    it writes as JSON it reads as JSON.
    """
    from skops.io._general import dict_get_state

    if not _is_plain(value):
        return dict_get_state(value, context)  # type: ignore[no-any-return]
    named = {"__class__": "dict", "__module__": "builtins", "__loader__": "JsonNode"}
    return {**named, "content": json.dumps(value)}


def _search(value: Any, context: Any) -> dict[str, Any]:
    """Return skops' state of a search, with the distributions that it drew from as texts.

    A fitted search predicts without them, and those of SciPy run a text of theirs when they are
    read.
    """
    from skops.io._general import object_get_state

    drawn = getattr(value, "param_distributions", None)
    if drawn is not None:
        value = copy(value)
        value.param_distributions = _told(drawn)
    return object_get_state(value, context)  # type: ignore[no-any-return]


def _told(drawn: Any) -> Any:
    """Return distributions by parameter with those of SciPy, frozen or not, as texts."""
    from scipy.stats import rv_continuous, rv_discrete
    from scipy.stats.distributions import rv_frozen

    if isinstance(drawn, Mapping):
        return {name: _told(values) for name, values in drawn.items()}
    if isinstance(drawn, (list, tuple)) and all(isinstance(each, Mapping) for each in drawn):
        return [_told(each) for each in drawn]
    if isinstance(drawn, rv_frozen):
        given = [*map(repr, drawn.args), *(f"{key}={own!r}" for key, own in drawn.kwds.items())]
        return f"{drawn.dist.name}({', '.join(given)})"
    return drawn.name if isinstance(drawn, (rv_continuous, rv_discrete)) else drawn


# Shorter ones cost nothing.
_LONG = 100
_ENTRIES = frozenset({str, int, float, bool, type(None)})


def _is_plain(value: dict[Any, Any]) -> bool:
    """Whether a dictionary is long, and JSON gives back the same."""
    return (
        type(value) is dict
        and len(value) >= _LONG
        and set(map(type, value)) == {str}
        and _ENTRIES.issuperset(map(type, value.values()))
    )


def import_own(modules: Iterable[str], packages: Collection[str] = ()) -> None:
    """Import those of some modules that the code of this package, or of others, imports, too.

    Libraries find types by name once their modules are imported.
    """
    for module in sorted(modules):
        if module.partition(".")[0] in {package_of(StoreError), *packages}:
            named_module(module, packages)


def numbered(pattern: str, text: str) -> tuple[str, dict[str, str]]:
    r"""Return a text whose addresses are numbers from zero, and the number of each address.

    Args:
        pattern: of two groups, what stands before an address and the address.
        text: to change.

    >>> numbered(r"(at )(\d+)", "at 770, at 990, at 770")
    ('at 0, at 1, at 0', {'770': '0', '990': '1'})
    """
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return found[1] + numbers.setdefault(found[2], str(len(numbers)))

    return re.sub(pattern, number, text), numbers


# Parts have their addresses, and files of bytes names by chance, which may begin with a digit.
_PARTS = r'("__id__": |"file": ")([\w-]+)'
# scikit-learn remembers where the stop words of a vectorizer lay, to check them once.
_ADDRESS = re.compile(r'("_stop_words_id": \{[^{}]*"content": ")\d+')


def _numbered(content: bytes) -> bytes:
    """Return the same content for equal objects: skops numbers the parts by their addresses."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        schema, numbers = numbered(_PARTS, old.read(_SCHEMA).decode())
        schema = _ADDRESS.sub(r"\g<1>0", schema)
        # The schema of a vocabulary shrinks to a tenth.
        new.writestr(zipfile.ZipInfo(_SCHEMA), schema, zipfile.ZIP_DEFLATED, compresslevel=1)
        names = {name: _renamed(name, numbers) for name in old.namelist() if name != _SCHEMA}
        for name, called in sorted(names.items(), key=lambda item: item[1]):
            new.writestr(zipfile.ZipInfo(called), old.read(name))
    return written.getvalue()


def _renamed(name: str, numbers: Mapping[str, str]) -> str:
    address, dot, kind = name.partition(".")
    return numbers.get(address, address) + dot + kind
