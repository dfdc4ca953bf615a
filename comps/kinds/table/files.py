"""The tables of a competition in Kaggle's usual forms: which file is which, and their rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from comps.base import AmbiguousError, DataError, some, unknown_name
from comps.reading.archives import Files, files_fingerprint, find_tables, open_files
from comps.reading.delimited import Table, read_table
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    import pandas as pd

# Documents of Excel and LibreOffice.
_SHEETS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
# What to do with files of such endings, where there is no table.
_HINTS = (
    (_SHEETS, "Save the sheets as CSV files."),
    (
        {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"},
        "For images, name the folder of the training images: --images FOLDER "
        "(comps.image_competition in Python).",
    ),
)
PARTS = ("train", "test", "sample")
# The table of the training rows' targets, where they lie in a file of their own.
TARGETS = "targets"


@dataclass(frozen=True, eq=False)
class Tables:
    """The files of a competition, read when they are needed.

    Attributes:
        path: of the archive, the folder or the file.
        names: the file of each part, by "train", "test" and "sample"; by "targets" that of the
            training rows' targets, where the training rows themselves do not have them.
        others: further tables.
        files: all files.
        other_test: content and name of a table that takes the place of the test rows; None where
            they are among the files.
    """

    path: Path
    names: Mapping[str, str]
    others: Sequence[str]
    files: Files = field(repr=False)
    other_test: tuple[bytes, str] | None = field(default=None, repr=False)

    def with_test(self, content: bytes, name: str) -> Tables:
        """Return the same with another table of test rows, and no sample submission."""
        names = {part: own for part, own in self.names.items() if part != "sample"}
        return replace(self, names={**names, "test": name}, other_test=(content, name))

    def read(self, part: str, text: Container[str] = ()) -> Table | None:
        """Return the table of a part, or None where there is none.

        Args:
            part: "train", "test" or "sample".
            text: columns whose cells are wanted to the character, see `read_table`.
        """
        if part not in self.names:
            return None
        if part == "test" and self.other_test is not None:
            return read_table(*self.other_test, text=text)
        table = self._table(self.names[part], text)
        if part == "train" and TARGETS in self.names:
            return joined(table, self._table(self.names[TARGETS], text))
        return table

    def _table(self, name: str, text: Container[str] = ()) -> Table:
        return read_table(self.files.read(name), name, text=text)

    def lacks_targets(self) -> bool:
        """Whether the training rows have no column that may be a target."""
        train, test, sample = (self.read(part) for part in PARTS)
        assert train is not None
        if test is not None:
            return not set(train.frame) - set(test.frame)
        return sample is None or not set(sample.frame.columns[1:]) <= set(train.frame)

    def with_targets(self, name: str) -> Tables:
        """Return the same with a table of targets, which is no further table then."""
        others = [other for other in self.others if other != name]
        return replace(self, names={**self.names, TARGETS: name}, others=others)

    @cached_property
    def extra(self) -> dict[str, pd.DataFrame]:
        """The further tables, by the names of their files without endings, see `_further`."""
        return {
            called: read_table(self.files.read(name), name).frame
            for called, name in self._further.items()
        }

    @property
    def _further(self) -> dict[str, str]:
        """The files of the further tables by what these are called; paths where several clash."""
        stems = Counter(map(stem, self.others))
        return {stem(name) if stems[stem(name)] == 1 else name: name for name in self.others}

    def fingerprint(self) -> str:
        """Return a text that is equal for equal content of all tables."""
        # Apart from the parts: a further table may be called "train", too.
        further = {f"further {called}": name for called, name in self._further.items()}
        parts = further | dict(self.names)
        if self.other_test is not None:
            del parts["test"]
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
    chosen = {part: name for part, name in (chosen or {}).items() if name}
    check_parts(chosen)
    files = open_files(path)
    found = find_tables(files)
    if not found:
        endings = {PurePosixPath(name).suffix.lower() for name in files.names()}
        hints = [hint for kinds, hint in _HINTS if kinds & endings]
        raise DataError(
            f"{path} holds no table (csv, tsv, parquet). It holds: "
            f"{' '.join([f'{some(files.names())}.', *hints])}"
        )
    said = {part: _named(name, found) for part, name in chosen.items()}
    names = {part: said[part] for part in PARTS if part in said}
    # The name of a single table, such as blood_test.csv, need not say what it is.
    free = [name for name in found if name not in said.values()] if len(found) > 1 else []
    for part in PARTS:
        if part not in names:
            candidates = [name for name in free if part_of(name) == part]
            if candidates:
                names[part] = _only(part, candidates)
    for name in filter(_is_sheet, files.names()):
        meant = part_of(name)
        if meant in PARTS and meant not in names:
            raise DataError(
                f"{name} is a document of a spreadsheet, which is not read here. Save it as a CSV "
                f"file, or remove it if it is not the {meant} part."
            )
    if "train" not in names:
        rest = [name for name in found if name not in (*names.values(), *said.values())]
        if len(rest) != 1:
            raise AmbiguousError(
                f"Which file of {path} holds the training rows?", rest, "--train-file"
            )
        names["train"] = rest[0]
    tables = Tables(path, names, [n for n in found if n not in names.values()], files)
    if TARGETS in said:
        return tables.with_targets(said[TARGETS])
    candidates = [name for name in tables.others if part_of(name) == TARGETS]
    if not candidates or not tables.lacks_targets():
        return tables
    return tables.with_targets(_only(TARGETS, candidates))


def check_parts(chosen: Iterable[str]) -> None:
    """Check that files are named of parts that there are.

    Raises:
        UsageError: if there is no such part.
    """
    known = (*PARTS, TARGETS)
    for part in chosen:
        if part not in known:
            raise unknown_name("part of a competition's files called", part, known)


def _is_sheet(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _SHEETS


def joined(train: Table, targets: Table) -> Table:
    """Return training rows with the targets of another table, joined on the column of both.

    Raises:
        DataError: if they have no such column or several, an id is missing or comes twice, or
            targets have ids that no row has. A row that no target has is left without one.

    >>> import pandas as pd
    >>> rows, of = pd.DataFrame({"id": [1, 2]}), pd.DataFrame({"id": [2, 1], "y": [0.2, 0.1]})
    >>> import numpy as np
    >>> lines = np.array([2, 3])
    >>> joined(Table(rows, (), lines, "a"), Table(of, (), lines, "b")).frame["y"].tolist()
    [0.1, 0.2]
    """
    common = [column for column in targets.frame if column in train.frame]
    if len(common) != 1:
        raise DataError(
            f"{targets.name} and {train.name} must have one column in common, by which targets are "
            f"joined to rows; they have {some(map(repr, common)) or 'none'}. Rename or delete "
            "columns, or write the targets into the table of the training rows."
        )
    (key,) = common
    wanted, there = (checked_ids(table.frame[key], table.name) for table in (train, targets))
    places = {id_: place for place, id_ in enumerate(map(str, there))}
    order = [places.get(id_, -1) for id_ in map(str, wanted)]
    if len(set(order) - {-1}) < len(places):
        check_same_ids(there, wanted, targets.name, train.name)
    found = targets.frame.drop(columns=key).reset_index(drop=True)
    found = found.reindex(order).set_axis(train.frame.index)
    return Table(
        train.frame.assign(**{str(name): found[name] for name in found}),
        (*train.notes, *targets.notes),
        train.lines,
        f"{train.name} with {targets.name}",
    )


def part_of(name: str) -> str | None:
    """Return which part a file's name says it is, or None.

    >>> [part_of(name) for name in ("labeledTrainData.tsv", "sampleSubmission.csv", "stores.csv")]
    ['train', 'sample', None]
    >>> [part_of(name) for name in ("train_labels.csv", "y_train.csv", "test_labels.csv")]
    ['targets', 'targets', None]
    """
    words = set(words_of(name))
    if words & {"submission", "submit", "sample", "samplesubmission"}:
        return "sample"
    labels = bool(words & {"label", "labels", "target", "targets", "y"})
    if words & {"test", "testing"}:
        return None if labels else "test"
    if labels:
        return TARGETS
    return "train" if words & {"train", "training"} else None


def words_of(name: str) -> list[str]:
    """Return the words of a file's or folder's name, in small letters.

    >>> words_of("data/testImages_2.zip"), words_of("testis")
    (['test', 'images'], ['testis'])
    """
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem(name)).lower())


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
        if is_called(name, wanted):
            return name
    raise unknown_name("table called", wanted, found)


def is_called(name: str, wanted: str) -> bool:
    """Whether a file is meant by a text: its path, its name, or that without endings.

    >>> [is_called("data/loads.csv", wanted) for wanted in ("loads.csv", "loads", "load")]
    [True, True, False]
    """
    return wanted in (name, PurePosixPath(name).name, stem(name))
