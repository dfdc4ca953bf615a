"""The seam between the harness and the libraries that search for parameters.

A search proposes configurations and receives their scores; it trains nothing. The harness computes
the scores (the cross-validated metric), and decides when a trial's folds are fitted.
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
    """The outcome of a trial.

    Attributes:
        trial: the configuration.
        state: how it ended.
        score: the out-of-fold metric, or rather its guide (see `Metric`), at the best step of the
            mean curve; None unless complete.
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
        prunes: whether it takes the scores of a trial's folds one after the other.
    """

    prunes: bool

    def ask(self) -> Trial | None:
        """Return a new trial; None if the search has no more, at the moment or at all."""

    def hopeless(self, trial: Trial, fold: int, score: float) -> bool:
        """Record the score of a fold; return whether the trial should be pruned.

        Folds are counted over all repeats, from 0.
        """

    def tell(self, result: TrialResult) -> None:
        """Record the outcome of a trial."""

    def forget(self, trial: Trial) -> None:
        """Withdraw a trial that was interrupted, by the time limit or Ctrl-C."""

    def results(self) -> list[TrialResult]:
        """Return every trial that has ended, in the order of their numbers."""

    def open_trials(self) -> int:
        """Return the number of trials that are running, also in other processes."""
