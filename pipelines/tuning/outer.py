"""The outer part: training rows that are held out of a search, to check its winner.

The winner of a search owes its score partly to chance. The same rows in other folds do not show
this, because their targets are the same; other rows do.
"""

from __future__ import annotations

from dataclasses import replace

from comps.base import Array, Model, WorkbenchError
from pipelines.crossval import Reporter, cross_validate
from pipelines.engines import Engine
from pipelines.folds import FoldInput, make_folds
from pipelines.results.sealed import OUTER, SealedPart, seal, seal_competition
from pipelines.store import Experiment, RunStore


def hold_out(whole: Experiment, share: float) -> tuple[Experiment, SealedPart]:
    """Return the experiment without the outer part, for a search, and the outer part.

    The outer part follows from the data and the share alone, so that a search that is continued
    later leaves out the same rows. Of rows in time they are the last; groups stay whole, and
    classes keep their shares. The rows that are left get folds of their own, by the same scheme.

    Args:
        whole: all rows that may be used; sealed rows are not among them.
        share: of the training rows, above 0 and at most 0.5.

    Raises:
        UsageError: if the share is out of range, or leaves too few rows on one side or too few
            of a class for the folds.
    """
    competition = seal_competition(whole.competition, share, OUTER)
    dataset, part = seal(whole.competition, whole.dataset, share, purpose=OUTER)
    rows = FoldInput.of(competition, dataset)
    folds = make_folds(whole.folds.spec, rows, whole.folds.n_repeats)
    return replace(whole, competition=competition, dataset=dataset, folds=folds), part


def outer_predictions(
    inner: Experiment,
    part: SealedPart,
    model: Model,
    *,
    store: RunStore,
    engine: Engine,
    reporter: Reporter,
) -> Array:
    """Return a model's predictions of the outer part, [k] or [k, classes].

    It is trained on the folds of the search, and stopped where their mean curve is best. The
    mean over the folds predicts; where they grow with time, a model of all rows of the search.

    Args:
        inner: the experiment that `hold_out` returned.
        part: the rows that it held out.
        model: the configuration.
        store: for the results of the folds.
        engine: executes the folds.
        reporter: receives the events.

    Raises:
        WorkbenchError: if the model cannot be trained.
    """
    outcome = cross_validate(inner, [model], store=store, engine=lambda: engine, reporter=reporter)
    for name, reason in outcome.failures.items():
        raise WorkbenchError(f"{name} failed: {reason}")
    (oof,) = outcome.oofs.values()
    return part.predictions(oof.test)
