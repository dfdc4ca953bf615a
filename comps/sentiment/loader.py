"""Reads the competition's files, Kaggle's or those of the data set that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset
from comps.reading.archives import files_fingerprint, read_files
from comps.reading.columns import check_columns, check_ids, numeric_target, read_csv
from comps.sentiment.folders import find_reviews, read_reviews
from comps.sentiment.texts import clean, duplicate_groups, normal_form
from comps.sentiment.tsv import read_tsv

if TYPE_CHECKING:
    import pandas as pd

TRAIN, TEST, SAMPLE = "labeledTrainData.tsv", "testData.tsv", "sampleSubmission.csv"


def load(path: Path) -> Dataset:
    """Return the reviews: tables with the column `review`, text without HTML; targets 0 and 1.

    Reviews whose letters and digits are the same are one group, which folds do not split.

    Args:
        path: Kaggle's zip, a folder of its files (each may be zipped), or a folder laid out
            as aclImdb: `train/pos/*.txt`, `train/neg/*.txt`, and `test/*.txt` or `test/pos`
            and `test/neg`, whose labels are not read.

    Raises:
        DataError: if a file or column is missing, an id is duplicate, or a sentiment is
            neither 0 nor 1.

    >>> from comps.sentiment.competition import SENTIMENT
    >>> dataset = load(SENTIMENT.sample)
    >>> dataset.train.shape, dataset.test.shape, dataset.target.mean().round(2).item()
    ((8000, 1), (2566, 1), 0.49)
    """
    import pandas as pd

    train, test, sample, fingerprint = _read(path)
    target = numeric_target(
        train["sentiment"], f"sentiment in {TRAIN}", lambda value: value in (0, 1), "0 or 1"
    )
    texts = [[clean(text) for text in part["review"]] for part in (train, test)]
    groups = duplicate_groups(texts[0])
    return Dataset(
        train=pd.DataFrame({"review": texts[0]}),
        test=pd.DataFrame({"review": texts[1]}),
        target=target,
        train_ids=check_ids(train["id"], TRAIN),
        test_ids=check_ids(test["id"], TEST),
        sample_submission=sample,
        source=str(path),
        fingerprint=fingerprint,
        groups=groups,
        classes=(0, 1),
        notes=_notes(texts[0], texts[1], target, groups),
    )


def answers(path: Path) -> pd.DataFrame:
    """Return ids and labels of the test reviews of an aclImdb folder, for `comps score`.

    Raises:
        DataError: if the labels are not there.
    """
    folder = find_reviews(path)
    test = None if folder is None else read_reviews(folder).test
    if test is None or test["sentiment"].isna().any():
        raise DataError(f"{path} has no folders test/pos and test/neg that would say the answers.")
    return test[["id", "sentiment"]].astype({"sentiment": int})


def _read(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Return training rows, test rows, the sample submission, and a fingerprint."""
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        raise DataError(f"{path} is a tar archive: unpack it, and name the folder aclImdb.")
    folder = find_reviews(path)
    if folder is not None:
        reviews = read_reviews(folder)
        sample = reviews.test[["id"]].assign(sentiment=0.5)
        return reviews.train, reviews.test, sample, reviews.fingerprint
    files = read_files(path, (TRAIN, TEST, SAMPLE))
    train, test = read_tsv(files, TRAIN), read_tsv(files, TEST)
    sample = read_csv(files[SAMPLE], SAMPLE, dtype={"id": str})
    check_columns(train, ["id", "sentiment", "review"], TRAIN)
    check_columns(test, ["id", "review"], TEST)
    check_columns(sample, ["id", "sentiment"], SAMPLE)
    return train, test, sample, files_fingerprint(files)


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
    known = {normal_form(text) for text in train}
    repeated = sum(normal_form(text) in known for text in test)
    if repeated:
        notes.append(f"{repeated} test reviews are among the training reviews, too.")
    return tuple(notes)
