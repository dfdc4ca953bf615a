"""What a search holds out, and the check of its winner on these rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from comps.base import Array, Model, UsageError, WorkbenchError
from ensembles.paired import paired_gain
from pipelines.api.progress import Teller
from pipelines.api.session import Session
from pipelines.crossval import cross_validate
from pipelines.engines import Engine
from pipelines.results.sealed import SealedPart
from pipelines.store import Experiment, RunStore
from pipelines.tuning.best import Best, Check, read_best
from pipelines.tuning.outer import hold_out


@dataclass(frozen=True)
class Searched:
    """The rows that a search may look at, and those that it may not.

    Attributes:
        experiment: the rows and folds of the search.
        part: the rows held out; None if there are none.
        unchecked: why there are none, without a full stop.
    """

    experiment: Experiment
    part: SealedPart | None = None
    unchecked: str = ""

    @property
    def share(self) -> float:
        """Share of the training rows that was to be held out; 0 if none was."""
        return 0.0 if self.part is None else self.part.share


def search_on(whole: Experiment, share: float, teller: Teller) -> Searched:
    """Return what a search may look at, and say so.

    Where no rows can be spared, it looks at all of them, and nothing checks its winner.
    """
    if not share:
        return Searched(whole, unchecked="no rows were held out of the search (--outer 0)")
    try:
        inner, part = hold_out(whole, share)
    except UsageError as error:
        why = f"no rows could be held out of the search: {error}".rstrip(".")
        teller.note(f"comps run --tuned will not use the winner: {why}.")
        return Searched(whole, unchecked=why)
    teller.note(inner.dataset.notes[-1])
    return Searched(inner, part)


def checked(
    session: Session, teller: Teller, searched: Searched, model: Model, best: Best, work: Path
) -> Best:
    """Return the best trial with its scores on the rows held out, beside the declared model's."""
    winner = model.with_params(best.params)
    if winner == model:
        return replace(best, unchecked="no configuration was better than the declared one")
    if searched.part is None:
        return replace(best, unchecked=searched.unchecked)
    before = read_best(session.store, model.name)
    if before is not None and before.check is not None:
        same = before.check.share == searched.share
        if same and replace(before, check=None) == best:
            return before
    rows = len(searched.part.target)
    teller.note(
        f"The declared configuration and the best one, on {rows:,} rows that the search never saw:"
    )
    check = _check(session, teller, searched, searched.part, (model, winner), work)
    return replace(best, check=check)


def _check(
    session: Session,
    teller: Teller,
    searched: Searched,
    part: SealedPart,
    models: tuple[Model, Model],
    work: Path,
) -> Check:
    metric = session.competition.metric.guide
    one, other = (
        outer_predictions(
            searched.experiment,
            part,
            model,
            store=RunStore(work / f"check-{number}"),
            engine=session.engine,
            reporter=teller,
        )
        for number, model in enumerate(models)
    )
    target = part.truth(metric)
    found = paired_gain(metric, target, one, other, part.groups, part.times)
    return Check(len(target), part.share, found.after, found.before, found.gain, found.error)


def outer_predictions(
    inner: Experiment,
    part: SealedPart,
    model: Model,
    *,
    store: RunStore,
    engine: Engine,
    reporter: Teller,
) -> Array:
    """Return what a model predicts for the outer part, [k] or [k, classes].

    It is trained on the folds of the search, and stopped where their mean curve is best. The
    mean over the folds predicts; where they grow with time, a model of all rows of the search.

    Args:
        inner: what `hold_out` left to the search.
        part: what it held out.
        model: the configuration.
        store: for the results of the folds.
        engine: executes the folds.
        reporter: is told what happens.

    Raises:
        WorkbenchError: if the model cannot be trained.
    """
    outcome = cross_validate(inner, [model], store=store, engine=lambda: engine, reporter=reporter)
    for name, reason in outcome.failures.items():
        raise WorkbenchError(f"{name} failed: {reason}")
    (oof,) = outcome.oofs.values()
    return part.predictions(oof.test)
