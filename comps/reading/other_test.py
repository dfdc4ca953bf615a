"""The files of a competition with another file of test rows in place of Kaggle's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comps.base import DataError, Dataset
from comps.reading.archives import find_tables, open_files, read_files
from comps.reading.delimited import read_table


@dataclass(frozen=True)
class OtherTest:
    """Reads a competition with other test rows, by its own loader; see `Competition.with_test`.

    Attributes:
        load: the loader.
        train: the file of training rows.
        test: the file of test rows.
        sample: the sample submission, of which one is made for the other rows.
        id_column: of the submission; rows are counted from 1 where the other rows have none.
    """

    load: Callable[[Path], Dataset]
    train: str
    test: str
    sample: str
    id_column: str

    def __call__(self, path: Path, rows: Any) -> Dataset:
        """Return the competition of a path with the test rows of a file, or of a table.

        Raises:
            DataError: if it cannot be read; see the loader.
        """
        files = read_files(path, (self.train, self.sample))
        delimiter = "\t" if self.test.endswith(".tsv") else ","
        with table_file(rows, delimiter) as other, tempfile.TemporaryDirectory() as made:
            content, name = only_table(other)
            folder = Path(made)
            (folder / self.train).write_bytes(files[self.train])
            (folder / self.test).write_bytes(content)
            new = read_table(content, name, text=(self.id_column,)).frame
            sample = read_table(files[self.sample], self.sample, text=(self.id_column,)).frame
            ids = new.get(self.id_column, range(1, len(new) + 1))
            filled = sample.iloc[[0] * len(new)].assign(**{self.id_column: list(ids)})
            filled.to_csv(folder / self.sample, index=False)
            return self.load(folder)


@contextmanager
def table_file(rows: Any, delimiter: str = ",") -> Iterator[Path]:
    """Give the path of a file of rows within the context; a table in memory is written to one.

    Raises:
        DataError: if there is no such file.
    """
    if not hasattr(rows, "to_csv"):
        path = Path(rows)
        if not path.exists():
            raise DataError(f"There is no file {path} with rows to predict.")
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        rows.to_csv(path, index=False, sep=delimiter)
        yield path


def only_table(path: Path) -> tuple[bytes, str]:
    """Return content and name of the table of a file, or of the test rows among several.

    Raises:
        DataError: if there is none.
    """
    files = open_files(path)
    names = find_tables(files)
    test = [name for name in names if Path(name).stem.lower().startswith("test")]
    if len(names) != 1 and len(test) != 1:
        raise DataError(f"{path} must hold one table of rows to predict; it holds {len(names)}.")
    name = names[0] if len(names) == 1 else test[0]
    return files.read(name), name
