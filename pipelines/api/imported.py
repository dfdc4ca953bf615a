"""Members of other tools: `folds_table` and `import_oof`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from comps.base import Competition, DataError, Metric, UsageError, names_a_folder, some
from comps.reading.missing import SURE
from pipelines.api.choices import Options, RowChoices, row_arguments
from pipelines.api.progress import Progress
from pipelines.api.scoring import table_of
from pipelines.api.selection import SETS
from pipelines.api.session import Session, introduced
from pipelines.folds import Folds
from pipelines.results.imported import fold_table, imported_member, prediction_columns
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FoldsTable:
    """The fold of every training row, so that another tool can train on the same folds.

    Attributes:
        table: [n] rows: the id and the fold, counted from 1; missing where no fold predicts it.
        folds: the folds.
        how: which rows are to be predicted by a model of which others.
        back: how the predictions are brought back.
    """

    table: pd.DataFrame
    folds: Folds
    how: str
    back: str


def folds_table(
    competition: str | Competition,
    *,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> FoldsTable:
    """Return the fold of every training row.

    Args:
        competition: a name, or your own.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        WorkbenchError: if a choice is wrong or the data cannot be read.
    """
    options = Options.of(competition, choices)
    session = Session(options)
    introduced(session, progress)
    chosen, folds = session.competition, session.experiment(n_repeats=1).folds
    columns = ",".join(prediction_columns(chosen, session.dataset))
    back = (
        f"Write {chosen.id_column},fold,{columns} of these rows into oof.csv, "
        f"{chosen.id_column},{columns} of the test rows into test.csv, and bring them back: "
        f"comps import-oof {chosen.name} NAME --oof oof.csv --test test.csv"
        f"{row_arguments(options)}"
    )
    table = fold_table(chosen, session.dataset, folds)
    how = _which_rows(session, folds)
    if session.sealed is not None:
        how += (
            f" {len(session.sealed.target):,} training rows are sealed and not in the table: "
            "train on none of them, and predict them as test rows, with sealed: before their ids."
        )
    return FoldsTable(table, folds, how, back)


@dataclass(frozen=True)
class Imported:
    """A member of another tool.

    Attributes:
        member: its predictions on the metric's scale.
        metric: of the competition.
        replaced: whether there was one of that name.
    """

    member: OutOfFold
    metric: Metric
    replaced: bool


def import_oof(
    competition: str | Competition,
    name: str,
    oof: str | Path | pd.DataFrame,
    test: str | Path | pd.DataFrame | None = None,
    *,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Imported:
    """Take predictions that another tool made on the same folds as a member of the blend.

    Args:
        competition: a name, or your own.
        name: of the member; one of that name is replaced.
        oof: table or CSV file with the id, the fold and the predictions of the training rows.
        test: table or CSV file with the id and the predictions of the test rows; None where there
            are none.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        WorkbenchError: if ids, folds or values are not what the competition needs.
    """
    options = Options.of(competition, choices)
    session = Session(options)
    check_name(session.competition, name)
    table = predictions(oof, session.competition.id_column)
    tested = (
        no_test_rows(session, table)
        if test is None
        else predictions(test, session.competition.id_column)
    )
    introduced(session, progress)
    experiment = session.experiment(n_repeats=1)
    files = {
        part: str(given) if isinstance(given, (str, Path)) else "memory"
        for part, given in (("oof", oof), ("test", test))
    }
    member = imported_member(
        session.competition,
        session.dataset,
        experiment.folds,
        name,
        oof=table,
        test=tested,
        files=files,
    )
    with session.store.writing():
        replaced = session.store.imported.put(member)
    return Imported(member, session.competition.metric, replaced)


def predictions(given: str | Path | pd.DataFrame, id_column: str) -> pd.DataFrame:
    """Return predictions of a table or a file: ids as the file has them, "NA" and the like missing.

    Raises:
        WorkbenchError: if it is no table.
    """
    table = table_of(given, text=(id_column,))
    others = [name for name in table if name != id_column and table[name].dtype.kind not in "iuf"]
    found = table.copy()
    for column in others:
        said = table[column].astype(str).str.strip().str.lower().isin(list(SURE))
        found[column] = table[column].mask(said)
    return found


def no_test_rows(session: Session, oof: pd.DataFrame) -> pd.DataFrame:
    """Return predictions for the training row that stands for test rows where there are none.

    Raises:
        UsageError: if there are test rows, or sealed ones, which are predicted as such.
        DataError: if there is no prediction at all.
    """
    competition, dataset, sealed = session.competition, session.dataset, session.sealed
    if dataset.sample_submission is not None:
        raise UsageError(
            f"{competition.name} has {len(dataset.test_ids)} test rows: give their predictions, "
            "too, as `test`."
        )
    if sealed is not None:
        raise UsageError(
            f"{len(sealed.ids)} training rows are sealed: give their predictions as `test`, with "
            f"one of {dataset.test_ids[0]}, which stands for test rows. Their ids there are "
            f"{some(dataset.test_ids[-len(sealed.ids) :])}."
        )
    if oof.empty:
        raise DataError("There are no out-of-fold predictions: the table has no rows.")
    # Of each column the first that is there.
    return oof.bfill().iloc[:1].assign(**{competition.id_column: dataset.test_ids})


def _which_rows(session: Session, folds: Folds) -> str:
    if not folds.growing:
        how = "Predict the rows of each fold by a model of all other rows."
        groups = session.dataset.units
        if groups is None or folds.spec.scheme == "column":
            return how
        return f"{how} Rows that belong together are in one fold: {len(np.unique(groups))} groups."
    gap = session.competition.gap
    before = "before" if gap is None else f"at least {gap} before"
    return (
        f"Predict the rows of each fold by a model of the rows {before} its first one, and the "
        "test rows by a model of all rows. Rows without a fold are never predicted."
    )


def check_name(competition: Competition, name: str) -> None:
    """Check that a member can be called so.

    Raises:
        UsageError: if a model of the zoo, or a set of models, has the name, or a folder could not
            have it.
    """
    if not names_a_folder(name):
        raise UsageError(
            f"A name of letters, digits, '_', '-' and '.' was expected, not {name!r}: a folder of "
            "the run store gets it."
        )
    if name in {*SETS, *(model.name for model in competition.models)}:
        raise UsageError(
            f"{name!r} is a model of {competition.name} or a set of them; choose another name."
        )
