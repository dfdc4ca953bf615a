"""Versions of the libraries that code uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

# Distributions whose names are not those of their packages, to spare the search through all that
# are installed; the others are found by it.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}


def versions(packages: Iterable[str]) -> Mapping[str, str | None]:
    """Return the version of each package's distribution, None where it is not installed.

    >>> versions(["no_such_package"])
    {'no_such_package': None}
    """
    return {package: _version(package) for package in sorted(packages)}


@cache
def _version(package: str) -> str | None:
    try:
        return version(_DISTRIBUTIONS.get(package, package))
    except PackageNotFoundError:
        names = _by_package().get(package, ())
        return " ".join(f"{name} {version(name)}" for name in sorted(set(names))) or None


@cache
def _by_package() -> Mapping[str, list[str]]:
    return packages_distributions()
