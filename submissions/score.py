"""Scoring a submission for whoever holds the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comps.base import Competition, DataError

if TYPE_CHECKING:
    import pandas as pd


def score_submission(
    competition: Competition, submission: pd.DataFrame, solution: pd.DataFrame
) -> float:
    """Return the competition's metric; both tables in the target's own unit, joined on ids.

    A column `Usage` of the solution, as Kaggle's have it, is ignored.

    Raises:
        DataError: if columns or ids are missing, an id is there twice, or a value is no
            finite number.
    """
    columns = [competition.id_column, *competition.target_columns]
    tables = {"submission": submission, "solution": solution}
    for name, table in tables.items():
        lacking = [column for column in columns if column not in table.columns]
        if lacking:
            raise DataError(f"The {name} lacks the columns {lacking}; it has {list(table)}.")
    values = [_values(competition, name, table) for name, table in tables.items()]
    predicted, true = values
    missing = true.index.difference(predicted.index)
    unknown = predicted.index.difference(true.index)
    if len(missing) or len(unknown):
        raise DataError(
            f"The ids differ: {len(missing)} of the solution are not in the submission "
            f"({', '.join(missing[:5])}), {len(unknown)} the other way round "
            f"({', '.join(unknown[:5])})."
        )
    scale = competition.metric.scale.forward
    target = scale(true.to_numpy(dtype=np.float64))
    prediction = scale(predicted.loc[true.index].to_numpy(dtype=np.float64))
    if target.shape[1] == 1:
        target, prediction = target[:, 0], prediction[:, 0]
    return competition.metric.score(target, prediction)


def _values(competition: Competition, name: str, table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    ids = table[competition.id_column].astype(str)
    if ids.duplicated().any():
        raise DataError(f"The {name} has the id {ids[ids.duplicated()].iloc[0]} more than once.")
    values = table[list(competition.target_columns)].apply(pd.to_numeric, errors="coerce")
    low, high = competition.valid_range
    bad = ~(np.isfinite(values) & (values >= low) & (values <= high)).all(axis=1)
    if bad.any():
        raise DataError(
            f"The {name} has {int(bad.sum())} values that are no numbers between {low:g} and "
            f"{high:g}: ids {', '.join(ids[bad][:5])}."
        )
    scored: pd.DataFrame = values.set_index(pd.Index(ids))
    return scored
