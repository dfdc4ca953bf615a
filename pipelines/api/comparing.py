"""`compare`: members fold by fold, and whether one is better than the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Unpack

from comps.base import Competition, Family, Metric, Model, UsageError, WorkbenchError
from ensembles.compare import Comparison, dependent_rows
from ensembles.compare import compare as compare_members
from ensembles.cuts import needs_cuts
from pipelines.api.choices import Options, TrainingChoices, with_members
from pipelines.api.deciding import decided_member
from pipelines.api.progress import Progress
from pipelines.api.recorded import recorded
from pipelines.api.result_rows import Row, family_of
from pipelines.api.running import Call
from pipelines.api.stored_members import imported_members
from pipelines.api.verdicts import RIVALS, pair_row, verdicts
from pipelines.crossval.timebudget import TimeBudget
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.store.records import read_records

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Compared:
    """Members on the same folds, and what the tests say of their differences.

    Attributes:
        experiment: competition, rows and folds.
        members: best first.
        pairs: the comparisons of all pairs, in the order of the scores.
        notes: what the user should know.
    """

    experiment: Experiment
    members: Sequence[OutOfFold]
    pairs: Sequence[Comparison]
    notes: Sequence[str]

    @property
    def metric(self) -> Metric:
        """What was compared."""
        return self.experiment.competition.metric

    @property
    def families(self) -> dict[str, Family]:
        """The families of the members, by name."""
        return {oof.model: family_of(self.experiment.competition, oof) for oof in self.members}

    @property
    def verdicts(self) -> list[tuple[str, Row]]:
        """What the tests say, in words and as JSON values."""
        return verdicts(self.metric, self.families, self.pairs)

    @property
    def text(self) -> str:
        """What the tests say, in words."""
        return " ".join(text for text, _ in self.verdicts)

    @property
    def table(self) -> pd.DataFrame:
        """The members with their scores on all rows, seconds and bytes a fold, best first."""
        import pandas as pd

        return pd.DataFrame(cost_rows(self.experiment.competition, self.members))

    @property
    def differences(self) -> pd.DataFrame:
        """How far the best member is ahead of each other one, with intervals and tests."""
        import pandas as pd

        return pd.DataFrame([pair_row(pair) for pair in self.pairs if pair.first == self.best])

    @property
    def best(self) -> str:
        """The name of the best member."""
        return self.members[0].model

    def __repr__(self) -> str:
        digits = self.metric.digits
        scores = ", ".join(f"{oof.model} {oof.score:.{digits}f}" for oof in self.members)
        return f"Compared({self.experiment.competition.name}: {self.metric.label}; {scores})"


def compare(
    competition: str | Competition,
    members: str | Sequence[object] | None = None,
    *,
    progress: Progress | None = None,
    **choices: Unpack[TrainingChoices],
) -> Compared:
    """Train members on the same folds, and test whether the best is better than the others.

    Differences of folds are tested with the corrected t test of Nadeau and Bengio (2003), and
    corrected for the number of pairs by Holm's method; see `ensembles.compare`.

    Args:
        competition: a name, or your own.
        members: as `run` takes models, and names of imported members. Unless given, the networks
            and the boosting models of the competition, and imported members; of fewer than two of
            these all models, with the baseline where there is but one beside it.
        progress: is called with each `Update`, such as `show_progress`.
        **choices: see `TrainingChoices`.

    Raises:
        UsageError: if less than two members were named.
        WorkbenchError: if less than two could be trained.
    """
    options = Options.of(competition, with_members(choices, members))
    call = Call(options, progress, imported=True)
    session = call.session
    experiment = session.experiment()
    imported = imported_members(session, experiment)
    models = session.models if members is not None else _usual(session.models, len(imported))
    names = [*(model.member for model in models), *imported]
    if len(names) < 2:
        raise UsageError(
            "A comparison needs at least two different members; it got: "
            f"{', '.join(names)}. {_advice(session.competition)}"
        )
    left_out = _left_out(session.store, names) if members is None else []
    if left_out:
        call.teller.note(
            f"Left out, of the last run: {', '.join(left_out)}. To compare these, too: --members "
            f"{','.join([*names, *left_out])}."
        )
    oofs: dict[str, OutOfFold] = {}
    with session.store.writing(), recorded(session, call.teller, "compare", models) as told:
        call.teller = told
        if models:
            oofs = call.train(models, None, TimeBudget(None))
            told.recording.finished(oofs.values())
    found = [*oofs.values(), *imported.values()]
    if len(found) < 2:
        raise WorkbenchError(f"Only {', '.join(oofs)} was trained: there is nothing to compare.")
    metric, dataset = session.competition.metric, session.dataset
    judged = found
    if needs_cuts(metric):
        call.teller.note(
            f"Members are compared by {metric.label} with cut points: those of each fold are "
            "fitted on the other folds."
        )
        judged = [decided_member(experiment, session.store, oof) for oof in found]
    pairs = compare_members(
        judged,
        session.competition.truth(dataset),
        experiment.folds,
        metric,
        dependent_rows(
            len(session.target),
            dataset.queries if dataset.groups is None else dataset.groups,
            dataset.times,
        ),
        seed=session.seed,
    )
    # Their predictions stay probabilities.
    scored = [
        replace(oof, score=one.score, fold_scores=one.fold_scores)
        for oof, one in zip(found, judged, strict=True)
    ]
    ordered = sorted(scored, key=lambda oof: metric.sort_key(oof.score))
    return Compared(experiment, ordered, pairs, tuple(call.teller.notes))


def _usual(models: Sequence[Model], n_others: int) -> Sequence[Model]:
    """Return what is compared where nothing is named: networks and boosting, or what there is."""
    rivals = [model for model in models if model.family in RIVALS]
    trained = [model for model in models if model.family is not Family.BASELINE]
    several = (some for some in (rivals, trained) if len(some) + n_others >= 2)
    return next(several, models)


def _left_out(store: RunStore, names: Sequence[str]) -> list[str]:
    """Return the members of the last run that are not among those that are compared."""
    runs = [record for record in read_records(store)[0] if record.command == "run"]
    return [m.name for record in runs[-1:] for m in record.members if m.name not in names]


def _advice(competition: Competition) -> str:
    """Return which members can be named."""
    names = [model.name for model in competition.models]
    if len(names) < 2:
        return f"It is the only model of {competition.name}: add one to its models."
    return f"Name two or more with --members, such as --members {names[0]},{names[1]}."


def cost_rows(competition: Competition, members: Sequence[OutOfFold]) -> list[Row]:
    """Return the members with their scores on all rows and what a fold takes, best first."""
    metric = competition.metric
    return [
        {
            "model": oof.model,
            "family": str(family_of(competition, oof)),
            "score": oof.score,
            "step": oof.step,
            "fold_seconds": oof.fit_seconds / oof.fold_scores.size,
            "size": oof.size,
        }
        for oof in sorted(members, key=lambda oof: metric.sort_key(oof.score))
    ]
