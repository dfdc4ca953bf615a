"""The layout of the Large Movie Review data set (aclImdb): one text file a review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from comps.base import DataError
from comps.reading.archives import Files, files_fingerprint

if TYPE_CHECKING:
    import pandas as pd

# Class codes are the numbers of Kaggle's column `sentiment`.
LABELS = {"neg": 0, "pos": 1}


@dataclass(frozen=True)
class Reviews:
    """The reviews of a folder.

    Attributes:
        train: columns id, sentiment (text "0" or "1") and review.
        test: columns id, sentiment (None if the files lie in `test` itself) and review.
        fingerprint: of names and content.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    fingerprint: str


def find_reviews(files: Files) -> str | None:
    """Return the folder that holds `train/pos` and `train/neg`, such as "aclImdb/"; None of none.

    It ends with "/", and is empty if that is the folder or archive itself.
    """
    found = {
        name.removesuffix("/".join(parts[-3:]))
        for name in files.names()
        if (parts := name.split("/"))[-3:-1] in (["train", "pos"], ["train", "neg"])
    }
    return min(found, key=len, default=None)


def read_reviews(files: Files, folder: str) -> Reviews:
    """Read `train/pos/*.txt`, `train/neg/*.txt`, and `test/pos`, `test/neg` or `test/*.txt`.

    A review's id is its file name without `.txt`; where both labels have a file of one name,
    the ids have the label in front. Rows are in the order of their ids, which mixes the labels.

    Args:
        files: of a folder or an archive.
        folder: see `find_reviews`.

    Raises:
        DataError: if a folder lacks its files, or one cannot be read as UTF-8 text.
    """
    names = files.names()
    train = _read_part(files, names, f"{folder}train", list(LABELS))
    labelled = [
        label for label in LABELS if any(n.startswith(f"{folder}test/{label}/") for n in names)
    ]
    test = _read_part(files, names, f"{folder}test", labelled or [""])
    content = {
        f"{part}/{label}/{key}": text.encode()
        for part, rows in (("train", train), ("test", test))
        for label, key, text in rows
    }
    return Reviews(_table(train), _table(test), files_fingerprint(content))


def _read_part(
    files: Files, names: Sequence[str], part: str, labels: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Return label ("" if unknown), id and text of each file."""
    found = []
    for label in labels:
        folder = PurePosixPath(part, label)
        texts = [n for n in map(PurePosixPath, names) if n.parent == folder and n.suffix == ".txt"]
        if not texts:
            raise DataError(
                f"{files.where / folder} holds no reviews. Expected: text files such as 0_9.txt, "
                "in train/pos, train/neg and test, or test/pos and test/neg."
            )
        found += [(label, name.stem, _text(files, name.as_posix())) for name in sorted(texts)]
    counts = Counter(name for _, name, _ in found)
    several = max(counts.values()) > 1
    rows = [(label, f"{label}-{name}" if several else name, text) for label, name, text in found]
    return sorted(rows, key=lambda row: row[1])


def _text(files: Files, name: str) -> str:
    try:
        return files.read(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{files.where / name} is not UTF-8 text: byte {error.start} is wrong."
        ) from error


def _table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "id": [name for _, name, _ in rows],
            "sentiment": [str(LABELS[label]) if label else None for label, _, _ in rows],
            "review": [text for _, _, text in rows],
        }
    )
