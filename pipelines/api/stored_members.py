"""Which stored predictions a call takes: those of the last run, by name, and imported ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from comps.base import Model, UsageError, WorkbenchError, base_name, unknown_name
from comps.catalog import competition_names
from comps.kinds.memory import IN_MEMORY
from pipelines.api.choices import row_arguments
from pipelines.api.following import Followed, finished_members, introduction
from pipelines.api.session import Session
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment
from pipelines.store.records import Member, Record


def stored_members(
    session: Session, experiment: Experiment, followed: Followed
) -> tuple[dict[str, OutOfFold], list[str]]:
    """Return stored predictions by member, and what the user should know of them.

    Args:
        session: opened with `imported` and the options that `follow` returned.
        experiment: its rows and folds.
        followed: see `follow`.

    Raises:
        UsageError: if there are none on these data and folds, or a wanted one is not there.
    """
    imported = imported_members(session, experiment)
    if session.options.models is not None:
        models = session.models
        own = {model.member: _named(session, experiment, followed, model) for model in models}
        return own | imported, [_rows_of(session, experiment)]
    if followed.run is None and imported:
        return imported, ["No run on these data and folds is recorded: imported members alone."]
    own, notes = _of_run(session, experiment, followed)
    return own | imported, notes


def _rows_of(session: Session, experiment: Experiment) -> str:
    """Return the line that says which rows, folds and seed are used."""
    spec, sealed = experiment.folds.spec, session.options.sealed
    data = "the bundled sample" if session.source.bundled else session.source
    how = spec.scheme if session.folds_file is None else "of a file"
    return f"Data: {data}, {spec.n_folds} folds ({how}), seed {session.seed}" + (
        "." if sealed is None else f", {sealed:g} sealed."
    )


def imported_members(session: Session, experiment: Experiment) -> dict[str, OutOfFold]:
    """Return the imported members on the rows and folds, those of `--members` if it was given.

    Args:
        session: opened with `imported`.
        experiment: its rows and folds.

    Raises:
        UsageError: if a wanted one is not among them.
    """
    stored = session.store.imported.on(experiment.dataset, experiment.folds)
    there = {oof.model: oof for oof in sorted(stored, key=lambda oof: oof.model)}
    if session.options.models is None:
        return there
    for name in session.imported:
        if name not in there:
            raise UsageError(
                f"{name!r} was imported for other data or other folds. Train it on those that "
                f"'comps folds {session.competition.name}' writes with these options, and import "
                "it again."
            )
    return {name: there[name] for name in session.imported}


def _of_run(
    session: Session, experiment: Experiment, followed: Followed
) -> tuple[dict[str, OutOfFold], list[str]]:
    """Return what the last run made of its members, and says of them."""
    run, store = followed.run, session.store
    if run is None:
        raise _nothing(session, experiment)
    if not _is_on(run, experiment):
        raise UsageError(
            f"{_rows(session)} or the way to make folds changed since the run of {run.when}. "
            f"{_command(session, 'run')} trains on what is there now."
        )
    oofs, older = {}, []
    for member, repeats, nested in _blended(run, finished_members(store, run)):
        oof = store.read_oof(member.model, member.key, repeats)
        oofs[member.name] = replace(oof, model=member.name, nested=oof.nested if nested else None)
        if _key_now(experiment, member) != member.key:
            older.append(member.name)
    # Of a model that the competition does not know, nobody can tell whether it changed.
    zoo = {model.name for model in session.competition.models}
    older = [name for name in older if base_name(name) in zoo]
    notes = [introduction(run, session.competition)]
    lacking = [member.name for member in run.members if member.name not in oofs]
    if lacking:
        notes.append(f"Of these, {', '.join(lacking)} did not finish and cannot be used.")
    if older:
        notes.append(
            f"Made by an older version of the code: {', '.join(older)}. "
            f"{_command(session, 'run')} fits them anew."
        )
    return oofs, notes


def _blended(run: Record, finished: Sequence[tuple[Member, int]]) -> list[tuple[Member, int, bool]]:
    """Return the members of a run that are stored, their repeats, and whether pairs count.

    A run that ended says which it blended, in which order: other runs may have added to the store.
    """
    if run.decided is None:
        return [(member, repeats, True) for member, repeats in finished]
    stored = {member.name: (member, repeats) for member, repeats in finished}
    return [
        (*stored[decided.name], decided.nested)
        for decided in run.decided.members
        if decided.name in stored
    ]


def _rows(session: Session) -> str:
    path = session.source.path
    return f"The rows {path}" if path == IN_MEMORY else str(path)


def _named(session: Session, experiment: Experiment, followed: Followed, model: Model) -> OutOfFold:
    """Return the predictions of a member by its name, made by the code of today alone.

    Raises:
        UsageError: if there are none.
    """
    store = session.store
    for key, repeats in _keys(experiment, followed, model):
        for n_repeats in [repeats] if repeats else store.repeats_of(model.name, key):
            try:
                return replace(store.read_oof(model.name, key, n_repeats), model=model.member)
            except FileNotFoundError:
                continue
    known = {oof.model for oof in store.predictions(experiment.dataset, experiment.folds)}
    if not known:
        raise _nothing(session, experiment)
    if model.member in known:
        raise UsageError(
            f"{model.member!r} is stored for these data and folds, but of another seed, or made "
            "by an older version of the code. "
            f"{_command(session, 'cv', f' --models {quote(model.member)}')} fits it anew."
        )
    raise unknown_name("stored member", model.member, known | store.imported.names())


def _keys(
    experiment: Experiment, followed: Followed, model: Model
) -> Iterator[tuple[str, int | None]]:
    """Yield the keys that a member may have here, with the repeats of its last record.

    Trained in another place, on a GPU for example, it has another key and the same name.
    """
    plain = experiment.key(model)
    members = [
        member
        for record in followed.records
        if _is_on(record, experiment)
        for member in record.members
        if member.name == model.member
    ]
    yield plain, next((member.repeats for member in members if member.key == plain), None)
    yield plain, None
    for member in members:
        if member.key != plain and member.key == _key_now(experiment, member):
            yield member.key, member.repeats


def _is_on(record: Record, experiment: Experiment) -> bool:
    theirs = record.data.fingerprint, record.folds.fingerprint, record.seed
    dataset, folds = experiment.dataset, experiment.folds
    return theirs == (dataset.fingerprint, folds.fingerprint, experiment.seed)


def _key_now(experiment: Experiment, member: Member) -> str | None:
    """Return the key that the code of today gives a recorded member; None where it gives none."""
    try:
        return experiment.key(member.trained(experiment.competition))
    except WorkbenchError:
        return None


def _nothing(session: Session, experiment: Experiment) -> UsageError:
    """Return the error that says that there is nothing to use, and what makes it."""
    stored = session.store.predictions(experiment.dataset, experiment.folds)
    if not stored:
        return UsageError(
            f"{session.store.root} has no out-of-fold predictions for these data and folds. "
            f"{_command(session, 'run')} makes them."
        )
    names = ",".join(dict.fromkeys(oof.model for oof in stored))
    return UsageError(
        f"{session.store.root} has no record of a run on these data and folds. What other commands "
        f"trained is used by name, such as --members {quote(names)}; {_command(session, 'run')} "
        "makes a run."
    )


def _command(session: Session, command: str, more: str = "") -> str:
    """Return how a command is called, or the function where the competition is Python's alone."""
    if session.competition.name not in competition_names():
        return f"pipelines.{ {'cv': 'cross_validate'}.get(command, command) }()"
    return f"'comps {command} {session.competition.name}{more}{row_arguments(session.options)}'"
