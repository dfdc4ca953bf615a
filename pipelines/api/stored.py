"""What is stored: `load_run`, `blend` and `submit`, which train nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from comps.base import (
    Competition,
    DataError,
    Model,
    UsageError,
    WorkbenchError,
    some,
)
from ensembles import Blend
from pipelines.api.choices import (
    REQUIRED,
    Options,
    RowChoices,
    checked_choice,
    with_members,
)
from pipelines.api.following import follow
from pipelines.api.progress import Progress, Teller
from pipelines.api.results import Result, blend_members
from pipelines.api.scoring import check_scale, read_file
from pipelines.api.sealed import look as look_at
from pipelines.api.session import Session
from pipelines.api.stored_members import stored_members
from pipelines.api.written import keep, write_submission
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.store.records import Record
from submissions import check_submission


@dataclass(frozen=True)
class Stored:
    """What earlier calls left, on the rows and folds of one of them.

    Attributes:
        session: with the rows.
        teller: tells what the user should know.
        experiment: with the folds.
        oofs: predictions by member, in the order of the blend.
        run: whose members they are; None where no run is recorded.
    """

    session: Session
    teller: Teller
    experiment: Experiment
    oofs: dict[str, OutOfFold]
    run: Record | None

    @property
    def store(self) -> RunStore:
        """Where predictions and models are."""
        return self.session.store

    def declared(self, member: str) -> Model:
        """Return the declaration of a member, as it was trained."""
        session, run = self.session, self.run
        if session.options.models is None and run is not None:
            for recorded in run.members:
                if recorded.name == member:
                    return recorded.trained(session.competition)
        return next(model for model in session.models if model.member == member)

    def tell_joined(self) -> None:
        """Say which imported members join those of the run, if there are any."""
        imported = [name for name, oof in self.oofs.items() if oof.imported]
        if not imported or self._named or len(imported) == len(self.oofs):
            return
        self.teller.note(
            f"Imported members join: {', '.join(imported)}. There are no models without pairs of "
            "folds of these, so that the honest score is cross-fitted; --members leaves them out."
        )

    @property
    def _named(self) -> bool:
        """Whether the call named its members."""
        return self.session.options.models is not None

    def own_blend(self) -> Blend:
        """Return the blend that the run submitted: without the members imported since.

        These have no models here, and what predicts needs them. Members that were named are
        blended all the same.

        Raises:
            UsageError: if all members were imported.
        """
        own = {name: oof for name, oof in self.oofs.items() if self._named or not oof.imported}
        left_out = [name for name in self.oofs if name not in own]
        if not own:
            raise UsageError(
                f"All members were imported ({some(left_out)}): their models are where they were "
                f"made. 'comps run {self.session.competition.name}' trains models that are kept."
            )
        if left_out:
            self.teller.note(
                f"Imported members are left out: {some(left_out)}. Their models are where they "
                "were made; the blend is that of the others, which the run submitted."
            )
        return blend_members(self.experiment, own)[0]

    def result(self, method: str) -> Result:
        """Return the members and their blend.

        Raises:
            UsageError: if the method is unknown or of no use here.
        """
        self.tell_joined()
        chosen, tried = blend_members(self.experiment, self.oofs, method)
        failures = {} if self.run is None else {f.name: f.reason for f in self.run.failures}
        notes = tuple(self.teller.notes)
        runs = self.session.store.place.parent
        return Result(self.experiment, self.oofs, chosen, tried, failures, notes, runs=runs)


def open_stored(options: Options, progress: Progress | None = None) -> Stored:
    """Return the members that were named, or those of the last run; say which they are.

    Rows, folds and seed that the options do not name are those of the last run. Nothing is
    locked: what is finished can be used while a run goes on.

    Raises:
        WorkbenchError: if there is none, or a wanted one is not there.
    """
    followed = follow(options)
    session = Session(followed.options, imported=True)
    teller = Teller(session.competition.metric, progress)
    experiment = session.experiment(n_repeats=1)
    oofs, notes = stored_members(session, experiment, followed)
    for note in (*followed.notes, *notes):
        teller.note(note)
    return Stored(session, teller, experiment, oofs, followed.run)


def load_run(
    competition: str | Competition,
    *,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Result:
    """Return the members of the last run and their blend: leaderboard, predictions, submission.

    Members imported since join. The sealed rows are not looked at again.

    Nothing is trained. Rows, folds and seed that are not named are those of the last run.

    Args:
        competition: a name, or your own.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        WorkbenchError: if there is no run, or the data changed since.

    >>> import tempfile, pipelines
    >>> runs = tempfile.mkdtemp()
    >>> made = pipelines.run("house-prices", models="median,ridge", runs=runs, engine="inline")
    >>> load_run("house-prices", runs=runs).submission.equals(made.submission)
    True
    """
    return open_stored(Options.of(competition, choices), progress).result("auto")


def blend(
    competition: str | Competition,
    members: str | Sequence[object] | None = None,
    *,
    method: str = "auto",
    look: bool = False,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Result:
    """Blend members of the last run, or those that are named; nothing is trained.

    Args:
        competition: a name, or your own.
        members: names with commas, or a list; those of the last run unless given.
        method: one of `ensembles.METHODS`, several with plus signs, or "auto".
        look: whether the blend is scored on the sealed rows; each look is counted.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        WorkbenchError: if a member is not stored, or the method does not suit.
    """
    options = _options(competition, members, choices, method)
    stored = open_stored(options, progress)
    result = stored.result(method)
    keep(stored.session.store, result)
    if look and result.blend is not None:
        result = replace(result, sealed=look_at(stored.session, result.blend))
    return result


def submit(
    competition: str | Competition,
    members: str | Sequence[object] | None = None,
    *,
    output: str | Path,
    method: str = "auto",
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Result:
    """Write the submission of the blend of stored members; nothing is trained.

    Args:
        competition: a name, or your own.
        members: names with commas, or a list; those of the last run unless given.
        output: the file.
        method: as `blend` takes it.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        WorkbenchError: if a member is not stored, or every model of the run but the baseline
            failed; nothing is written then.
    """
    options, output = (
        _options(competition, members, choices, method),
        checked_choice("output", output, "Path", REQUIRED),
    )
    stored = open_stored(options, progress)
    _check_more_than_the_baseline(stored)
    result = stored.result(method)
    write_submission(stored.session.store, result, output)
    return result


def _options(
    competition: str | Competition,
    members: object,
    choices: RowChoices,
    method: str,
) -> Options:
    """Return the options of a call that blends."""
    checked_choice("method", method, "str", REQUIRED)
    return Options.of(competition, with_members(choices, members))


def _check_more_than_the_baseline(stored: Stored) -> None:
    """Refuse to submit the baseline where every other model of the run failed, as the run did.

    Raises:
        WorkbenchError: with the first reason.
    """
    baseline, run = stored.session.competition.baseline.name, stored.run
    if run is None or list(stored.oofs) != [baseline]:
        return
    failed = {failure.name: failure.reason for failure in run.failures}
    others = [member.name for member in run.members if member.name != baseline]
    if others and set(others) <= set(failed):
        raise WorkbenchError(
            f"Every model but the baseline '{baseline}' failed in the run of {run.when}, so no "
            f"submission is written. {others[0]}: {failed[others[0]]}"
        )
    stored.teller.note(f"Warning: the submission is that of the baseline '{baseline}' alone.")


def check_file(
    competition: str | Competition, path: str | Path, **choices: Unpack[RowChoices]
) -> int:
    """Check a submission file that is already there; return its rows.

    Raises:
        DataError: with every problem that was found.
    """
    session = Session(Options.of(competition, choices))
    table = read_file(Path(path), delimiter=",")
    if table.notes:
        raise DataError(f"The submission is not valid. {' '.join(table.notes)}")
    # A label may be called NA or None.
    check_submission(session.competition, session.dataset, table.frame.fillna(""))
    check_scale(session.competition, session.dataset, table.frame)
    return len(table.frame)
