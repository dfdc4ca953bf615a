"""The layout of the Large Movie Review data set (aclImdb): one text file a review."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import DataError
from comps.reading.archives import files_fingerprint

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


def find_reviews(path: Path) -> Path | None:
    """Return the folder that holds `train/pos` and `train/neg`: `path`, or `aclImdb` in it."""
    for folder in (path, path / "aclImdb"):
        if (folder / "train" / "pos").is_dir() or (folder / "train" / "neg").is_dir():
            return folder
    return None


def read_reviews(folder: Path) -> Reviews:
    """Read `train/pos/*.txt`, `train/neg/*.txt`, and `test/pos`, `test/neg` or `test/*.txt`.

    A review's id is its file name without `.txt`; where both labels have a file of one name,
    the ids have the label in front. Rows are in the order of their ids, which mixes the labels.

    Raises:
        DataError: if a folder lacks its files, or one cannot be read as UTF-8 text.
    """
    train = _read_part(folder / "train", list(LABELS))
    labelled = [label for label in LABELS if (folder / "test" / label).is_dir()]
    test = _read_part(folder / "test", labelled or [""])
    content = {
        f"{part}/{label}/{key}": text.encode()
        for part, rows in (("train", train), ("test", test))
        for label, key, text in rows
    }
    return Reviews(_table(train), _table(test), files_fingerprint(content))


def _read_part(folder: Path, labels: list[str]) -> list[tuple[str, str, str]]:
    """Return label ("" if unknown), id and text of each file."""
    found = []
    for label in labels:
        files = sorted((folder / label).glob("*.txt"))
        if not files:
            raise DataError(
                f"{folder / label} holds no reviews. Expected: text files such as 0_9.txt, in "
                "train/pos, train/neg and test, or test/pos and test/neg."
            )
        found += [(label, file.stem, _text(file)) for file in files]
    names = Counter(name for _, name, _ in found)
    several = max(names.values()) > 1
    rows = [(label, f"{label}-{name}" if several else name, text) for label, name, text in found]
    return sorted(rows, key=lambda row: row[1])


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: byte {error.start} is wrong.") from error


def _table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "id": [name for _, name, _ in rows],
            "sentiment": [str(LABELS[label]) if label else None for label, _, _ in rows],
            "review": [text for _, _, text in rows],
        }
    )
