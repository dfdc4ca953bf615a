"""Versions of the libraries that code uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from pipelines.code._modules import is_found

# Distributions whose names are not those of their packages, to spare the search through all that
# are installed; the others are found by it.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}
# Libraries that compute for another one, and have versions of their own.
_COMPUTES_FOR = {"jax": "jaxlib", "sklearn": "scipy"}


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the version of each package's distribution, None where it is not installed.

    >>> versions(["no_such_package"])
    {'no_such_package': None}
    """
    used = set(packages)
    used |= {_COMPUTES_FOR[package] for package in used & set(_COMPUTES_FOR)}
    return {package: _version(package) for package in sorted(used)}


@cache
def _version(package: str) -> str | None:
    try:
        return version(_DISTRIBUTIONS.get(package, package))
    except PackageNotFoundError:
        if not is_found(package):
            return None
        names = _by_package().get(package, ())
        return ", ".join(f"{name} {version(name)}" for name in sorted(set(names))) or None


@cache
def _by_package() -> Mapping[str, list[str]]:
    return packages_distributions()
