"""The libraries that an exported folder needs, with their versions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

# What reads rows, and what fitted transformers are objects of.
_BASE = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
# By the file of a model; networks need their backend, too.
_OF_FILES = {
    "lightgbm.txt": "lightgbm",
    "xgboost.ubj": "xgboost",
    "catboost.cbm": "catboost",
    "target.json": "keras",
}
# Of transformers of texts; asked for where a trial loaded them.
OF_TRIAL = ("safetensors", "tokenizers")
# What the folder brings itself.
OWN = frozenset({"comps", "ensembles", "submissions", "user_competitions"})


def requirements(
    files: Iterable[str], backend: str, packages: Collection[str], loaded: Collection[str]
) -> list[str]:
    """Return the lines of a file of requirements.

    Args:
        files: names of the models' files, in which "target-3-" may come first.
        backend: of networks.
        packages: further ones that are imported.
        loaded: what a trial loaded.

    >>> [line.partition("=")[0] for line in requirements(["lightgbm.txt"], "jax", ["comps"], [])]
    ['lightgbm', 'numpy', 'pandas', 'scikit-learn', 'scipy', 'skops']
    """
    names = {*_BASE, *(name for name in OF_TRIAL if name in loaded)}
    for file in files:
        names |= {library for own, library in _OF_FILES.items() if file.endswith(own)}
    if "keras" in names:
        names.add(backend)
    brought = packages_distributions()
    for package in set(packages) - OWN:
        names |= set(brought.get(package, ())[:1])
    return [f"{name}=={version(name)}" for name in sorted(names)]


def imported(folder: Path) -> set[str]:
    """Return the packages that the Python files of a folder import, without Python's own."""
    found = {name for file in sorted(folder.rglob("*.py")) for name in _imports(file)}
    return found - set(sys.stdlib_module_names)


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
