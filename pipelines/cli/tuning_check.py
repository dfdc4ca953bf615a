"""What `comps tune` holds out of its search, and the check of its winner on these rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from comps.base import Model, UsageError
from ensembles.paired import paired_gain
from pipelines.cli.options import Session
from pipelines.cli.reporters import Output
from pipelines.results.sealed import SealedPart
from pipelines.store import Experiment, RunStore
from pipelines.tuning.best import Best, Check, read_best
from pipelines.tuning.outer import hold_out, outer_predictions


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


def search_on(whole: Experiment, share: float, output: Output) -> Searched:
    """Return what a search may look at, and say so.

    Where no rows can be spared, it looks at all of them, and nothing checks its winner.
    """
    if not share:
        return Searched(whole, unchecked="no rows were held out of the search (--outer 0)")
    try:
        inner, part = hold_out(whole, share)
    except UsageError as error:
        why = f"no rows could be held out of the search: {error}".rstrip(".")
        output.note(f"comps run --tuned will not use the winner: {why}.")
        return Searched(whole, unchecked=why)
    output.note(inner.dataset.notes[-1])
    return Searched(inner, part)


def checked(
    session: Session, output: Output, searched: Searched, model: Model, best: Best, work: Path
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
    output.note(
        f"The declared configuration and the best one, on {rows:,} rows that the search never saw:"
    )
    check = _check(session, output, searched, searched.part, (model, winner), work)
    return replace(best, check=check)


def _check(
    session: Session,
    output: Output,
    searched: Searched,
    part: SealedPart,
    models: tuple[Model, Model],
    work: Path,
) -> Check:
    metric = session.competition.metric
    one, other = (
        outer_predictions(
            searched.experiment,
            part,
            model,
            store=RunStore(work / f"check-{number}"),
            engine=session.engine,
            reporter=output,
        )
        for number, model in enumerate(models)
    )
    target = metric.scale.forward(part.target)
    found = paired_gain(metric, target, one, other, part.groups, part.times)
    return Check(len(target), part.share, found.after, found.before, found.gain, found.error)
