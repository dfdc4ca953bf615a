"""What a search tells while it goes on: trials that ended, the one that runs, and the time left."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from comps.base import Family, Metric
from pipelines.api.progress import Teller, TrialRunning, clock, known
from pipelines.api.search.trials import trial_line
from pipelines.tuning import TrialResult
from pipelines.tuning.trials import Running


class SearchProgress:
    """Tells of the trials of a search.

    Args:
        teller: is told.
        metric: that trials are compared by.
        stored: the trials of earlier searches of the study.
        total: trials of the whole study.
        deadline: on the clock of `time.monotonic`, or None.
    """

    def __init__(
        self,
        teller: Teller,
        metric: Metric,
        stored: Sequence[TrialResult],
        total: int,
        deadline: float | None,
    ) -> None:
        self.teller, self.metric, self.total, self.deadline = teller, metric, total, deadline
        self.ended, self.n_stored = list(stored), len(stored)
        self.started = time.monotonic()
        # Of each trial that runs, the share of its folds that is fitted by now.
        self._shares: dict[int, float] = {}

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None before anything has been fitted."""
        share = sum(self._shares.values())
        trials = len(self.ended) - self.n_stored + share
        if not trials:
            return None
        now = time.monotonic()
        left = (self.total - len(self.ended) - share) * (now - self.started) / trials
        if self.deadline is not None:
            left = min(left, self.deadline - now)
        return max(0.0, left)

    def end(self, result: TrialResult) -> None:
        """Tell how a trial ended."""
        self._shares.pop(result.trial.number, None)
        self.ended.append(result)
        left = self.seconds_left or 0.0
        self.teller.trial(*trial_line(self.metric, self.ended, self.total, left))

    def go_on(self, running: Running) -> None:
        """Tell how far a trial is: fold, round or epoch, scores, and the time left."""
        number, ended = running.trial.number, len(running.scores)
        self._shares[number] = running.fitted / running.folds
        mean = math.fsum(running.scores) / ended if ended else math.nan
        left = self.seconds_left
        words = []
        if running.step > 1:
            words.append(f"{_unit(running)} {running.step}")
        if not math.isnan(running.score):
            words.append(f"{self.metric.label} {self._shown(running.score)}")
        if ended:
            words.append(f"mean so far {self._shown(mean)}")
        if left is not None:
            words.append(f"about {clock(left)} left")
        text = f"[{len(self.ended)}/{self.total}] trial {number}, {running.job.part}, "
        text += f"{ended} of {running.folds} done" + (": " if words else "") + ", ".join(words)
        values = {
            "trial": number,
            "part": running.job.part,
            "unit": _unit(running),
            "step": running.step,
            "score": known(running.score),
            "folds_done": ended,
            "folds": running.folds,
            "score_so_far": known(mean),
            "done": len(self.ended),
            "total": self.total,
            "seconds_left": left,
        }
        self.teller.tell(TrialRunning(text, values))

    def _shown(self, score: float) -> str:
        return f"{score:.{self.metric.digits}f}"


def _unit(running: Running) -> str:
    return "epoch" if running.job.model.family is Family.NETWORK else "round"
