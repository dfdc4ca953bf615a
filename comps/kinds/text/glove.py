"""Pretrained word vectors from a text file of GloVe's format, which the user has to fetch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, data_root


def find_vectors(file: str) -> Path:
    """Return the file as it was named, or the one of that name in the folder for data.

    Raises:
        DataError: if there is neither; the message says where to get it and where to put it.
    """
    for path in (Path(file), data_root() / file):
        if path.is_file():
            return path
    raise DataError(
        f"There is no file {file} with word vectors. GloVe's are on its page at Stanford "
        f"(glove.6B.zip, 822 MB): unpack it and put {Path(file).name} into {data_root()}, or name "
        "a file of that format with --set glove.file=FILE."
    )


def read_words(file: str, most: int) -> list[str]:
    """Return the first words of the file, which are the most frequent ones.

    They are numbered as `read_vectors` numbers the rows, from 2 on, and `most` includes the
    number that stands for unknown words.
    """
    return [word for word, _ in _lines(find_vectors(file), most - 1)]


@lru_cache(maxsize=1)
def read_vectors(file: str, most: int) -> NDArray[np.float32]:
    """Return [most + 1, width] float32: rows for padding, for unknown words, then the file's words.

    The first two rows are zero, and so are rows without a word.

    Raises:
        DataError: if a line is not a word and as many numbers as the first line has.
    """
    path = find_vectors(file)
    rows = []
    for line, (word, numbers) in enumerate(_lines(path, most - 1), start=1):
        try:
            rows.append(np.array(numbers.split(" "), dtype=np.float32))
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {word!r} has no vector ({error}).") from error
        if len(rows[-1]) != len(rows[0]):
            raise DataError(
                f"{path}, line {line}: {len(rows[0])} numbers were expected after {word!r}, as "
                f"in the first line; there are {len(rows[-1])}."
            )
    if not rows:
        raise DataError(f"{path} is empty; lines of a word and its vector were expected.")
    table = np.zeros((most + 1, len(rows[0])), dtype=np.float32)
    table[2 : 2 + len(rows)] = rows
    table.setflags(write=False)
    return table


def _lines(path: Path, most: int) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in itertools.islice(lines, most):
                word, _, numbers = line.rstrip().partition(" ")
                yield word, numbers
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}.") from error
