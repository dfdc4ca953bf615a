"""Data sets: parts that do not go together are refused before anything is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comps.base import DataError, Dataset
from tests.support import load_tiny


@pytest.fixture
def dataset(tiny_data: Path) -> Dataset:
    return load_tiny(tiny_data)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["area", "town"], r"missing from the test rows: 'age'\."),
        (["area", "age", "town", "rooms"], r"in the test rows alone: 'rooms'\."),
        (["area", "Age", "town"], r"missing from the test rows: 'age'; in .* alone: 'Age'\."),
        (["area", "town", "age"], r"order or number does: column 2 is 'age' and 'town'\."),
        (["area", "age", "town", "town"], r"order or number does: 3 columns and 4\."),
    ],
)
def test_other_columns_in_the_test_rows_are_refused_and_shown(
    dataset: Dataset, columns: list[str], message: str
) -> None:
    test = pd.DataFrame(np.zeros((len(dataset.test_ids), len(columns))), columns=columns)
    with pytest.raises(DataError, match=f"training and the test rows differ.*{message}"):
        replace(dataset, test=test)


def test_many_columns_that_are_missing_are_counted(dataset: Dataset) -> None:
    train = dataset.train.assign(**{f"x{number}": 0.0 for number in range(8)})
    message = r"'x0', 'x1', 'x2', 'x3', 'x4' and 3 more\."
    with pytest.raises(DataError, match=message):
        replace(dataset, train=train)


def test_rows_that_are_no_tables_have_no_columns_to_compare(dataset: Dataset) -> None:
    train, test = np.zeros((len(dataset.train_ids), 2)), np.zeros((len(dataset.test_ids), 2))
    assert replace(dataset, train=train, test=test).train.shape[1] == 2


def test_another_number_of_rows_than_ids_is_refused(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="119 training rows came with 120 ids"):
        replace(dataset, train=dataset.train[1:])
    with pytest.raises(DataError, match="119 targets came with 120 training rows"):
        replace(dataset, target=dataset.target[1:])
