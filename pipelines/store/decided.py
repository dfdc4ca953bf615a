"""What a run decided, by its clock above all: enough to do it again without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from comps.base import JSON, Model, Params
from pipelines.results.oof import OutOfFold


@dataclass(frozen=True, kw_only=True)
class DecidedMember:
    """A member of the blend, and how far it was trained; every repeat has all of its folds.

    Attributes:
        name: of a member of the record, which says what it is.
        repeats: of the folds, that its predictions are the mean of.
        nested: whether models without each pair of folds were trained, for the nested score.
    """

    name: str
    repeats: int
    nested: bool


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a run decided; `comps run --like` does the same without a clock.

    Attributes:
        members: in the order in which they were blended; models that nobody asked for, and that
            became members with time to spare, are among them.
        time_limit: seconds; None where there was none.
        left_out: why, by name, for the models that were asked for and are no members.
        tuned: what searches had found for the members, and whether it was used.
        submission: fingerprint of the submission's bytes; None where there are no test rows.
    """

    members: tuple[DecidedMember, ...]
    time_limit: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    tuned: tuple[Mapping[str, JSON], ...] = ()
    submission: str | None = None

    @classmethod
    def of(
        cls,
        oofs: Mapping[str, OutOfFold],
        asked: Iterable[Model],
        failures: Mapping[str, str],
        *,
        time_limit: float | None = None,
        tuned: Iterable[Mapping[str, JSON]] = (),
        submission: str | None = None,
    ) -> Decided:
        """Return what a run decided.

        Args:
            oofs: the members that it blended, in their order.
            asked: the models that it was asked for.
            failures: reason by name, of models that could not be trained.
            time_limit: see the attribute, as the others.
            tuned: what searches had found for its members.
            submission: fingerprint.
        """
        members = [
            DecidedMember(name=name, repeats=oof.n_repeats, nested=oof.nested is not None)
            for name, oof in oofs.items()
        ]
        others = [model.member for model in asked if model.member not in oofs]
        return cls(
            members=tuple(members),
            time_limit=time_limit,
            left_out={name: failures.get(name, "no time") for name in others},
            tuned=tuple(tuned),
            submission=submission,
        )

    @classmethod
    def from_json(cls, values: Params, known: set[str]) -> Decided:
        """Return what a record says.

        Args:
            values: the fields, as JSON values.
            known: names of the record's members.

        Raises:
            KeyError: if something is missing.
            TypeError: if something is of another type.
            ValueError: if it names a member that the record has not.
        """
        members = tuple(DecidedMember(**value) for value in values["members"])
        for member in members:
            if type(member.repeats) is not int or type(member.nested) is not bool:
                raise TypeError(f"{member} was decided, which is no number and no yes or no")
            if member.repeats < 1:
                raise ValueError(f"{member.name} was decided to have {member.repeats} repeats")
            if member.name not in known:
                raise ValueError(f"{member.name!r} was decided to be a member, and is none")
        left_out = {str(name): str(why) for name, why in values["left_out"].items()}
        tuned = tuple(dict(value) for value in values["tuned"])
        return cls(**{**values, "members": members, "left_out": left_out, "tuned": tuned})
