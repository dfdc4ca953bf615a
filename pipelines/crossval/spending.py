"""What a limited time is spent on: on what raises the score of the blend most a second.

Cheap models come first, so that there is always something to submit. The first fold of each other
model is a preview: it tells what the model costs, and what the blend gains by it. Models are then
completed in the order of that gain a second, repeated in the order of their weight, and further
models of the zoo are tried. As long as the preview of a model that is expected to bring more goes
on, others leave it its time. Pairs of folds come last unless they were asked for or take next to no
time: they cost most of a cross-validation without changing a prediction, and a cross-fitted score,
in which stopping points and weights are chosen, flatters little.

A repeat makes out-of-fold predictions better than it does those of test rows, which are a mean over
the models of all folds from the start. Other models go before repeats for this reason, too. Of
tables all members with weight are repeated or none: on three of them four repeats of all, at four
times the time, lowered the error of a blend on new rows by 0.5 to 0.8 %, and a member that is
repeated more often than the others gets a weight that its test predictions do not earn. After one
such round come the pairs of folds, and then further rounds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from comps.base import Family, Model
from pipelines.crossval.offers import Offer, Stage, best_offer
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
# A round of repeats begins if there is so many times the time that it should take: half of one is
# worse than none.
ROUND_MARGIN = 1.25
# Pairs of folds that take at most this share of the time go before further repeats.
PAIRS_SHARE = 0.1


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
        rounds: whether repeats that were not asked for are made of all members with weight, or of
            none.
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
        rounds: bool = False,
    ) -> None:
        self.measured = {member: list(own) for member, own in (measured or {}).items()}
        self._worth = worth
        self._families = {model.member: model.family for model in models}
        self._further = set(further)
        self._preview = preview_of(folds)
        self._new_family = new_family
        self._pairs_asked = pairs_asked
        self._repeats_asked = repeats_asked
        self._rounds = rounds and not repeats_asked
        self._begun: set[tuple[str, int, bool]] = set()
        self._seconds = 0.0

    def next_jobs(self, steps: Sequence[Step], seconds_left: float) -> Sequence[Job]:
        """Return jobs one of which should begin now. See `Policy`."""
        self._seconds = max(self._seconds, seconds_left)
        chosen = best_offer(self.offers(steps, seconds_left), seconds_left)
        if chosen is None:
            return []
        if chosen.stage not in (Stage.PREVIEW, Stage.DARING, Stage.FURTHER_PREVIEW):
            self._begun.add(chosen.jobs[0].step_of)
        return chosen.jobs

    def finished(self, job: Job) -> None:
        """Learn from a finished job. See `Policy`."""
        self._worth.learn(job)

    def offers(self, steps: Sequence[Step], seconds_left: float) -> list[Offer]:
        """Return what can be done, each with its stage and what it is expected to bring."""
        done = self._worth.finished()
        begun = [step for step in steps if step.jobs[0].step_of in self._begun]
        others = [step for step in steps if step not in begun]
        firsts = [step for step in others if not step.repeat and not step.is_pairs]
        pairs = [step for step in others if step.is_pairs and step.model.member in done]
        # A repeat comes after the one before it.
        repeats: dict[str, Step] = {}
        for step in others:
            if step.repeat and step.model.member in done:
                repeats.setdefault(step.model.member, step)
        return [
            *(Offer(step.jobs, Stage.BEGUN, step.seconds) for step in begun),
            *self._first_offers(firsts, done, seconds_left),
            *self._repeat_offers(list(repeats.values())),
            *self._pair_offers(pairs),
        ]

    def _first_offers(
        self, steps: Sequence[Step], done: Collection[str], seconds_left: float
    ) -> list[Offer]:
        """Return the offers of first repeats: to complete them, or a preview."""
        gains = [self._worth.gain(step.model.member) for step in steps]
        cheap = self._cheap(steps, done)
        # Nobody can tell what a model brings that cannot be previewed: as much as the best may.
        unknown = max((gain for gain in gains if gain), default=1.0)
        families = {self._families[member] for member in done}
        offers = []
        for step, gain in zip(steps, gains, strict=True):
            model = step.model
            further = model.member in self._further
            preview = self._preview_job(step) if gain is None else None
            if step in cheap:
                offers.append(Offer(step.jobs, Stage.CHEAP, step.seconds))
            elif preview is not None:
                longest = self._new_family > 1 and model.family not in families
                offers += _preview_offers(step, preview, further=further, longest_first=longest)
            else:
                expected = unknown if gain is None else gain
                expected *= 1.0 if model.family in families else self._new_family
                if model.member not in self.measured:
                    expected *= _chance(step.seconds, seconds_left)
                stage = Stage.FURTHER if further else Stage.FIRST if expected else Stage.DOUBTFUL
                awaited = gain is None and self._is_awaited(step, families)
                if expected or not further:
                    offers.append(Offer(step.jobs, stage, step.seconds, expected, awaited=awaited))
        return offers

    def _cheap(self, steps: Sequence[Step], done: Collection[str]) -> list[Step]:
        """Return the steps that need no preview: the baseline, and what takes next to no time.

        As long as nothing else is there to submit, the cheapest model is one of them.
        """
        asked = [step for step in steps if step.model.member not in self._further]
        baseline = [s for s in asked if s.model.family is Family.BASELINE]
        others = [step for step in asked if step not in baseline]
        there = {*done, *(member for member, _, _ in self._begun)}
        if others and all(self._families[member] is Family.BASELINE for member in there):
            baseline.append(min(others, key=lambda step: step.seconds))
        limit = CHEAP_SHARE * self._seconds
        return [*baseline, *(step for step in others if step.seconds <= limit)]

    def _preview_job(self, step: Step) -> Job | None:
        """Return the job of the preview; None where it has begun, or folds are one program."""
        if not _has_preview(step) or len(step.jobs) == 1:
            return None
        return next((job for job in step.jobs if job.held == (self._preview,)), None)

    def _is_awaited(self, step: Step, families: Collection[Family]) -> bool:
        """Whether the preview of a model that is expected to bring more goes on."""
        model = step.model
        new = self._new_family > 1 and model.family not in families
        return new and _has_preview(step) and model.member not in self._further

    def _is_due(self, step: Step, weight: float) -> bool:
        """Whether a repeat would change the blend; that of a baseline is the same again."""
        family = self._families[step.model.member]
        return weight >= LEAST_WEIGHT and family is not Family.BASELINE

    def _pair_offers(self, steps: Sequence[Step]) -> list[Offer]:
        """Return the offers of pairs of folds: a nested score needs those of all members."""
        seconds = sum(step.seconds for step in steps)
        stage = Stage.PAIRS_CHEAP if seconds <= PAIRS_SHARE * self._seconds else Stage.PAIRS
        stage = Stage.PAIRS_ASKED if self._pairs_asked else stage
        return [Offer(step.jobs, stage, seconds) for step in steps]

    def _repeat_offers(self, steps: Sequence[Step]) -> list[Offer]:
        """Return the offers of the next repeat of each member, where it is worth its time.

        The error of a member's mean over n repeats falls by its variance through n (n + 1) with the
        next one, and that of the blend by the square of the member's weight times this.
        """
        weights = {step: self._worth.weight(step.model.member) for step in steps}
        due = [s for s in steps if self._repeats_asked or self._is_due(s, weights[s])]
        if self._rounds:
            return _round_offers(due)
        offers = []
        for step in due:
            gain = max(weights[step], LEAST_WEIGHT) ** 2 / (step.repeat * (step.repeat + 1))
            second = step.repeat == 1 and weights[step] >= MUCH_WEIGHT
            stage = Stage.SECOND if second else Stage.REPEAT
            offers.append(Offer(step.jobs, stage, step.seconds, gain))
        return offers


def _round_offers(steps: Sequence[Step]) -> list[Offer]:
    """Return the offers of a round of repeats: each is of use if the others end in time, too."""
    first = min((step.repeat for step in steps), default=0)
    own = [step for step in steps if step.repeat == first]
    last = max((step.seconds for step in own), default=0.0)
    seconds = ROUND_MARGIN * max(last, sum(step.shared for step in own))
    stage = Stage.REPEAT if first == 1 else Stage.LATER_ROUND
    return [Offer(step.jobs, stage, seconds) for step in own]


def _has_preview(step: Step) -> bool:
    """Whether one fold of a model can be trained before the others."""
    return not load_trainer(step.model.trainer).together


def _chance(seconds: float, seconds_left: float) -> float:
    """Return how likely a model ends in time that may take longer than it declares.

    What is cut at the deadline is lost: the more of the time it needs, the less sure it is.

    >>> _chance(10.0, 100.0), _chance(100.0, 100.0)
    (0.95, 0.5)
    """
    return 1 - min(1.0, seconds / max(seconds_left, 1e-9)) / 2


def _preview_offers(step: Step, preview: Job, *, further: bool, longest_first: bool) -> list[Offer]:
    """Return the offers of a preview, for a model that may end in time, and for one that may not.

    Where the slowest models mostly are ahead, their previews begin first: the others fit beside.
    """
    share = step.seconds / len(step.jobs)
    if further:
        return [Offer([preview], Stage.FURTHER_PREVIEW, step.seconds, preview_seconds=share)]
    return [
        Offer(
            [preview],
            Stage.PREVIEW,
            step.seconds,
            gain=step.seconds**2 if longest_first else 0.0,
            preview_seconds=share,
        ),
        Offer([preview], Stage.DARING, step.longest, preview_seconds=step.longest),
    ]


def preview_of(folds: Folds) -> Held:
    """Return the fold that is the preview of a model: of those that grow with time, the largest."""
    return folds.single[-1 if folds.growing else 0]
