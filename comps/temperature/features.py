"""Features of the temperature competition: a function for each kind of transformer.

- `tree_features()`: lags, differences, means and phases; NaN where unknown.
- `linear_features()`: the same, scaled, holes filled with the fold's mean, extremes bounded.
- `network_features()`: the windows themselves, over a scaled series.

Each returns a new transformer that takes `comps.base.Windows`. What is learned (means,
deviations, whether all seasons were seen) is learned in `fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from comps.temperature.lags import LagTable
    from comps.temperature.network_inputs import ScaledWindows


def tree_features() -> LagTable:
    """Return a transformer to a dense float32 matrix with NaN."""
    from comps.temperature.lags import LagTable

    return LagTable()


def linear_features() -> Pipeline:
    """Return a transformer to a dense float32 matrix on one scale, between -4 and 4."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    from comps.temperature.lags import LagTable

    return make_pipeline(
        LagTable(),
        StandardScaler(),
        SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True),
        FunctionTransformer(_bounded),
    )


def network_features() -> ScaledWindows:
    """Return a transformer to windows over a float32 series without NaN."""
    from comps.temperature.network_inputs import ScaledWindows

    return ScaledWindows()


def _bounded(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    bounded: NDArray[np.float32] = np.clip(rows, -4.0, 4.0)
    return bounded
