"""The tables of a competition in Kaggle's usual forms: which file is which, and their rows."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from comps.base import AmbiguousError, DataError, some, unknown_name
from comps.reading.archives import Files, files_fingerprint, find_tables, open_files
from comps.reading.delimited import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

# Documents of Excel and LibreOffice.
_SHEETS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
PARTS = ("train", "test", "sample")


@dataclass(frozen=True, eq=False)
class Tables:
    """The files of a competition, read when they are needed.

    Attributes:
        path: of the archive, the folder or the file.
        names: the file of each part, by "train", "test" and "sample".
        others: further tables.
        files: all files.
    """

    path: Path
    names: Mapping[str, str]
    others: Sequence[str]
    files: Files = field(repr=False)

    def read(self, part: str, text: Container[str] = ()) -> Table | None:
        """Return the table of a part, or None where there is none.

        Args:
            part: "train", "test" or "sample".
            text: columns whose cells are wanted to the character, see `read_table`.
        """
        if part not in self.names:
            return None
        name = self.names[part]
        return read_table(self.files.read(name), name, text=text)

    @cached_property
    def extra(self) -> dict[str, pd.DataFrame]:
        """The further tables, by the names of their files without endings."""
        return {stem(name): read_table(self.files.read(name), name).frame for name in self.others}

    def fingerprint(self) -> str:
        """Return a text that is equal for equal content of all tables."""
        parts = dict(self.names) | {stem(name): name for name in self.others}
        return files_fingerprint({part: self.files.read(name) for part, name in parts.items()})


def tables_of(path: Path, chosen: Mapping[str, str] | None = None) -> Tables:
    """Return the tables of an archive, a folder or a single file.

    Args:
        path: where they are.
        chosen: files by part, where their names do not say it.

    Raises:
        DataError: if there is no table of training rows.
        AmbiguousError: if several files may be a part.
    """
    files = open_files(path)
    found = find_tables(files)
    if not found:
        save = " Save the sheets as CSV files." if any(map(_is_sheet, files.names())) else ""
        raise DataError(
            f"{path} holds no table (csv, tsv, parquet). It holds: {some(files.names())}.{save}"
        )
    names: dict[str, str] = {}
    for part in PARTS:
        if chosen and chosen.get(part):
            names[part] = _named(chosen[part], found)
    for part in PARTS:
        if part not in names:
            candidates = [name for name in found if part_of(name) == part]
            if candidates:
                names[part] = _only(part, candidates)
    for name in filter(_is_sheet, files.names()):
        if (part := part_of(name)) is not None and part not in names:
            raise DataError(
                f"{name} is a document of a spreadsheet, which is not read here. Save it as a CSV "
                f"file, or remove it if it is not the {part} part."
            )
    if "train" not in names:
        rest = [name for name in found if name not in names.values()]
        if len(rest) != 1:
            raise AmbiguousError(
                f"Which file of {path} holds the training rows?", rest, "--train-file"
            )
        names["train"] = rest[0]
    return Tables(path, names, [n for n in found if n not in names.values()], files)


def _is_sheet(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _SHEETS


def part_of(name: str) -> str | None:
    """Return which part a file's name says it is, or None.

    >>> [part_of(name) for name in ("labeledTrainData.tsv", "sampleSubmission.csv", "stores.csv")]
    ['train', 'sample', None]
    """
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem(name)).lower()))
    if words & {"submission", "submit", "sample", "samplesubmission"}:
        return "sample"
    for part, known in (("train", {"train", "training"}), ("test", {"test", "testing"})):
        if words & known and not words & {"label", "labels", "target", "targets"}:
            return part
    return None


def stem(name: str) -> str:
    """Return the name of a file without folders and endings.

    >>> stem("data/train.csv.gz")
    'train'
    """
    return PurePosixPath(name).name.partition(".")[0]


def _only(part: str, candidates: Sequence[str]) -> str:
    """Return the file of a part: the one whose name says no more, else the only one."""
    plain = [name for name in candidates if stem(name).lower() in (part, "sample_submission")]
    best = plain or candidates
    if len(best) == 1:
        return best[0]
    raise AmbiguousError(f"Several files may hold the {part} part.", list(best), f"--{part}-file")


def _named(wanted: str, found: Sequence[str]) -> str:
    for name in found:
        if wanted in (name, PurePosixPath(name).name, stem(name)):
            return name
    raise unknown_name("table called", wanted, found)
