"""Reads the competition's files: `train.csv`, `test.csv`, `sample_submission.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset, Images
from comps.digits.cells import CLASSES, PIXELS, SIDE, TARGET, read_bytes
from comps.reading.archives import files_fingerprint, read_files
from comps.reading.columns import check_columns, numeric_target
from comps.reading.delimited import Table, read_table
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    import pandas as pd

FILES = ("train.csv", "test.csv", "sample_submission.csv")
IMAGE_ID = "ImageId"
LABEL = "Label"


def load(path: Path) -> Dataset:
    """Return the digits as `Images` of [28, 28, 1], bright ink on a dark ground.

    Training and test images lie in one array, training images first. The files name no ids:
    an image's id is its row, counted from 1, as in the sample submission.

    Equal images get one group, so that no fold trains on what it predicts. They are equal
    only if every pixel is: that two drawings look alike is what is to be learned.

    Args:
        path: Kaggle's zip, or a folder of its files.

    Raises:
        DataError: if a file or a column is missing, a pixel is not a whole number from 0 to
            255, a label not one from 0 to 9, a digit has no image to learn from, or the sample
            submission has other ids than the test images.

    >>> from comps.digits.competition import DIGITS
    >>> dataset = load(DIGITS.sample)
    >>> len(dataset.train), len(dataset.test), dataset.train.pixels.shape
    (3000, 1000, (4000, 28, 28, 1))
    """
    files = read_files(path, FILES)
    fingerprint = files_fingerprint(files)
    # Taken out of the mapping, the text of a file is freed once it is parsed.
    train, train_notes = read_bytes(files.pop("train.csv"), "train.csv", (TARGET, *PIXELS))
    test, test_notes = read_bytes(files.pop("test.csv"), "test.csv", PIXELS)
    target = _target(train[TARGET])
    pixels = np.concatenate([table[list(PIXELS)].to_numpy() for table in (train, test)])
    pixels = np.ascontiguousarray(pixels).reshape(-1, SIDE, SIDE, 1)
    pixels.setflags(write=False)
    rows = Images(pixels, np.arange(len(pixels)))
    first = first_equal(pixels)
    known = first[: len(train)]
    test_ids = np.arange(1, len(test) + 1)
    sample = _sample(files["sample_submission.csv"], test_ids)
    return Dataset(
        train=rows[np.arange(len(train))],
        test=rows[np.arange(len(train), len(pixels))],
        target=target,
        train_ids=np.arange(1, len(train) + 1),
        test_ids=test_ids,
        sample_submission=sample.frame,
        source=str(path),
        fingerprint=fingerprint,
        groups=known if (known != np.arange(len(known))).any() else None,
        classes=CLASSES,
        notes=(*train_notes, *test_notes, *sample.notes, *_notes(first, target)),
    )


def first_equal(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each image the position of the first one that is equal to it, [images] int64.

    >>> first_equal(np.array([7, 5, 7], dtype=np.uint8).reshape(3, 1, 1, 1)).tolist()
    [0, 1, 0]
    """
    seen: dict[bytes, int] = {}
    positions = (seen.setdefault(image.tobytes(), row) for row, image in enumerate(pixels))
    return np.fromiter(positions, dtype=np.int64, count=len(pixels))


def _target(labels: pd.Series) -> NDArray[np.float64]:
    """Return the digits, which are also the class codes."""
    where = f"'{TARGET}' in train.csv"
    target = numeric_target(labels, where, CLASSES.__contains__, "a digit from 0 to 9")
    lacking = sorted(set(CLASSES) - set(target.astype(int).tolist()))
    if lacking:
        digits = ", ".join(map(str, lacking))
        raise DataError(
            f"{where} must name each digit from 0 to 9 at least once; it lacks {digits}. The file "
            "may be truncated."
        )
    return target


def _sample(content: bytes, test_ids: NDArray[np.int64]) -> Table:
    name = "sample_submission.csv"
    sample = read_table(content, name, text=(IMAGE_ID,))
    check_columns(sample.frame, [IMAGE_ID, LABEL], name)
    ids = checked_ids(sample.frame[IMAGE_ID], name)
    check_same_ids(ids, test_ids, name, "the images of test.csv")
    return replace(sample, frame=sample.frame.assign(**{IMAGE_ID: ids}))


def _notes(first: NDArray[np.int64], target: NDArray[np.float64]) -> Iterator[str]:
    """Yield notes on equal images; `first` is of training and test images."""
    n_train = len(target)
    again = np.flatnonzero(first[:n_train] != np.arange(n_train))
    if len(again):
        yield (
            f"{len(again)} training images are equal to an earlier one; equal images never lie on "
            "two sides of a fold."
        )
    disputed = again[target[again] != target[first[again]]]
    if len(disputed):
        shown = ", ".join(f"{first[row] + 1} and {row + 1}" for row in disputed[:5])
        yield f"{len(disputed)} equal training images have different labels: rows {shown}."
    shared = int((first[n_train:] < n_train).sum())
    if shared:
        yield f"{shared} test images are equal to a training image."
