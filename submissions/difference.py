"""How two submissions of the same rows differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Array, Competition, Prediction

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Difference:
    """How one submission differs from another.

    Attributes:
        rows: that both have.
        changed: share of these in which any value differs.
        correlation: of the ranks of all values; None of labels, and where all values are equal.
        largest: the largest change of a value; None of labels.
    """

    rows: int
    changed: float
    correlation: float | None = None
    largest: float | None = None

    @property
    def text(self) -> str:
        """The difference in words."""
        if not self.changed:
            return f"all {self.rows:,} rows are equal"
        text = f"{self.changed:.1%} of {self.rows:,} rows differ"
        if self.largest is not None:
            text += f", by {self.largest:.4g} at most"
        if self.correlation is not None:
            text += f"; correlation of ranks {self.correlation:.4f}"
        return text

    @property
    def distance(self) -> float:
        """How different the two are: one less the correlation, or the share of other labels."""
        return self.changed if self.correlation is None else 1 - self.correlation


def difference(
    competition: Competition, one: pd.DataFrame, other: pd.DataFrame
) -> Difference | None:
    """Return how two submissions differ, joined on their ids; None where nothing can be compared.

    That is where they have no row in common, or one lacks a column of predictions or holds no
    numbers in it: what is submitted may have changed between them.

    Args:
        competition: says which columns hold ids and predictions.
        one: a submission.
        other: an earlier one.

    >>> from comps.house_prices.competition import HOUSE_PRICES
    >>> import pandas as pd
    >>> one = pd.DataFrame({"Id": [1, 2, 3], "SalePrice": [10.0, 20.0, 30.0]})
    >>> found = difference(HOUSE_PRICES, one, one.assign(SalePrice=[10.0, 20.0, 40.0]))
    >>> found.text
    '33.3% of 3 rows differ, by 10 at most; correlation of ranks 1.0000'
    """
    columns = list(competition.submitted)
    ids = competition.id_column
    if any({ids, *columns} - set(table.columns) for table in (one, other)):
        return None
    first = one.set_index(one[ids].astype(str))[columns]
    second = other.set_index(other[ids].astype(str))[columns]
    both = first.index.intersection(second.index)
    if both.empty:
        return None
    first, second = first.loc[both], second.loc[both]
    changed = float((first.to_numpy() != second.to_numpy()).any(axis=1).mean())
    if competition.submits not in (Prediction.VALUE, Prediction.PROBABILITY):
        return Difference(len(both), changed)
    try:
        values = np.stack([table.to_numpy(np.float64).ravel() for table in (first, second)])
    except ValueError:
        return None
    largest = float(np.abs(values[0] - values[1]).max())
    return Difference(len(both), changed, _rank_correlation(values), largest)


def _rank_correlation(values: Array) -> float | None:
    from scipy.stats import rankdata

    if (values.min(axis=1) == values.max(axis=1)).any():
        return None
    ranks = rankdata(values, axis=1)
    return float(np.corrcoef(ranks)[0, 1])
