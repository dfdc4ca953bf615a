"""The rows to forecast where a sample submission alone names them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import DataError, WorkbenchError, some
from comps.kinds.series.given import Said
from comps.kinds.series.reading import Part, check_columns, keys_of, times_of

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

NAME = "the sample submission"


def sampled_rows(sample: pd.DataFrame, train: Part, said: Said) -> Part:
    """Return the rows whose ids a sample submission has: times, or key and time.

    Args:
        sample: [n] rows as texts, the ids in the first column.
        train: the training rows.
        said: their columns by role.

    Raises:
        DataError: if ids are something else.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"shop": ["a b"], "day": ["2024-01-01"], "sold": [3.0]})
    >>> ids = pd.DataFrame({"id": ["a b 2024-01-02"], "sold": ["0"]})
    >>> said = Said(time="day", target="sold", horizon=1, key="shop")
    >>> sampled_rows(ids, Part(rows, "train.csv", np.array([2])), said).rows.to_dict("list")
    {'id': ['a b 2024-01-02'], 'shop': ['a b'], 'day': ['2024-01-02']}
    """
    import pandas as pd
    from pandas.api import types

    ids = sample.iloc[:, 0]
    check_columns([train], replace(said, id=None, known=None))
    columns = {str(ids.name): ids}
    if said.key is None:
        times = ids
    else:
        pairs = _divided(ids, set(keys_of([train], said)[0]), said)
        columns[said.key] = pd.Series([key for key, _ in pairs], dtype=object)
        times = pd.Series([time for _, time in pairs], dtype=object)
    if types.is_numeric_dtype(train.rows[said.time]):
        times = pd.to_numeric(times, errors="coerce")
    columns[said.time] = times
    test = Part(pd.DataFrame(columns), NAME, np.arange(2, len(ids) + 2))
    try:
        times_of([train, test], said)
    except WorkbenchError:
        # Unless it is the training rows that cannot be read.
        times_of([train], said)
        raise _unreadable(ids, said) from None
    return test


def _divided(ids: Cells, keys: set[str], said: Said) -> list[tuple[str, str]]:
    """Return key and time of each id, of the longest key with which it begins.

    Raises:
        DataError: if one begins with no key.
    """
    found = []
    for text in ids.astype(str):
        places = [place for place, sign in enumerate(text) if sign == " "]
        own = next((place for place in reversed(places) if text[:place] in keys), None)
        if own is None:
            raise _unreadable(ids, said)
        found.append((text[:own], text[own + 1 :]))
    return found


def _unreadable(ids: Cells, said: Said) -> DataError:
    form = f"times of {said.time!r}"
    if said.key is not None:
        form = f"keys of {said.key!r}, a space and {form}"
    return DataError(
        f"There is no test table, and the ids of {NAME}, such as {some(map(repr, ids[:2]))}, are "
        f"not {form}: which steps are to be forecast? Add a test table with the times of these "
        "ids, or take the sample submission away: the steps after the end are forecast then."
    )
