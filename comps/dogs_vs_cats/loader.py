"""Reads the competition's photographs: decoded once, then mapped from a cache on disk."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, DataError, Dataset, Images, cache_root, some
from comps.dogs_vs_cats import duplicates
from comps.dogs_vs_cats.decoding import decode, shorter_side
from comps.dogs_vs_cats.files import CompetitionFiles, Photograph, open_files, source_key
from comps.dogs_vs_cats.image_cache import Known, Pixels, Shape, cached
from comps.reading.columns import check_columns
from comps.reading.delimited import Table, read_table
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    pass

CLASSES = ("cat", "dog")
# Kaggle's photographs are mostly 500 x 375; at 96 x 96 all 37,500 take 1 GB of disk, and the
# book's networks keep a few places of their last feature map.
LARGEST_SIDE = 96
SMALLEST_SIDE = 16
# Images whose headers tell the size of them all.
_MEASURED = 500
# Images that a thread decodes in one go.
_CHUNK = 64
# Changes when the same files would be decoded to other pixels or other knowledge of them.
_FORMAT = 2


def load(path: Path) -> Dataset:
    """Return the photographs as [side, side, 3] uint8, and 0 for a cat, 1 for a dog.

    `side` is the median of the shorter sides of 500 photographs, rounded down to a multiple of 8,
    between 16 and 96. Duplicate photographs are one group. `Dataset.fingerprint`
    covers name, size and CRC-32 of every image and the sample submission, and is the same
    whether they are zipped or not.

    Decoded images are kept in `comps.base.cache_root()`; a damaged file there is made anew.

    Args:
        path: Kaggle's zip; or a folder with it, with the zips in it, or with what these hold.

    Raises:
        DataError: as `files.open_files`; or if an image cannot be decoded, there are cats or dogs
            alone, the cache cannot be written, or the sample submission names other images than
            the test part has.

    >>> from comps.dogs_vs_cats.competition import DOGS_VS_CATS
    >>> dataset = load(DOGS_VS_CATS.sample)
    >>> dataset.train.pixels.shape, len(dataset.train), len(dataset.test), dataset.target.mean()
    ((2500, 32, 32, 3), 2000, 500, np.float64(0.5))
    """
    limits = duplicates.BITS, duplicates.DIFFERENCE, LARGEST_SIDE, SMALLEST_SIDE, _FORMAT
    key = f"{source_key(path)}-{zlib.crc32(str(limits).encode()):08x}"

    def fill(allocate: Callable[[Shape], Pixels]) -> Known:
        with open_files(path) as files:
            return _decode_all(files, allocate)

    pixels, known = cached(cache_root() / "dogs-vs-cats", key, fill)
    train, test = known["train"], known["test"]
    target = np.array([CLASSES.index(name.partition(".")[0]) for name in train], dtype=np.float64)
    sample, test_ids = _sample(known["sample"].encode("latin-1"), test)
    groups = duplicates.groups(np.array(known["pairs"], dtype=np.int64).reshape(-1, 2), len(train))
    # Views of one `Images` share the features that are computed for all.
    images = Images(pixels, np.arange(len(pixels)))
    return Dataset(
        train=images[np.arange(len(train))],
        test=images[np.arange(len(train), len(pixels))],
        target=target,
        train_ids=np.array(train, dtype=np.str_),
        test_ids=test_ids,
        sample_submission=sample.frame,
        source=str(path),
        fingerprint=known["fingerprint"],
        groups=groups,
        classes=CLASSES,
        notes=(*sample.notes, *_others(known["others"]), *_notes(pixels.shape[1], groups, target)),
    )


def _decode_all(files: CompetitionFiles, allocate: Callable[[Shape], Pixels]) -> Known:
    """Decode all images, training rows first; return the other facts that the loader needs."""
    import joblib

    photographs = [*files.train, *files.test]
    # What is wrong with a small file should be said before minutes of decoding.
    _sample(files.sample, [photo.name for photo in files.test])
    _check_both(photo.name for photo in files.train)
    side = _side(files.train)
    pixels = allocate((len(photographs), side, side, 3))
    checksums = np.zeros((len(photographs), 2), dtype=np.int64)

    def decode_chunk(start: int) -> None:
        for row, photograph in enumerate(photographs[start : start + _CHUNK], start):
            content = photograph.read()
            checksums[row] = len(content), zlib.crc32(content)
            pixels[row] = decode(content, photograph.where, side)

    # Pillow decodes without Python's lock: threads share the array and the open zip.
    joblib.Parallel(n_jobs=joblib.cpu_count(), prefer="threads")(
        joblib.delayed(decode_chunk)(start) for start in range(0, len(photographs), _CHUNK)
    )
    names = [photograph.name for photograph in photographs]
    digest = hashlib.sha256(files.sample)
    for name, (size, crc) in zip(names, checksums.tolist(), strict=True):
        digest.update(f"{name} {size} {crc}\n".encode())
    return {
        "train": names[: len(files.train)],
        "test": names[len(files.train) :],
        "sample": files.sample.decode("latin-1"),
        "others": list(files.others),
        "pairs": duplicates.duplicates(pixels[: len(files.train)]).tolist(),
        "fingerprint": digest.hexdigest()[:16],
    }


def _check_both(names: Iterable[str]) -> None:
    """Check that there are cats and dogs."""
    lacking = set(CLASSES) - {name.partition(".")[0] for name in names}
    if lacking:
        (kind,) = lacking
        raise DataError(
            f"The training part has no photograph of a {kind} ({kind}.N.jpg), so that nothing can "
            "be learned. Some files may not have been unpacked."
        )


def _side(photographs: Sequence[Photograph]) -> int:
    step = -(-len(photographs) // _MEASURED)
    sides = [shorter_side(photo.read(), photo.where) for photo in photographs[::step]]
    return int(np.clip(np.median(sides) // 8 * 8, SMALLEST_SIDE, LARGEST_SIDE))


def _sample(content: bytes, names: Sequence[str]) -> tuple[Table, Array]:
    """Return the sample submission, and the ids of the test images as it writes their numbers."""
    import pandas as pd

    name = "The sample submission"
    table = read_table(content, name, text=("id",))
    check_columns(table.frame, ["id", "label"], name)
    ids = table.frame["id"]
    written = {int(text): text for text in ids.dropna() if re.fullmatch(r"\d+", text)}
    numbers = pd.Series([written.get(int(number), number) for number in names], dtype=str)
    test_ids = checked_ids(numbers, "The test part")
    given = checked_ids(ids, name)
    check_same_ids(given, test_ids, "the sample submission", "the test images")
    return replace(table, frame=table.frame.assign(id=given)), test_ids


def _others(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"{len(names)} files among the photographs are no images, and left out: {some(names)}.",
    )


def _notes(side: int, groups: NDArray[np.int64], target: NDArray[np.float64]) -> tuple[str, ...]:
    notes = [f"Photographs are scaled to {side} x {side} pixels."]
    sizes = np.bincount(groups)
    if (sizes > 1).any():
        notes.append(
            f"{sizes[sizes > 1].sum()} of {len(groups)} training photographs are duplicates, in "
            f"{(sizes > 1).sum()} groups; a group is never divided between folds."
        )
    dogs = np.bincount(groups, weights=target)
    torn = int(((dogs > 0) & (dogs < sizes)).sum())
    if torn:
        notes.append(f"{torn} of these groups hold a cat and a dog.")
    return tuple(notes)
