"""Ids: those of the test file, to the character, are those of the submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted, some

if TYPE_CHECKING:
    import pandas as pd


def checked_ids(ids: pd.Series, name: str) -> NDArray[np.generic]:
    """Return ids as whole numbers, if that loses no character of any, else as texts.

    Args:
        ids: [n] as texts (or whole numbers).
        name: of the file, for messages.

    Raises:
        DataError: if an id is missing or duplicate.

    >>> import pandas as pd
    >>> checked_ids(pd.Series(["1", "2"]), "a.csv"), checked_ids(pd.Series(["01", "2"]), "a.csv")
    (array([1, 2]), array(['01', '2'], dtype='<U2'))
    """
    if ids.isna().any():
        raise DataError(f"{name} has {counted(int(ids.isna().sum()), 'row')} without an id.")
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"{name} has {counted(len(twice), 'duplicate id')}: {some(twice)}. Keep one row of "
            "each."
        )
    if ids.dtype.kind in "iu" and (ids.dtype.kind == "i" or ids.max() < 2**63):
        return ids.to_numpy(dtype=np.int64)
    texts = np.array([str(value) for value in ids], dtype=np.str_)
    return _whole(texts)


def check_same_ids(
    sample: Sequence[object] | NDArray[np.generic],
    test: Sequence[object] | NDArray[np.generic],
    sample_name: str = "sample_submission.csv",
    test_name: str = "test.csv",
) -> None:
    """Check that the sample submission has the ids of the test rows, to the character.

    Args:
        sample: ids of the sample submission, as `checked_ids` returns them.
        test: those of the test rows.
        sample_name: of the file, for messages.
        test_name: of the file, for messages.

    Raises:
        DataError: that names the first ids which one of them lacks, with both counts.

    >>> check_same_ids(["1.0", "3"], ["1", "2", "3"])
    Traceback (most recent call last):
    comps.base.errors.DataError: The ids of sample_submission.csv (2) and test.csv (3) differ: ...
    """
    given, wanted = list(map(str, sample)), list(map(str, test))
    lacking, more = set(wanted) - set(given), set(given) - set(wanted)
    if not (lacking or more):
        return
    problems = [
        f"{counted(len(found), f'of {here} is', f'of {here} are')} not in {there} "
        f"({some(i for i in ids if i in found)})"
        for found, ids, here, there in (
            (lacking, wanted, test_name, sample_name),
            (more, given, sample_name, test_name),
        )
        if found
    ]
    alike = {_number(text) for text in lacking} & {_number(text) for text in more} - {None}
    hint = (
        " As numbers many are the same: write the ids in both files in one way."
        if alike
        else " One of the files may be truncated, or from another edition."
    )
    raise DataError(
        f"The ids of {sample_name} ({len(given)}) and {test_name} ({len(wanted)}) differ: "
        f"{'; '.join(problems)}.{hint}"
    )


def _whole(texts: NDArray[np.str_]) -> NDArray[np.generic]:
    """Return texts as numbers of 64 bits, if they are written as Python writes these."""
    try:
        numbers = np.array([int(text) for text in texts], dtype=np.int64)
    except (ValueError, OverflowError):
        return texts
    return numbers if (numbers.astype(np.str_) == texts).all() else texts


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
