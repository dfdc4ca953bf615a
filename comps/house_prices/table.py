"""Transformers that learn from the houses of a fold: missing values, and skewed columns."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Array
from comps.house_prices.columns import CATEGORIES, NONE
from comps.house_prices.domain import add_domain_features


class HouseTable(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill missing values of a cleaned table from training rows, and add domain features."""

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the median frontage of each neighbourhood, and each column's median or mode."""
        # Mappings, not tables of pandas, which no fitted transformer may hold to be kept.
        self.medians_ = X.select_dtypes("number").median().fillna(0.0).to_dict()
        self.modes_ = {name: _mode(X[name]) for name in CATEGORIES}
        self.frontages_ = X.groupby("Neighborhood")["LotFrontage"].median().dropna().to_dict()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Fill what is missing, and add the domain features."""
        table = X.copy()
        unknown = table["LotFrontage"].isna()
        table["LotFrontage"] = table["LotFrontage"].fillna(
            table["Neighborhood"].map(self.frontages_).astype(float)
        )
        # A garage is mostly as old as its house; without a garage the column must say nothing.
        table["GarageYrBlt"] = table["GarageYrBlt"].fillna(table["YearBuilt"])
        for name in CATEGORIES:
            table[name] = table[name].where(table[name].notna(), self.modes_[name])
        table = table.fillna(self.medians_)
        table["FrontageUnknown"] = unknown.astype(float)
        return add_domain_features(table)


class LogSkewed(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take log1p of the columns that are skewed to the right and never negative."""

    def __init__(self, limit: float = 0.75) -> None:
        self.limit = limit

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Pick the columns with more than two values whose skewness is above the limit."""
        usable = (X.min() >= 0) & (X.nunique() > 2) & (X.skew() > self.limit)
        self.columns_ = list(X.columns[usable])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Take the logarithm of the picked columns."""
        out = X.copy()
        out[self.columns_] = np.log1p(out[self.columns_].clip(lower=0))
        return out

    def get_feature_names_out(self, names: Array | None = None) -> Array | None:
        """Return the names of the columns, unchanged."""
        return names


def _mode(levels: pd.Series) -> str:
    known = levels.mode(dropna=True)
    return str(known.iloc[0]) if len(known) else NONE
