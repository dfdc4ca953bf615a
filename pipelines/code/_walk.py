"""The definitions that code uses, directly or through others, in the modules of the project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from comps.base import CodeError
from pipelines.basics.fingerprint import fingerprint
from pipelines.code._modules import Kind, find_module, kind_of, refresh
from pipelines.code._resolve import (
    IMPORT,
    WHOLE,
    Found,
    Library,
    Node,
    attribute_of,
    looks_up_by_text,
    meant_by_text,
    module_named,
    registers_in,
    resolve,
)
from pipelines.code._statement import Statement, Target


@dataclass
class Reach:
    """The definitions that were found so far.

    Attributes:
        stops: definitions that count but are not followed.
        digests: by definition, of its content and of what each name in it refers to.
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
        """Follow some definitions, and all that they use.

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
        """Return what a name with its attributes refers to in a module, and follow it."""
        found = resolve(module_named(module), chain)
        self.add(*found)
        return found

    def add_imports(self, statement: Statement) -> None:
        """Follow what the import statements in a piece of source import."""
        for name, *rest in statement.chains:
            for target in statement.imports.get(name, ()):
                chain = rest if target.name is None else [target.name, *rest]
                self._note(attribute_of(target.module, chain, frozenset()))
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
        """Add the statements that run when a module is imported, and the modules it imports."""
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
    """The digest of a definition, and what its names refer to.

    Attributes:
        digest: of its statements, and of what their names refer to.
        found: what its names refer to.
        imports: the modules that are imported when it runs.
    """

    digest: str
    found: tuple[Found, ...]
    imports: tuple[str, ...] = ()


@cache
def _step(node: Node, followed: bool) -> _Step:
    module = module_named(node.module)
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
        names = {chain: resolve(module, chain, statement.imports) for chain in statement.chains}
        told = [[".".join(chain), sorted(map(str, own))] for chain, own in names.items() if own]
        record.append([statement.digest, told])
        every += [one for own in names.values() for one in own]
        if looks_up_by_text(module, statement):
            every += meant_by_text(module, statement)
    imported = [target for statement in statements for target in statement.imported]
    every += [library for target in imported for library in _used_library(target)]
    loads = [name for target in imported for name in _loaded_by(target)]
    return _Step(fingerprint(record), tuple(dict.fromkeys(every)), tuple(dict.fromkeys(loads)))


@dataclass(frozen=True)
class _ImportStep:
    """The effects of importing a module.

    Attributes:
        modules: that are imported, too.
        found: statements that run, and libraries from which all names are imported.
        registered: pairs of a definition and one that registers itself there.
    """

    modules: tuple[str, ...]
    found: tuple[Found, ...]
    registered: tuple[tuple[Node, Node], ...]


@cache
def _import_step(name: str) -> _ImportStep:
    module = module_named(name)
    parent = name.rpartition(".")[0]
    modules = [*([parent] if parent else []), *(n for t in module.loads for n in _loaded_by(t))]
    found: list[Found] = [Node(name, IMPORT)] if module.effects else []
    found += [library for star in module.stars for library in _used_library(star)]
    registered = [
        (wanted, Node(name, own))
        for own, statements in module.definitions.items()
        for statement in statements
        for wanted in registers_in(module, statement)
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
    if target.name in (None, "*") or module_named(target.module).binds(str(target.name)):
        return [target.module]
    inner = f"{target.module}.{target.name}"
    return [target.module, *([inner] if find_module(inner) is not None else [])]
