"""The versions that a process of the cluster has; two that differ would train different models.

Its functions are sent to workers as they are here, which may lack this package or have another
version of it. They import the standard library alone.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

OWN = "competition-workbench"
# What decides the bits of a prediction.
LIBRARIES = (
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "keras",
    "jax",
    "jaxlib",
    "tensorflow",
    "torch",
    "lightgbm",
    "xgboost",
    "catboost",
    "pillow",
    "tokenizers",
)
_PACKAGES = ("comps", "ensembles", "pipelines", "submissions")
_MISSING = "not installed"


def versions() -> dict[str, str]:
    """Return the version of Python, of the libraries, and of the code of this package, by name.

    >>> versions()["Python"] == platform.python_version()
    True
    """
    found = {"Python": platform.python_version(), f"{OWN} (its code)": _code()}
    for library in LIBRARIES:
        try:
            # A build for another device, such as 2.9.0+cpu, is the same version.
            found[library] = version(library).partition("+")[0]
        except PackageNotFoundError:
            found[library] = _MISSING
    return found


def _code() -> str:
    """Return a text that is equal for equal source files of this package."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return _MISSING
        root = Path(spec.origin).parent
        for file in sorted(root.rglob("*.py")):
            digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def differences(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """Return what differs, in words; a library that this process lacks is needed by no model.

    >>> differences({"keras": "3.12.0", "torch": "not installed"}, {"keras": "3.11.3"})
    ['keras 3.11.3 (3.12.0 here)']
    """
    return [
        f"{name} {there.get(name, _MISSING)} ({own} here)"
        for name, own in here.items()
        if own != _MISSING and there.get(name, _MISSING) != own
    ]
