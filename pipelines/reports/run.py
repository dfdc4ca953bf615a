"""`ReportedRun`: everything that a report is made of, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Competition, Dataset, Metric, Params
from pipelines.store.records import Record
from pipelines.tuning import TrialResult
from pipelines.tuning.best import Best

Floats = NDArray[np.float64]
Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Curves:
    """How the score of a member went on while it was trained, in the folds of the first repeat.

    Attributes:
        step: the stopping point, in rounds or epochs.
        steps: [s] int64, stages of the mean curve.
        mean: [s] float64, the metric's guide, the mean over the folds.
        folds: of each fold that could be read, its own steps and scores.
        unit: what a step is: "round" or "epoch".
    """

    step: int
    steps: NDArray[np.int64]
    mean: Floats
    folds: Sequence[tuple[NDArray[np.int64], Floats]]
    unit: str


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of training rows by models that were not trained on them.

    Attributes:
        ids: [k] of the rows.
        target: [k] or [k, targets] float64, on the metric's scale; codes of classes.
        prediction: [k], [k, classes] or [k, targets] float64, on the same scale.
        rows: [k] int64, their numbers among the training rows.
        of: how many rows they were drawn from, at random; k where all are here.
        by: whose predictions they are, in words.
    """

    ids: Array
    target: Floats
    prediction: Floats
    rows: NDArray[np.int64]
    of: int
    by: str


@dataclass(frozen=True)
class Study:
    """A search for the parameters of a model.

    Attributes:
        best: its outcome.
        trials: that were tried, in order; none where they could not be read.
        importance: of each parameter, shares that sum to one; none where they are not known.
    """

    best: Best
    trials: Sequence[TrialResult] = ()
    importance: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Submissions:
    """What was sent to Kaggle.

    Attributes:
        rows: of the submissions, the newest first; see `pipelines.api.kaggle.public_scores`.
        public_share: of the test rows that public scores are of.
        verdicts: what honest and public scores say of each other, in words.
        picks: which to pick as final submissions, and why.
    """

    rows: Sequence[Row]
    public_share: float
    verdicts: Sequence[str] = ()
    picks: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportedRun:
    """A run as a report shows it. What is None or empty is not there, or could not be read.

    Attributes:
        name: of the competition.
        competition: its definition.
        dataset: its rows.
        record: what the command that trained left.
        members: rows of the leaderboard, best first; see `pipelines.api.results`.
        fold_scores: [repeats, folds] of each member.
        curves: of each member that was trained in steps.
        blend: method, weights and scores, as in `blend.json`.
        headline: what the blend is worth, in words.
        correlations: names of members, and [names, names] correlations of their errors.
        gains: what the honest score of a convex blend gains by each member.
        growth: score of the sum of the members with the largest weights: of one, of two, and so on,
            on the rows that the weights were fitted on.
        predicted: predictions of some training rows.
        pairs: what the tests of `comps compare` say of networks and boosting, in words.
        studies: searches for parameters.
        explained: what `comps explain` left of this run, see `pipelines.api.explaining`.
        submissions: that were sent to Kaggle.
        runs: the records of all commands that trained, the oldest first.
        notes: what the user should know.
        missing: what the report should have and has not, and why.
    """

    name: str
    competition: Competition | None = None
    dataset: Dataset | None = None
    record: Record | None = None
    members: Sequence[Row] = ()
    fold_scores: Mapping[str, Floats] = field(default_factory=dict)
    curves: Mapping[str, Curves] = field(default_factory=dict)
    blend: Params | None = None
    headline: str = ""
    correlations: tuple[Sequence[str], Floats] | None = None
    gains: Mapping[str, float] = field(default_factory=dict)
    growth: Sequence[float] = ()
    predicted: Predicted | None = None
    pairs: Sequence[str] = ()
    studies: Sequence[Study] = ()
    explained: Mapping[str, Any] | None = None
    submissions: Submissions | None = None
    runs: Sequence[Record] = ()
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()

    @property
    def metric(self) -> Metric | None:
        """What members are judged by; None where the competition is gone."""
        return None if self.competition is None else self.competition.metric

    @property
    def score_label(self) -> str:
        """The heading of scores."""
        return "score" if self.metric is None else self.metric.label

    @property
    def score_axis(self) -> str:
        """The label of an axis of scores, with the direction where it is known."""
        if self.metric is None:
            return "score"
        better = "higher" if self.metric.greater_is_better else "lower"
        return f"{self.metric.label} ({better} is better)"

    def score_text(self, score: object) -> str:
        """Return a score as people read it; a dash where there is none."""
        if not isinstance(score, (int, float)) or score != score:
            return "-"
        return f"{score:.{5 if self.metric is None else self.metric.digits}f}"
