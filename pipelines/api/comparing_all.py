"""`compare_all`: the best network against boosting, for many competitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from comps.base import Competition, Family, UsageError, WorkbenchError
from comps.catalog import usable_competitions
from pipelines.api.choices import Options, TrainingChoices, competition_of
from pipelines.api.comparing import Compared, compare
from pipelines.api.progress import Progress
from pipelines.api.result_rows import Row
from pipelines.api.verdicts import RIVALS, number_or_none, told_apart

if TYPE_CHECKING:
    import pandas as pd


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
    if sum(model.family in RIVALS for model in competition.models) < 2:
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
        ends = [
            number_or_none(sign * end)
            for end in (pair.folds.interval.low, pair.folds.interval.high)
        ]
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
                "p_holm": number_or_none(pair.p_holm),
                "told_apart": told_apart(pair),
                "network_seconds": network.fit_seconds / network.fold_scores.size,
                "boosting_seconds": rival.fit_seconds / rival.fold_scores.size,
                "network_size": network.size,
                "boosting_size": rival.size,
            }
        )
    return rows
