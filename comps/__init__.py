"""Competitions: what is predicted, from which rows, by which models.

For a competition of your own, from Python:

- `table_competition`: of the rows of a DataFrame;
- `image_competition`: of images in folders or named by a table;
- `series_competition`: of series, forecast some steps ahead;
- `network`, `estimator`, `boosting`: models in one line each;
- `metric`: a metric of a function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comps.declared import boosting, estimator, network
    from comps.kinds.images import image_competition
    from comps.kinds.series import series_competition
    from comps.kinds.table import table_competition
    from comps.metrics import metric

__all__ = [
    "boosting",
    "estimator",
    "image_competition",
    "metric",
    "network",
    "series_competition",
    "table_competition",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from comps.declared import boosting, estimator, network
    from comps.kinds.images import image_competition
    from comps.kinds.series import series_competition
    from comps.kinds.table import table_competition
    from comps.metrics import metric

    found = (
        boosting,
        estimator,
        image_competition,
        metric,
        network,
        series_competition,
        table_competition,
    )
    return dict(zip(__all__, found, strict=True))[name]


def __dir__() -> list[str]:
    """Return the public names, which a notebook completes."""
    return __all__
