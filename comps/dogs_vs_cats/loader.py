"""Reads the competition's photographs: decoded once, then mapped from a cache on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from comps.base import Array, DataError, Dataset, Images, cache_root
from comps.dogs_vs_cats.files import TRAIN, CompetitionFiles, open_files, source_key
from comps.kinds.images import duplicates
from comps.kinds.images.decoded import cache_key, decode_all, fingerprint, notes_of
from comps.kinds.images.image_cache import Known, Pixels, Shape, cached
from comps.kinds.images.tree import Tree
from comps.reading.columns import check_columns
from comps.reading.delimited import Table, read_table
from comps.reading.ids import check_same_ids, checked_ids

CLASSES = ("cat", "dog")


def load(path: Path) -> Dataset:
    """Return the photographs as [side, side, 3] uint8, and 0 for a cat, 1 for a dog.

    For `side` see `decoded.side_of`. Duplicate photographs are one group. `Dataset.fingerprint`
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

    def fill(allocate: Callable[[Shape], Pixels]) -> Known:
        with open_files(path) as files:
            return _decode_all(files, allocate)

    pixels, known = cached(cache_root() / "dogs-vs-cats", cache_key(source_key(path)), fill)
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
        notes=(*sample.notes, *notes_of(pixels.shape[1], groups, target, known["others"])),
    )


def is_own(tree: Tree) -> bool:
    """Whether files are laid out as the competition's: a folder is called as its training part."""
    return any(PurePosixPath(folder).name in TRAIN for folder in tree.folders)


def _decode_all(files: CompetitionFiles, allocate: Callable[[Shape], Pixels]) -> Known:
    """Decode all images, training rows first; return the other facts that the loader needs."""
    train, test = ([photo.name for photo in part] for part in (files.train, files.test))
    # What is wrong with a small file should be said before minutes of decoding.
    _sample(files.sample, test)
    _check_both(train)
    pixels, stamps = decode_all(files.train, files.test, allocate)
    return {
        "train": train,
        "test": test,
        "sample": files.sample.decode("latin-1"),
        "others": list(files.others),
        "pairs": duplicates.duplicates(pixels[: len(train)]).tolist(),
        "fingerprint": fingerprint(files.sample, [*train, *test], stamps),
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
