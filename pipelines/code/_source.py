"""Source of functions and classes without a name in a module: of notebooks, or made by others."""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import types
from collections.abc import Mapping, Sequence
from functools import cache

from comps.base import CodeError


def function_source(function: types.FunctionType, name: str) -> Sequence[ast.AST]:
    """Return the syntax trees that may define a function: one line may hold several lambdas.

    Raises:
        CodeError: if there is no source; `name` is what it calls the function.
    """
    code = function.__code__
    return _found(
        name,
        function,
        [
            node
            for node in ast.walk(_tree(code.co_filename, function.__globals__))
            if _first_line(node) == code.co_firstlineno
            and getattr(node, "name", "<lambda>") == code.co_name
        ],
    )


def closed_values(function: types.FunctionType) -> dict[str, object]:
    """Return the values that a function uses of the functions around it: its closure."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # it has no value yet
            found[name] = cell.cell_contents
    return found


def class_source(own: type, name: str) -> Sequence[ast.AST]:
    """Return the syntax tree of a class; of a notebook, where one of its methods was written.

    Raises:
        CodeError: if there is no source, or a function made the class, which may hold values of
            that function; `name` is what it calls the class.
    """
    methods = [part for part in vars(own).values() if isinstance(part, types.FunctionType)]
    files = {inspect.unwrap(method).__code__.co_filename for method in methods} - {"<string>"}
    with contextlib.suppress(OSError, TypeError):
        files |= {inspect.getsourcefile(own) or ""}
    nodes = [
        node
        for file in sorted(files)
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.ClassDef) and node.name == own.__name__
    ]
    return _found(name, own, [] if "<locals>" in own.__qualname__ else nodes)


def _found(
    name: str, value: type | types.FunctionType, nodes: Sequence[ast.AST]
) -> Sequence[ast.AST]:
    if not nodes:
        raise CodeError(
            f"Results depend on '{name}' ({value.__qualname__}), and its source cannot be found. "
            "Write it in a module, or in a cell of a notebook outside of other functions."
        )
    return nodes


def _tree(file: str, around: Mapping[str, object] | None = None) -> ast.AST:
    return _parsed("".join(linecache.getlines(file, None if around is None else {**around})))


@cache
def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except SyntaxError:
        # Such as a cell with commands of the notebook in it, which is not what was run.
        return ast.Module([], [])


def _first_line(node: ast.AST) -> int | None:
    """Return the line at which Python says that a function begins: its first decorator's."""
    if isinstance(node, ast.Lambda):
        return node.lineno
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.decorator_list[0].lineno if node.decorator_list else node.lineno
    return None
