"""Resolve a name in a module of the project to a definition, a library, or neither."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from comps.base import CodeError
from pipelines.code._modules import Kind, Module, find_module, kind_of
from pipelines.code._statement import Statement, Target

# The names of a node that stands for a whole module, and for what is done when it is imported.
WHOLE, IMPORT = "*", "<import>"
# Calls that find a module by a text: any module of the caller's package may be meant.
_BY_TEXT = {
    "importlib.import_module",
    "pkgutil.get_data",
    "pkgutil.iter_modules",
    "pkgutil.resolve_name",
    "pkgutil.walk_packages",
    "runpy.run_module",
    "runpy.run_path",
    "sys.modules",
}
_BUILTIN_BY_TEXT = {"__import__", "eval", "exec", "globals"}


@dataclass(frozen=True, order=True)
class Node:
    """A definition: a name of a module of the project, or `WHOLE` or `IMPORT`."""

    module: str
    name: str


@dataclass(frozen=True, order=True)
class Library:
    """A library that is not followed: the name of its top package."""

    name: str


Found = Node | Library


def module_named(name: str) -> Module:
    module = find_module(name)
    if module is None:
        raise CodeError(
            f"The module '{name}' cannot be found, and results depend on it. Was it renamed or "
            "deleted, or is it not on Python's path?"
        )
    return module


def resolve(
    module: Module,
    chain: Sequence[str],
    imports: Mapping[str, Sequence[Target]] = MappingProxyType({}),
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> list[Found]:
    """Return what a name in a module may refer to; nothing for builtins and the standard library.

    Args:
        module: where the name stands.
        chain: the name and its attributes.
        imports: those of the statement that it stands in.
        seen: what is being looked up, as modules import from each other in circles.
    """
    name, *rest = chain
    if (module.name, name) in seen:
        return []
    seen = seen | {(module.name, name)}
    found: list[Found] = [Node(module.name, name)] if name in module.definitions else []
    targets = [*imports.get(name, ()), *module.imports.get(name, ())]
    if not found and not targets:
        for star in module.stars:
            if kind_of(star.module) is Kind.PROJECT:
                found += resolve(module_named(star.module), chain, seen=seen)
    for target in targets:
        if target.name is None:
            found += attribute_of(target.module, rest, seen)
        elif target == Target(module.name, name):
            found += attribute_of(f"{module.name}.{name}", rest, seen)
        else:
            found += attribute_of(target.module, [target.name, *rest], seen, imported=True)
    return found


def attribute_of(
    name: str, chain: Sequence[str], seen: frozenset[tuple[str, str]], *, imported: bool = False
) -> list[Found]:
    """Return what an attribute of a module refers to, or the module itself if it has none."""
    kind = kind_of(name)
    if kind is not Kind.PROJECT:
        return [Library(name.partition(".")[0])] if kind is Kind.LIBRARY else []
    module = module_named(name)
    if not chain:
        return [Node(name, WHOLE)]
    found = resolve(module, chain, seen=seen)
    if found or module.binds(chain[0]):
        return found
    inner = f"{name}.{chain[0]}"
    if find_module(inner) is not None:
        return attribute_of(inner, chain[1:], seen)
    if imported and not module.opaque:
        raise CodeError(
            f"There is no '{chain[0]}' in '{name}' ({module.path or module.folders[0]}), which "
            "results depend on. Was a module renamed or deleted?"
        )
    # It is made when the module runs.
    return [Node(name, WHOLE)]


def _full_names(module: Module, statement: Statement) -> Iterator[str]:
    """Yield the full names of the names in a statement, with attributes."""
    for name, *rest in statement.chains:
        for target in [*statement.imports.get(name, ()), *module.imports.get(name, ())]:
            yield ".".join([target.module, *([target.name] if target.name else []), *rest])


def looks_up_by_text(module: Module, statement: Statement) -> bool:
    """Whether a statement finds modules, names or subclasses in a way that cannot be followed."""
    if any(chain[-1] == "__subclasses__" for chain in statement.chains):
        return True
    if any(
        chain[0] in _BUILTIN_BY_TEXT and hasattr(builtins, chain[0]) and not module.binds(chain[0])
        for chain in statement.chains
    ):
        return True
    return any(
        name == known or name.startswith(f"{known}.")
        for name in _full_names(module, statement)
        for known in _BY_TEXT
    )


def meant_by_text(module: Module, statement: Statement) -> Iterator[Node]:
    """Yield what such a text may refer to: the modules beside this one, and those that it names."""
    yield Node(module.package or module.name, WHOLE)
    for text in statement.texts:
        name = text.partition(":")[0]
        is_name = all(map(str.isidentifier, name.split(".")))
        if is_name and kind_of(name) is Kind.PROJECT and find_module(name) is not None:
            yield Node(name, WHOLE)


# Definitions that enter themselves somewhere when they are made


def registers_in(module: Module, statement: Statement) -> Iterator[Node]:
    """Yield the definitions in which a statement of a module may enter what it makes.

    `@table.add` and `@function.register` do so, functions that change a global value, and base
    classes with `__init_subclass__`.
    """
    for chain in statement.called:
        for node in resolve(module, chain, statement.imports):
            if isinstance(node, Node) and node.name != WHOLE:
                yield from _changed_by(node, attribute=len(chain) > 1)


def _changed_by(node: Node, *, attribute: bool) -> Iterator[Node]:
    """Yield the definitions that change when one is called, or an attribute of it."""
    module = module_named(node.module)
    for statement in module.definitions[node.name]:
        if statement.is_data or statement.hooks_subclasses or (attribute and statement.decorated):
            yield node
        for name in statement.changed & set(module.definitions):
            yield Node(module.name, name)
