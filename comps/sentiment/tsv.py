"""Kaggle's tab-separated files: a quote at both ends of a text, and others within it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from comps.base import DataError, some
from comps.reading.columns import check_names

if TYPE_CHECKING:
    import pandas as pd


def read_tsv(files: Mapping[str, bytes], name: str) -> pd.DataFrame:
    r"""Return a table of text, one column for each name in the first line.

    The quotes around a field are no part of it, and within it ``\"`` and ``""`` stand for a
    quote. Quotes are no reason to read on in the next line: reviews of Kaggle's file hold
    single ones, and neither tabs nor line breaks.

    Args:
        files: content by file name.
        name: of the file to read.

    Raises:
        DataError: if it is no UTF-8 text, has no rows, two columns of one name, or a line has too
            many or too few fields or is cut; the first such lines are named.

    >>> read_tsv({"a.tsv": b'id\treview\n"1_8"\t"So \\"good\\""\n'}, "a.tsv").loc[0, "review"]
    'So "good"'
    """
    import pandas as pd

    try:
        text = files[name].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8 text: byte {error.start} is {files[name][error.start]:#x}."
        ) from error
    # Not `splitlines`: reviews hold characters that Unicode takes for line ends.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, start=1) if line]
    if len(rows) < 2:
        raise DataError(f"{name} has no rows.")
    header = [_unquoted(field) for field in rows[0][1]]
    odd = [f"line {number}: {len(row)}" for number, row in rows if len(row) != len(header)]
    if odd:
        raise DataError(
            f"{name} must have {len(header)} fields with tabs between them in every line, as in "
            f"its first; {len(odd)} lines have another number. {', '.join(odd[:5])}."
        )
    check_names(header, header, name)
    cut = [number for number, row in rows if any(map(_is_cut, row))]
    if cut:
        raise DataError(
            f"{len(cut)} lines of {name} have a text that begins with a quotation mark and ends "
            f"without one: lines {some(cut)}. They may be cut: download the file again."
        )
    columns = zip(*([_unquoted(field) for field in row] for _, row in rows[1:]), strict=True)
    return pd.DataFrame(dict(zip(header, map(list, columns), strict=True)))


def _is_cut(field: str) -> bool:
    return field.startswith('"') and not (len(field) > 1 and field.endswith('"'))


def _unquoted(field: str) -> str:
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('\\"', '"').replace('""', '"')
    return field
