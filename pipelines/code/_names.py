"""The names that a syntax tree looks up, and those that it binds, by Python's scopes."""

from __future__ import annotations

import ast

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Mentions:
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
    """Whether a node is `name in sys.modules`, which uses no module."""
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
    r"""Return the names that a statement of a module binds there, but those of imports.

    >>> sorted(bound_names(ast.parse("if x:\n    a = 1\nelse:\n    def b(): c = 2").body[0]))
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
