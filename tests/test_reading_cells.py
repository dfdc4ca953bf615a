"""What the cells of a column of numbers mean, by one contract for all loaders."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import DataError
from comps.reading.cells import Column, as_numbers, share_of_numbers
from comps.reading.missing import MISSING
from comps.reading.numbers import STYLES, parse
from comps.reading.placeholders import find_placeholders

NUMBERS = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30)


def column(cells: list[object] | pd.Series, file: str = "train.csv") -> Column:
    return Column("area", pd.Series(cells), file)


def both(train: list[object], test: list[object]) -> tuple[Column, Column]:
    return column(train), column(test, "test.csv")


# Numbers


@given(NUMBERS)
def test_plain_numbers_are_what_python_reads_without_a_note(numbers: list[int]) -> None:
    texts = [str(number) for number in numbers]
    for cells in (numbers, texts):
        found = as_numbers(column(cells), words=MISSING)
        kept = [note for note in found.notes if "far from" not in note]
        assert found.train[~np.isnan(found.train)].tolist() == [
            n for n, value in zip(numbers, found.train, strict=True) if not math.isnan(value)
        ]
        assert kept == []


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "%", " km", "m2"]))
def test_a_number_with_a_unit_is_the_number(number: float, unit: str) -> None:
    written = parse(f"{number!r}{unit}")
    assert written is not None and written.unit == unit.strip()
    assert written.by_style["a decimal point"] == number


@pytest.mark.parametrize(
    ("style", "write"),
    [
        ("commas between thousands", lambda x: f"{x:,.2f}"),
        ("points between thousands", lambda x: f"{x:_.2f}".replace(".", ",").replace("_", ".")),
        ("spaces between thousands", lambda x: f"{x:_.2f}".replace("_", " ")),
        ("spaces between thousands", lambda x: f"{x:_.2f}".replace("_", "'")),
        (
            "spaces between thousands and a decimal comma",
            lambda x: f"{x:_.2f}".replace(".", ",").replace("_", "\u202f"),
        ),
        ("a decimal comma", lambda x: f"{x:.2f}".replace(".", ",")),
    ],
)
def test_numbers_in_one_way_are_converted_with_a_note(style: str, write: object) -> None:
    numbers = [1234567.25, 950.5, -12.75, 0.25, 86000.5]
    assert callable(write)
    texts = [write(number) for number in numbers]
    found = as_numbers(*both(texts, texts[::-1]))
    assert found.train.tolist() == numbers
    assert found.test is not None and found.test.tolist() == numbers[::-1]
    assert len(found.notes) == 1 and f"area: numbers have {style}: " in found.notes[0]


@pytest.mark.parametrize(
    "unit", ["$", "€", "%", "sqft", "USD", "km/h", "°C"], ids=lambda unit: unit.strip()
)
def test_one_unit_in_all_cells_is_taken_off_with_a_note(unit: str) -> None:
    before = unit in "$€USD"
    texts = [f"{unit} {n}" if before else f"{n} {unit}" for n in (12, 7, 950)]
    found = as_numbers(*both(texts, texts))
    assert found.train.tolist() == [12, 7, 950]
    assert found.notes == (f"area: numbers have the sign {unit!r}: {texts[0]!r} is 12.",)


@pytest.mark.parametrize(
    "text",
    ["large", "12:30", "2020-01-01", "01.02.2020", "3-4", "A12", "5 ft 3 in", "1.2.3", "--5", "5+"],
)
def test_texts_with_digits_are_no_numbers(text: str) -> None:
    assert parse(text) is None


# What is refused


@pytest.mark.parametrize("spoil", ["{:,}", "{} sqft", "${}", "{},5"])
def test_a_column_that_is_plain_in_one_file_alone_is_refused_with_examples(spoil: str) -> None:
    plain = [str(number) for number in range(1000, 1200)]
    spoilt = [spoil.format(number) for number in range(1000, 1050)]
    for train, test in ((plain, spoilt), (spoilt, plain)):
        with pytest.raises(DataError, match="area are written differently") as caught:
            as_numbers(*both(train, test))
        assert "train.csv has" in str(caught.value) and "test.csv has" in str(caught.value)
        assert f"line 2: {spoilt[0]!r}" in str(caught.value)
        assert "line 2: '1000'" in str(caught.value)


def test_different_units_in_two_files_are_refused() -> None:
    with pytest.raises(DataError, match="written differently: .*'m2'.*'sqft'"):
        as_numbers(*both(["5 m2", "6 m2"], ["50 sqft", "60 sqft"]))


@pytest.mark.parametrize("other", ["1,5", "1.5 kg", "$2", "1.000,5"])
def test_two_ways_in_one_column_are_refused(other: str) -> None:
    with pytest.raises(
        DataError, match=rf"in several ways: .* line 3: {other!r}".replace("$", r"\$")
    ):
        as_numbers(column(["1.25", other, "2.25", "2.5"] * 30))


def test_numbers_in_brackets_are_below_zero_with_a_note() -> None:
    cells = ["(1.35)", "2.5", "(3)", "4", "5.25"] * 4
    found = as_numbers(column(cells), column(["(7)", "8"] * 5, "test.csv"))
    assert found.train.tolist() == [-1.35, 2.5, -3, 4, 5.25] * 4
    assert found.test is not None and found.test.tolist() == [-7, 8] * 5
    assert found.notes == ("area: numbers in brackets are below zero: '(1.35)' is -1.35.",)
    # One among many whole numbers changes nothing of how the others are read.
    one = as_numbers(column([*map(str, range(60)), "(3)"])).train
    assert one.tolist() == [*range(60), -3]
    money = as_numbers(column(["$1,350,000", "($1,350,000)", "$(2,000)"] * 4))
    assert money.train.tolist() == [1350000, -1350000, -2000] * 4 and len(money.notes) == 2


def test_brackets_beside_a_minus_are_no_numbers() -> None:
    found = as_numbers(column(["(3)", "-4", *map(str, range(60))]))
    assert np.isnan(found.train[0]) and found.train[1] == -4
    assert found.notes == (
        "area: 1 cell of train.csv is no number: taken as missing. line 2: '(3)'.",
    )
    for text in ("(030)", "(-3)", "(a)", "()", "(1) (2)"):
        assert parse(text) is None


def test_thousands_in_half_of_the_cells_are_no_decimals() -> None:
    with pytest.raises(DataError, match="written in several ways|not clear"):
        as_numbers(column(["8450", "8,450"] * 50))


def test_what_may_be_thousands_or_decimals_is_refused() -> None:
    with pytest.raises(DataError, match=r"not clear what '8,450' .* 8450 .* or 8\.45"):
        as_numbers(column(["8,450", "9,600", "1,225"]))


def test_many_numbers_below_a_thousand_show_that_commas_are_between_thousands() -> None:
    cells = [f"{n:,}" for n in range(800, 1400, 3)]
    assert as_numbers(column(cells)).train.tolist() == list(range(800, 1400, 3))


def test_many_cells_that_are_no_numbers_are_refused_with_the_first_lines() -> None:
    with pytest.raises(DataError, match=r"^area must hold numbers; 20 of the 60 cells of train"):
        as_numbers(column(["1", "2", "big"] * 20))


def test_a_file_of_numbers_below_a_thousand_may_have_any_way_of_writing_thousands() -> None:
    cells = [f"{n:,}" for n in range(800, 1400, 3)]
    for test in (["950", "7"], [950, 7], ["950.5", "NA"]):
        found = as_numbers(*both(cells, test))
        assert found.train.tolist() == list(range(800, 1400, 3))
        assert found.test is not None and found.test[0] == float(test[0])
        other = as_numbers(*both(test, cells)).test
        assert other is not None and other.tolist() == list(range(800, 1400, 3))
    for test in (["950", "1000"], ["950", "1e2"]):
        with pytest.raises(DataError, match="written differently"):
            as_numbers(*both(cells, test))


# What is missing


@pytest.mark.parametrize("word", [*MISSING, "NULL", " N/A ", "None"])
def test_words_for_missing_are_missing_with_a_note(word: str) -> None:
    found = as_numbers(*both(["1", word, "3"], ["1", "2", "3"]))
    assert np.isnan(found.train).tolist() == [False, True, False]
    assert len(found.notes) == (word != "")
    assert as_numbers(column(["1", word]), words=MISSING).notes == ()


def test_a_few_cells_that_are_no_numbers_are_missing_with_a_note_that_names_them() -> None:
    test: list[object] = [str(n) for n in range(100)]
    test[10], test[20] = "big", "1,5"
    found = as_numbers(*both([str(n) for n in range(100)], test))
    assert found.test is not None and np.flatnonzero(np.isnan(found.test)).tolist() == [10, 20]
    assert found.notes == (
        "area: 2 cells of test.csv are no numbers: taken as missing. line 12: 'big', "
        "line 22: '1,5'.",
    )


@pytest.mark.parametrize("cells", [[1.0, math.inf, 2.0], ["1", "-inf", "2"], ["1", "1e999", "2"]])
def test_infinite_cells_are_missing_with_a_note(cells: list[object]) -> None:
    found = as_numbers(column(cells))
    assert np.isnan(found.train).tolist() == [False, True, False]
    assert len(found.notes) == 1 and "1 cell of train.csv is infinite" in found.notes[0]


def test_what_looks_like_a_placeholder_and_comes_again_is_one_from_nearer_on() -> None:
    for value, count, missing in ((-99.9, 3, True), (-99.9, 2, False), (999.0, 3, True)):
        cells = np.append(np.linspace(-11, 28 if value < 0 else 150, 40), [value] * count)
        assert (find_placeholders(cells).missing.tolist() == [value]) == missing
        assert len(find_placeholders(cells).notes) == 1


@pytest.mark.parametrize("value", [-9999, -999.0, 9999, 999.9, 1e30, 2147483647, -99999])
def test_a_clear_placeholder_is_missing_in_both_files(value: float) -> None:
    cells = [*np.linspace(-20, 30, 40), value]
    found = as_numbers(*both(cells, cells))
    assert found.test is not None
    assert np.flatnonzero(np.isnan(found.train)).tolist() == [40]
    assert np.flatnonzero(np.isnan(found.test)).tolist() == [40]
    assert len(found.notes) == 1 and "taken as missing" in found.notes[0]


@pytest.mark.parametrize(
    ("value", "others"),
    [
        (99999, np.arange(0, 42000, 100)),  # a cap, as in a census
        (-999, np.arange(0, 5000, 10)),
        (365243, np.arange(-17000, 0, 10)),
    ],
)
def test_a_suspected_placeholder_is_named_and_kept(value: float, others: np.ndarray) -> None:
    found = find_placeholders(np.append(others, [value] * 5).astype(float))
    assert found.missing.tolist() == []
    assert len(found.notes) == 1 and f"5 cells hold {value}" in found.notes[0]


@given(st.lists(st.floats(0, 1), min_size=5, max_size=50))
def test_ordinary_numbers_are_no_placeholders(numbers: list[float]) -> None:
    assert find_placeholders(np.array(numbers) * 9).missing.tolist() == []


def test_an_outlier_is_named_and_kept() -> None:
    found = find_placeholders(np.append(np.arange(100.0), 123456))
    assert found.missing.tolist() == [] and "1 cell holds 123456" in found.notes[0]
    assert find_placeholders(np.append(np.arange(100.0), 500)).notes == ()


def with_points(numbers: range) -> list[object]:
    return [float(f"{number:_}".replace("_", ".")) for number in numbers]


def test_points_between_thousands_beside_plain_numbers_are_refused() -> None:
    pointed, plain = with_points(range(1200, 9000, 77)), list(range(1200, 9000, 77))
    for train, test in ((pointed, plain), (plain, pointed), (pointed + plain, plain)):
        with pytest.raises(DataError, match=r"two ways: 1\.200 with a point between thousands"):
            as_numbers(*both(train, [*test]))
    for train in ([1.234, 5.678, 1200] * 9, [*np.arange(0.5, 50, 0.25), *range(1000, 1100)]):
        assert as_numbers(column(train)).train.tolist() == train


@pytest.mark.parametrize("test", [[None] * 12, ["NA", "?", ""] * 4])
def test_a_column_without_a_value_in_the_test_rows_is_refused(test: list[object]) -> None:
    train: list[object] = [str(number) for number in range(12)]
    with pytest.raises(DataError, match=r"No cell of area in test\.csv has a value, and 12 of"):
        as_numbers(*both(train, test))
    mostly: list[object] = ["1", *[None] * 30]
    assert as_numbers(*both(mostly, test), words=MISSING).notes == ()


@given(st.lists(st.sampled_from(["1", "x", "NA", "$5", ""]), max_size=20))
def test_the_share_of_numbers_is_among_cells_with_a_value(cells: list[str]) -> None:
    there = [cell for cell in cells if cell in ("1", "x", "$5")]
    share = share_of_numbers(column(pd.Series(cells, dtype=object)))
    expected = sum(cell != "x" for cell in there) / len(there) if there else 0
    assert share == pytest.approx(expected)


def test_an_empty_column_is_missing_everywhere() -> None:
    found = as_numbers(*both([None, None], ["1", "2"]))
    assert np.isnan(found.train).all() and found.notes == ()
    assert len({style.name for style in STYLES}) == len(STYLES)
