"""Tables from CSV files: to the character, and nothing that can be read in two ways."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import DataError
from comps.reading.delimited import ALL, _is_padded, read_table
from comps.reading.records import records

CELLS = st.text("ab'\" \n#.-0é🙂", max_size=6)
NAMES = st.text("abé _", min_size=1, max_size=4).filter(str.strip)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Return names of columns, and rows of any texts."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    row = st.lists(CELLS, min_size=len(names), max_size=len(names))
    return names, draw(st.lists(row, min_size=1, max_size=6))


def written(rows: list[list[str]], delimiter: str = ",", end: str = "\n", **how: int) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, **how).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


@given(
    tables(),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_table_comes_back_to_the_character(
    table: tuple[list[str], list[list[str]]], delimiter: str, end: str, quoting: int
) -> None:
    names, rows = table
    # One column of spaces alone is blank lines, and is not a table.
    if len(names) == 1:
        quoting = csv.QUOTE_ALL
    found = read_table(written([names, *rows], delimiter, end, quoting=quoting), "a.csv", text=ALL)
    assert list(found.frame) == names
    assert found.frame.fillna("").to_numpy().tolist() == rows


@given(tables(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_each_row_knows_the_line_on_which_it_begins(
    table: tuple[list[str], list[list[str]]], end: str, last: bool
) -> None:
    names, rows = table
    content = written([names, *rows], end=end, quoting=csv.QUOTE_ALL)
    found = read_table(content if last else content.removesuffix(end.encode()), "a.csv", text=ALL)
    newlines = [sum(cell.count("\n") for cell in row) + 1 for row in [names, *rows]]
    assert found.lines.tolist() == [1 + sum(newlines[:row]) for row in range(1, len(newlines))]


@given(st.text('ab,"\n\r ', max_size=40))
def test_fields_are_counted_as_pythons_reader_divides_them(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    counted = records(text.encode(), ",").counts.tolist()
    written_blank = [row for row in rows if len(row) != 1 or row[0].strip() or '"' in text]
    # A line of quotation marks alone is a cell; one of spaces alone is none.
    if '"' not in text:
        assert counted == [len(row) for row in written_blank if row]
    else:
        assert [count for count in counted if count > 1] == [len(r) for r in rows if len(r) > 1]


@given(st.text("ab,\n\r 1", max_size=60))
def test_without_quotation_marks_the_fast_way_finds_what_the_slow_one_does(text: str) -> None:
    # A quoted cell at the end changes nothing of the records before it.
    fast, slow = (records((text + "\n" + end).encode(), ",") for end in ("x,y", '"x",y'))
    assert fast.counts.tolist() == slow.counts.tolist()
    assert fast.lines.tolist() == slow.lines.tolist()
    assert fast.open_ended.tolist() == slow.open_ended.tolist()


@given(st.one_of(st.binary(max_size=60), st.text('ab,;"\n\r 1', max_size=60).map(str.encode)))
def test_any_bytes_are_a_table_with_rows_or_a_data_error(content: bytes) -> None:
    try:
        found = read_table(content, "train.csv")
    except DataError as error:
        assert str(error).startswith("train.csv")
    else:
        assert len(found.frame) == len(found.lines) > 0


# What the cells are


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=5))
def test_whole_numbers_are_never_rounded(numbers: list[int]) -> None:
    content = written([["a", "b"], *([str(number), ""] for number in numbers)])
    column = read_table(content, "a.csv").frame["a"]
    assert [int(value) for value in column] == numbers


@given(st.lists(st.one_of(st.none(), st.integers(0, 2**60)), min_size=1, max_size=5))
def test_whole_numbers_beside_empty_cells_are_never_rounded(numbers: list[int | None]) -> None:
    rows = [["" if number is None else str(number), "x"] for number in numbers]
    column = read_table(written([["a", "b"], *rows]), "a.csv").frame["a"]
    assert [None if pd.isna(value) else int(value) for value in column] == numbers


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1.5", ""], [1.5, None]),
        (["1e3", " 2"], [1000.0, 2.0]),
        (["007", "8"], ["007", "8"]),
        (["0.5", "-0.5"], [0.5, -0.5]),
        (["True", "False"], ["True", "False"]),
        (["TRUE", ""], ["TRUE", None]),
        (["1", "NA"], ["1", "NA"]),
        (["nan", "1"], ["nan", "1"]),
        (["1", "1,5"], ["1", "1,5"]),
        (["18446744073709551616", "-1"], ["18446744073709551616", "-1"]),
        (["2020-01-01", "x"], ["2020-01-01", "x"]),
        (["00:10", "07"], ["00:10", "07"]),
    ],
)
def test_plain_numbers_alone_are_numbers(cells: list[str], expected: list[object]) -> None:
    content = written([["a", "b"], *([cell, "x"] for cell in cells)])
    column = read_table(content, "a.csv").frame["a"]
    assert [None if pd.isna(value) else value for value in column] == expected


def test_columns_that_are_named_come_as_text() -> None:
    found = read_table(b"id,x\n1466.0,1.50\n007,2\n,3\n", "a.csv", text=("id",))
    assert found.frame["id"].tolist()[:2] == ["1466.0", "007"] and found.frame["id"].isna()[2]
    assert found.frame["x"].tolist() == [1.5, 2, 3]


@pytest.mark.parametrize(
    ("field", "padded"),
    [
        ("2013-01-01 05:00:00", False),
        ("room 007", False),
        ("007", True),
        (" 007", True),
        ('" 007"', True),
        ("-007", True),
        ("- 007", True),
    ],
)
def test_numbers_within_a_text_do_not_begin_with_zeros_of_a_field(field: str, padded: bool) -> None:
    # Where one does, all columns of numbers are read twice.
    assert _is_padded(f"1.5,{field}\n2,{field}\n".encode()) == padded


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_without_a_note(encoding: str) -> None:
    found = read_table("a,b\né,1\n".encode(encoding), "a.csv")
    assert found.frame.to_numpy().tolist() == [["é", 1]] and found.notes == ()
    assert list(found.frame) == ["a", "b"]


def test_another_encoding_is_a_note_with_the_first_line() -> None:
    found = read_table("a,b\nx,1\né,1\n".encode("cp1252"), "a.csv")
    assert found.frame["a"].tolist() == ["x", "é"]
    assert len(found.notes) == 1 and "line 3" in found.notes[0] and "1252" in found.notes[0]


@pytest.mark.parametrize("content", [b"a,b\n1,\0\n", b"a,b\n1,\x81\n", b"\xff\xfea"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^a\.csv is not a readable CSV file: "):
        read_table(content, "a.csv")


# Structure


def test_rows_of_another_length_are_named_by_line_and_counted() -> None:
    content = b"a,b,c\n1,2,3\n1,2\n1,2,3,4\n" + b"1\n" * 5
    message = (
        r"a\.csv is not .* 7 of 8 rows have another number of fields than the 3 of the header: "
        r"line 3 has 2, line 4 has 4, line 5 has 1, line 6 has 1, line 7 has 1 and 2 more"
    )
    with pytest.raises(DataError, match=message):
        read_table(content, "a.csv")


def test_lines_are_counted_through_cells_with_line_ends() -> None:
    with pytest.raises(DataError, match=r"1 of 2 rows .* line 4 has 1\."):
        read_table(b'a,b\n"x\ny",2\n1\n', "a.csv")


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2,\n3,4,\n", b"a,b,\n1,2,\n3,4,\n", b"a,b,\n1,2\n3,4\n"]
)
def test_a_delimiter_at_the_end_of_every_row_is_left_out_with_a_note(content: bytes) -> None:
    found = read_table(content, "a.csv")
    assert found.frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert len(found.notes) == 1 and "left out" in found.notes[0]


def test_a_delimiter_at_the_end_of_some_rows_is_refused() -> None:
    with pytest.raises(DataError, match="line 3 has 3"):
        read_table(b"a,b\n1,2\n3,4,\n", "a.csv")


def test_a_column_without_a_name_in_the_header_is_refused() -> None:
    with pytest.raises(DataError, match="names 2 columns, and each row has 3 fields"):
        read_table(b"a,b\nx,1,2\ny,3,4\n", "a.csv")


def test_columns_of_one_name_are_refused_unless_they_are_equal_or_renamed() -> None:
    content = b"x,y,x\n1,2,3\n"
    with pytest.raises(DataError, match=r"several columns called 'x', and they differ"):
        read_table(content, "a.csv")
    renamed = read_table(content, "a.csv", rename=True)
    assert renamed.frame.to_dict("list") == {"x": [1], "y": [2], "x.1": [3]}
    assert "'x'" in renamed.notes[0]
    equal = read_table(b"x,y,x\n1,2,1\n", "a.csv")
    assert equal.frame.to_dict("list") == {"x": [1], "y": [2]} and "again: 'x'" in equal.notes[0]


def test_new_names_are_never_those_of_other_columns() -> None:
    found = read_table(b"x,x,x.1\n1,2,3\n", "a.csv", rename=True)
    assert found.frame.to_dict("list") == {"x": [1], "x.2": [2], "x.1": [3]}


def test_columns_without_a_name_are_named_or_left_out() -> None:
    found = read_table(b",a,,\n0,1,,\n1,2,,\n", "a.csv")
    assert found.frame.to_dict("list") == {"Unnamed: 0": [0, 1], "a": [1, 2]}
    assert len(found.notes) == 2


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b", b"a,b\n\n\n", b'"a",b\n'])
def test_a_header_alone_has_no_rows(content: bytes) -> None:
    for text in ((), ("a",), ALL):
        with pytest.raises(DataError, match=r"^a\.csv has no rows: .* download it again"):
            read_table(content, "a.csv", text=text)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.csv .* it is empty"):
        read_table(content, "a.csv")


def test_a_file_without_a_header_is_refused_and_one_with_numbered_columns_is_not() -> None:
    with pytest.raises(DataError, match=r"line 1, holds numbers alone \(5\.1, 3\.5, 0\)"):
        read_table(b"5.1,3.5,0\n4.9,3.0,0\n", "a.csv")
    assert list(read_table(b"0,1,2\n4.9,3.0,0\n", "a.csv").frame) == ["0", "1", "2"]
    # White space that float() does not know.
    with pytest.raises(DataError, match="holds numbers alone"):
        read_table(b"\x1c1000,5\n4.9,3.0\n", "a.csv")


def test_blank_lines_and_comments_around_a_table_are_left_out() -> None:
    content = b"# made by us\n\na,b\n1,2\n\n   \n3,4\n# 2 rows\n\n"
    found = read_table(content, "a.csv")
    assert found.frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert found.lines.tolist() == [4, 7]
    assert found.notes == ("2 lines of a.csv that begin with '#' are left out.",)


def test_a_sign_of_comments_in_a_header_or_a_cell_is_kept() -> None:
    found = read_table(b"#a,b\n#1,2\n#3,4\n", "a.csv")
    assert found.frame.to_dict("list") == {"#a": ["#1", "#3"], "b": [2, 4]}


def test_an_open_quotation_mark_is_told() -> None:
    with pytest.raises(DataError, match="quotation mark .* line 3 .* never closed"):
        read_table(b'a,b\n1,2\n1,"2\n3,4\n', "a.csv")


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_the_delimiter_is_found_among_commas_in_cells(delimiter: str) -> None:
    rows = [["a", "b"], ["1,5", "x, y"], ["2,5", "z"]]
    found = read_table("\n".join(map(delimiter.join, rows)).encode(), "a.txt")
    assert found.frame.to_numpy().tolist() == rows[1:]


def test_ten_thousand_columns_are_read(tmp_path: object) -> None:
    names = [f"c{number}" for number in range(10_000)]
    content = "\n".join([",".join(names), *[",".join("1" * 10_000)] * 3]).encode()
    frame = read_table(content, "a.csv").frame
    assert frame.shape == (3, 10_000) and (frame == 1).all(axis=None)


def test_a_text_longer_than_pythons_reader_takes_is_read() -> None:
    found = read_table(b'a,b\n1,"' + b"x" * 200_000 + b'"\n', "a.csv")
    assert len(found.frame["b"][0]) == 200_000


def test_parquet_is_read_with_its_types() -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"id": [2**60 + 1, 5], "x": [1.5, np.nan], "t": ["007", "NA"]})
    found = read_table(frame.to_parquet(), "a.parquet", text=["id"])
    assert found.frame["id"].tolist() == [str(2**60 + 1), "5"]
    assert found.frame["t"].tolist() == ["007", "NA"] and found.frame["x"][0] == 1.5
    with pytest.raises(DataError, match=r"a\.parquet is not a readable Parquet file"):
        read_table(b"PAR1 and nothing", "a.parquet")


def test_truth_values_of_parquet_are_the_texts_of_csv_files() -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"y": [True, False, None]}, dtype="boolean")
    parquet, csv_file = frame.to_parquet(), frame.to_csv(index=False).encode()
    found = [read_table(content, "a", text=ALL).frame for content in (parquet, csv_file + b"\n")]
    assert [cells["y"].tolist()[:2] for cells in found] == [["True", "False"]] * 2
    assert found[0]["y"].isna()[2]


@pytest.mark.parametrize("cells", [[[1, 2], [3]], [{"a": 1}, {"a": 2}]])
@pytest.mark.parametrize("text", [(), ALL])
def test_lists_and_structs_of_parquet_are_refused_by_name(cells: list[object], text: Any) -> None:
    pytest.importorskip("pyarrow")
    content = pd.DataFrame({"x": [1, 2], "tags": cells}).to_parquet()
    with pytest.raises(DataError, match=r"^a\.parquet has lists .* in 'tags', .* Leave them out"):
        read_table(content, "a.parquet", text=text)
