"""Modules of the project: their files, and the names that they bind. None is imported."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from comps.base import CodeError
from pipelines.code._names import bound_names
from pipelines.code._statement import (
    Statement,
    Target,
    import_targets,
    is_text,
    loaded_targets,
)

# This project's own packages count as such where they are installed, too.
_OWN = {"comps", "ensembles", "pipelines", "submissions"}
_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.FunctionDef, ast.ClassDef)
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Kind(Enum):
    """Where a module comes from."""

    PROJECT = "project"
    LIBRARY = "library"
    STANDARD = "standard library"


class Module:
    """A module of the project, by its syntax tree.

    Args:
        name: its full name.
        path: its file; None for a folder without `__init__.py`.
        folders: where its submodules lie; empty for a plain module.
        content: of the file.

    Raises:
        CodeError: if the file is no Python.
    """

    def __init__(
        self, name: str, path: Path | None, folders: Sequence[Path], content: bytes
    ) -> None:
        self.name, self.path, self.folders = name, path, folders
        # Whether names may be bound that no statement shows.
        self.opaque = path is not None and path.suffix != ".py"
        self.package = name if folders else name.rpartition(".")[0]
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError) as error:
            raise CodeError(
                f"{path} cannot be read as Python ({error}), and results depend on it. Correct it."
            ) from error
        self.imports: dict[str, list[Target]] = defaultdict(list)
        self.loads: list[Target] = []
        self.definitions: dict[str, list[Statement]] = defaultdict(list)
        self.effects: list[Statement] = []
        for node in tree.body:
            if not is_text(node):
                self._enter(node)
        self.opaque |= "__getattr__" in self.definitions
        self.opaque |= any(kind_of(star.module) is Kind.LIBRARY for star in self.stars)

    def _enter(self, node: ast.stmt) -> None:
        statement = Statement(node, self.package)
        conditional = isinstance(node, ast.If) and _never_or_main(node.test)
        if not isinstance(node, _Definition):
            self._enter_imports(node, loaded=not conditional)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return
        for name in bound_names(node):
            self.definitions[name].append(statement)
        if not conditional and not isinstance(node, (*_SIMPLE, *_Definition)):
            self.effects.append(statement)

    def _enter_imports(self, node: ast.stmt, *, loaded: bool) -> None:
        for part in ast.walk(node):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                for bound, target in import_targets(part, self.package):
                    self.imports[bound].append(target)
                if loaded:
                    self.loads += loaded_targets(part, self.package)

    @property
    def stars(self) -> list[Target]:
        """The modules from which all names are imported (`import *`)."""
        return self.imports.get("*", [])

    def binds(self, name: str) -> bool:
        """Whether a name is bound in the module."""
        return name in self.imports or name in self.definitions

    @cached_property
    def statements(self) -> list[Statement]:
        """Everything in it but imports, each statement once."""
        found = [*self.effects, *(s for own in self.definitions.values() for s in own)]
        return list({id(statement): statement for statement in found}.values())

    def submodules(self) -> Iterator[str]:
        """Yield the names of all modules in its folders."""
        for folder in self.folders:
            for path in sorted(folder.rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                parts = parts[:-1] if parts[-1] == "__init__" else parts
                if parts and all(part.isidentifier() for part in parts):
                    yield ".".join([self.name, *parts])


def _never_or_main(test: ast.expr) -> bool:
    """Whether a block is skipped when the module is imported: for type checkers, or a program."""
    text = ast.unparse(test)
    return text.rpartition(".")[2] == "TYPE_CHECKING" or text == "__name__ == '__main__'"


@dataclass(frozen=True)
class _Place:
    """Where a module lies: its file, if it has one, and the folders of its submodules."""

    path: Path | None
    folders: tuple[Path, ...]


def kind_of(module: str) -> Kind:
    """Return where a module comes from; what is not installed counts as a library."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return Kind.STANDARD
    place = _find(top)
    if top in _OWN or (place is not None and _lies_outside(place)):
        return Kind.PROJECT
    return Kind.LIBRARY


def is_found(module: str) -> bool:
    """Whether the top package of a module can be imported."""
    return _find(module.partition(".")[0]) is not None


@cache
def _lies_outside(place: _Place) -> bool:
    """Whether a module lies outside the folders of installed libraries."""
    paths = [place.path] if place.path else list(place.folders)
    return bool(paths) and not any(
        _holds_libraries(folder) for path in paths for folder in path.resolve().parents
    )


@cache
def _holds_libraries(folder: Path) -> bool:
    """Whether pip installs libraries in a folder: here, elsewhere, or with `--target`."""
    if folder in _INSTALLED or folder.name in ("site-packages", "dist-packages"):
        return True
    return any(folder.glob("*.dist-info"))


def find_module(name: str) -> Module | None:
    """Return a module of the project; None if there is none of that name.

    Raises:
        CodeError: if its file cannot be read.
    """
    if name not in _modules:
        place = _find(name)
        if place is None:
            return None
        _modules[name] = _read(name, place)
    return _modules[name]


def refresh() -> bool:
    """Forget the modules whose files changed since they were read; return whether one did."""
    changed = {path for path, state in _states.items() if _state(path) != state}
    if not changed:
        return False
    _found.clear()
    for path in changed:
        del _states[path]
    for name in [name for name, module in _modules.items() if module.path in changed]:
        del _modules[name]
    return True


_modules: dict[str, Module] = {}
_states: dict[Path, tuple[int, int] | None] = {}


def _state(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file, which tell that it changed; None if it is gone."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def _read(name: str, place: _Place) -> Module:
    if place.path is None:
        return Module(name, None, place.folders, b"")
    # Before it is read: a change meanwhile must be seen later.
    _states[place.path] = _state(place.path)
    try:
        content = place.path.read_bytes()
    except OSError as error:
        raise CodeError(f"{place.path} cannot be read: {error.strerror or error}.") from error
    if place.path.suffix != ".py":
        # Compiled code is what it is.
        content = f"compiled = {content!r}".encode()
    return Module(name, place.path, place.folders, content)


# Only what is there is remembered: a module may be written while the process goes on.
_found: dict[str, _Place] = {}


def _find(name: str) -> _Place | None:
    if name not in _found:
        spec = _spec(name)
        place = None if spec is None else _place(spec)
        if place is None:
            return None
        _found[name] = place
    return _found[name]


def _spec(name: str) -> ModuleSpec | None:
    """Return the specification of a module; its parents are not imported."""
    parent, _, _ = name.rpartition(".")
    if name == "__main__":  # it is the program that was started, whatever that is
        return None
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:  # it was made by hand
            return None
    above = _find(parent)
    folders = [str(folder) for folder in above.folders] if above else []
    return PathFinder.find_spec(name, folders) if folders else None


def _place(spec: ModuleSpec) -> _Place | None:
    folders = tuple(Path(folder) for folder in spec.submodule_search_locations or ())
    if spec.origin is None or not spec.has_location:
        return _Place(None, folders) if folders else None
    return _Place(Path(spec.origin), folders)
