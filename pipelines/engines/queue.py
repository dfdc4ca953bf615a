"""The order of the jobs of a run, and whether there is time for them."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Protocol

from comps.base import Model
from pipelines.engines import Done
from pipelines.engines.jobs import Job
from pipelines.folds import Held
from pipelines.trainers import load_trainer


@dataclass(frozen=True)
class QueueStatus:
    """The progress of a run.

    Attributes:
        done: fits finished in this run, failed ones among them.
        total: fits that this run has to make.
        seconds_left: estimate, or None before the first fold has ended.
    """

    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, eq=False)
class Step:
    """Jobs that are of use only together: a repeat of a model, or its pairs of folds.

    Attributes:
        jobs: those that have not begun.
        seconds: until they have ended, beside what runs, if they begin now.
        longest: seconds that the longest of them takes alone.
        shared: seconds that they take if all slots share the work.
    """

    jobs: Sequence[Job]
    seconds: float
    longest: float
    shared: float

    @property
    def model(self) -> Model:
        """The model of all of its jobs."""
        return self.jobs[0].model

    @property
    def repeat(self) -> int:
        """The repeat that they belong to."""
        return self.jobs[0].repeat

    @property
    def is_pairs(self) -> bool:
        """Whether they hold out pairs of folds."""
        return self.jobs[0].kind == "pairs"


class Policy(Protocol):
    """Decides what a limited time is spent on.

    Attributes:
        measured: seconds of each fit that has ended, by member.
    """

    measured: dict[str, list[float]]

    def next_jobs(self, steps: Sequence[Step], seconds_left: float) -> Sequence[Job]:
        """Return jobs one of which should begin now; none where nothing is worth the time left.

        Args:
            steps: what could be done.
            seconds_left: until the deadline.
        """
        ...

    def finished(self, job: Job) -> None:
        """Learn from a finished job, whose results are in the store."""
        ...


class JobQueue:
    """Hands out jobs model by model; leaves out what cannot end before the deadline.

    Args:
        jobs: in the order in which they should run.
        slots: how many run side by side.
        deadline: on the clock of `time.monotonic`, or None.
        accelerators: how many slots, from the first, own one. What is trained there comes first in
            these slots, and never in the others; 0 where all slots are alike.
        policy: what it asks for the order, if there is a deadline; None takes that of the jobs.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        slots: int,
        deadline: float | None = None,
        accelerators: int = 0,
        policy: Policy | None = None,
    ) -> None:
        self.pending = list(jobs)
        self.left_out: list[Job] = []
        self.total = sum(len(job.held) for job in jobs)
        self.done = 0
        self._running: list[Job] = []
        self._began: list[float] = []
        self._prepared_in: dict[tuple[int, Held], int] = {}
        self._slots, self._deadline, self._accelerators = slots, deadline, accelerators
        self._policy = None if deadline is None else policy
        self._totals: dict[str, tuple[int, float]] = {}
        self._tested: dict[str, list[float]] = {}
        self._measured = {} if self._policy is None else self._policy.measured
        self._planned = {job.model.member: _planned_seconds(job.model) for job in jobs}

    def next_job(self, slot: int = 0) -> Job | None:
        """Return the next job that can end in time, or None when there is no more.

        Models share the transformed rows of a fold within a worker. Of the next model a slot
        therefore gets a fold that it has prepared before, where there is one.

        Args:
            slot: number of the slot that is free.
        """
        tests = [job for job in self._open_to(slot) if job.kind == "test"]
        if tests:
            return self._begin(self._known(slot, tests), slot)
        if self._policy is not None:
            job = self._wanted(slot, self._policy)
            return None if job is None else self._begin(job, slot)
        while (job := self._suited(slot)) is not None:
            if self._fits(job):
                return self._begin(job, slot)
            # What is left of this model would be an incomplete repeat: leave out all of it.
            self._drop(lambda other, job=job: _same_repeat(other, job))
        return None

    def add_first(self, jobs: Sequence[Job]) -> None:
        """Add predictions of test rows: each makes a model complete that has all its fits."""
        self.pending = [*jobs, *self.pending]

    def finished(self, event: Done) -> None:
        """Record a finished job and the time that it took."""
        self._ended(event.job)
        seconds = event.seconds / len(event.job.held)
        if event.job.kind == "test":
            self._tested.setdefault(event.job.model.member, []).append(seconds)
            return
        self._measured.setdefault(event.job.model.member, []).append(seconds)
        if self._policy is not None:
            self._policy.finished(event.job)

    def failed(self, job: Job) -> None:
        """Record a failed job; the other jobs of its model are left out.

        A model whose pairs of folds fail still has its folds.
        """
        self._ended(job)
        self._drop(
            lambda other: (
                other.model.member == job.model.member
                and (job.kind != "pairs" or other.kind == "pairs")
            )
        )

    def cancelled(self, job: Job) -> None:
        """Record a job that was stopped because the time was over."""
        self._stopped(job)
        self.left_out.append(job)
        self.total -= _fits(job)

    def status(self) -> QueueStatus:
        """Return the progress of the run."""
        if not self._measured:
            return QueueStatus(self.done, self.total, None)
        # Of ten thousand jobs, each of a few models: these are asked once.
        fits = Counter[str]()
        models: dict[str, Model] = {}
        for job in chain(self.pending, self._running):
            if job.kind == "test":
                # It makes no fit, and its model may have none left to make.
                continue
            member = job.step_of[0]
            fits[member] += _fits(job)
            models[member] = job.model
        seconds = sum(self._seconds(models[name]) * count for name, count in fits.items())
        seconds /= self._slots
        if self._policy is not None:
            # There is more to do than there is time for.
            seconds = max(0.0, min(seconds, self._left()))
        return QueueStatus(self.done, self.total, seconds)

    def _begin(self, job: Job, slot: int) -> Job:
        self._running.append(job)
        self._began.append(time.monotonic())
        self.pending.remove(job)
        if job.kind != "test":
            # A slot that predicts test rows may have loaded the features, and not prepared them.
            self._prepared_in.update({(job.repeat, held): slot for held in job.held})
        return job

    def _suited(self, slot: int) -> Job | None:
        """Return one of the jobs that come next, or None when there is none."""
        open_to = self._open_to(slot)
        if not open_to:
            return None
        first = open_to[0]
        return self._known(slot, list(takewhile(lambda job: _same_repeat(job, first), open_to)))

    def _known(self, slot: int, jobs: Sequence[Job]) -> Job:
        """Return one of some jobs: of a fold known in the slot, else a new one."""

        def distance(job: Job) -> int:
            places = {self._prepared_in.get((job.repeat, held)) for held in job.held}
            return 0 if places == {slot} else 1 if places == {None} else 2

        return min(jobs, key=distance)

    def _wanted(self, slot: int, policy: Policy) -> Job | None:
        """Return the job that a policy wants next in a slot, or None where it wants none."""
        steps: dict[tuple[str, int, bool], list[Job]] = {}
        for job in self._open_to(slot):
            steps.setdefault(job.step_of, []).append(job)
        found = [self._step(step) for step in steps.values()]
        jobs = policy.next_jobs(found, self._left())
        return self._known(slot, jobs) if jobs else None

    def _step(self, jobs: Sequence[Job]) -> Step:
        seconds = list(map(self._seconds_of, jobs))
        shared = sum(seconds) / self._lanes(jobs[0])
        return Step(jobs, self._ends_in(jobs), max(seconds), shared)

    def _ends_in(self, jobs: Sequence[Job]) -> float:
        """Return the seconds until jobs have ended that take each slot as it becomes free."""
        now = time.monotonic()
        free = [
            max(0.0, self._seconds_of(job) - (now - began))
            for job, began in zip(self._running, self._began, strict=True)
        ]
        lanes = self._lanes(jobs[0])
        free = sorted([*free, *[0.0] * lanes])[:lanes]
        ends = []
        for job in jobs:
            ends.append(heapq.heappop(free) + self._seconds_of(job))
            heapq.heappush(free, ends[-1])
        return max(ends)

    def _seconds_of(self, job: Job) -> float:
        seconds = 0.0 if job.kind == "test" else self._seconds(job.model)
        return (seconds + self._test_seconds(job)) * len(job.held)

    def _test_seconds(self, job: Job) -> float:
        """Return the seconds in which a fit predicts the test rows, once it is complete.

        Until the model's own are measured they are those of the others, which is more than none:
        what ends a moment before the deadline, and has not predicted them, is of no use.
        """
        if job.kind == "pairs" or not load_trainer(job.model.trainer).staged:
            return 0.0
        own = self._tested.get(job.model.member) or list(chain(*self._tested.values()))
        return sum(own) / len(own) if own else 0.0

    def _left(self) -> float:
        """Return the seconds until the deadline."""
        assert self._deadline is not None
        return self._deadline - time.monotonic()

    def _open_to(self, slot: int) -> list[Job]:
        """Return the jobs that a slot may take, in their order."""
        if not self._accelerators:
            return self.pending
        for_them = [job for job in self.pending if job.accelerated]
        others = [job for job in self.pending if not job.accelerated]
        return [*for_them, *others] if slot < self._accelerators else others

    def _ended(self, job: Job) -> None:
        self.done += _fits(job)
        self._stopped(job)

    def _stopped(self, job: Job) -> None:
        if job in self._running:
            place = self._running.index(job)
            del self._running[place], self._began[place]

    def _drop(self, unwanted: object) -> None:
        assert callable(unwanted)
        dropped = [job for job in self.pending if unwanted(job)]
        self.pending = [job for job in self.pending if not unwanted(job)]
        self.left_out += dropped
        self.total -= sum(map(_fits, dropped))

    def _fits(self, job: Job) -> bool:
        if self._deadline is None:
            return True
        rest = [other for other in self.pending if _same_repeat(other, job)]
        folds_in_turn = max(
            max(len(other.held) for other in rest),
            sum(len(other.held) for other in rest) / self._lanes(job),
        )
        seconds = (self._seconds(job.model) + self._test_seconds(job)) * folds_in_turn
        return time.monotonic() + seconds <= self._deadline

    def _lanes(self, job: Job) -> int:
        """Return how many slots may take jobs of this kind."""
        return self._accelerators if self._accelerators and job.accelerated else self._slots

    def _seconds(self, model: Model) -> float:
        """Return the estimated seconds of a fold: measured, or the declared cost at this speed."""
        if model.member in self._measured:
            return self._mean(model.member)
        done = [name for name in self._measured if name in self._planned]
        planned = sum(self._planned[name] for name in done)
        measured = sum(map(self._mean, done))
        # Before enough was measured, the declared cost is the better guess.
        speed = (measured + 1.0) / (planned + 1.0)
        return self._planned[model.member] * speed

    def _mean(self, member: str) -> float:
        """Return the mean of the measured seconds; those that were added before are not again."""
        values = self._measured[member]
        count, total = self._totals.get(member, (0, 0.0))
        self._totals[member] = len(values), total + sum(values[count:])
        return self._totals[member][1] / len(values)


def _fits(job: Job) -> int:
    """Return how many fits a job makes."""
    return 0 if job.kind == "test" else len(job.held)


def _planned_seconds(model: Model) -> float:
    return model.seconds / 5


def _same_repeat(one: Job, other: Job) -> bool:
    """Whether two jobs are of use only together: a repeat of a model, or its pairs of folds."""
    return one.step_of == other.step_of
