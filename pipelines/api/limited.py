"""A run within a time limit: a blend early, and then whatever raises its score."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comps.base import Model
from ensembles import Blend
from ensembles.choice import surely_better
from ensembles.left_out import Dependence
from pipelines.api.worth import FoldWorth
from pipelines.crossval.spending import NEW_FAMILY, Spending
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    from pipelines.api.running import Call
    from pipelines.api.session import Session
    from pipelines.crossval.timebudget import TimeBudget

# With time to spare, members are trained on the folds shuffled anew. The n-th repeat lowers their
# variance by its share of n (n - 1); after ten there is next to nothing left to gain.
MOST_REPEATS = 10
# The share of the limit that is kept back for the first blend.
FIRST_BLEND = 0.05

Blended = tuple[dict[str, OutOfFold], Blend, list[Blend]]


def train_within(
    call: Call, budget: TimeBudget, *, nested: bool, further: Sequence[Model]
) -> Blended:
    """Train and blend what pays most, until the time is over.

    Args:
        call: what is asked for.
        budget: the time.
        nested: whether pairs of folds are trained, if there is time.
        further: models that were not asked for, and are tried with time to spare.

    Returns:
        The members, the blend, and all blends that were tried.

    Raises:
        WorkbenchError: if no model but the baseline could be trained.
    """
    options = call.session.options
    policy = _policy(call, further)
    # Nobody knows yet how long a blend takes. What is left after the first is used, too.
    budget.keep_back(FIRST_BLEND * (budget.limit or 0.0))
    again = options.repeats is None
    oofs = call.train(
        call.session.models,
        None,
        budget,
        nested=nested and (options.nested is True or not again),
        submitted=True,
        policy=policy,
        last=not again,
    )
    blended = _blended(call, oofs, budget)
    if again:
        models = [model for model in call.session.models if model.member not in call.failures]
        more = call.train([*models, *further], MOST_REPEATS, budget, nested=nested, policy=policy)
        if _repeats(more) != _repeats(oofs):
            blended = _better(call, blended, _blended(call, {**oofs, **more}, budget))
    budget.end()
    return blended


def _policy(call: Call, further: Sequence[Model]) -> Spending:
    import pandas as pd

    session, options = call.session, call.session.options
    experiment, models = session.experiment(), [*session.models, *further]
    worth = FoldWorth(experiment, session.store, models)
    is_table = isinstance(session.dataset.train, pd.DataFrame)
    return Spending(
        experiment.folds,
        models,
        worth,
        measured=worth.seconds,
        further=[model.member for model in further],
        new_family=1.0 if is_table else NEW_FAMILY,
        pairs_asked=options.nested is True,
        repeats_asked=options.repeats is not None,
        rounds=is_table,
    )


def further_models(session: Session) -> list[Model]:
    """Return the models of the zoo beside those of the default set; none if models were named.

    Nor if a nested score was asked for: each further member needs pairs of folds, too.
    """
    options = session.options
    if options.models is not None or options.quick or options.nested or options.repeats:
        return []
    asked = {model.name for model in session.models}
    return [model for model in session.zoo if model.name not in asked]


def _blended(call: Call, oofs: dict[str, OutOfFold], budget: TimeBudget) -> Blended:
    started = time.monotonic()
    chosen, tried = call.blend(oofs)
    # The last blend takes as long, or longer with further members.
    budget.keep_back(1.5 * (time.monotonic() - started))
    return oofs, chosen, tried


def _better(call: Call, earlier: Blended, later: Blended) -> Blended:
    """Return the later blend, unless the earlier one is better by more than chance explains.

    Scores of different estimates cannot be compared.
    """
    session, one, other = call.session, earlier[1], later[1]
    competition = session.competition
    truth = competition.truth(session.dataset)
    if one.estimate is other.estimate and surely_better(
        competition.metric.guide,
        truth,
        one.honest,
        other.honest,
        Dependence.of(session.dataset),
    ):
        call.teller.note("The blend before the last step is better, and is kept.")
        return earlier
    return later


def _repeats(oofs: Mapping[str, OutOfFold]) -> dict[str, tuple[int, bool]]:
    """Return what tells whether anything was added: repeats, and whether pairs are there."""
    return {name: (oof.n_repeats, oof.nested is not None) for name, oof in oofs.items()}
