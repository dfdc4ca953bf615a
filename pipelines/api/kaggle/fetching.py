"""`fetch`: the files of a competition from Kaggle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from comps.base import Competition, UsageError, data_root, names_a_folder, some
from comps.catalog import competition_names, find_competition
from pipelines.api.progress import Note, Progress, ignore
from submissions.kaggle import Archive, KaggleError, connect
from submissions.kaggle.downloads import was_fetched

# What Kaggle calls metrics, in small letters, and what they are called here.
_METRICS: Mapping[str, str] = {
    "area under receiver operating characteristic curve": "roc_auc",
    "auc": "roc_auc",
    "categorization accuracy": "accuracy",
    "log loss": "log_loss",
    "logloss": "log_loss",
    "mean absolute error": "mean_absolute_error",
    "multiclass loss": "log_loss",
    "multi class log loss": "log_loss",
    "quadraticweightedkappa": "quadratic_kappa",
    "quadratic weighted kappa": "quadratic_kappa",
    "roc auc score": "roc_auc",
    "root mean squared error": "root_mean_squared_error",
    "root mean squared logarithmic error": "root_mean_squared_log_error",
}


@dataclass(frozen=True)
class Fetched:
    """The files of a competition.

    Attributes:
        name: of the competition here.
        kaggle: what Kaggle calls it.
        archive: where the files are, and whether they came now.
        metric: that Kaggle names, as it is called here; None where it is not read.
        known: whether there is a competition of the name, or one has to be written first.
        notes: what the user should know.
    """

    name: str
    kaggle: str
    archive: Archive
    metric: str | None
    known: bool
    notes: tuple[str, ...]


def kaggle_name(competition: Competition | str, given: str | None = None) -> str:
    """Return what Kaggle calls a competition: the last part of its address.

    Args:
        competition: that is known, or a name.
        given: by the user, who knows best.

    Raises:
        UsageError: if it is no name of Kaggle's, or the competition is not there.

    >>> kaggle_name(find_competition("house-prices"))
    'house-prices-advanced-regression-techniques'
    """
    name = given or (competition if isinstance(competition, str) else _of(competition))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(
            f"Kaggle's name of a competition was expected, the last part of its address, not "
            f"{name!r}."
        )
    return name


def _of(competition: Competition) -> str:
    if not competition.archive:
        return competition.name
    if not re.fullmatch(r"\S+\.zip", competition.archive):
        raise UsageError(
            f"{competition.name} is no competition of Kaggle's. Its files are "
            f"{competition.archive}."
        )
    return competition.archive.removesuffix(".zip")


def fetch(
    name: str,
    *,
    called: str | None = None,
    bar: bool = False,
    progress: Progress | None = None,
) -> Fetched:
    """Download the files of a competition into `data/<name>/`, unless they are there.

    Args:
        name: of a competition, or what Kaggle calls one that is new here.
        called: what Kaggle calls it, where it has another name here.
        bar: whether a bar is shown on standard error.
        progress: is called with each `Update`.

    Raises:
        KaggleError: if there is no key, no network, rules are not accepted, and so on; each says
            what to do.
        UsageError: if the folder has files that were not fetched, or the archive's place another.
    """
    known = name in competition_names()
    subject = find_competition(name) if known else name
    if not names_a_folder(name):
        # The last part of an address, if that was given.
        last = re.search(r"/c(?:ompetitions)?/([\w.-]+)", name)
        meant = f" Did you mean {last[1]!r}?" if last else ""
        raise UsageError(f"The name of a competition was expected, not {name!r}.{meant}")
    slug, folder = kaggle_name(subject, called), data_root() / name
    _check_folder(folder, slug)
    tell = progress or ignore
    kaggle = connect()
    notes = [*kaggle.warnings, f"Asking Kaggle for the files of {slug}."]
    for note in notes:
        tell(Note(note))
    archive = kaggle.download(slug, folder, bar=bar)
    if archive.replaced:
        notes.append("Kaggle's files changed: results of the earlier ones are not used for these.")
        tell(Note(notes[-1]))
    try:
        metric = _METRICS.get(" ".join(kaggle.metric(slug).lower().split()))
    except KaggleError:
        # The files are there; the metric is asked for where it is needed.
        metric = None
    return Fetched(name, slug, archive, metric, known, tuple(notes))


def _check_folder(folder: Path, slug: str) -> None:
    """Refuse to put an archive beside files of the user's: which are read would not be clear.

    Raises:
        UsageError: that names them.
    """
    if not folder.is_dir():
        return
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    # The user may have put Kaggle's archive there.
    archives = [name for name in names if name == f"{slug}.zip" or was_fetched(folder / name)]
    if names and not archives:
        raise UsageError(
            f"{folder} has files already: {some(names)}. Nothing was downloaded. Move them away, "
            "or name another folder for downloads with COMPS_DATA."
        )
