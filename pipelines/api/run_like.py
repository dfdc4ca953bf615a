"""`comps run --like RUN`: what a run decided, by its clock above all, done again without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import Model, UsageError, WorkbenchError, parse_member
from pipelines.api.choices import Options, competition_of
from pipelines.api.following import choices_in, choices_of, filled
from pipelines.api.selection import installed
from pipelines.api.which_run import decided_by, find_run
from pipelines.basics.fingerprint import fingerprint
from pipelines.crossval.timebudget import TimeBudget
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment
from pipelines.store.decided import Decided, DecidedMember
from pipelines.store.recording import THREADS, versions
from pipelines.store.records import Member, Record
from pipelines.tuning.best import Use

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.api.running import Call
    from pipelines.api.session import Session

# What a run decided, or was told: naming it would be another run.
_OF_RUN = {
    "settings": "--set",
    "quick": "--quick",
    "tuned": "--tuned",
    "repeats": "--repeats",
    "nested": "--nested",
    "weights": "--weights",
    "data_parallel": "--data-parallel",
    "backend": "--backend",
    "precision": "--precision",
    "boosting_device": "--boosting-device",
}
# Of these, what the run was told is taken over: they say where and how its models are trained.
_PLACE = ("data_parallel", "backend", "precision", "boosting_device")


@dataclass(frozen=True)
class EarlierRun:
    """A run that is to be done again.

    Attributes:
        record: of it.
        decided: what it decided.
        options: of the call that does it again, with the run's rows, folds and seed.
    """

    record: Record
    decided: Decided
    options: Options

    @classmethod
    def found(cls, options: Options, like: str | Path, time_limit: object) -> EarlierRun:
        """Return the run that was named, and the options with which it is done again.

        Args:
            options: of the call.
            like: name of a run, or where its record is, see `find_run`.
            time_limit: of the call; there may be none.

        Raises:
            UsageError: if there is no such run, it did not end, or a choice contradicts it.
            StoreError: if its record cannot be read.
        """
        if time_limit is not None:
            raise UsageError(
                "like (--like) does what a run decided without a clock: leave out time_limit "
                "(--time-limit)."
            )
        record, root = find_run(options, like)
        _check_given(options, record)
        options = filled(competition_of(options), options, record, root)
        place: dict[str, Any] = {
            name: record.options[name] for name in _PLACE if name in record.options
        }
        return cls(record, decided_by(record), replace(options, **place))

    @property
    def name(self) -> str:
        """Name of its record."""
        return self.record.name

    def notes(self) -> list[str]:
        """Return what the user should know before it is done again."""
        members = ", ".join(map(_described, self.decided.members))
        notes = [f"Like the run {self.name}, without a clock: {members}."]
        notes += [f"Left out there: {name} ({why})." for name, why in self.decided.left_out.items()]
        return [*notes, *(use.text for use in self.tuned)]

    @property
    def tuned(self) -> list[Use]:
        """What searches had found for the members, and whether it was used."""
        names = Use.__dataclass_fields__
        told: list[dict[str, Any]] = [
            {name: value for name, value in values.items() if name in names}
            for values in self.decided.tuned
        ]
        return [Use(**values) for values in told]

    def models(self, session: Session) -> list[Model]:
        """Return the models of the members, which are trained here to the same bytes.

        Raises:
            UsageError: if rows, folds, a model or the code that it reaches are others here.
        """
        self._check_rows(session)
        experiment = session.experiment(n_repeats=1)
        self._check_folds(experiment)
        recorded = {member.name: member for member in self.record.members}
        members = [recorded[member.name] for member in self.decided.members]
        models = [self._model(session, member) for member in members]
        self._check_keys(members, [experiment.key(model) for model in models])
        return models

    def _check_rows(self, session: Session) -> None:
        part, theirs = session.sealed, self.record.data
        files = session.dataset.fingerprint if part is None else part.data
        if (files, session.dataset.fingerprint) != (theirs.files, theirs.fingerprint):
            raise UsageError(
                f"The run {self.name} was trained on the rows {theirs.path} (fingerprint "
                f"{theirs.fingerprint}); those of {session.source.path} are others (fingerprint "
                f"{session.dataset.fingerprint}). Name where the same rows are with data (--data)."
            )

    def _check_folds(self, experiment: Experiment) -> None:
        theirs, ours = self.record.folds.fingerprint, experiment.folds.fingerprint
        if theirs != ours:
            raise UsageError(
                f"The folds of the run {self.name} ({theirs}) are others than those that are made "
                f"here of the same rows, scheme and seed ({ours}). {self._apart()}"
            )

    def _model(self, session: Session, member: Member) -> Model:
        """Return the model of a member, under the same name.

        Raises:
            UsageError: if there is none here.
        """
        known = {model.name: model for model in session.competition.models}
        if member.model not in known:
            raise UsageError(
                f"The run {self.name} has the member '{member.name}', and "
                f"{session.competition.name} has no model '{member.model}' here. Known: "
                f"{', '.join(known)}. A model of your own is given itself, as `models`."
            )
        model = known[member.model]
        if not installed(model):
            raise UsageError(
                f"The run {self.name} has the member '{member.name}', whose library is not "
                f"installed here: pip install 'competition-workbench[{model.extra}]'."
            )
        trained = member.trained(session.competition)
        # What the name says was changed; the rest followed from the rows and the place.
        own = parse_member(member.name)[1]
        declared = {name: value for name, value in trained.params.items() if name not in own}
        return replace(trained, declared=declared)

    def _check_keys(self, members: Sequence[Member], keys: Sequence[str]) -> None:
        """Check that results have the keys here that they had there: what decides them is equal."""
        apart = [
            f"'{member.name}' ({member.key} there, {key} here)"
            for member, key in zip(members, keys, strict=True)
            if member.key != key
        ]
        if apart:
            raise UsageError(
                f"The run {self.name} cannot be repeated here: something that decides the results "
                f"of {', '.join(apart)} is another. {self._apart()}"
            )

    def _apart(self) -> str:
        """Return in words which versions are others here; of code, that it may be."""
        theirs, ours = self.record.versions, versions()
        told = [
            f"{name} {theirs.get(name, 'none')} there, {ours.get(name, 'none')} here"
            for name in {**theirs, **ours}
            if theirs.get(name) != ours.get(name)
        ]
        if told:
            return f"Versions: {'; '.join(told)}."
        return (
            "The versions of all libraries are the same: it is the code of the competition or of "
            "this package, or a file that a parameter names."
        )

    def train(self, call: Call) -> dict[str, OutOfFold]:
        """Train the members as far as they were trained there; return them in the same order.

        Raises:
            WorkbenchError: if one of them cannot be trained here.
        """
        models = {model.member: model for model in call.session.models}
        wanted: dict[tuple[int, bool], list[Model]] = {}
        for member in self.decided.members:
            alike = wanted.setdefault((member.repeats, member.nested), [])
            alike.append(models[member.name])
        found: dict[str, OutOfFold] = {}
        for (repeats, nested), some in wanted.items():
            found |= call.train(some, repeats, TimeBudget(None), nested=nested)
        oofs = {
            member.name: self._as_decided(call, member, found) for member in self.decided.members
        }
        baseline = call.session.competition.baseline.name
        if list(oofs) == [baseline]:
            call.teller.note(f"Warning: the submission is that of the baseline '{baseline}' alone.")
        return oofs

    def _as_decided(
        self, call: Call, member: DecidedMember, found: Mapping[str, OutOfFold]
    ) -> OutOfFold:
        oof = found.get(member.name)
        if oof is None or oof.n_repeats < member.repeats or (member.nested and not oof.nested):
            why = call.failures.get(member.name, "its log says why")
            raise WorkbenchError(
                f"The run {self.name} has the member {_described(member)}, which could not be "
                f"trained here: {why}"
            )
        # Pairs of folds may be in this store, of another run.
        return oof if member.nested else replace(oof, nested=None)

    def compared(self, submission: pd.DataFrame | None, hardware: Mapping[str, str]) -> str:
        """Return in words whether the submission is that of the run.

        Args:
            submission: that was made here.
            hardware: of the record of this call.
        """
        theirs = self.decided.submission
        ours = submission_fingerprint(submission)
        if theirs == ours:
            return f"The submission is that of the run {self.name}, byte for byte."
        there, here = _told(self.record.hardware), _told(hardware)
        return (
            f"Warning: the submission ({ours}) differs from that of the run {self.name} "
            f"({theirs}), though its members were trained alike: {self._why(hardware)} There: "
            f"{there}. Here: {here}."
        )

    def _why(self, hardware: Mapping[str, str]) -> str:
        """Return in words why last digits may be others here."""
        theirs, ours = self.record.hardware.get(THREADS), hardware.get(THREADS)
        if theirs is None or ours is None or theirs == ours:
            return (
                "another kind of processor, or another number of threads of a job, computes other "
                "last digits."
            )
        return (
            f"a job had {theirs} threads there and {ours} here, which computes other last digits. "
            "Choose --jobs so that a job has as many cores, in an empty run folder."
        )


def submission_fingerprint(submission: pd.DataFrame | None) -> str | None:
    """Return the fingerprint of the bytes of a submission as it is written, if there is one."""
    return None if submission is None else fingerprint(submission.to_csv(index=False).encode())


def _check_given(options: Options, record: Record) -> None:
    """Check that no choice contradicts a run.

    Raises:
        UsageError: if one does.
    """
    given = [f"{name} ({flag})" for name, flag in _OF_RUN.items() if name in options.named]
    listed = options.models if isinstance(options.models, (list, tuple)) else [options.models]
    if any(isinstance(model, str) for model in listed):
        given.insert(0, "models (--models)")
    if given:
        raise UsageError(
            f"like (--like) trains what the run {record.name} did: leave out {', '.join(given)}."
        )
    theirs = choices_of(record)
    for name, ours in choices_in(competition_of(options), options).items():
        if ours != theirs[name]:
            told = "none" if theirs[name] is None else theirs[name]
            if name == "folds_file":
                told, ours = record.options.get(name, "none"), options.folds_file
            raise UsageError(
                f"The run {record.name} has {name} {told}, and {ours} was given: leave out {name} "
                f"(--{name.replace('_', '-')})."
            )


def _told(hardware: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in hardware.items()) or "not recorded"


def _described(member: DecidedMember) -> str:
    told = [f"{member.repeats} repeats"] if member.repeats > 1 else []
    told += [] if member.nested else ["no pairs of folds"]
    return f"{member.name} ({', '.join(told)})" if told else member.name
