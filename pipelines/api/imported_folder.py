"""Members of a whole team at once: `import_folder`, and what is there: `imported_members`."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from comps.base import Competition, DataError, Metric, StoreError, UsageError, WorkbenchError, some
from pipelines.api.choices import Options, RowChoices, competition_of, store_of
from pipelines.api.imported import check_name, no_test_rows, predictions
from pipelines.api.progress import Progress
from pipelines.api.session import Session, introduced
from pipelines.folds import Folds
from pipelines.results.imported import FOLD, imported_member, prediction_columns
from pipelines.results.oof import OutOfFold
from pipelines.results.prediction_tables import TARGET
from pipelines.store import RunStore

if TYPE_CHECKING:
    import pandas as pd

# Tables are read of these; other files, such as notes, are passed over.
_ENDINGS = re.compile(r"\.(csv|tsv|txt|parquet|pq)(\.(gz|zip|bz2|xz))?$", re.IGNORECASE)
# A part of a path that says what a file holds: `lgb/oof.csv`, `oof_lgb.csv`, `lgb-oof.csv`.
_PART = re.compile(r"(?:^|(?<=[-_./ ]))(oof|test)(?=$|[-_./ ])", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """The files of a member, or of many members in one wide table each.

    Attributes:
        name: of the member; empty for wide tables.
        oof: file with out-of-fold predictions; None where there is none.
        test: file with test predictions; None where there is none.
    """

    name: str
    oof: Path | None
    test: Path | None

    @property
    def files(self) -> str:
        """The files in words."""
        return " and ".join(str(path) for path in (self.oof, self.test) if path is not None)


@dataclass(frozen=True)
class ImportedFolder:
    """What a folder of predictions held.

    Attributes:
        metric: of the competition.
        members: that were taken, without their predictions: `name`, `score`, `rows`, `replaced`.
        faults: of files that were not: what is wrong with them, by file.
    """

    metric: Metric
    members: Sequence[dict[str, Any]]
    faults: Mapping[str, str]


def pairs_of(folder: Path) -> tuple[list[Pair], dict[str, str]]:
    """Return the files of members in a folder and those below it, and files that are of none.

    A path with "oof" or "test" between its separators says what a file holds; what is left of it is
    the member's name. So `lgb-oof.csv`, `oof_lgb.csv`, `lgb/oof.csv` and `oof/lgb.csv` are all of a
    member `lgb`, and `ann/lgb-oof.csv` of `ann-lgb`.

    Args:
        folder: to look through.

    Raises:
        DataError: if it is no folder, or has no tables.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder.")
    found: dict[str, dict[str, list[Path]]] = {}
    faults = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not _ENDINGS.search(path.name) or path.name.startswith("."):
            continue
        place = _ENDINGS.sub("", path.relative_to(folder).as_posix())
        parts = list(_PART.finditer(place))
        if not parts:
            faults[str(path)] = (
                "Neither 'oof' nor 'test' is a part of its name, as in member-oof.csv."
            )
            continue
        said = parts[-1]
        name = re.sub(r"[-_./ ]*/[-_./ ]*", "-", place[: said.start()] + place[said.end() :])
        name = re.sub(r"[-_. ]{2,}", "-", name).strip("-_./ ")
        found.setdefault(name, {}).setdefault(said.group().lower(), []).append(path)
    pairs = []
    for name, files in found.items():
        twice = [each for each in files.values() if len(each) > 1]
        if twice:
            faults[str(twice[0][1])] = f"{twice[0][0]} is of the same member {name!r}."
            continue
        pairs.append(Pair(name, *(files.get(part, [None])[0] for part in ("oof", "test"))))
    if not pairs and not faults:
        raise DataError(f"{folder} has no tables: CSV or Parquet files were expected.")
    return pairs, faults


def import_folder(
    competition: str | Competition,
    folder: str | Path,
    *,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> ImportedFolder:
    """Take all predictions in a folder as members; what is wrong with others is said of each.

    Args:
        competition: a name, or your own.
        folder: with two tables for each member, named as `pairs_of` says, or two wide tables
            `oof` and `test` with a column for each member, as `export_oof` writes them.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Returns:
        The members that were taken, and the faults of all files that were not.

    Raises:
        WorkbenchError: if the rows cannot be read, or nothing can be written.
    """
    session = Session(Options.of(competition, choices))
    teller = introduced(session, progress)
    pairs, faults = pairs_of(Path(folder))
    folds = session.experiment(n_repeats=1).folds
    taken: list[dict[str, Any]] = []
    with session.store.writing():
        for pair in pairs:
            for name, found in _members(session, folds, pair):
                if isinstance(found, str):
                    where = pair.files if name == pair.name else f"{pair.files}, column {name}"
                    faults[where] = found
                    continue
                replaced = session.store.imported.put(found)
                taken.append(
                    {
                        "name": name,
                        "score": found.score,
                        "rows": int(found.covered.sum()),
                        "replaced": replaced,
                    }
                )
                if len(taken) % 100 == 0:
                    teller.note(f"{len(taken)} members taken.")
    return ImportedFolder(session.competition.metric, taken, faults)


def _members(session: Session, folds: Folds, pair: Pair) -> Iterator[tuple[str, OutOfFold | str]]:
    """Yield members, or what is wrong with them, by name."""
    try:
        tables = _tables(session, pair)
    except WorkbenchError as error:
        yield pair.name, str(error)
        return
    files = {"oof": str(pair.oof), "test": str(pair.test) if pair.test else "none"}
    for name, oof, test in tables:
        try:
            check_name(session.competition, name)
            yield (
                name,
                imported_member(
                    session.competition,
                    session.dataset,
                    folds,
                    name,
                    oof=oof,
                    test=test,
                    files=files,
                ),
            )
        except WorkbenchError as error:
            yield name, str(error)


def _tables(
    session: Session, pair: Pair
) -> Sequence[tuple[str, pd.DataFrame, pd.DataFrame]] | Iterator[Any]:
    """Return the tables of each member of a pair of files.

    Raises:
        WorkbenchError: if a file is missing or no table.
    """
    ids = session.competition.id_column
    if pair.oof is None:
        raise DataError("There is no file of out-of-fold predictions beside it.")
    oof = predictions(pair.oof, ids)
    if pair.test is not None:
        test = predictions(pair.test, ids)
    elif session.dataset.sample_submission is None:
        test = no_test_rows(session, oof)
    else:
        raise DataError("There is no file of test predictions beside it.")
    if pair.name:
        return [(pair.name, oof, test)]
    return _columns(session, oof, test)


def _columns(
    session: Session, oof: pd.DataFrame, test: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return the tables of each member of two wide ones: `member`, or `member:column` of several.

    Raises:
        DataError: if there are no such columns.
    """
    competition = session.competition
    wanted = prediction_columns(competition, session.dataset)
    own: set[str] = {competition.id_column, FOLD}
    beside = {*own, TARGET}
    others = [name for name in oof if name not in beside and not str(name).startswith(f"{TARGET}:")]
    names = list(dict.fromkeys(str(name).rpartition(":")[0] or str(name) for name in others))
    if len(wanted) == 1:
        names = [str(name) for name in others]
    if not names:
        raise DataError(f"It has no columns of members; it has {list(oof.columns)}.")

    def of(name: str) -> tuple[str, pd.DataFrame, pd.DataFrame]:
        given = [name] if len(wanted) == 1 else [f"{name}:{column}" for column in wanted]
        return name, _renamed(oof, own, given, wanted), _renamed(test, own, given, wanted)

    return map(of, names)


def _renamed(
    table: pd.DataFrame, kept: Container[str], given: Sequence[str], wanted: Sequence[str]
) -> pd.DataFrame:
    """Return the columns of one member, called as those of a table of its own."""
    columns = [column for column in table if column in kept or column in given]
    return table[columns].rename(columns=dict(zip(given, wanted, strict=True)))


@dataclass(frozen=True)
class ImportedMembers:
    """Imported members of a competition.

    Attributes:
        metric: of the competition.
        rows: a mapping for each: `name`, `score`, `rows`, `when`, `data` and `folds`
            (fingerprints), and `fault`, which is empty unless a check found one. The `rows` that it
            predicts are counted by a check alone.
        removed: names that were removed.
    """

    metric: Metric
    rows: Sequence[dict[str, Any]]
    removed: Sequence[str] = ()


def imported_members(
    competition: str | Competition,
    *,
    runs: str | Path | None = None,
    check: bool = False,
    remove: Sequence[str] = (),
) -> ImportedMembers:
    """Return the imported members, on any data and folds; check them, or remove some by name.

    Args:
        competition: a name, or your own.
        runs: the folder for results.
        check: whether all predictions are read, and compared with their checksums.
        remove: names to remove, or patterns such as `ann-*`.

    Raises:
        UsageError: if a name or pattern fits none.
        StoreError: if one cannot be removed.
    """
    options = Options.of(competition, {"runs": runs})
    metric, store = competition_of(options).metric, store_of(options)
    names = sorted(store.imported.names())
    gone = _fitting(names, remove)
    if gone:
        with store.writing():
            store.imported.remove(gone)
    rows = [_row(store, path, check) for path in store.imported.paths()]
    worst = float("inf")

    def key(row: Mapping[str, Any]) -> tuple[str, str, float, str]:
        score = worst if row["score"] is None else metric.sort_key(row["score"])
        return row["data"], row["folds"], score, row["name"]

    rows.sort(key=key)
    return ImportedMembers(metric, rows, gone)


def _row(store: RunStore, path: Path, check: bool) -> dict[str, Any]:
    """Return the row of a member's file; of a damaged one, what is wrong with it."""
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    row: dict[str, Any] = {
        "name": path.parts[-3],
        "score": None,
        "rows": None,
        "when": f"{when:%Y-%m-%d %H:%M}",
        "data": "",
        "folds": "",
        "fault": "",
    }
    try:
        found = store.imported.file(path)
        row |= {
            "name": found.name,
            "score": float(found.meta["score"]),
            "data": found.meta["data_fingerprint"],
            "folds": found.meta["folds_fingerprint"],
        }
        if check:
            row["rows"] = int(store.imported.read(found).covered.sum())
    except StoreError as error:
        row["fault"] = str(error)
    return row


def _fitting(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    fitting: dict[str, None] = {}
    for pattern in patterns:
        found = fnmatch.filter(names, pattern)
        if not found:
            known = f" There are: {some(names)}." if names else " There are none."
            raise UsageError(f"No imported member is called {pattern!r}.{known}")
        fitting.update(dict.fromkeys(found))
    return list(fitting)
