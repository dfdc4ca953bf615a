"""The files of a competition with another file of test rows in place of Kaggle's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from comps.base import DataError, Dataset
from comps.reading.archives import find_tables, open_files, read_files
from comps.reading.delimited import ALL, read_table

if TYPE_CHECKING:
    import pandas as pd

_TABS = ".tsv"


def _as_they_are(path: Path) -> None:
    """Return None: the files of a path need not be written."""


@dataclass(frozen=True)
class OtherTest:
    """Reads a competition with other test rows, by its own loader; see `Competition.with_test`.

    Attributes:
        load: the loader.
        train: the file of training rows.
        test: the file of test rows. Where it is called .tsv, it has a row a line, and fields
            divided by tabs: rows of other forms are written so.
        sample: the sample submission, of which one is made for the other rows.
        id_column: of the submission; rows are counted from 1 where the other rows have none.
        written: `(path) -> files`, the content of these files by name for a path that is laid out
            in another way that the loader reads; None where it has them.
    """

    load: Callable[[Path], Dataset]
    train: str
    test: str
    sample: str
    id_column: str
    written: Callable[[Path], Mapping[str, bytes] | None] = _as_they_are

    def __call__(self, path: Path, rows: Any) -> Dataset:
        """Return the competition of a path with the test rows of a file, or of a table.

        Raises:
            DataError: if it cannot be read; see the loader.
        """
        with self.laid_out(path) as own:
            files = read_files(own, (self.train, self.sample))
        with table_file(rows) as other, tempfile.TemporaryDirectory() as made:
            content, name = only_table(other)
            called = "The table" if hasattr(rows, "to_csv") else name
            new = read_table(content, called, text=ALL).frame
            if self.test.endswith(_TABS) and PurePosixPath(name).suffix.lower() != _TABS:
                content = tab_separated(new)
            folder = Path(made)
            (folder / self.train).write_bytes(files[self.train])
            (folder / self.test).write_bytes(content)
            sample = read_table(files[self.sample], self.sample, text=(self.id_column,)).frame
            ids = new.get(self.id_column, range(1, len(new) + 1))
            filled = sample.iloc[[0] * len(new)].assign(**{self.id_column: list(ids)})
            filled.to_csv(folder / self.sample, index=False)
            try:
                return self.load(folder)
            except DataError as error:
                # The user knows no file of this name.
                raise DataError(str(error).replace(self.test, called)) from error

    @contextmanager
    def laid_out(self, path: Path) -> Iterator[Path]:
        """Give a path with the files of the competition within the context: mostly this one."""
        files = self.written(path)
        if files is None:
            yield path
            return
        with tempfile.TemporaryDirectory() as made:
            for name, content in files.items():
                (Path(made) / name).write_bytes(content)
            yield Path(made)


def tab_separated(table: pd.DataFrame) -> bytes:
    r"""Return a table with a line for each row: breaks and tabs within texts become blanks.

    >>> import pandas as pd
    >>> tab_separated(pd.DataFrame({"id": ["7"], "review": ['a "good"\n\tfilm']}))
    b'id\treview\n7\t"a ""good"" film"\n'
    """
    texts = table.astype("string").apply(
        lambda cells: cells.str.replace(r"[\t\r\n]+", " ", regex=True)
    )
    content: str = texts.to_csv(sep="\t", index=False, lineterminator="\n")
    return content.encode()


@contextmanager
def table_file(rows: Any) -> Iterator[Path]:
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
        rows.to_csv(path, index=False)
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
