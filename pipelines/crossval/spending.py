"""What a limited time is spent on: on what raises the score of the blend most a second.

Cheap models come first, so that there is always something to submit. The first fold of each other
model is a preview: it tells what the model costs, and what the blend gains by it. Models are then
completed in the order of that gain a second, repeated in the order of their weight, and further
models of the zoo are tried. Pairs of folds come last unless they were asked for or take next to no
time: they cost most of a cross-validation without changing a prediction, and a cross-fitted score,
in which stopping points and weights are chosen, flatters little.

A repeat makes out-of-fold predictions better than it does those of test rows, which are a mean over
the models of all folds from the start. Other models go before repeats for this reason, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from comps.base import Family, Model
from pipelines.engines.jobs import Job
from pipelines.engines.queue import Step
from pipelines.folds import Folds, Held
from pipelines.trainers import load_trainer

# What takes at most this share of the time is done without a preview.
CHEAP_SHARE = 0.02
# Members of one family err alike: the first of another is expected to bring more. So much more on
# images and series, where networks are mostly ahead; on tables they mostly are not
# (Grinsztajn, Oyallon and Varoquaux, "Why do tree-based models still outperform deep learning on
# typical tabular data?", 2022).
NEW_FAMILY = 3.0
# A member with less weight changes the blend by less than its seed does.
LEAST_WEIGHT = 0.01
# The repeat of a member with this weight goes before models that nobody asked for.
MUCH_WEIGHT = 0.1
# Pairs of folds that take at most this share of the time go before further repeats.
PAIRS_SHARE = 0.1


class Stage(IntEnum):
    """Kinds of work; what has a smaller number goes first."""

    BEGUN = 0
    CHEAP = 1
    PREVIEW = 2
    FIRST = 3
    # The preview of a model that is too slow by what it declares, which may be wrong.
    DARING = 4
    PAIRS_ASKED = 5
    # The second repeat of a member with much weight.
    SECOND = 6
    # Models that gain nothing on their preview: one fold may be wrong.
    DOUBTFUL = 7
    FURTHER_PREVIEW = 8
    FURTHER = 9
    # A member that comes after the pairs of the others would need some, too.
    PAIRS_CHEAP = 10
    REPEAT = 11
    PAIRS = 12


@dataclass(frozen=True)
class Offer:
    """Work that could be done next.

    Attributes:
        jobs: of which one is begun now.
        stage: its kind.
        seconds: until it is of use; work that cannot end in time is none.
        gain: what it is expected to bring, in any unit that is the same within its stage.
        preview_seconds: that a preview takes alone; None where everything is done.
    """

    jobs: Sequence[Job]
    stage: Stage
    seconds: float
    gain: float = 0.0
    preview_seconds: float | None = None

    @property
    def order(self) -> tuple[int, float, float]:
        """What is smallest is done first: the stage, then the gain a second, then the seconds."""
        return self.stage, -self.gain / max(self.seconds, 1e-9), self.seconds


def best_offer(offers: Sequence[Offer], seconds_left: float) -> Offer | None:
    """Return the work to begin next, or None where nothing can end in time.

    It has the greatest gain a second of the first stage that there is. Neither previews nor
    models that gain less may take the time that the model with the greatest gain needs, however
    long it takes: else a few weak and cheap models would crowd out the strong one.

    Args:
        offers: what could be done.
        seconds_left: until the deadline.

    >>> weak, strong = Offer([], Stage.FIRST, 4.0, 2.0), Offer([], Stage.FIRST, 8.0, 3.0)
    >>> best_offer([weak, strong], 12.0) is weak, best_offer([weak, strong], 11.0) is strong
    (True, True)
    """
    fitting = [offer for offer in offers if offer.seconds <= seconds_left]
    firsts = [offer for offer in fitting if offer.stage is Stage.FIRST]
    most = max(firsts, key=lambda offer: (offer.gain, offer.seconds), default=None)
    for offer in sorted(fitting, key=lambda offer: offer.order):
        if most is None or offer is most or offer.stage < Stage.PREVIEW:
            return offer
        takes = offer.seconds if offer.preview_seconds is None else offer.preview_seconds
        if takes + most.seconds <= seconds_left:
            return offer
    return None


class Worth(Protocol):
    """Tells from the finished folds what models bring to the blend."""

    def finished(self) -> Collection[str]:
        """Return the members that have all folds of the first repeat."""
        ...

    def gain(self, member: str) -> float | None:
        """Return what the blend gains by a member on the fold that is its preview.

        It is at least zero; None where that is not known, as before the fold has ended.
        """
        ...

    def weight(self, member: str) -> float:
        """Return the weight of a finished member in the blend of all."""
        ...

    def learn(self, job: Job) -> None:
        """Read the results of a finished job."""
        ...


class Spending:
    """Decides what a limited time is spent on; a `Policy` of the job queue.

    Args:
        folds: the rows of each fold.
        models: that may be trained.
        worth: of the models, from the folds that are finished.
        measured: seconds of fits that are stored, by member.
        further: those of the models that were not asked for, by name of the member.
        new_family: how many times more the first member of a family is expected to bring.
        pairs_asked: whether the nested score was asked for.
        repeats_asked: whether repeats were asked for, of each member, whatever its weight.
    """

    def __init__(
        self,
        folds: Folds,
        models: Sequence[Model],
        worth: Worth,
        *,
        measured: Mapping[str, Sequence[float]] | None = None,
        further: Collection[str] = (),
        new_family: float = NEW_FAMILY,
        pairs_asked: bool = False,
        repeats_asked: bool = False,
    ) -> None:
        self.measured = {member: list(own) for member, own in (measured or {}).items()}
        self._worth = worth
        self._families = {model.member: model.family for model in models}
        self._further = set(further)
        self._preview = preview_of(folds)
        self._new_family = new_family
        self._pairs_asked = pairs_asked
        self._repeats_asked = repeats_asked
        self._begun: set[tuple[str, int, bool]] = set()
        self._seconds = 0.0

    def next_jobs(self, steps: Sequence[Step], seconds_left: float) -> Sequence[Job]:
        """Return jobs one of which should begin now. See `Policy`."""
        self._seconds = max(self._seconds, seconds_left)
        chosen = best_offer(self.offers(steps, seconds_left), seconds_left)
        if chosen is None:
            return []
        if chosen.stage not in (Stage.PREVIEW, Stage.DARING, Stage.FURTHER_PREVIEW):
            self._begun.add(_name(chosen.jobs))
        return chosen.jobs

    def finished(self, job: Job) -> None:
        """Learn from a finished job. See `Policy`."""
        self._worth.learn(job)

    def offers(self, steps: Sequence[Step], seconds_left: float) -> list[Offer]:
        """Return what can be done, each with its stage and what it is expected to bring."""
        done = self._worth.finished()
        begun = [step for step in steps if _name(step.jobs) in self._begun]
        open_ = [step for step in steps if _name(step.jobs) not in self._begun]
        firsts = [step for step in open_ if _name(step.jobs)[1:] == (0, False)]
        pairs = [step for step in open_ if _name(step.jobs)[2] and _name(step.jobs)[0] in done]
        # A repeat comes after the one before it.
        repeats: dict[str, Step] = {}
        for step in open_:
            member, repeat, _ = _name(step.jobs)
            if repeat and member in done:
                repeats.setdefault(member, step)
        return [
            *(Offer(step.jobs, Stage.BEGUN, step.seconds) for step in begun),
            *self._first_offers(firsts, done, seconds_left),
            *(offer for step in repeats.values() for offer in self._repeat_offers(step)),
            *self._pair_offers(pairs),
        ]

    def _first_offers(
        self, steps: Sequence[Step], done: Collection[str], seconds_left: float
    ) -> list[Offer]:
        """Return the offers of first repeats: to complete them, or a preview."""
        gains = [self._worth.gain(_name(step.jobs)[0]) for step in steps]
        cheap = self._cheap(steps, done)
        # Nobody can tell what a model brings that cannot be previewed: as much as the best may.
        unknown = max((gain for gain in gains if gain), default=1.0)
        families = {self._families[member] for member in done}
        offers = []
        for step, gain in zip(steps, gains, strict=True):
            model = step.jobs[0].model
            further = model.member in self._further
            preview = self._preview_job(step) if gain is None else None
            if step in cheap:
                offers.append(Offer(step.jobs, Stage.CHEAP, step.seconds))
            elif preview is not None:
                offers += _preview_offers(step, preview, further=further)
            else:
                expected = unknown if gain is None else gain
                expected *= 1.0 if model.family in families else self._new_family
                if model.member not in self.measured:
                    expected *= _chance(step.seconds, seconds_left)
                stage = Stage.FURTHER if further else Stage.FIRST if expected else Stage.DOUBTFUL
                if expected or not further:
                    offers.append(Offer(step.jobs, stage, step.seconds, expected))
        return offers

    def _cheap(self, steps: Sequence[Step], done: Collection[str]) -> list[Step]:
        """Return the steps that need no preview: the baseline, and what takes next to no time.

        As long as nothing else is there to submit, the cheapest model is one of them.
        """
        asked = [step for step in steps if _name(step.jobs)[0] not in self._further]
        baseline = [s for s in asked if s.jobs[0].model.family is Family.BASELINE]
        others = [step for step in asked if step not in baseline]
        there = {*done, *(member for member, _, _ in self._begun)}
        if others and all(self._families[member] is Family.BASELINE for member in there):
            baseline.append(min(others, key=lambda step: step.seconds))
        limit = CHEAP_SHARE * self._seconds
        return [*baseline, *(step for step in others if step.seconds <= limit)]

    def _preview_job(self, step: Step) -> Job | None:
        """Return the job of the preview; None where it has begun, or folds are one program."""
        if load_trainer(step.jobs[0].model.trainer).together or len(step.jobs) == 1:
            return None
        return next((job for job in step.jobs if job.held == (self._preview,)), None)

    def _pair_offers(self, steps: Sequence[Step]) -> list[Offer]:
        """Return the offers of pairs of folds: a nested score needs those of all members."""
        seconds = sum(step.seconds for step in steps)
        stage = Stage.PAIRS_CHEAP if seconds <= PAIRS_SHARE * self._seconds else Stage.PAIRS
        stage = Stage.PAIRS_ASKED if self._pairs_asked else stage
        return [Offer(step.jobs, stage, seconds) for step in steps]

    def _repeat_offers(self, step: Step) -> list[Offer]:
        """Return the offer of a repeat, if it is worth its time.

        The error of a member's mean over n repeats falls by its variance through n (n + 1) with the
        next one, and that of the blend by the square of the member's weight times this.
        """
        member, repeat, _ = _name(step.jobs)
        weight = self._worth.weight(member)
        if weight < LEAST_WEIGHT and not self._repeats_asked:
            return []
        gain = max(weight, LEAST_WEIGHT) ** 2 / (repeat * (repeat + 1))
        stage = Stage.SECOND if repeat == 1 and weight >= MUCH_WEIGHT else Stage.REPEAT
        return [Offer(step.jobs, stage, step.seconds, gain)]


def _chance(seconds: float, seconds_left: float) -> float:
    """Return how likely a model ends in time that may take longer than it declares.

    What is cut at the deadline is lost: the more of the time it needs, the less sure it is.

    >>> _chance(10.0, 100.0), _chance(100.0, 100.0)
    (0.95, 0.5)
    """
    return 1 - min(1.0, seconds / max(seconds_left, 1e-9)) / 2


def _preview_offers(step: Step, preview: Job, *, further: bool) -> list[Offer]:
    share = step.seconds / len(step.jobs)
    if further:
        return [Offer([preview], Stage.FURTHER_PREVIEW, step.seconds, preview_seconds=share)]
    return [
        Offer([preview], Stage.PREVIEW, step.seconds, preview_seconds=share),
        Offer([preview], Stage.DARING, step.longest, preview_seconds=step.longest),
    ]


def preview_of(folds: Folds) -> Held:
    """Return the fold that is the preview of a model: of those that grow with time, the largest."""
    return folds.single[-1 if folds.growing else 0]


def _name(jobs: Sequence[Job]) -> tuple[str, int, bool]:
    """Return what tells a step from others: member, repeat, and whether it is pairs of folds."""
    return jobs[0].model.member, jobs[0].repeat, jobs[0].kind == "pairs"
