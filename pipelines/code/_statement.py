"""A statement of a module: its content without comments, and the names that it uses."""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pipelines.code._names import Mentions

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
        """A text that is equal for equal code; comments, docstrings and place do not count."""
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
        mentions = Mentions()
        for part in parts:
            mentions.visit(part.func if isinstance(part, ast.Call) else part, frozenset())
        return mentions.chains

    @property
    def is_data(self) -> bool:
        """Whether it defines a value and no function or class."""
        return not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))

    @property
    def decorated(self) -> bool:
        """Whether it is a decorated function or class."""
        return bool(getattr(self.node, "decorator_list", ()))

    @property
    def hooks_subclasses(self) -> bool:
        """Whether it is a class with `__init_subclass__`."""
        return isinstance(self.node, ast.ClassDef) and any(
            getattr(part, "name", "") == "__init_subclass__" for part in self.node.body
        )

    @cached_property
    def texts(self) -> list[str]:
        """The string constants in it."""
        nodes = ast.walk(self.node)
        return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]

    @cached_property
    def _mentions(self) -> Mentions:
        mentions = Mentions()
        mentions.visit(self.node, frozenset())
        return mentions


def import_targets(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Target]]:
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
