"""Spoil submissions and data in every way that people do, and print what is said of each.

`python -m tests.faults.spoiled` prints two tables. What is said is the sentence that refuses the
file, or the first note or finding that clean files do not have.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import pipelines
from comps.base import WorkbenchError
from pipelines.api.scoring import check_scale, read_file
from submissions import check_submission
from tests.support import TINY, load_tiny, write_tiny

# Prices are above nought.
PRICED = replace(TINY, valid_range=(5e-324, float("inf")))

Spoil = Callable[[bytes], bytes]

# Submissions


def rows(change: Callable[[list[str]], list[str]]) -> Spoil:
    """Return what changes the lines below the header."""

    def spoil(content: bytes) -> bytes:
        head, *lines = content.decode().splitlines()
        return ("\n".join([head, *change(lines)]) + "\n").encode()

    return spoil


def cells(column: int, change: Callable[[str], str], every: int = 1) -> Spoil:
    """Return what changes the cells of a column, in each so many rows."""

    def line(number: int, text: str) -> str:
        parts = text.split(",")
        if number % every == 0:
            parts[column] = change(parts[column])
        return ",".join(parts)

    return rows(lambda lines: [line(number, text) for number, text in enumerate(lines)])


def text(old: str, new: str, count: int = -1) -> Spoil:
    """Return what replaces a text."""
    return lambda content: content.decode().replace(old, new, count).encode()


def packed(content: bytes) -> bytes:
    """Return a zip of the file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("submission.csv", content)
    return written.getvalue()


SUBMISSIONS: Mapping[str, Spoil] = {
    "nothing in the file": lambda content: b"",
    "the header alone": rows(lambda lines: []),
    "no header": lambda content: content.split(b"\n", 1)[1],
    "no ids": lambda content: b"\n".join(line.split(b",")[1] for line in content.split()) + b"\n",
    "no predictions": lambda content: b"\n".join(c.split(b",")[0] for c in content.split()),
    "another name for the ids": text("id", "Id", 1),
    "another name for the target": text("price", "prediction", 1),
    "columns in the other order": lambda content: b"\n".join(
        b",".join(line.split(b",")[::-1]) for line in content.split()
    ),
    "the index of pandas as a column": lambda content: b",".join([b"", content]),
    "a row missing": rows(lambda lines: lines[1:]),
    "half of the rows": rows(lambda lines: lines[::2]),
    "a row too many": rows(lambda lines: [*lines, "99999,1000"]),
    "an id twice": rows(lambda lines: [*lines[:-1], lines[0]]),
    "two rows exchanged": rows(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "sorted the other way": rows(lambda lines: lines[::-1]),
    "ids of the training rows": cells(0, lambda cell: str(int(cell) - 120)),
    "ids off by one": cells(0, lambda cell: str(int(cell) + 1)),
    "ids as fractions": cells(0, lambda cell: f"{cell}.5"),
    "ids counted from nought": rows(
        lambda lines: [f"{i},{line.split(',')[1]}" for i, line in enumerate(lines)]
    ),
    "a cell without a value": cells(1, lambda cell: "", 7),
    "NaN": cells(1, lambda cell: "nan", 7),
    "infinity": cells(1, lambda cell: "inf", 7),
    "a word": cells(1, lambda cell: "unknown", 7),
    "a price below nought": cells(1, lambda cell: f"-{cell}", 7),
    "a price of nought": cells(1, lambda cell: "0", 7),
    "logarithms": cells(1, lambda cell: str(np.log1p(float(cell)))),
    "a unit of thousands": cells(1, lambda cell: str(float(cell) / 1000)),
    "thousands apart": cells(1, lambda cell: f'"{float(cell):.0f}"'.replace("000", ",000")),
    "a currency": cells(1, lambda cell: f"${cell}"),
    "prices in brackets, as lists": cells(1, lambda cell: f"[{cell}]"),
    "cut in the middle": lambda content: content[: len(content) // 2],
    "a web page": lambda content: b"<!DOCTYPE html><title>Sign in</title>",
    "a damaged zip": lambda content: packed(content)[:-30],
    "numbers of no text": lambda content: content + b"\0\0\0",
    "a column for each class": text("price", "price,cheap", 1),
}


def clean_submission(folder: Path) -> bytes:
    """Return a good submission of the tiny competition."""
    test = load_tiny(write_tiny(folder)).test_ids
    lines = (f"{name},{60000 + 1000 * number}" for number, name in enumerate(test))
    return ("id,price\n" + "\n".join(lines) + "\n").encode()


CLEAN_SUBMISSIONS: Mapping[str, Spoil] = {
    "as it is": lambda content: content,
    "lines end as on Windows": text("\n", "\r\n"),
    "with a mark of byte order": lambda content: b"\xef\xbb\xbf" + content,
    "quoted": cells(0, lambda cell: f'"{cell}"'),
    "with decimals": cells(1, lambda cell: f"{cell}.25"),
    "in exponents": cells(1, lambda cell: f"{float(cell):.6e}"),
    "packed": packed,
}


def said_of_submission(content: bytes, folder: Path) -> str:
    """Return what refuses a submission of the tiny competition; an empty text if nothing does."""
    path = folder / "submission.csv"
    path.write_bytes(content)
    dataset = load_tiny(write_tiny(folder / "tiny"))
    try:
        frame = read_file(path).frame
        check_submission(PRICED, dataset, frame)
        check_scale(PRICED, dataset, frame)
    except WorkbenchError as error:
        return str(error).replace("The submission is not valid.\n- ", "").replace(f"{folder}/", "")
    return ""


# Data

Tables = dict[str, pd.DataFrame]
Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame | None]


def data() -> Tables:
    """Return clean tables of texts: numbers, towns, a date and a price."""
    with tempfile.TemporaryDirectory() as made:
        path = write_tiny(Path(made))
        tables = {
            name: pd.read_csv(path / f"{name}.csv", dtype=str).fillna("")
            for name in ("train", "test")
        }
    for table in tables.values():
        days = np.arange(len(table)) * 37 % 900
        table.insert(4, "sold", (np.datetime64("2020-01-01") + days).astype(str))
    return tables


def on(name: str, change: Change) -> Callable[[Tables], Mapping[str, pd.DataFrame | bytes]]:
    """Return what changes one of the tables, or both."""

    def spoil(tables: Tables) -> Mapping[str, pd.DataFrame | bytes]:
        chance = np.random.default_rng(0)
        names = ("train", "test") if name == "both" else (name,)
        for each in names:
            made = change(tables[each].copy(), chance)
            assert made is not None
            tables[each] = made
        return tables

    return spoil


def put(column: str, value: str, rows: slice | list[int] = slice(3, 4)) -> Change:
    """Return what puts a value into some cells."""

    def change(table: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
        table.loc[table.index[rows], column] = value
        return table

    return change


def each(column: str, change: Callable[[str], str], every: int = 1) -> Change:
    """Return what changes the cells of a column that hold something, in each so many rows."""

    def changed(table: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
        cells = table[column].tolist()
        table[column] = [
            change(cell) if cell and not place % every else cell for place, cell in enumerate(cells)
        ]
        return table

    return changed


def whole(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Return what changes a table without chance."""
    return lambda table, chance: change(table)


def leak(make: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Change:
    """Return what adds a column that is made of the price, where there is one."""

    def change(table: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
        known = "price" in table
        price = table["price"].astype(float) if known else chance.uniform(3e4, 3e5, len(table))
        table.insert(1, "extra", make(np.asarray(price), chance).round(3).astype(str))
        return table

    return change


def written(name: str, change: Callable[[bytes], bytes]) -> Callable[[Tables], object]:
    """Return what changes the bytes of a file."""

    def spoil(tables: Tables) -> Mapping[str, pd.DataFrame | bytes]:
        content = tables[name].to_csv(index=False).encode()
        return {**tables, name: change(content)}

    return spoil


DATA: Mapping[str, Callable[[Tables], object]] = {
    # The files
    "an empty training file": written("train", lambda content: b""),
    "a header alone": on("train", whole(lambda table: table[:0])),
    "no test rows": on("test", whole(lambda table: table[:0])),
    "a file cut in the middle of a row": written("train", lambda content: content[:-9] + b"\n"),
    "a row with a field too many": written("train", text("\n1001,", "\nx,1001,")),
    "an open quotation mark": written("train", text("\n1003,", '\n"1003,')),
    "bytes of no text": written("train", lambda content: content[:200] + b"\0" + content[200:]),
    "another encoding": written("train", lambda c: c.replace(b"ash", "äsh".encode("latin-1"))),
    "a web page": written("train", lambda content: b"<!DOCTYPE html><title>Sign in</title>"),
    "a damaged archive": written("train", lambda content: packed(content)[:-40]),
    # The columns
    "no target": on("train", whole(lambda table: table.drop(columns="price"))),
    "a column missing of the test rows": on("test", whole(lambda t: t.drop(columns="area"))),
    "a column renamed in the test rows": on(
        "test", whole(lambda t: t.rename({"area": "Area"}, axis=1))
    ),
    "two columns of one name": on("both", whole(lambda t: t.rename({"age": "area"}, axis=1))),
    "a column without a name": on("both", whole(lambda t: t.rename({"age": ""}, axis=1))),
    "a constant column": on("both", each("town", lambda cell: "ash")),
    "a column that is empty": on("both", each("age", lambda cell: "")),
    "a column that is empty in the test rows": on("test", each("age", lambda cell: "")),
    # Ids
    "an id twice": on("train", put("id", "1000")),
    "an id of the test rows twice": on("test", put("id", "1120")),
    "an id missing": on("test", put("id", "")),
    # Targets
    "a target missing": on("train", put("price", "")),
    "a word as target": on("train", put("price", "unknown")),
    "an infinite target": on("train", put("price", "inf")),
    "one target for all rows": on("train", each("price", lambda cell: "1000")),
    "targets with a currency": on("train", each("price", lambda cell: f"${cell}")),
    # Cells
    "a number too large for a float": on("train", put("area", "1e999")),
    "words for missing": on("both", each("age", lambda cell: "unknown", 5)),
    "-999 for missing": on("both", each("age", lambda cell: "-999", 6)),
    "a unit": on("both", each("area", lambda cell: f"{cell} m2")),
    "a unit in the training file alone": on("train", each("area", lambda cell: f"{cell} m2")),
    "two units": on("train", each("area", lambda cell: f"{cell} ft", 2)),
    "a decimal comma in the test file": on("test", each("area", lambda c: c.replace(".", ","))),
    "a word among numbers": on("train", put("area", "many")),
    "spellings of one town": on("test", each("town", str.upper, 9)),
    "a date that does not exist": on("train", put("sold", "2021-02-30")),
    "a date in another way": on("train", put("sold", "31/12/2020")),
    "a year that is a slip": on("train", put("sold", "3021-02-03")),
    "towns of the test rows that are new": on("test", each("town", lambda cell: f"{cell}-2")),
    # Rows
    "a row twice": on(
        "train", whole(lambda t: pd.concat([t, t[:40].assign(id=range(5000, 5040))]))
    ),
    "test rows among the training rows": lambda tables: {
        **tables,
        "test": tables["train"][:30].drop(columns="price").assign(id=range(5000, 5030)),
    },
    # Leaks and shifts
    "the target in another column": on("both", leak(lambda price, chance: price * 0.9)),
    "the target with noise": on(
        "both", leak(lambda price, chance: price * chance.normal(1, 0.004, len(price)))
    ),
    "a column that moved": on("test", each("area", lambda cell: str(float(cell) * 9))),
}

CLEAN_DATA: Mapping[str, Callable[[Tables], object]] = {
    "as it is": lambda tables: tables,
    "columns in another order": on("both", whole(lambda table: table[table.columns[::-1]])),
    "lines end as on Windows": written("train", text("\n", "\r\n")),
    "with a mark of byte order": written("train", lambda content: b"\xef\xbb\xbf" + content),
    "semicolons between the fields": written("train", text(",", ";")),
    "training rows shuffled": on("train", whole(lambda t: t.sample(frac=1, random_state=1))),
    "rows in another order of the test file": on("test", whole(lambda t: t[::-1])),
    "another column of noise": on(
        "both", lambda t, c: t.assign(noise=c.normal(size=len(t)).round(3).astype(str))
    ),
}


def said_of_data(spoil: Callable[[Tables], object], folder: Path) -> tuple[list[str], list[str]]:
    """Return what refuses data, or the notes and findings on them; and what is inferred of them."""
    tables = spoil(data())
    assert isinstance(tables, dict)
    for name, table in tables.items():
        content = table if isinstance(table, bytes) else table.to_csv(index=False).encode()
        (folder / f"{name}.csv").write_bytes(content)
    try:
        found = pipelines.infer(folder, metric="rmse", target="price")
        dataset = found.competition.load(folder)
        findings = pipelines.check_data(found.competition).findings
    except WorkbenchError as error:
        return [str(error).replace(f"{folder}/", "")], []
    inferred = [f"{row['what']}: {row['value']}, {row['reason']}" for row in found.rows]
    ids = [text for text in inferred if text.startswith("id: row number")]
    return [*dataset.notes, *ids, *map(str, findings)], inferred


def table_of_submissions() -> list[tuple[str, str]]:
    """Return the ways to spoil a submission, and what is said of each."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        good = clean_submission(folder / "clean")
        everything = {**{f"clean: {k}": v for k, v in CLEAN_SUBMISSIONS.items()}, **SUBMISSIONS}
        return [
            (name, said_of_submission(spoil(good), folder)) for name, spoil in everything.items()
        ]


def table_of_data() -> list[tuple[str, str]]:
    """Return the ways to spoil data, and the first thing that is said of each alone.

    What is inferred is shown before a run, too, and counts where it is another thing; of clean
    files it may be: they have other columns.
    """
    with tempfile.TemporaryDirectory() as made:
        _, usual = said_of_data(lambda tables: tables, Path(made))
    everything = {**{f"clean: {k}": v for k, v in CLEAN_DATA.items()}, **DATA}
    found = []
    for name, spoil in everything.items():
        with tempfile.TemporaryDirectory() as made:
            alarms, inferred = said_of_data(spoil, Path(made))
        if name in DATA:
            alarms += [text for text in inferred if text not in usual]
        found.append((name, alarms[0] if alarms else ""))
    return found


def lines(title: str, found: list[tuple[str, str]]) -> list[str]:
    """Return the lines of a table in Markdown; of long sentences the beginning."""
    cells = [(name, " ".join(said.replace("|", "\\|").split())) for name, said in found]
    short = [(name, said if len(said) <= 160 else f"{said[:160]} ...") for name, said in cells]
    return [f"| {title} | what is said |", "|---|---|", *(f"| {n} | {s} |" for n, s in short)]


def main() -> None:
    print(*lines("submission", table_of_submissions()), "", sep="\n")
    print(*lines("data", table_of_data()), sep="\n")


if __name__ == "__main__":
    main()
