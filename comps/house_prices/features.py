"""Features of the house-prices competition: a function for each kind of transformer.

- `network_table()`: a DataFrame, cleaned, with the domain features added; ordered qualities
  are numbers, the columns of `CATEGORIES` stay text. The others start from it.
- `network_features()`: two float matrices, scaled numbers and indicators of levels.
- `linear_features()`: a dense float matrix on one scale, for linear and kernel models.
- `tree_features()`: a dense float matrix, unscaled, for boosting and forests.

Each returns a new transformer that takes the raw table (79 columns) and y = log1p(SalePrice).
All that is learned (medians, modes, skewness, scales, known levels, target means) is learned
in `fit`. What the columns mean, and what NA means in each, stands in `columns`.

scikit-learn and pandas are imported when a transformer is made: declaring models stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comps.house_prices.columns import CATEGORIES

if TYPE_CHECKING:
    from sklearn.compose import make_column_selector
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, TargetEncoder

    from comps.house_prices.table import HouseTable

# Worth a curve in a linear model: sizes, ages and the overall grade.
_CURVED = ["TotalSF", "GrLivArea", "LotArea", "Age", "YearsSinceWork", "OverallQual"]
# Many levels, each with a price of its own.
_MEANS = ["Neighborhood", "MSSubClass"]


def network_table() -> HouseTable:
    """Return a transformer to a DataFrame: floats without NaN, and the text of `CATEGORIES`."""
    from comps.house_prices.table import HouseTable

    return HouseTable()


def network_features() -> Pipeline:
    """Return a transformer to two float32 arrays: "numeric", on one scale, and "levels"."""
    from sklearn.pipeline import make_pipeline

    from comps.house_prices.network_inputs import NetworkInputs

    return make_pipeline(network_table(), NetworkInputs())


def linear_features() -> Pipeline:
    """Return a transformer to a dense float matrix on one scale.

    Numbers are scaled (after log1p where skewed), some are bent by splines, levels become
    indicators, and two columns are encoded by cross-fitted target means.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    from comps.house_prices.table import LogSkewed

    spline = SplineTransformer(
        n_knots=5, degree=3, knots="quantile", include_bias=False, extrapolation="linear"
    )
    parts = ColumnTransformer(
        [
            ("numbers", make_pipeline(LogSkewed(), StandardScaler()), _numbers()),
            ("curves", make_pipeline(LogSkewed(), spline), _CURVED),
            ("levels", _levels(min_frequency=8), list(CATEGORIES)),
            ("means", make_pipeline(_target_means(), StandardScaler()), _MEANS),
        ]
    )
    return make_pipeline(network_table(), parts)


def tree_features() -> Pipeline:
    """Return a transformer to a dense float matrix: numbers as they are, levels, target means."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    parts = ColumnTransformer(
        [
            ("numbers", "passthrough", _numbers()),
            ("levels", _levels(min_frequency=10), list(CATEGORIES)),
            ("means", _target_means(), _MEANS),
        ]
    )
    return make_pipeline(network_table(), parts)


def _numbers() -> make_column_selector:
    from sklearn.compose import make_column_selector

    return make_column_selector(dtype_include="number")


def _levels(min_frequency: int) -> OneHotEncoder:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        min_frequency=min_frequency, handle_unknown="infrequent_if_exist", sparse_output=False
    )


def _target_means() -> TargetEncoder:
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import TargetEncoder

    return TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=0))
