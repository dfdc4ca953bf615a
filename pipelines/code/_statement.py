"""A statement of a module: what it says without comments, and which names it mentions."""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Positions say nothing; `ctx` follows from where a node stands.
_SKIPPED = {"ctx", "type_comment", "kind", "type_ignores"}


@dataclass(frozen=True)
class Target:
    """What an import statement names.

    Attributes:
        module: full name of the module.
        name: of an attribute or submodule, `*` for all, None for the module itself.
    """

    module: str
    name: str | None = None


class Statement:
    """A statement, or a part of one, with what it mentions; worked out once, when asked for.

    Args:
        node: of the syntax tree.
        package: what relative imports begin at.
    """

    def __init__(self, node: ast.AST, package: str) -> None:
        self.node, self._package = node, package

    @cached_property
    def digest(self) -> str:
        """Equal for equal code, whatever its comments, docstrings and place."""
        return hashlib.sha256(_text(self.node).encode()).hexdigest()

    @cached_property
    def chains(self) -> tuple[tuple[str, ...], ...]:
        """The names that are looked up outside of it, with attributes: `("np", "mean")`."""
        return tuple(sorted(self._mentions.chains))

    @cached_property
    def imports(self) -> dict[str, list[Target]]:
        """The targets of the import statements in it, by the name that they bind."""
        found: dict[str, list[Target]] = defaultdict(list)
        for node in ast.walk(self.node):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for bound, target in import_targets(node, self._package):
                    found[bound].append(target)
        return dict(found)

    @cached_property
    def imported(self) -> list[Target]:
        """Everything that the import statements in it load, used or not."""
        return [
            target
            for node in ast.walk(self.node)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for target in loaded_targets(node, self._package)
        ]

    @cached_property
    def changed(self) -> set[str]:
        """The names from outside of it whose values it may change: `x[0] = 1`, `x.append(1)`."""
        return self._mentions.changed

    @cached_property
    def called(self) -> set[tuple[str, ...]]:
        """The names that are called when it runs: decorators, base classes, functions in values."""
        node = self.node
        if isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list, *node.bases, *(word.value for word in node.keywords)]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            parts = node.decorator_list
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            parts = [call.func for call in ast.walk(node.value) if isinstance(call, ast.Call)]
        else:
            parts = []
        mentions = _Mentions()
        for part in parts:
            mentions.visit(part.func if isinstance(part, ast.Call) else part, frozenset())
        return mentions.chains

    @property
    def is_data(self) -> bool:
        """Whether it makes a value and no function or class."""
        return not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))

    @property
    def decorated(self) -> bool:
        """Whether it is a function or class that something was made of."""
        return bool(getattr(self.node, "decorator_list", ()))

    @property
    def hooks_subclasses(self) -> bool:
        """Whether it is a class that is told of its subclasses."""
        return isinstance(self.node, ast.ClassDef) and any(
            getattr(part, "name", "") == "__init_subclass__" for part in self.node.body
        )

    @cached_property
    def texts(self) -> list[str]:
        """The texts in it."""
        nodes = ast.walk(self.node)
        return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]

    @cached_property
    def _mentions(self) -> _Mentions:
        mentions = _Mentions()
        mentions.visit(self.node, frozenset())
        return mentions


def import_targets(
    node: ast.Import | ast.ImportFrom, package: str
) -> Iterator[tuple[str, Target]]:
    """Yield each name that an import statement binds, and what it stands for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, Target(_base(node, package), alias.name)
        elif alias.asname:
            yield alias.asname, Target(alias.name)
        else:
            top = alias.name.partition(".")[0]
            yield top, Target(top)


def loaded_targets(node: ast.Import | ast.ImportFrom, package: str) -> list[Target]:
    """Return what an import statement loads: of `import a.b` that is `a.b`, though it binds `a`."""
    if isinstance(node, ast.Import):
        return [Target(alias.name) for alias in node.names]
    return [target for _, target in import_targets(node, package)]


def _base(node: ast.ImportFrom, package: str) -> str:
    parts = package.split(".") if node.level else []
    parts = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*parts, *([node.module] if node.module else [])])


def _text(node: object) -> str:
    """Return a text of a syntax tree; empty fields are left out, as they differ by version."""
    if isinstance(node, ast.AST):
        fields = [
            (name, value)
            for name in node._fields
            if name not in _SKIPPED and (value := getattr(node, name, None)) not in (None, [])
        ]
        if isinstance(node, _DOCUMENTED):
            fields = [
                (name, _undocumented(value) if name == "body" else value) for name, value in fields
            ]
        if isinstance(node, ast.Constant):
            fields = [("value", repr(node.value))]
        return f"{type(node).__name__}({','.join(f'{n}={_text(v)}' for n, v in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    return repr(node)


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a body that do something."""
    return [node for node in body if not is_text(node)]


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is a text alone: a docstring or the like."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, (str, type(...)))
    )


class _Mentions:
    """Collects the names that a syntax tree looks up outside of itself."""

    def __init__(self) -> None:
        self.chains: set[tuple[str, ...]] = set()
        self.changed: set[str] = set()

    def visit(self, node: ast.AST, own: frozenset[str]) -> None:
        """Visit a node; `own` are the names of the functions around it."""
        if isinstance(node, _Function):
            self._visit_function(node, own)
        elif isinstance(node, _COMPREHENSIONS):
            # The first source is looked up outside.
            self.visit(node.generators[0].iter, own)
            inner = own.union(*(_stored(generator.target) for generator in node.generators))
            self._visit_children(node, inner)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            self._visit_chain(node, own)
        elif isinstance(node, ast.Compare) and _asks_what_is_imported(node):
            self.visit(node.left, own)
        else:
            if isinstance(node, ast.Global):
                self.changed.update(node.names)
                self.chains.update((name,) for name in node.names)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self._change(node.func.value, own)
            if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                self._change(node.value, own)
            self._visit_children(node, own)

    def _visit_children(self, node: ast.AST, own: frozenset[str]) -> None:
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if name in ("annotation", "returns") and child is not None:
                    self._visit_annotation(child, own)
                elif isinstance(child, ast.AST):
                    self.visit(child, own)

    def _visit_function(self, node: _Function, own: frozenset[str]) -> None:
        names, outside = _own_names(node)
        inner = (own - outside) | names
        for name, value in ast.iter_fields(node):
            # Defaults, decorators and annotations are looked up where the function stands.
            if name == "body":
                for child in value if isinstance(value, list) else [value]:
                    self.visit(child, inner)
            elif name == "returns" and value is not None:
                self._visit_annotation(value, own)
            else:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        self.visit(child, own)

    def _visit_annotation(self, node: ast.AST, own: frozenset[str]) -> None:
        """Visit an annotation, whose texts are code: methods are found by their class."""
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self.visit(ast.parse(part.value, mode="eval").body, own)
                except SyntaxError:
                    continue
        self.visit(node, own)

    def _visit_chain(self, node: ast.Name | ast.Attribute, own: frozenset[str]) -> None:
        attributes: list[str] = []
        base: ast.AST = node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        if not isinstance(base, ast.Name):
            self.visit(base, own)
        elif base.id not in own:
            self.chains.add((base.id, *attributes))
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                self.changed.add(base.id)

    def _change(self, node: ast.AST, own: frozenset[str]) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if isinstance(node, ast.Name) and node.id not in own:
            self.changed.add(node.id)


def _asks_what_is_imported(node: ast.Compare) -> bool:
    """Whether it is `name in sys.modules`, which looks up nothing there."""
    return [ast.unparse(part) for part in node.comparators] == ["sys.modules"]


def _own_names(function: _Function) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a function has of its own, and those that it imports or calls global.

    Its own are its parameters and what it binds otherwise.
    """
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    names = {argument.arg for argument in named}
    outside: set[str] = set()
    around: set[str] = set()
    waiting: list[ast.AST] = [] if isinstance(function, ast.Lambda) else [*function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            outside |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Global):
            outside |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            around |= set(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif not isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            names |= _bound(node)
            waiting += ast.iter_child_nodes(node)
    return frozenset(names - outside - around), frozenset(outside)


def _stored(node: ast.AST) -> set[str]:
    return {name for part in ast.walk(node) for name in _bound(part)}


def _bound(node: ast.AST) -> set[str]:
    """Return the name that a node itself binds, if it binds one."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return {node.name} if node.name else set()
    if isinstance(node, ast.MatchMapping):
        return {node.rest} if node.rest else set()
    return set()


def bound_names(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module binds there, but those of imports.

    >>> sorted(bound_names(ast.parse("if x:\\n    a = 1\\nelse:\\n    def b(): c = 2").body[0]))
    ['a', 'b']
    """
    names: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(part.name)
        elif isinstance(part, _COMPREHENSIONS):
            # Its names are its own, unless `:=` binds them.
            named = (inner for inner in ast.walk(part) if isinstance(inner, ast.NamedExpr))
            names.update(inner.target.id for inner in named)
        elif not isinstance(part, ast.Lambda):
            names |= _bound(part)
            waiting += ast.iter_child_nodes(part)
    return names
