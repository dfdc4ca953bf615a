"""Reads the competition's files, Kaggle's or those of the data set that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset
from comps.kinds.text.texts import clean, duplicate_groups, normal_form
from comps.reading.archives import files_fingerprint, open_files, read_files
from comps.reading.column import Column, check_present
from comps.reading.columns import check_columns, numeric_target
from comps.reading.delimited import Table, read_table
from comps.reading.ids import check_same_ids, checked_ids
from comps.reading.other_test import tab_separated
from comps.sentiment.folders import find_reviews, read_reviews
from comps.sentiment.tsv import read_tsv

if TYPE_CHECKING:
    import pandas as pd

TRAIN, TEST, SAMPLE = "labeledTrainData.tsv", "testData.tsv", "sampleSubmission.csv"


def load(path: Path) -> Dataset:
    """Return the reviews: tables with the column `review`, text without HTML; targets 0 and 1.

    Reviews whose letters and digits are the same are one group, which folds do not split.

    Args:
        path: Kaggle's zip, a folder of its files (each may be zipped), or a folder or archive laid
            out as aclImdb: `train/pos/*.txt`, `train/neg/*.txt`, and `test/*.txt` or `test/pos`
            and `test/neg`, whose labels are not read.

    Raises:
        DataError: if a file or column is missing, a line is cut, an id is duplicate, a sentiment
            is neither 0 nor 1, all are the same, or the sample submission has other ids than the
            test reviews.

    >>> from comps.sentiment.competition import SENTIMENT
    >>> dataset = load(SENTIMENT.sample)
    >>> dataset.train.shape, dataset.test.shape, dataset.target.mean().round(2).item()
    ((8000, 1), (2566, 1), 0.49)
    """
    import pandas as pd

    train, test, sample, fingerprint = _read(path)
    target = _target(train["sentiment"])
    train_ids, test_ids = checked_ids(train["id"], TRAIN), checked_ids(test["id"], TEST)
    sample_ids = checked_ids(sample.frame["id"], SAMPLE)
    check_same_ids(sample_ids, test_ids, SAMPLE, TEST)
    parts = [Column("review", t["review"], n) for t, n in ((train, TRAIN), (test, TEST))]
    check_present([int((part.cells.str.strip() != "").sum()) for part in parts], parts)
    texts = [[clean(text) for text in part["review"]] for part in (train, test)]
    groups = duplicate_groups(texts[0])
    return Dataset(
        train=pd.DataFrame({"review": texts[0]}, dtype="string"),
        test=pd.DataFrame({"review": texts[1]}, dtype="string"),
        target=target,
        train_ids=train_ids,
        test_ids=test_ids,
        sample_submission=sample.frame.assign(id=sample_ids),
        source=str(path),
        fingerprint=fingerprint,
        groups=groups,
        classes=(0, 1),
        notes=(*sample.notes, *_notes(texts[0], texts[1], target, groups)),
    )


def answers(path: Path) -> pd.DataFrame:
    """Return ids and labels of the test reviews of an aclImdb folder, for `comps score`.

    Raises:
        DataError: if the labels are not there.
    """
    files = open_files(path)
    folder = find_reviews(files)
    test = None if folder is None else read_reviews(files, folder).test
    if test is None or test["sentiment"].isna().any():
        raise DataError(f"{path} has no folders test/pos and test/neg that would say the answers.")
    return test[["id", "sentiment"]].astype({"sentiment": int})


def kaggle_files(path: Path) -> dict[str, bytes] | None:
    """Return the reviews of a folder laid out as aclImdb as Kaggle's files; None of other paths.

    Raises:
        DataError: if reviews are missing, or cannot be read.
    """
    if find_reviews(open_files(path)) is None:
        return None
    train, test, sample, _ = _read(path)
    tables = {TRAIN: train, TEST: test[["id", "review"]]}
    files = {name: tab_separated(table) for name, table in tables.items()}
    return {**files, SAMPLE: sample.frame.to_csv(index=False).encode()}


def _read(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, Table, str]:
    """Return training rows, test rows, the sample submission, and a fingerprint."""
    files = open_files(path)
    folder = find_reviews(files)
    if folder is not None:
        reviews = read_reviews(files, folder)
        ids = reviews.test[["id"]]
        sample = Table(ids.assign(sentiment=0.5), (), np.arange(len(ids)), SAMPLE)
        return reviews.train, reviews.test, sample, reviews.fingerprint
    content = read_files(path, (TRAIN, TEST, SAMPLE))
    train, test = read_tsv(content, TRAIN), read_tsv(content, TEST)
    sample = read_table(content[SAMPLE], SAMPLE, text=("id",))
    check_columns(train, ["id", "sentiment", "review"], TRAIN)
    check_columns(test, ["id", "review"], TEST)
    check_columns(sample.frame, ["id", "sentiment"], SAMPLE)
    return train, test, sample, files_fingerprint(content)


def _target(labels: pd.Series) -> NDArray[np.float64]:
    """Return the sentiments, which are also the class codes."""
    where = f"sentiment in {TRAIN}"
    target = numeric_target(labels, where, lambda value: value in (0, 1), "0 or 1")
    if len(np.unique(target)) < 2:
        raise DataError(
            f"{where} must have rows of 0 and of 1; all {len(target)} rows are {target[0]:g}, of "
            "which nothing can be learned. The file may be cut off, or sorted and shortened."
        )
    return target


def _notes(
    train: list[str], test: list[str], target: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[str, ...]:
    sizes = np.bincount(groups)
    notes = []
    if (sizes > 1).any():
        positive = np.bincount(groups, weights=target)
        mixed = int(((positive > 0) & (positive < sizes)).sum())
        notes.append(
            f"{int(sizes[sizes > 1].sum())} training reviews are duplicates, of "
            f"{int((sizes > 1).sum())} texts; {mixed} of these have both labels. No fold splits "
            "them."
        )
    for part, there in (("training", train), ("test", test)):
        empty = sum(not text.strip() for text in there)
        if empty:
            notes.append(f"{empty} of {len(there)} {part} reviews are empty.")
    known = {normal_form(text) for text in train}
    repeated = sum(normal_form(text) in known for text in test)
    if repeated:
        notes.append(f"{repeated} test reviews are among the training reviews, too.")
    return tuple(notes)
