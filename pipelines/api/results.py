"""`Result`: what a run, a cross-validation or a blend leaves, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from comps.base import Competition, Cuts, Dataset, Metric, Truth
from ensembles import Blend, best_blend
from ensembles.left_out import Dependence
from pipelines.api.headline import Headline, headline
from pipelines.api.result_rows import (
    Floats,
    blend_rows,
    blend_values,
    contribution_rows,
    leaderboard_rows,
    records_of,
)
from pipelines.folds import Folds
from pipelines.reports import ReportedRun, fragment
from pipelines.reports.leaderboard import leaderboard
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment
from pipelines.tuning.best import Use
from submissions import build_submission, check_submission

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SealedScore:
    """The score of a blend on the sealed rows, and how often they were looked at.

    Attributes:
        text: in words.
        values: as JSON values.
    """

    text: str
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Result:
    """Outcome of a run, a cross-validation or a blend.

    Attributes:
        experiment: competition, rows, folds and seed.
        oof: out-of-fold and test predictions by member, on the metric's scale.
        blend: the chosen blend; None after a cross-validation alone.
        tried: all blends that were tried.
        failures: the reason by model, for models that could not be trained.
        notes: what the user should know.
        tuned: what `tune` found for these models, and whether it was used.
        sealed: the score on the sealed rows; None where there are none.
        runs: the folder of results, where the trained models are.
    """

    experiment: Experiment
    oof: Mapping[str, OutOfFold]
    blend: Blend | None = None
    tried: Sequence[Blend] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    tuned: Sequence[Use] = ()
    sealed: SealedScore | None = None
    runs: Path | None = None

    def predict(
        self, rows: str | Path | pd.DataFrame, *, member: str | None = None
    ) -> pd.DataFrame:
        """Predict new rows by the trained models of this result, which were kept.

        The blend is that of this result, whatever was run since. The models are read from `runs`,
        and nothing is trained.

        Args:
            rows: a file, a table in memory, or a folder laid out as the competition's own.
            member: its predictions, in place of those of the blend.

        Returns:
            A table in the form of the submission: ids, and values, probabilities or labels.

        Raises:
            UsageError: if a model that is needed was not kept, there is neither a blend nor a
                `member`, or the data changed since.
            DataError: if the rows are not as those of the competition.
        """
        from pipelines.api.predicting import predicted
        from pipelines.api.result_models import ResultModels

        return predicted(ResultModels.of(self), rows, member, self.blend)

    @property
    def competition(self) -> Competition:
        """The competition."""
        return self.experiment.competition

    @property
    def dataset(self) -> Dataset:
        """The rows."""
        return self.experiment.dataset

    @property
    def folds(self) -> Folds:
        """The folds."""
        return self.experiment.folds

    @property
    def metric(self) -> Metric:
        """What members are judged by."""
        return self.competition.metric

    @cached_property
    def target(self) -> Floats:
        """The training target on the metric's scale, [n] or [n, targets] float64."""
        return self.competition.scaled_target(self.dataset)

    @cached_property
    def truth(self) -> Truth:
        """What predictions of the training rows are scored against."""
        return self.competition.truth(self.dataset)

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """The members from best to worst: scores, stopping point, seconds and weight."""
        import pandas as pd

        return pd.DataFrame(leaderboard_rows(self))

    @cached_property
    def blends(self) -> pd.DataFrame:
        """The ways to blend that were tried, with their honest scores."""
        import pandas as pd

        return pd.DataFrame(blend_rows(self))

    @cached_property
    def submission(self) -> pd.DataFrame | None:
        """The table that Kaggle takes, checked; None without a blend or test rows.

        Raises:
            DataError: if it does not pass the check.
        """
        if self.blend is None or self.dataset.sample_submission is None:
            return None
        return checked_submission(self.experiment, self.blend.test, self.blend.cuts)

    @cached_property
    def headline(self) -> Headline | None:
        """What the blend is worth, beside the best single model; None without a blend."""
        if self.blend is None:
            return None
        single = next((blend for blend in self.tried if blend.method == "best"), None)
        if single is None or len(self.tried) == 1:
            single = blend_members(self.experiment, self.oof, "best")[0]
        tuned = [use.model for use in self.tuned if use.used]
        return headline(self.experiment, self.blend, single, tuned)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """What each member brings to the blend; empty for one member."""
        import pandas as pd

        return pd.DataFrame(contribution_rows(self))

    @property
    def score(self) -> float:
        """The honest score of the blend; of the best member, without a blend."""
        if self.blend is not None:
            return self.blend.honest_score
        scores = [oof.score for oof in self.oof.values()]
        return scores[self.metric.best(scores)]

    def _repr_html_(self) -> str:
        """Return the leaderboard for a notebook: headline, scores by fold, and table."""
        run = ReportedRun(
            name=self.competition.name,
            competition=self.competition,
            members=records_of(self.leaderboard),
            fold_scores={name: oof.fold_scores for name, oof in self.oof.items()},
            blend=blend_values(self) if self.blend else None,
            headline=str(self.headline or ""),
        )
        section = leaderboard(run)
        return fragment([] if section is None else [section])

    def __repr__(self) -> str:
        names = ", ".join(self.oof)
        return (
            f"Result({self.competition.name}: {self.metric.label} "
            f"{self.score:.{self.metric.digits}f}, members {names})"
        )


def blend_members(
    experiment: Experiment, oofs: Mapping[str, OutOfFold], method: str = "auto"
) -> tuple[Blend, list[Blend]]:
    """Return the chosen blend and all that were tried; members have to beat the baseline.

    Raises:
        UsageError: if the method is unknown or the members do not go together.
    """
    competition = experiment.competition
    return best_blend(
        list(oofs.values()),
        competition.truth(experiment.dataset),
        experiment.folds,
        competition.metric,
        None if method == "auto" else [method],
        competition.baseline.name,
        Dependence.of(experiment.dataset),
    )


def checked_submission(
    experiment: Experiment, test: NDArray[Any], cuts: Cuts | None = None
) -> pd.DataFrame:
    """Return the submission of test predictions on the metric's scale.

    Args:
        experiment: competition and rows.
        test: [m] values or [m, classes] probabilities.
        cuts: by which probabilities become labels.

    Raises:
        DataError: if it does not pass the check.
        UsageError: if there is nothing to submit.
    """
    competition, dataset = experiment.competition, experiment.dataset
    submission = build_submission(competition, dataset, test, cuts)
    check_submission(competition, dataset, submission)
    return submission
