"""Levels in one spelling, with words for "missing" and unknown ones counted."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import DataError
from comps.reading.column import Column
from comps.reading.levels import as_levels
from comps.reading.missing import MISSING

KNOWN = ("Gd", "TA", "Fa")


def column(cells: list[str | None], file: str = "train.csv") -> Column:
    return Column("kitchen", pd.Series(cells, dtype=object), file)


def read(cells: list[str | None], **options: object) -> list[str | None]:
    return as_levels(column(cells), **options).train.tolist()  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["a", "b", "dd", "x y", "1"]), max_size=20))
def test_levels_in_one_spelling_stay_as_they_are_without_a_note(cells: list[str]) -> None:
    found = as_levels(column([*cells]))
    assert found.train.tolist() == cells and found.notes == ()


def test_other_spellings_of_a_known_level_are_that_level_with_a_note() -> None:
    test = column(["gd", " TA ", "Gd", "FA"], "test.csv")
    found = as_levels(column(["Gd"] * 4), test, known=KNOWN)
    assert found.test is not None and found.test.tolist() == ["Gd", "TA", "Gd", "Fa"]
    (note,) = found.notes
    assert "3 cells of test.csv are written otherwise" in note and "line 2: 'gd'" in note


def test_the_most_frequent_spelling_counts_where_no_level_is_known() -> None:
    assert read(["RL", "rl", "RL", "Rl"]) == ["RL"] * 4
    train, test = column(["20", "60"] * 3), column(["20.0", "60.0"], "test.csv")
    found = as_levels(train, test)
    assert found.test is not None and found.test.tolist() == ["20", "60"]


def test_known_levels_that_differ_in_case_alone_stay_apart() -> None:
    assert read(["a", "A", "b"], known=("a", "A", "b")) == ["a", "A", "b"]


@pytest.mark.parametrize("word", sorted(set(MISSING) - {""}))
def test_words_for_missing_are_missing_with_a_note(word: str) -> None:
    found = as_levels(column(["Gd", word, "TA"]), known=KNOWN, missing=MISSING)
    assert found.train.tolist() == ["Gd", None, "TA"]
    assert len(found.notes) == 1 and "1 cell of train.csv says" in found.notes[0]
    silent = as_levels(column(["Gd", word]), known=KNOWN, missing=MISSING, words=MISSING)
    assert silent.notes == ()


def test_a_word_that_is_a_known_level_is_that_level() -> None:
    assert read(["None", "Gd"], known=("None", "Gd"), missing=MISSING) == ["None", "Gd"]


def test_words_that_may_be_levels_are_levels_unless_told() -> None:
    assert read(["unknown", "N/A", "none", None]) == ["unknown", None, "none", None]


def test_a_few_unknown_levels_are_missing_with_a_note_and_many_are_refused() -> None:
    found = as_levels(column(["Gd"] * 40 + ["Splendid"]), known=KNOWN)
    assert found.train.tolist()[-1] is None
    assert "1 cell of train.csv is no level that is known" in found.notes[0]
    assert "line 42: 'Splendid'" in found.notes[0]
    with pytest.raises(DataError, match=r"in test\.csv holds 5 cells of no level .*'1'.*Known: Gd"):
        as_levels(column(["Gd"] * 40), column(["1"] * 5, "test.csv"), known=KNOWN)


def test_test_rows_with_none_of_the_levels_are_refused() -> None:
    train = column(["20", "60", "20", "70"] * 9)
    with pytest.raises(DataError, match=r"in test\.csv holds a level of train\.csv: 'SC20'.*'20'"):
        as_levels(train, column(["SC20", "SC60"] * 9, "test.csv"))
    names = column([f"name {number}" for number in range(36)])
    found = as_levels(names, column([f"other {number}" for number in range(18)], "test.csv"))
    assert found.notes == ()
