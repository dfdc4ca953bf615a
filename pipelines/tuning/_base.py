"""The seam between the harness and the libraries that search for parameters.

A search proposes configurations and is told how they did; it trains nothing. What a score is
(the cross-validated metric), and when a trial's folds are fitted, the harness decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from comps.base import Params


class State(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """A configuration to try.

    Attributes:
        number: counted from 0, unique within the study.
        params: changed parameters of the model; JSON values.
    """

    number: int
    params: Params


@dataclass(frozen=True)
class TrialResult:
    """What became of a trial.

    Attributes:
        trial: the configuration.
        state: how it ended.
        score: the out-of-fold metric at the best step of the mean curve; None unless complete.
        fold_scores: the metric of each fold that was fitted, at the fold's own best step, in the
            order of the folds.
        step: that step, rounds or epochs; None unless complete.
        seconds: of fitting, features included, all folds together.
        reason: why it failed.
    """

    trial: Trial
    state: State
    score: float | None = None
    fold_scores: tuple[float, ...] = ()
    step: int | None = None
    seconds: float = 0.0
    reason: str = ""


class Search(Protocol):
    """A study: its trials are kept on disk, or in a database, as soon as they end.

    Attributes:
        prunes: whether it looks at the folds of a trial one after the other.
    """

    prunes: bool

    def ask(self) -> Trial | None:
        """Return a new trial; None where the search has no more (for now, or for good)."""

    def hopeless(self, trial: Trial, fold: int, score: float) -> bool:
        """Take note of the score of a fold, and say whether the trial should be pruned.

        Folds are counted over all repeats, from 0.
        """

    def tell(self, result: TrialResult) -> None:
        """Take note of how a trial ended."""

    def forget(self, trial: Trial) -> None:
        """Take back a trial that did not come to its end: the time is over, or Ctrl-C."""

    def results(self) -> list[TrialResult]:
        """Return every trial that has ended, in the order of their numbers."""

    def open_trials(self) -> int:
        """Return how many trials are under way, those of other processes among them."""
