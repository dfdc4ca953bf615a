"""Commands that train nothing: `comps blend` and `comps submit`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from comps.base import UsageError, unknown_name
from pipelines.cli.finish import (
    blend_members,
    show_contributions,
    show_results,
    write_submission,
)
from pipelines.cli.options import Options, Session, cheap_first
from pipelines.cli.reporters import Output, make_output
from pipelines.cli.scoring import read_table
from pipelines.crossval import Experiment
from pipelines.oof import OutOfFold
from submissions import check_submission


def blend_stored(options: Options, method: str) -> None:
    """Blend the stored out-of-fold predictions and show the result."""
    session = Session(options, imported=True)
    output = make_output(session.competition.metric, options.json)
    experiment = session.experiment(n_repeats=1)
    oofs = stored_members(session, experiment)
    with session.store.writing():
        chosen, tried = blend_members(experiment, oofs, method)
        show_results(session, output, oofs, chosen, tried)
        show_contributions(experiment, output, oofs, chosen)


def submit_stored(options: Options, method: str, path: Path) -> None:
    """Write the submission of the blend of what is stored."""
    session = Session(options, imported=True)
    output: Output = make_output(session.competition.metric, options.json)
    experiment = session.experiment(n_repeats=1)
    oofs = stored_members(session, experiment)
    with session.store.writing():
        chosen, _ = blend_members(experiment, oofs, method)
        write_submission(session, output, oofs, chosen, path)


def check_file(options: Options, path: Path) -> None:
    """Check a submission file that is already there.

    Raises:
        DataError: with every problem that was found.
    """
    session = Session(options)
    output = make_output(session.competition.metric, options.json)
    # A label may be called NA or None.
    submission = read_table(path, keep_default_na=False)
    check_submission(session.competition, session.dataset, submission)
    output.result(f"{path} is valid: {len(submission)} rows.", {"submission": str(path)})


def stored_members(session: Session, experiment: Experiment) -> dict[str, OutOfFold]:
    """Return the stored predictions by model, those of `--members` if it was given.

    Raises:
        UsageError: if there are none on these data and folds, or a wanted one is not there.
    """
    stored = {oof.model: oof for oof in session.store.members(experiment.dataset, experiment.folds)}
    sealed = session.options.sealed
    name = session.competition.name + ("" if sealed is None else f" --sealed {sealed:g}")
    if not stored:
        raise UsageError(
            f"{session.store.root} has no out-of-fold predictions for these data and folds. "
            f"'comps run {name}' or 'comps cv {name}' makes them."
        )
    if session.options.models is None:
        # In the order of a run: sums in another order differ in the last bit.
        names = [model.name for model in cheap_first(session.competition.models)]
        zoo = {name: stored[name] for name in names if name in stored}
        return zoo | imported_members(session, stored)
    for model in session.models:
        if model.name not in stored:
            raise unknown_name("stored member", model.name, stored)
    zoo = {model.name: stored[model.name] for model in session.models}
    return zoo | imported_members(session, stored)


def imported_members(session: Session, stored: Mapping[str, OutOfFold]) -> dict[str, OutOfFold]:
    """Return the imported among the stored predictions, those of `--members` if it was given.

    Args:
        session: opened with `imported`.
        stored: predictions on the session's data and folds.

    Raises:
        UsageError: if a wanted one is not among them.
    """
    there = sorted(name for name, oof in stored.items() if oof.imported)
    if session.options.models is None:
        return {name: stored[name] for name in there}
    for name in session.imported:
        if name not in there:
            raise UsageError(
                f"{name!r} was imported for other data or other folds. Train it on those that "
                f"'comps folds {session.competition.name}' writes with these options, and import "
                "it again."
            )
    return {name: stored[name] for name in session.imported}
