"""The definitions that code reaches: from names to names, through the modules of the project."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from comps.base import CodeError
from pipelines.code._modules import Kind, Module, find_module, kind_of, refresh
from pipelines.code._statement import Statement, Target
from pipelines.fingerprint import fingerprint

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


@dataclass
class Reach:
    """What was reached so far.

    Attributes:
        stops: definitions that count but are not followed.
        digests: by definition, of what it says and what each name in it is.
        libraries: the libraries that it uses.
    """

    stops: frozenset[Node] = frozenset()
    digests: dict[Node, str] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)
    _imported: set[str] = field(default_factory=set)
    _registered: dict[Node, set[Node]] = field(default_factory=lambda: defaultdict(set))
    _waiting: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        if refresh():
            _step.cache_clear()
            _import_step.cache_clear()

    def add(self, *roots: Found) -> None:
        """Follow some definitions to the end.

        Raises:
            CodeError: if one is not there, or a module that is needed cannot be found or read.
        """
        self._note(roots)
        while self._waiting:
            node = self._waiting.pop()
            if node not in self.digests:
                self._load(node.module)
                step = _step(node, node not in self.stops)
                self.digests[node] = step.digest
                self._note(step.found)
                self._note(self._registered[node])
                for module in step.imports:
                    self._load(module)

    def look_up(self, module: str, chain: Sequence[str]) -> list[Found]:
        """Return what a name with its attributes is in a module, and follow it."""
        found = _resolve(_module(module), chain)
        self.add(*found)
        return found

    def add_imports(self, statement: Statement) -> None:
        """Follow what the import statements in a piece of source bring."""
        for name, *rest in statement.chains:
            for target in statement.imports.get(name, ()):
                chain = rest if target.name is None else [target.name, *rest]
                self._note(_attribute(target.module, chain, frozenset()))
        for target in statement.imported:
            self._note(_used_library(target))
            for module in _loaded_by(target):
                self._load(module)
        self.add()

    def _note(self, found: Iterable[Found]) -> None:
        for one in found:
            if isinstance(one, Library):
                self.libraries.add(one.name)
            else:
                self._waiting.append(one)

    def _load(self, name: str) -> None:
        """Take in what is done when a module is imported, with all that it imports."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name in self._imported:
                continue
            self._imported.add(name)
            step = _import_step(name)
            waiting += step.modules
            self._note(step.found)
            for wanted, node in step.registered:
                self._registered[wanted].add(node)
                if wanted in self.digests:
                    self._note([node])


# The same for all models: worked out once, until a file changes


@dataclass(frozen=True)
class _Step:
    """What a definition says and leads to.

    Attributes:
        digest: of what its statements say, and of what their names are.
        found: what its names are.
        imports: the modules that are imported when it runs.
    """

    digest: str
    found: tuple[Found, ...]
    imports: tuple[str, ...] = ()


@cache
def _step(node: Node, followed: bool) -> _Step:
    module = _module(node.module)
    if node.name == IMPORT:
        statements = module.effects
    elif node.name == WHOLE:
        statements = module.statements
    elif node.name in module.definitions:
        statements = module.definitions[node.name]
    else:
        raise CodeError(
            f"There is no '{node.name}' in the module '{node.module}' ({module.path}), and "
            "results depend on it. Was it renamed or deleted?"
        )
    if not followed:
        return _Step(fingerprint([statement.digest for statement in statements]), ())
    inner = module.submodules() if node.name == WHOLE else ()
    every: list[Found] = [Node(name, WHOLE) for name in inner]
    record: list[object] = []
    for statement in statements:
        names = {chain: _resolve(module, chain, statement.imports) for chain in statement.chains}
        told = [[".".join(chain), sorted(map(str, own))] for chain, own in names.items() if own]
        record.append([statement.digest, told])
        every += [one for own in names.values() for one in own]
        if _looks_up_by_text(module, statement):
            every += _meant(module, statement)
    imported = [target for statement in statements for target in statement.imported]
    every += [library for target in imported for library in _used_library(target)]
    loads = [name for target in imported for name in _loaded_by(target)]
    return _Step(fingerprint(record), tuple(dict.fromkeys(every)), tuple(dict.fromkeys(loads)))


@dataclass(frozen=True)
class _ImportStep:
    """What the import of a module leads to.

    Attributes:
        modules: that are imported, too.
        found: what is done, and libraries of which all names are taken.
        registered: pairs of a definition and of one that enters itself there.
    """

    modules: tuple[str, ...]
    found: tuple[Found, ...]
    registered: tuple[tuple[Node, Node], ...]


@cache
def _import_step(name: str) -> _ImportStep:
    module = _module(name)
    parent = name.rpartition(".")[0]
    modules = [*([parent] if parent else []), *(n for t in module.loads for n in _loaded_by(t))]
    found: list[Found] = [Node(name, IMPORT)] if module.effects else []
    found += [library for star in module.stars for library in _used_library(star)]
    registered = [
        (wanted, Node(name, own))
        for own, statements in module.definitions.items()
        for statement in statements
        for wanted in _registers(module, statement)
    ]
    return _ImportStep(tuple(dict.fromkeys(modules)), tuple(found), tuple(registered))


def _used_library(target: Target) -> list[Found]:
    if kind_of(target.module) is Kind.LIBRARY:
        return [Library(target.module.partition(".")[0])]
    return []


def _loaded_by(target: Target) -> list[str]:
    """Return the modules of the project that an import statement loads."""
    if kind_of(target.module) is not Kind.PROJECT:
        return []
    if target.name in (None, "*") or _module(target.module).binds(str(target.name)):
        return [target.module]
    inner = f"{target.module}.{target.name}"
    return [target.module, *([inner] if find_module(inner) is not None else [])]


def _module(name: str) -> Module:
    module = find_module(name)
    if module is None:
        raise CodeError(
            f"The module '{name}' cannot be found, and results depend on it. Was it renamed or "
            "deleted, or is it not on Python's path?"
        )
    return module


def _resolve(
    module: Module,
    chain: Sequence[str],
    imports: Mapping[str, Sequence[Target]] = MappingProxyType({}),
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> list[Found]:
    """Return what a name in a module may be; nothing for the builtin and the standard library.

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
                found += _resolve(_module(star.module), chain, seen=seen)
    for target in targets:
        if target.name is None:
            found += _attribute(target.module, rest, seen)
        elif target == Target(module.name, name):
            found += _attribute(f"{module.name}.{name}", rest, seen)
        else:
            found += _attribute(target.module, [target.name, *rest], seen, imported=True)
    return found


def _attribute(
    name: str, chain: Sequence[str], seen: frozenset[tuple[str, str]], *, imported: bool = False
) -> list[Found]:
    """Return what an attribute of a module is, or the module itself if there is none."""
    kind = kind_of(name)
    if kind is not Kind.PROJECT:
        return [Library(name.partition(".")[0])] if kind is Kind.LIBRARY else []
    module = _module(name)
    if not chain:
        return [Node(name, WHOLE)]
    found = _resolve(module, chain, seen=seen)
    if found or module.binds(chain[0]):
        return found
    inner = f"{name}.{chain[0]}"
    if find_module(inner) is not None:
        return _attribute(inner, chain[1:], seen)
    if imported and not module.opaque:
        raise CodeError(
            f"There is no '{chain[0]}' in '{name}' ({module.path or module.folders[0]}), which "
            "results depend on. Was a module renamed or deleted?"
        )
    # It is made when the module runs.
    return [Node(name, WHOLE)]


def _full_names(module: Module, statement: Statement) -> Iterator[str]:
    """Yield what the names of a statement are called where they are defined, with attributes."""
    for name, *rest in statement.chains:
        for target in [*statement.imports.get(name, ()), *module.imports.get(name, ())]:
            yield ".".join([target.module, *([target.name] if target.name else []), *rest])


def _looks_up_by_text(module: Module, statement: Statement) -> bool:
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


def _meant(module: Module, statement: Statement) -> Iterator[Node]:
    """Yield what a text may mean: the modules beside this one, and those that texts in it name."""
    yield Node(module.package or module.name, WHOLE)
    for text in statement.texts:
        name = text.partition(":")[0]
        if all(map(str.isidentifier, name.split("."))) and kind_of(name) is Kind.PROJECT:
            if find_module(name) is not None:
                yield Node(name, WHOLE)


# Definitions that enter themselves somewhere when they are made


def _registers(module: Module, statement: Statement) -> Iterator[Node]:
    """Yield the definitions in which a statement of a module may enter what it makes.

    `@table.add` and `@function.register` do so, functions that change a global value, and base
    classes with `__init_subclass__`.
    """
    for chain in statement.called:
        for node in _resolve(module, chain, statement.imports):
            if isinstance(node, Node) and node.name != WHOLE:
                yield from _changed_by(node, attribute=len(chain) > 1)


def _changed_by(node: Node, *, attribute: bool) -> Iterator[Node]:
    """Yield the definitions that change when one is called, or an attribute of it."""
    module = _module(node.module)
    for statement in module.definitions[node.name]:
        if statement.is_data or statement.hooks_subclasses or (attribute and statement.decorated):
            yield node
        for name in statement.changed & set(module.definitions):
            yield Node(module.name, name)
