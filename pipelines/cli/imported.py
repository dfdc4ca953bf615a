"""Members of other tools: `comps folds` and `comps import-oof`."""

from __future__ import annotations

import re
from pathlib import Path

from comps.base import Competition, UsageError
from pipelines.basics.files import write_bytes
from pipelines.cli.options import SETS, Options, Session, row_arguments
from pipelines.cli.reporters import make_output
from pipelines.cli.run import introduce
from pipelines.cli.scoring import read_table
from pipelines.folds import Folds
from pipelines.results.imported import fold_table, imported_member, prediction_columns


def write_folds(options: Options, path: Path) -> None:
    """Write the ids and folds of the training rows; say how predictions come back."""
    session = Session(options)
    output = make_output(session.competition.metric, options.json)
    introduce(session, output)
    competition, folds = session.competition, session.experiment(n_repeats=1).folds
    table = fold_table(competition, session.dataset, folds)
    write_bytes(path, table.to_csv(index=False).encode())
    spec = folds.spec
    output.result(
        f"{path}: the folds of {len(table)} rows, scheme '{spec.scheme}', {spec.n_folds} folds, "
        f"seed {spec.seed}.",
        {"folds": str(path), "rows": len(table), "scheme": spec.scheme}
        | {"n_folds": spec.n_folds, "seed": spec.seed},
    )
    output.note(_which_rows(session, folds))
    columns = ",".join(prediction_columns(competition, session.dataset))
    output.note(
        f"Write {competition.id_column},fold,{columns} of these rows into oof.csv, "
        f"{competition.id_column},{columns} of the test rows into test.csv, and bring them back: "
        f"comps import-oof {competition.name} NAME --oof oof.csv --test test.csv"
        f"{row_arguments(options)}"
    )


def _which_rows(session: Session, folds: Folds) -> str:
    if not folds.growing:
        return "Predict the rows of each fold by a model of all other rows."
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
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", name, re.ASCII):
        raise UsageError(
            f"A name of letters, digits, '_', '-' and '.' was expected, not {name!r}: a folder of "
            "the run store gets it."
        )
    if name in {*SETS, *(model.name for model in competition.models)}:
        raise UsageError(
            f"{name!r} is a model of {competition.name} or a set of them; choose another name."
        )


def import_predictions(options: Options, name: str, oof: Path, test: Path) -> None:
    """Check predictions of another tool and keep them in the run store as a member."""
    session = Session(options)
    output = make_output(session.competition.metric, options.json)
    check_name(session.competition, name)
    tables = {path: read_table(path) for path in (oof, test)}
    introduce(session, output)
    competition, experiment = session.competition, session.experiment(n_repeats=1)
    member = imported_member(
        competition,
        session.dataset,
        experiment.folds,
        name,
        oof=tables[oof],
        test=tables[test],
        files={"oof": str(oof), "test": str(test)},
    )
    store, metric = session.store, competition.metric
    with store.writing():
        there = store.imported(session.dataset, experiment.folds)
        store.write_oof(member)
    replaced = name in {other.model for other in there}
    again = " It replaces the one of that name." if replaced else ""
    output.result(
        f"{name}: out-of-fold {metric.label} {member.score:.{metric.digits}f} on "
        f"{int(member.covered.sum())} rows, predictions for {len(member.test)} test rows."
        f"{again} 'comps blend', 'submit' and 'compare' take it.",
        {"model": name, "metric": metric.name, "score": member.score, "replaced": replaced},
    )
