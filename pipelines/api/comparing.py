"""`compare`: members fold by fold, and whether one is better than the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from comps.base import Competition, Family, Metric, Model, UsageError, WorkbenchError
from comps.catalog import usable_competitions
from ensembles.compare import Comparison, Interval, dependent_rows
from ensembles.compare import compare as compare_members
from ensembles.cuts import needs_cuts
from pipelines.api.choices import Options, TrainingChoices, competition_of, with_members
from pipelines.api.deciding import decided_member
from pipelines.api.progress import Progress
from pipelines.api.recorded import recorded
from pipelines.api.results import Row, family_of
from pipelines.api.running import Call
from pipelines.api.stored import imported_members
from pipelines.crossval.timebudget import TimeBudget
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.store.records import read_records

if TYPE_CHECKING:
    import pandas as pd

# The usual level; the interval that is shown with it covers 95 %.
LEVEL = 0.05
_RIVALS = {Family.NETWORK, Family.BOOSTING}


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
    rivals = [model for model in models if model.family in _RIVALS]
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


@dataclass(frozen=True, eq=False)
class ComparedAll:
    """The best network against each boosting model, for many competitions.

    Attributes:
        compared: by competition.
        failures: the reason by competition, where nothing could be compared.
    """

    compared: Mapping[str, Compared]
    failures: Mapping[str, str]

    @property
    def rows(self) -> list[Row]:
        """A row for each competition and boosting model, as JSON values."""
        return [row for found in self.compared.values() for row in rival_rows(found)]

    @property
    def table(self) -> pd.DataFrame:
        """The same as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def compare_all(
    competitions: Sequence[str | Competition] | None = None,
    *,
    progress: Progress | None = None,
    **choices: Unpack[TrainingChoices],
) -> ComparedAll:
    """Compare the best network with XGBoost, LightGBM and CatBoost, for every competition.

    Both sides are trained on the same folds. Which network is the best is chosen by their scores on
    these, which flatters it a little where there are several.

    Args:
        competitions: names, or your own; all that are found unless given.
        progress: is called with each `Update`, such as `show_progress`.
        **choices: see `TrainingChoices`; they hold for all competitions.

    Returns:
        Their comparisons. A competition that fails is reported there; the others go on.

    Raises:
        UsageError: if a choice is wrong, or something else than competitions came.
    """
    compared: dict[str, Compared] = {}
    failures: dict[str, str] = {}
    for competition in _listed(competitions, choices):
        name = competition if isinstance(competition, str) else competition.name
        try:
            _check_rivals(competition_of(Options.of(competition, choices)))
            compared[name] = compare(competition, progress=progress, **choices)
        except WorkbenchError as error:
            failures[name] = str(error)
    return ComparedAll(compared, failures)


def _listed(
    competitions: Sequence[str | Competition] | None, choices: TrainingChoices
) -> list[str | Competition]:
    """Return the competitions; what is wrong for all of them is an error before the first."""
    if "models" in choices:
        raise UsageError(
            "compare_all compares the networks and the boosting models of each competition: leave "
            "out models (--members)."
        )
    if competitions is None:
        competitions = [competition.name for competition in usable_competitions()[0]]
    if isinstance(competitions, (str, Competition)) or not isinstance(competitions, Iterable):
        raise UsageError(
            "A list of competitions was expected, such as ['house-prices', 'temperature']; "
            f"a {type(competitions).__name__} came."
        )
    listed = list(competitions)
    for competition in listed:
        competition_of(Options.of(competition, choices))
    return listed


def _check_rivals(competition: Competition) -> None:
    """Check that there are a network and a boosting model, or two of one kind.

    Raises:
        UsageError: if not.
    """
    if sum(model.family in _RIVALS for model in competition.models) < 2:
        raise UsageError(
            "It has fewer than two networks and boosting models; "
            f"'comps compare {competition.name}' compares the models that it has."
        )


def rival_rows(compared: Compared) -> list[Row]:
    """Return the best network against each boosting model, the best of these first.

    Differences are gains of the network: above 0 it is the better one.
    """
    families, metric = compared.families, compared.metric
    networks = [oof for oof in compared.members if families[oof.model] is Family.NETWORK]
    if not networks:
        return []
    network = networks[0]
    rows = []
    for rival in compared.members:
        if families[rival.model] is not Family.BOOSTING:
            continue
        pair = next(
            pair
            for pair in compared.pairs
            if {pair.first, pair.second} == {network.model, rival.model}
        )
        sign = 1.0 if pair.first == network.model else -1.0
        ends = [_number(sign * end) for end in (pair.folds.interval.low, pair.folds.interval.high)]
        low, high = ends if sign > 0 else ends[::-1]
        rows.append(
            {
                "competition": compared.experiment.competition.name,
                "metric": metric.label,
                "digits": metric.digits,
                "network": network.model,
                "network_score": network.score,
                "boosting": rival.model,
                "boosting_score": rival.score,
                "gain": sign * pair.folds.mean,
                "interval": [low, high],
                "p_holm": _number(pair.p_holm),
                "told_apart": told_apart(pair),
                "network_seconds": network.fit_seconds / network.fold_scores.size,
                "boosting_seconds": rival.fit_seconds / rival.fold_scores.size,
                "network_size": network.size,
                "boosting_size": rival.size,
            }
        )
    return rows


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


def verdicts(
    metric: Metric, families: Mapping[str, Family], pairs: Sequence[Comparison]
) -> list[tuple[str, dict[str, Any]]]:
    """Return in plain sentences what the tests say.

    Of two members, which is better; of more, which the best one is better than, and whether the
    best network and the best boosting model can be told apart.

    Args:
        metric: what was compared.
        families: of the members, by name.
        pairs: of all members.
    """
    if len(pairs) == 1:
        return [_on_pair(metric, pairs, pairs[0])]
    rivals = [pair for pair in pairs if {families[pair.first], families[pair.second]} == _RIVALS]
    # Pairs come in the order of the scores: the first holds the best of both.
    return [_on_best(pairs), *(_on_pair(metric, pairs, pair) for pair in rivals[:1])]


def _on_best(pairs: Sequence[Comparison]) -> tuple[str, dict[str, Any]]:
    best = pairs[0].first
    against_best = [pair for pair in pairs if pair.first == best]
    worse = [pair.second for pair in against_best if told_apart(pair)]
    alike = [pair.second for pair in against_best if not told_apart(pair)]
    sentences = [
        f"{best} is better than {', '.join(worse)}." if worse else "",
        f"The data do not tell {best} apart from {', '.join(alike)}." if alike else "",
        f"(p below {LEVEL}, corrected for {len(pairs)} pairs.)",
    ]
    text = " ".join(sentence for sentence in sentences if sentence)
    return text, {"best": best, "better_than": worse, "not_told_apart_from": alike}


def _on_pair(
    metric: Metric, pairs: Sequence[Comparison], pair: Comparison
) -> tuple[str, dict[str, Any]]:
    judged = (
        f"{pair.first} is better than {pair.second}"
        if told_apart(pair)
        else f"The data do not tell {pair.first} and {pair.second} apart: {pair.first} is ahead"
    )
    of_pairs = f", corrected for {len(pairs)} pairs" if len(pairs) > 1 else ""
    text = (
        f"{judged} by {pair.folds.mean:.{metric.digits}f} {metric.label} a fold (95 % interval "
        f"{interval_text(metric, pair.folds.interval)}, p {p_text(pair.p_holm)}{of_pairs})."
    )
    return text, pair_row(pair)


def told_apart(pair: Comparison) -> bool:
    """Whether the first, better on all rows, is so in the folds, and not by chance."""
    return pair.p_holm < LEVEL and pair.folds.mean > 0


def interval_text(metric: Metric, interval: Interval) -> str:
    """Return an interval as people read it."""
    return f"{interval.low:.{metric.digits}f} to {interval.high:.{metric.digits}f}"


def p_text(value: float) -> str:
    """Return a p-value as people read it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def pair_row(pair: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values."""
    return {
        "first": pair.first,
        "second": pair.second,
        "mean_difference": pair.folds.mean,
        "interval": _limits(pair.folds.interval),
        "p_value": _number(pair.folds.p_value),
        "p_holm": _number(pair.p_holm),
        "wins": pair.wins,
        "ties": pair.ties,
        "folds": pair.n_folds,
        "overall_difference": pair.overall,
        "overall_interval": _limits(pair.overall_interval),
        "told_apart": told_apart(pair),
    }


def _limits(interval: Interval) -> list[float | None]:
    return [_number(interval.low), _number(interval.high)]


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
