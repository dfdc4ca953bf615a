"""The directive `public-names`: documents whatever a module offers in its `__all__`.

`automodule` finds only what lies in the module already; names that a module imports when they
are first asked for would be missing.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective


class PublicNames(SphinxDirective):
    """Documents a module: its docstring, then each of its public names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what autodoc makes of the module and its names."""
        name = self.arguments[0]
        module = import_module(name)
        lines = [f".. automodule:: {name}", ""]
        for public in _public(module):
            lines += _entry(module, public, getattr(module, public))
        text = "\n".join(lines)
        return self.parse_text_to_nodes(f"```{{eval-rst}}\n{text}\n```\n")


def _public(module: ModuleType) -> list[str]:
    """Return `__all__`, or where there is none, the names of what the module itself defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def _entry(module: ModuleType, public: str, value: Any) -> Iterator[str]:
    """Yield the lines of reStructuredText that document one name."""
    name = f"{module.__name__}.{public}"
    if inspect.isroutine(value):
        yield f".. autofunction:: {name}"
    elif inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield from (f".. auto{kind}:: {name}", "   :members:")
    else:
        yield from (f".. py:data:: {name}", "")
        yield from (f"   {line}" for line in _comment(module, public))
        if isinstance(value, Mapping):
            yield f"   Names: {', '.join(f'`{key}`' for key in value)}."
    yield ""


def _comment(module: ModuleType, public: str) -> list[str]:
    """Return the comment, marked by `#:`, of a value where it is defined."""
    origin = module.__name__
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and public in {alias.name for alias in node.names}:
            origin = node.module or origin
    return ModuleAnalyzer.for_module(origin).find_attr_docs().get(("", public), [])


def _skip(
    app: Sphinx, what: str, name: str, value: object, skip: bool, options: object
) -> bool | None:
    """Leave out `set_score_request` and the like, which scikit-learn adds to each estimator."""
    del app, what, value, skip, options
    return True if name.startswith("set_") and name.endswith("_request") else None


# What Sphinx makes of `numpy.typing.NDArray[...]`.
ARRAY = re.compile(
    r"~?numpy\.ndarray\[~?tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^\[\]]*)\]\]"
)


def _shorten(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write arrays as the source does, and defaults without source (`<factory>`) as dots."""
    del app, what, name, value, options
    short = "~numpy.typing.NDArray[\\1]"
    if signature:
        signature = ARRAY.sub(short, re.sub(r"<[^<>]*>", "...", signature))
    return signature, returns and ARRAY.sub(short, returns)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _shorten)
    return {"parallel_read_safe": True}
